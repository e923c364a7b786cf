/* The `pcre2` encoder: the reference, on PCRE2's compiled matcher. Its word cache, the storage of
 * its results and what it pays per line are options, because they are what is being compared. */
#include "tokenizer/encoding.h"
#include "tokenizer/offsets.h"
#include "tokenizer/piece_encoder.h"
#include "tokenizer/reference_cost.h"

#include <grainbench/encoder.h>
#include <stdlib.h>

/* As large as the original's Encoding, since schedulers that collect results move the slots. */
#define RESULT_BYTES 256

enum cost { COST_LEAN, COST_REFERENCE };

struct pcre2_options {
    int cache;
    int64_t capacity;
    int storage;
    int cost;
};

static const struct grainbench_option pcre2_option_table[] = {
    {"cache", 0, GRAINBENCH_OPTION_CHOICE, offsetof(struct pcre2_options, cache), "KIND", "worker",
     WORD_CACHE_KINDS, 0, 0,
     "word cache: none, one per worker, one behind a lock that is only tried, or 64 such shards"},
    {"capacity", 0, GRAINBENCH_OPTION_INTEGER, offsetof(struct pcre2_options, capacity), "WORDS",
     "10000", NULL, 0, 1e8, "words a cache keeps at most (Hugging Face: 10000)"},
    {"storage", 0, GRAINBENCH_OPTION_CHOICE, offsetof(struct pcre2_options, storage), "PLACE",
     "heap", ENCODING_STORAGES, 0, 0,
     "results in heap blocks of their own, or in the worker's arena"},
    {"cost", 0, GRAINBENCH_OPTION_CHOICE, offsetof(struct pcre2_options, cost), "MODEL", "lean",
     "lean|reference", 0, 0,
     "lean, or with all memory that Hugging Face tokenizers asks for per line (implies heap)"},
    {0}};

struct pcre2_encoder {
    struct piece_encoder pieces;
    struct tokenizer *tokenizer;
    enum encoding_storage storage;
    enum cost cost;
};

/* A worker's own. The arrays hold what the text at hand needs. */
struct pcre2_scratch {
    struct piece_scratch pieces;
    struct arena arena;
    size_t size; /* entries of the arrays */
    uint32_t *ids;
    uint32_t *words;
    struct encoding_offset *offsets;
};

static void pcre2_destroy(void *handle) {
    struct pcre2_encoder *encoder = handle;
    piece_encoder_release(&encoder->pieces);
    tokenizer_destroy(encoder->tokenizer);
    free(encoder);
}

static void *pcre2_create(const struct grainbench_encoder_setup *setup, const void *options,
                          char *message) {
    const struct pcre2_options *chosen = options;
    struct error error;
    struct pcre2_encoder *encoder = calloc(1, sizeof *encoder);
    if (!encoder) {
        error_write(message, "out of memory");
        return NULL;
    }
    encoder->storage = (enum encoding_storage)chosen->storage;
    encoder->cost = (enum cost)chosen->cost;
    encoder->tokenizer =
        tokenizer_create(setup->vocab_path, setup->merges_path, setup->flags, &error);
    if (!encoder->tokenizer || !piece_encoder_init(&encoder->pieces, encoder->tokenizer,
                                                   (enum word_cache_kind)chosen->cache,
                                                   (size_t)chosen->capacity, &error)) {
        error_write(message, "%s", error.message);
        tokenizer_destroy(encoder->tokenizer);
        free(encoder);
        return NULL;
    }
    return encoder;
}

static void *pcre2_scratch_create(void *handle, unsigned worker, char *message) {
    struct pcre2_encoder *encoder = handle;
    struct error error = {"out of memory"};
    struct pcre2_scratch *scratch = calloc(1, sizeof *scratch);
    (void)worker;
    if (!scratch || !piece_scratch_init(&scratch->pieces, &encoder->pieces, &error)) {
        free(scratch);
        error_write(message, "%s", error.message);
        return NULL;
    }
    return scratch;
}

