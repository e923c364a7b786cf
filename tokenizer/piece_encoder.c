/* From a text to ids; see piece_encoder.h. */
#include "tokenizer/piece_encoder.h"

#include "tokenizer/utf8.h"

#include <stdlib.h>

bool piece_encoder_init(struct piece_encoder *encoder, struct tokenizer *tokenizer,
                        enum word_cache_kind kind, size_t capacity, struct error *error) {
    *encoder = (struct piece_encoder){
        .tokenizer = tokenizer, .cache_kind = kind, .cache_capacity = capacity};
    encoder->pretokenizer = pretokenizer_create(error);
    if (encoder->pretokenizer) encoder->cache = word_cache_create(kind, capacity, error);
    if (!encoder->cache) {
        piece_encoder_release(encoder);
        return false;
    }
    added_finder_init(&encoder->finder, tokenizer, encoder->pretokenizer);
    return true;
}

void piece_encoder_release(struct piece_encoder *encoder) {
    pretokenizer_destroy(encoder->pretokenizer);
    word_cache_destroy(encoder->cache);
}

bool piece_scratch_init(struct piece_scratch *scratch, const struct piece_encoder *encoder,
                        struct error *error) {
    *scratch = (struct piece_scratch){0};
    scratch->pretokenizer = pretokenizer_scratch_create(encoder->pretokenizer, error);
    if (!scratch->pretokenizer) return false;
    if (encoder->cache_kind == WORD_CACHE_WORKER &&
        !word_table_create(&scratch->words, encoder->cache_capacity)) {
        piece_scratch_release(scratch);
        return error_set(error, "out of memory for a word cache of %zu words",
                         encoder->cache_capacity);
    }
    return true;
}

void piece_scratch_release(struct piece_scratch *scratch) {
    pretokenizer_scratch_destroy(scratch->pretokenizer);
    merge_scratch_release(&scratch->merge);
    word_table_destroy(&scratch->words);
    free(scratch->pieces.items);
    free(scratch->prefixed);
}

/* The end of a text, copied to where 16 bytes can be read from each of its bytes. */
struct tail {
    char bytes[2 * TAIL_BYTES];
    size_t start; /* bytes[0] is text[start] */
};

static void tail_copy(struct tail *tail, const char *text, size_t length) {
    size_t count = length < TAIL_BYTES ? length : TAIL_BYTES;
    tail->start = length - count;
    memcpy(tail->bytes, text + tail->start, count);
    memset(tail->bytes + count, 0, TAIL_BYTES);
}

static inline struct word_key key_of(const struct tail *tail, const char *text, size_t length,
                                     size_t at, size_t word_length) {
    const char *padded =
        at + WORD_INLINE_BYTES <= length ? text + at : tail->bytes + (at - tail->start);
    return word_key_padded(padded, text + at, word_length);
}

/* A word that the worker's own cache does not hold, or that has no such cache. */
static __attribute__((noinline)) size_t word_ids_slow(const struct piece_encoder *encoder,
                                                      struct piece_scratch *scratch,
                                                      const struct word_key *key, const char *word,
                                                      size_t length, uint32_t *ids, bool *missed) {
    const struct vocabulary *vocabulary = encoder->tokenizer->vocabulary;
    bool shared =
        encoder->cache_kind == WORD_CACHE_SHARED || encoder->cache_kind == WORD_CACHE_SHARDED;
    if (shared && length < WORD_BYTES_LIMIT) {
        size_t count = word_cache_find(encoder->cache, key, word, length, ids);
        if (count) return count;
    }
    *missed = true;
    size_t count = merge_word(vocabulary, &scratch->merge, word, length, ids);
    if (count == MERGE_OUT_OF_MEMORY) return PIECE_FAILED;
    if (shared)
        word_cache_insert(encoder->cache, key, word, length, ids, count);
    else if (encoder->cache_kind == WORD_CACHE_WORKER)
        word_table_insert(&scratch->words, key, word, length, ids, count);
    return count;
}

