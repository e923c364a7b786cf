/* Pre-tokens to ids through a worker's word tables, to be compiled for one instruction set. The
 * including file defines before it
 *
 *     level_word                        a word of up to 16 bytes as its key
 *     level_load(word, length)          the key of `length` <= 16 bytes at `word`, of which 16 are
 *                                       readable; 0 for length 0
 *     level_reload(key)                 the same from a stored key
 *     level_put(word, key)              stores it
 *     level_hash(word)                  as the fast_hash_function that the tables were made with
 *     level_equal(word, key)            0 or 1
 *     level_store(value, out)           writes the ids of a plain value, and may write up to four
 *     emit_text, emit_lines             see fast_level.h, with LEVEL_HAS_EMIT, if it has its own
 *
 * Long texts go through in chunks and passes without unpredictable branches: keys and prefetches,
 * then comparisons, then the few words that are not in the first table, then the ids. */
#ifndef TOKENIZER_FAST_LOOKUP_KERNEL_H
#define TOKENIZER_FAST_LOOKUP_KERNEL_H

#include "tokenizer/fast_words.h"

/* Words that the first table does not have: one look at the second, again without branching on what
 * is found, then the rest. A word whose place in the first table is free moves in. */
static __attribute__((noinline)) void look_again(struct fast_words *words, const uint8_t *text,
                                                 const uint32_t *starts, uint64_t *values,
                                                 size_t count) {
    uint16_t *missing = words->missing;
    uint32_t *places = words->places;
    size_t still = 0;
    for (size_t k = 0; k < count; k++) {
        size_t i = missing[k];
        __builtin_prefetch(
            &words->second[level_hash(level_reload(words->keys[i])) & words->second_mask]);
    }
    for (size_t k = 0; k < count; k++) {
        size_t i = missing[k];
        level_word word = level_reload(words->keys[i]);
        const struct fast_slot *slot = &words->second[level_hash(word) & words->second_mask];
        struct fast_slot *first = &words->first[places[i]];
        size_t found = level_equal(word, slot->key);
        values[i] = slot->value;
        missing[still] = (uint16_t)i;
        still += !found;
        if (__builtin_expect(found & (first->key[0] == 0), 0)) *first = *slot;
    }
    for (size_t k = 0; k < still; k++) {
        size_t i = missing[k];
        values[i] = fast_words_find(words, text + starts[i], starts[i + 1] - starts[i]);
    }
}

/* Values of count <= FAST_CHUNK_ENTRIES - 64 pre-tokens; starts[count] is the end of the last. 16
 * bytes from every start are readable. */
static void look_up(struct fast_words *words, const uint8_t *text, const uint32_t *starts,
                    size_t count, uint64_t *values) {
    const struct fast_slot *first = words->first;
    const unsigned shift = words->first_shift;
    uint64_t(*keys)[2] = words->keys;
    uint32_t *places = words->places;
    uint16_t *missing = words->missing;
    size_t missing_count = 0;
    uint32_t start = starts[0];
    for (size_t i = 0; i < count; i++) {
        uint32_t end = starts[i + 1], length = end - start;
        level_word word = level_load(text + start, length <= FAST_KEY_BYTES ? length : 0);
        uint32_t place = (uint32_t)(level_hash(word) >> shift);
        level_put(word, keys[i]);
        places[i] = place;
        __builtin_prefetch(&first[place]);
        start = end;
    }
    for (size_t i = 0; i < count; i++) {
        const struct fast_slot *slot = &first[places[i]];
        values[i] = slot->value;
        missing[missing_count] = (uint16_t)i;
        missing_count += !level_equal(level_reload(keys[i]), slot->key);
    }
    if (missing_count) look_again(words, text, starts, values, missing_count);
}

/* One value's ids to `out`, without writing at or behind `end` more than they are. */
static inline __attribute__((always_inline)) uint32_t *emit_one(const struct fast_words *words,
                                                                uint64_t value, const uint8_t *word,
                                                                size_t length, uint32_t *out,
                                                                const uint32_t *end) {
    if (__builtin_expect((int64_t)value < 0, 0))
        return out + fast_words_expand(words, value, word, length, out);
    if (__builtin_expect(end - out >= 4, 1)) {
        level_store(value, out);
    } else {
        for (unsigned i = 0; i < value >> 48; i++)
            out[i] = (uint16_t)(value >> (16 * i));
    }
    return out + (value >> 48);
}

/* The same among lines: a line end writes no id, but where its line ends. */
static inline __attribute__((always_inline)) uint32_t *
emit_one_of_lines(struct fast_words *words, uint64_t value, const uint8_t *word, size_t length,
                  uint32_t *out, const uint32_t *end, uint32_t before, size_t *lines) {
    size_t newline = value == words->newline;
    words->line_ends[*lines] = before;
    *lines += newline;
    return emit_one(words, value, word, length, out, end) - newline;
}

#ifndef LEVEL_HAS_EMIT
static uint32_t *emit_text(const struct fast_words *words, const uint8_t *text,
                           const uint32_t *starts, size_t count, const uint64_t *values,
                           uint32_t *out, const uint32_t *end) {
    for (size_t i = 0; i < count; i++)
        out = emit_one(words, values[i], text + starts[i], starts[i + 1] - starts[i], out, end);
    return out;
}

static uint32_t *emit_lines(struct fast_words *words, const uint8_t *text, const uint32_t *starts,
                            size_t count, const uint64_t *values, uint32_t *out,
                            const uint32_t *end, size_t *line_count) {
    uint32_t *begin = out;
    size_t lines = 0;
    for (size_t i = 0; i < count; i++)
        out = emit_one_of_lines(words, values[i], text + starts[i], starts[i + 1] - starts[i], out,
                                end, (uint32_t)(out - begin), &lines);
    *line_count = lines;
    return out;
}
#endif

/* The ids of a word in neither table's first place. */
static __attribute__((noinline)) uint32_t *emit_found(struct fast_words *words, const uint8_t *word,
                                                      size_t length, uint32_t *out,
                                                      const uint32_t *end) {
    return emit_one(words, fast_words_find(words, word, length), word, length, out, end);
}

/* A short text in one go: its starts, then word by word, which beats the passes when there are few.
 * `text` is readable for 16 bytes behind its end. Returns the end of the ids. */
static uint32_t *encode_short(struct fast_words *words, const uint8_t *text, size_t length,
                              uint32_t *out, const uint32_t *end) {
    struct fast_scanner scanner;
    fast_scanner_begin(&scanner, text, length);
    uint32_t *starts = words->starts;
    size_t count = scan_some(&scanner, starts, FAST_CHUNK, false);
    starts[count] = (uint32_t)length;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *word = text + starts[i];
        uint32_t size = starts[i + 1] - starts[i];
        level_word key = level_load(word, size <= FAST_KEY_BYTES ? size : 0);
        uint64_t hash = level_hash(key);
        const struct fast_slot *slot = &words->first[hash >> words->first_shift];
        if (__builtin_expect(!level_equal(key, slot->key), 0)) {
            slot = &words->second[hash & words->second_mask];
            if (!level_equal(key, slot->key)) {
                out = emit_found(words, word, size, out, end);
                continue;
            }
        }
        uint64_t value = slot->value;
        out = emit_one(words, value, word, size, out, end);
    }
    return out;
}

#endif