static void pcre2_scratch_destroy(void *handle, void *memory) {
    struct pcre2_scratch *scratch = memory;
    (void)handle;
    piece_scratch_release(&scratch->pieces);
    arena_release(&scratch->arena);
    free(scratch->ids);
    free(scratch->words);
    free(scratch->offsets);
    free(scratch->pieces.traces);
    free(scratch);
}

static void pcre2_scratch_reset(void *handle, void *scratch) {
    (void)handle;
    arena_reset(&((struct pcre2_scratch *)scratch)->arena);
}

/* Makes an array larger; false leaves it as it was. */
static bool grow(void *array, size_t count, size_t size) {
    void *larger = realloc(*(void **)array, count * size);
    if (larger) *(void **)array = larger;
    return larger != NULL;
}

static bool reserve(struct pcre2_scratch *scratch, size_t length, bool traces) {
    size_t needed = 2 * length + 2;
    if (needed <= scratch->size) return true;
    size_t size = 2 * needed + 256;
    if (!grow(&scratch->ids, size, sizeof *scratch->ids) ||
        !grow(&scratch->words, size, sizeof *scratch->words) ||
        !grow(&scratch->offsets, size, sizeof *scratch->offsets) ||
        (traces && !grow(&scratch->pieces.traces, size, sizeof *scratch->pieces.traces)))
        return false;
    scratch->size = size;
    return true;
}

/* Everything about a text, into the scratch's arrays. Returns the number of tokens. */
static size_t encode_fully(const struct pcre2_encoder *encoder, struct pcre2_scratch *scratch,
                           const char *text, size_t length) {
    const struct piece_encoder *pieces = &encoder->pieces;
    struct piece_list *list = &scratch->pieces.pieces;
    size_t count = 0;
    uint32_t word = 0;
    scratch->pieces.trace_count = 0;
    if (!added_tokens_split(&pieces->finder, scratch->pieces.pretokenizer, text, length, list))
        return PIECE_FAILED;
    for (size_t i = 0; i < list->count; i++) {
        struct piece piece = list->items[i];
        size_t piece_length = piece.end - piece.start, prefix;
        if (piece.added != PIECE_IS_TEXT) {
            scratch->ids[count] = encoder->tokenizer->added[piece.added].id;
            scratch->words[count] = word++;
            scratch->offsets[count++] = (struct encoding_offset){piece.start, piece.end};
            continue;
        }
        const char *prepared =
            piece_prepare(pieces, &scratch->pieces, text + piece.start, piece_length, &prefix);
        if (!prepared) return PIECE_FAILED;
        size_t added =
            piece_ids_and_words(pieces, &scratch->pieces, prepared, piece_length + prefix,
                                scratch->ids + count, scratch->words + count, &word);
        if (added == PIECE_FAILED) return PIECE_FAILED;
        offsets_of_piece(encoder->tokenizer, text, &piece, prefix, scratch->ids + count, added,
                         scratch->offsets + count);
        count += added;
    }
    return count;
}

static bool fill(const struct pcre2_encoder *encoder, const struct pcre2_scratch *scratch,
                 enum grainbench_entry entry, struct encoding *e) {
    memcpy(e->ids, scratch->ids, e->count * sizeof *e->ids);
    if (entry == GRAINBENCH_ENTRY_IDS) return true;
    bool fast = entry == GRAINBENCH_ENTRY_FAST;
    for (size_t i = 0; i < e->count; i++) {
        e->type_ids[i] = 0;
        e->special_mask[i] = 0;
        e->attention_mask[i] = 1;
        e->offsets[i] = fast ? (struct encoding_offset){0, 0} : scratch->offsets[i];
        e->words[i] =
            fast ? (struct encoding_word){0, 0} : (struct encoding_word){1, scratch->words[i]};
    }
    for (size_t i = 0; !fast && i < e->count; i++) {
        size_t length;
        const char *token = tokenizer_token(encoder->tokenizer, e->ids[i], &length);
        if (!encoding_copy_text(e, i, token, length)) return false;
    }
    return true;
}

