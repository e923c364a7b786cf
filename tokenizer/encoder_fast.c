/* The `fast` encoder: GPT-2's byte-level BPE without a regular expression engine. A vector scanner
 * finds the words (fast_scan.h), a worker's tables know their ids (fast_words.h). The same results
 * as the encoder `pcre2`, but for code points that only one of their two Unicode versions knows. */
#include "tokenizer/fast_text.h"
#include "tokenizer/offsets.h"

#include <grainbench/encoder.h>
#include <stdlib.h>

#define RESULT_BYTES                                                                               \
    256 /* as the encoder pcre2's, since schedulers that collect results move them */
#define MIB ((size_t)1 << 20)

struct fast_options {
    int simd;
    int64_t memory;
    int storage;
    bool cache_file;
};

static const struct grainbench_option fast_option_table[] = {
    {"simd", 0, GRAINBENCH_OPTION_CHOICE, offsetof(struct fast_options, simd), "LEVEL", "auto",
     FAST_LEVEL_CHOICES, 0, 0, "instruction set of the inner loops; auto takes the best there is"},
    {"memory", 0, GRAINBENCH_OPTION_INTEGER, offsetof(struct fast_options, memory), "MIB", "4",
     NULL, 2, 4096, "most memory for a worker's word tables, in MiB; they start anew when full"},
    {"storage", 0, GRAINBENCH_OPTION_CHOICE, offsetof(struct fast_options, storage), "PLACE",
     "heap", ENCODING_STORAGES, 0, 0,
     "results in heap blocks of their own, or in the worker's arena"},
    {"cache_file", 0, GRAINBENCH_OPTION_FLAG, offsetof(struct fast_options, cache_file), NULL, "1",
     NULL, 0, 0,
     "keep the digested model in $XDG_CACHE_HOME/grainbench or ~/.cache/grainbench for quicker "
     "starts"},
    {0}};

struct fast_encoder {
    struct tokenizer *tokenizer;
    struct fast_model *model;
    const struct fast_level *level;
    struct pretokenizer *pretokenizer; /* for the neighbours of added tokens; NULL without any */
    struct added_finder finder;
    size_t budget;
    enum encoding_storage storage;
};

/* A worker's own. The arrays hold what the text at hand needs. */
struct fast_scratch {
    struct fast_words *words;
    struct pretokenizer_scratch *pretokenizer;
    struct piece_list pieces;
    struct arena arena;
    size_t size;       /* entries of the arrays */
    uint8_t *prepared; /* a piece behind its prefix space */
    uint32_t *ids, *word_indices;
    struct encoding_offset *offsets;
};

static void fast_destroy(void *handle) {
    struct fast_encoder *encoder = handle;
    pretokenizer_destroy(encoder->pretokenizer);
    fast_model_destroy(encoder->model);
    tokenizer_destroy(encoder->tokenizer);
    free(encoder);
}

static bool fast_init(struct fast_encoder *encoder, const struct grainbench_encoder_setup *setup,
                      const struct fast_options *options, struct error *error) {
    encoder->storage = (enum encoding_storage)options->storage;
    encoder->budget = (size_t)options->memory * MIB;
    encoder->level = fast_level_choose(options->simd, error);
    if (!encoder->level) return false;
    encoder->tokenizer = (options->cache_file ? tokenizer_create_cached : tokenizer_create)(
        setup->vocab_path, setup->merges_path, setup->flags, error);
    if (!encoder->tokenizer) return false;
    encoder->model = fast_model_create(encoder->tokenizer->vocabulary, error);
    if (!encoder->model) return false;
    if (encoder->tokenizer->added_count == 0) return true;
    encoder->pretokenizer = pretokenizer_create(error);
    if (!encoder->pretokenizer) return false;
    added_finder_init(&encoder->finder, encoder->tokenizer, encoder->pretokenizer);
    return true;
}