/* Compiled once for each combination of the constants. */
static inline __attribute__((always_inline)) size_t
encode_words(const struct piece_encoder *encoder, struct piece_scratch *scratch, const char *text,
             size_t length, uint32_t *ids, uint32_t *words, uint32_t *word, bool worker_cache,
             bool with_words) {
    struct tail tail;
    tail_copy(&tail, text, length);
    struct pretokenizer_cursor cursor = {text, length, 0, utf8_is_ascii(text, length)};
    size_t ends[PRETOKENIZER_STEP], written = 0, at = 0;
    struct word_key keys[PRETOKENIZER_STEP];
    unsigned found;
    while (
        (found = pretokenizer_next(encoder->pretokenizer, scratch->pretokenizer, &cursor, ends))) {
        for (unsigned i = 0; i < found; i++) {
            size_t start = i ? ends[i - 1] : at;
            keys[i] = key_of(&tail, text, length, start, ends[i] - start);
            if (worker_cache) word_table_prefetch(&scratch->words, &keys[i], ends[i] - start);
        }
        for (unsigned i = 0; i < found; at = ends[i++]) {
            size_t word_length = ends[i] - at, count;
            bool missed = false;
            struct word_value value = {0, 0};
            if (worker_cache)
                value = word_table_find(&scratch->words, &keys[i], text + at, word_length);
            count = word_value_count(value);
            if (count == 1) {
                ids[written] = word_value_first(value);
            } else if (count > 1) {
                const uint32_t *from = word_value_ids(&scratch->words, value);
                for (size_t k = 0; k < count; k++)
                    ids[written + k] = from[k];
            } else {
                count = word_ids_slow(encoder, scratch, &keys[i], text + at, word_length,
                                      ids + written, &missed);
                if (count == PIECE_FAILED) return PIECE_FAILED;
            }
            if (with_words) {
                for (size_t k = 0; k < count; k++)
                    words[written + k] = *word;
                (*word)++;
                if (scratch->traces)
                    scratch->traces[scratch->trace_count++] =
                        (struct word_trace){ends[i], (uint32_t)count, missed};
            }
            written += count;
        }
    }
    return cursor.at == length ? written : PIECE_FAILED;
}

size_t piece_ids(const struct piece_encoder *encoder, struct piece_scratch *scratch,
                 const char *text, size_t length, uint32_t *ids) {
    if (encoder->cache_kind == WORD_CACHE_WORKER)
        return encode_words(encoder, scratch, text, length, ids, NULL, NULL, true, false);
    return encode_words(encoder, scratch, text, length, ids, NULL, NULL, false, false);
}

size_t piece_ids_and_words(const struct piece_encoder *encoder, struct piece_scratch *scratch,
                           const char *text, size_t length, uint32_t *ids, uint32_t *words,
                           uint32_t *word) {
    if (encoder->cache_kind == WORD_CACHE_WORKER)
        return encode_words(encoder, scratch, text, length, ids, words, word, true, true);
    return encode_words(encoder, scratch, text, length, ids, words, word, false, true);
}

const char *piece_prepare(const struct piece_encoder *encoder, struct piece_scratch *scratch,
                          const char *text, size_t length, size_t *prefix) {
    *prefix = 0;
    if (!encoder->tokenizer->add_prefix_space || length == 0 || text[0] == ' ') return text;
    if (scratch->prefixed_size < length + 1) {
        size_t size = 2 * length + 256;
        char *larger = realloc(scratch->prefixed, size);
        if (!larger) return NULL;
        scratch->prefixed = larger;
        scratch->prefixed_size = size;
    }
    scratch->prefixed[0] = ' ';
    memcpy(scratch->prefixed + 1, text, length);
    *prefix = 1;
    return scratch->prefixed;
}

static size_t one_piece(const struct piece_encoder *encoder, struct piece_scratch *scratch,
                        const char *text, size_t length, uint32_t *ids) {
    size_t prefix;
    const char *prepared = piece_prepare(encoder, scratch, text, length, &prefix);
    if (!prepared) return PIECE_FAILED;
    return piece_ids(encoder, scratch, prepared, length + prefix, ids);
}

size_t piece_encoder_ids(const struct piece_encoder *encoder, struct piece_scratch *scratch,
                         const char *text, size_t length, uint32_t *ids) {
    if (encoder->tokenizer->added_count == 0) return one_piece(encoder, scratch, text, length, ids);
    if (!added_tokens_split(&encoder->finder, scratch->pretokenizer, text, length,
                            &scratch->pieces))
        return PIECE_FAILED;
    size_t written = 0;
    for (size_t i = 0; i < scratch->pieces.count; i++) {
        const struct piece *piece = &scratch->pieces.items[i];
        if (piece->added != PIECE_IS_TEXT) {
            ids[written++] = encoder->tokenizer->added[piece->added].id;
            continue;
        }
        size_t count = one_piece(encoder, scratch, text + piece->start, piece->end - piece->start,
                                 ids + written);
        if (count == PIECE_FAILED) return PIECE_FAILED;
        written += count;
    }
    return written;
}