static bool encode_lean(const struct pcre2_encoder *encoder, struct pcre2_scratch *scratch,
                        enum grainbench_entry entry, const char *text, size_t length,
                        struct encoding *result) {
    bool bare = entry == GRAINBENCH_ENTRY_IDS || entry == GRAINBENCH_ENTRY_FAST;
    size_t count =
        bare ? piece_encoder_ids(&encoder->pieces, &scratch->pieces, text, length, scratch->ids)
             : encode_fully(encoder, scratch, text, length);
    if (count == PIECE_FAILED) return false;
    if (entry == GRAINBENCH_ENTRY_CHAR_OFFSETS)
        offsets_to_characters(text, length, scratch->offsets, count);
    if (encoder->tokenizer->trim_offsets && !bare)
        offsets_trim(encoder->tokenizer, scratch->ids, scratch->offsets, count);
    struct arena *arena = encoder->storage == ENCODING_ARENA ? &scratch->arena : NULL;
    if (!encoding_allocate(result, count, entry == GRAINBENCH_ENTRY_IDS, arena)) return false;
    if (count && !fill(encoder, scratch, entry, result)) {
        encoding_release(result);
        return false;
    }
    return true;
}

static bool encode_reference(const struct pcre2_encoder *encoder, struct pcre2_scratch *scratch,
                             enum grainbench_entry entry, const char *text, size_t length,
                             struct encoding *result) {
    size_t count = encode_fully(encoder, scratch, text, length);
    if (count == PIECE_FAILED) return false;
    const struct reference_work work = {.tokenizer = encoder->tokenizer,
                                        .entry = entry,
                                        .text = text,
                                        .length = length,
                                        .pieces = scratch->pieces.pieces.items,
                                        .piece_count = scratch->pieces.pieces.count,
                                        .traces = scratch->pieces.traces,
                                        .ids = scratch->ids,
                                        .words = scratch->words,
                                        .offsets = scratch->offsets,
                                        .count = count};
    return reference_cost_encode(&work, result);
}

static bool pcre2_encode(void *handle, void *memory, enum grainbench_entry entry, const char *text,
                         size_t length, void *result, char *message) {
    const struct pcre2_encoder *encoder = handle;
    struct pcre2_scratch *scratch = memory;
    bool reference = encoder->cost == COST_REFERENCE;
    if (!reserve(scratch, length, reference))
        return error_write(message, "out of memory for a text of %zu bytes", length);
    bool ok = reference ? encode_reference(encoder, scratch, entry, text, length, result)
                        : encode_lean(encoder, scratch, entry, text, length, result);
    return ok || error_write(message, "out of memory for a text of %zu bytes", length);
}

static size_t pcre2_result_ids(const void *result, const uint32_t **ids) {
    const struct encoding *encoding = result;
    *ids = encoding->ids;
    return encoding->count;
}

static void pcre2_result_drop(void *handle, void *result) {
    (void)handle;
    encoding_release(result);
}

static size_t pcre2_encode_ids(void *handle, void *memory, const char *text, size_t length,
                               uint32_t *ids) {
    const struct pcre2_encoder *encoder = handle;
    struct pcre2_scratch *scratch = memory;
    return piece_encoder_ids(&encoder->pieces, &scratch->pieces, text, length, ids);
}

_Static_assert(sizeof(struct encoding) <= RESULT_BYTES, "a result slot holds an encoding");

extern const struct grainbench_encoder_operations encoder_pcre2;
const struct grainbench_encoder_operations encoder_pcre2 = {
    .struct_size = sizeof encoder_pcre2,
    .abi = GRAINBENCH_ENCODER_ABI,
    .name = "pcre2",
    .summary = "the reference: PCRE2's compiled matcher, every option of the original",
    .options = pcre2_option_table,
    .options_size = sizeof(struct pcre2_options),
    .result_size = RESULT_BYTES,
    .create = pcre2_create,
    .destroy = pcre2_destroy,
    .scratch_create = pcre2_scratch_create,
    .scratch_destroy = pcre2_scratch_destroy,
    .scratch_reset = pcre2_scratch_reset,
    .encode = pcre2_encode,
    .result_ids = pcre2_result_ids,
    .result_drop = pcre2_result_drop,
    .encode_ids = pcre2_encode_ids,
};