static void *fast_create(const struct grainbench_encoder_setup *setup, const void *options,
                         char *message) {
    struct error error = {"out of memory"};
    struct fast_encoder *encoder = calloc(1, sizeof *encoder);
    if (encoder && fast_init(encoder, setup, options, &error)) return encoder;
    if (encoder) fast_destroy(encoder);
    error_write(message, "%s", error.message);
    return NULL;
}

static void fast_scratch_destroy(void *handle, void *memory) {
    struct fast_scratch *scratch = memory;
    (void)handle;
    fast_words_destroy(scratch->words);
    pretokenizer_scratch_destroy(scratch->pretokenizer);
    arena_release(&scratch->arena);
    free(scratch->pieces.items);
    free(scratch->prepared);
    free(scratch->ids);
    free(scratch->word_indices);
    free(scratch->offsets);
    free(scratch);
}

static void *fast_scratch_create(void *handle, unsigned worker, char *message) {
    const struct fast_encoder *encoder = handle;
    struct error error = {"out of memory"};
    struct fast_scratch *scratch = calloc(1, sizeof *scratch);
    (void)worker;
    bool ok = scratch && (scratch->words = fast_words_create(encoder->model, encoder->level->hash,
                                                             encoder->budget, &error));
    if (ok && encoder->pretokenizer)
        ok = (scratch->pretokenizer = pretokenizer_scratch_create(encoder->pretokenizer, &error));
    if (ok) return scratch;
    if (scratch) fast_scratch_destroy(handle, scratch);
    error_write(message, "%s", error.message);
    return NULL;
}

static void fast_scratch_reset(void *handle, void *memory) {
    (void)handle;
    arena_reset(&((struct fast_scratch *)memory)->arena);
}

/* Room for everything about a text of `length` bytes; what was in the arrays is lost. */
static bool reserve(struct fast_scratch *scratch, size_t length) {
    size_t needed = length + 2;
    if (needed <= scratch->size) return true;
    size_t size = needed + needed / 2 + 256;
    free(scratch->prepared);
    free(scratch->ids);
    free(scratch->word_indices);
    free(scratch->offsets);
    scratch->prepared = malloc(size);
    scratch->ids = malloc(size * sizeof *scratch->ids);
    scratch->word_indices = malloc(size * sizeof *scratch->word_indices);
    scratch->offsets = malloc(size * sizeof *scratch->offsets);
    bool ok = scratch->prepared && scratch->ids && scratch->word_indices && scratch->offsets;
    scratch->size = ok ? size : 0;
    return ok;
}

/* A piece as the pre-tokenizer sees it: behind a space if the tokenizer wants one. */
static const uint8_t *prepare(const struct fast_encoder *encoder, struct fast_scratch *scratch,
                              const char *text, size_t length, size_t *prefix) {
    *prefix = encoder->tokenizer->add_prefix_space && length > 0 && text[0] != ' ';
    if (!*prefix) return (const uint8_t *)text;
    scratch->prepared[0] = ' ';
    memcpy(scratch->prepared + 1, text, length);
    return scratch->prepared;
}

static size_t piece_ids(const struct fast_encoder *encoder, struct fast_scratch *scratch,
                        const char *text, size_t length, uint32_t *ids) {
    size_t prefix;
    const uint8_t *prepared = prepare(encoder, scratch, text, length, &prefix);
    return fast_encode_text(encoder->level, scratch->words, prepared, length + prefix, ids);
}

/* Ids alone, of the whole text; FAST_FAILED when memory is short. */
#define FAST_FAILED SIZE_MAX
static size_t text_ids(const struct fast_encoder *encoder, struct fast_scratch *scratch,
                       const char *text, size_t length, uint32_t *ids) {
    if (encoder->tokenizer->added_count == 0) return piece_ids(encoder, scratch, text, length, ids);
    if (!added_tokens_split(&encoder->finder, scratch->pretokenizer, text, length,
                            &scratch->pieces))
        return FAST_FAILED;
    size_t count = 0;
    for (size_t i = 0; i < scratch->pieces.count; i++) {
        const struct piece *piece = &scratch->pieces.items[i];
        if (piece->added == PIECE_IS_TEXT)
            count += piece_ids(encoder, scratch, text + piece->start, piece->end - piece->start,
                               ids + count);
        else
            ids[count++] = encoder->tokenizer->added[piece->added].id;
    }
    return count;
}

/* Where the tokens of a piece go, and the index of the word at hand. */
struct token_output {
    uint32_t *ids, *word_indices;
    uint32_t word;
};

static void take_words(void *context, struct fast_words *words, const uint8_t *text,
                       const uint32_t *starts, size_t count, const uint64_t *values) {
    struct token_output *output = context;
    for (size_t i = 0; i < count; i++) {
        size_t tokens = values[i] >> 48;
        if ((int64_t)values[i] < 0)
            tokens = fast_words_expand(words, values[i], text + starts[i],
                                       starts[i + 1] - starts[i], output->ids);
        else
            for (size_t k = 0; k < tokens; k++)
                output->ids[k] = (uint16_t)(values[i] >> (16 * k));
        for (size_t k = 0; k < tokens; k++)
            output->word_indices[k] = output->word;
        output->word++;
        output->ids += tokens;
        output->word_indices += tokens;
    }
}

/* Ids, words and byte offsets of every token, into the scratch's arrays. */
static size_t text_tokens(const struct fast_encoder *encoder, struct fast_scratch *scratch,
                          const char *text, size_t length) {
    struct piece whole = {0, length, PIECE_IS_TEXT}, *pieces = &whole;
    size_t piece_count = length > 0;
    if (encoder->tokenizer->added_count > 0) {
        if (!added_tokens_split(&encoder->finder, scratch->pretokenizer, text, length,
                                &scratch->pieces))
            return FAST_FAILED;
        pieces = scratch->pieces.items;
        piece_count = scratch->pieces.count;
    }
    struct token_output output = {scratch->ids, scratch->word_indices, 0};
    for (size_t i = 0; i < piece_count; i++) {
        const struct piece *piece = &pieces[i];
        uint32_t *first = output.ids;
        if (piece->added != PIECE_IS_TEXT) {
            scratch->offsets[first - scratch->ids] =
                (struct encoding_offset){piece->start, piece->end};
            *output.ids++ = encoder->tokenizer->added[piece->added].id;
            *output.word_indices++ = output.word++;
            continue;
        }
        size_t prefix, size = piece->end - piece->start;
        const uint8_t *prepared = prepare(encoder, scratch, text + piece->start, size, &prefix);
        fast_each_chunk(encoder->level, scratch->words, prepared, size + prefix, false, take_words,
                        &output);
        offsets_of_piece(encoder->tokenizer, text, piece, prefix, first,
                         (size_t)(output.ids - first), scratch->offsets + (first - scratch->ids));
    }
    return (size_t)(output.ids - scratch->ids);
}

/* Copies what an entry point gives out of the scratch into a result. */
static bool fill(const struct fast_encoder *encoder, const struct fast_scratch *scratch,
                 enum grainbench_entry entry, struct encoding *e) {
    if (e->count) memcpy(e->ids, scratch->ids, e->count * sizeof *e->ids);
    if (entry == GRAINBENCH_ENTRY_IDS) return true;
    bool full = entry != GRAINBENCH_ENTRY_FAST;
    for (size_t i = 0; i < e->count; i++) {
        e->type_ids[i] = 0;
        e->special_mask[i] = 0;
        e->attention_mask[i] = 1;
        e->offsets[i] = full ? scratch->offsets[i] : (struct encoding_offset){0, 0};
        e->words[i] = (struct encoding_word){full, full ? scratch->word_indices[i] : 0};
        size_t length;
        if (!full) continue;
        const char *token = tokenizer_token(encoder->tokenizer, e->ids[i], &length);
        if (!encoding_copy_text(e, i, token, length)) return false;
    }
    return true;
}

static bool encode_into(const struct fast_encoder *encoder, struct fast_scratch *scratch,
                        enum grainbench_entry entry, const char *text, size_t length,
                        struct encoding *result) {
    bool full = entry == GRAINBENCH_ENTRY_BATCH || entry == GRAINBENCH_ENTRY_CHAR_OFFSETS;
    if (!reserve(scratch, length)) return false;
    size_t count = full ? text_tokens(encoder, scratch, text, length)
                        : text_ids(encoder, scratch, text, length, scratch->ids);
    if (count == FAST_FAILED) return false;
    if (entry == GRAINBENCH_ENTRY_CHAR_OFFSETS)
        offsets_to_characters(text, length, scratch->offsets, count);
    if (full && encoder->tokenizer->trim_offsets)
        offsets_trim(encoder->tokenizer, scratch->ids, scratch->offsets, count);
    struct arena *arena = encoder->storage == ENCODING_ARENA ? &scratch->arena : NULL;
    if (!encoding_allocate(result, count, entry == GRAINBENCH_ENTRY_IDS, arena)) return false;
    if (fill(encoder, scratch, entry, result)) return true;
    encoding_release(result);
    return false;
}

static bool fast_encode(void *handle, void *memory, enum grainbench_entry entry, const char *text,
                        size_t length, void *result, char *message) {
    if (length >= FAST_PART)
        return error_write(message,
                           "a text of %zu bytes; the encoder fast takes less than %zu in "
                           "one piece, cut it at line ends",
                           length, FAST_PART);
    return encode_into(handle, memory, entry, text, length, result) ||
           error_write(message, "out of memory for a text of %zu bytes", length);
}

static size_t fast_result_ids(const void *result, const uint32_t **ids) {
    const struct encoding *encoding = result;
    *ids = encoding->ids;
    return encoding->count;
}

static void fast_result_drop(void *handle, void *result) {
    (void)handle;
    encoding_release(result);
}

static size_t fast_encode_ids(void *handle, void *memory, const char *text, size_t length,
                              uint32_t *ids) {
    const struct fast_encoder *encoder = handle;
    struct fast_scratch *scratch = memory;
    if (!encoder->tokenizer->add_prefix_space && encoder->tokenizer->added_count == 0)
        return fast_encode_text(encoder->level, scratch->words, (const void *)text, length, ids);
    if (!reserve(scratch, length)) return 0;
    size_t count = text_ids(encoder, scratch, text, length, ids);
    return count == FAST_FAILED ? 0 : count;
}

/* With added tokens or prefix spaces a line is no longer split like the text around it. */
static size_t fast_encode_lines_abi(void *handle, void *memory, const char *text, size_t length,
                                    uint32_t *ids, uint32_t *counts) {
    const struct fast_encoder *encoder = handle;
    struct fast_scratch *scratch = memory;
    if (!encoder->tokenizer->add_prefix_space && encoder->tokenizer->added_count == 0)
        return fast_encode_lines(encoder->level, scratch->words, (const void *)text, length, ids,
                                 counts);
    size_t written = 0;
    for (const char *at = text, *end = text + length; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        size_t count = fast_encode_ids(handle, memory, at, (size_t)(stop - at), ids + written);
        written += *counts++ = (uint32_t)count;
        at = stop + 1;
    }
    return written;
}

_Static_assert(sizeof(struct encoding) <= RESULT_BYTES, "a result slot holds an encoding");

extern const struct grainbench_encoder_operations encoder_fast;
const struct grainbench_encoder_operations encoder_fast = {
    .struct_size = sizeof encoder_fast,
    .abi = GRAINBENCH_ENCODER_ABI,
    .name = "fast",
    .summary = "vector scanner and word tables, exact; Unicode 16",
    .options = fast_option_table,
    .options_size = sizeof(struct fast_options),
    .result_size = RESULT_BYTES,
    .create = fast_create,
    .destroy = fast_destroy,
    .scratch_create = fast_scratch_create,
    .scratch_destroy = fast_scratch_destroy,
    .scratch_reset = fast_scratch_reset,
    .encode = fast_encode,
    .result_ids = fast_result_ids,
    .result_drop = fast_result_drop,
    .encode_ids = fast_encode_ids,
    .encode_lines = fast_encode_lines_abi,
};
