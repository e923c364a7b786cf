/* Pre-tokens to ids through a worker's word tables, to be compiled for one instruction set. The
 * including file defines before it
 *
 *     level_key(word, length)     fast_key, for any length (what it gives above 8 is not used)
 *     level_store(value, out)     writes the ids of a plain value, and may write up to four entries
 *     level_emit(...)             see fast_level.h; LEVEL_HAS_EMIT is defined if there is one
 *
 * Long texts go through in chunks and passes without unpredictable branches: keys and prefetches,
 * then comparisons, then the few that are longer or missing, then the ids. */
#ifndef TOKENIZER_FAST_LOOKUP_KERNEL_H
#define TOKENIZER_FAST_LOOKUP_KERNEL_H

#include "tokenizer/fast_words.h"

/* Values of count <= FAST_CHUNK_ENTRIES - 64 pre-tokens; starts[count] is the end of the last. Up
 * to 16 bytes from every start are readable. */
static void look_up(struct fast_words *words, const uint8_t *text, const uint32_t *starts,
                    size_t count, uint64_t *values) {
    const struct fast_short_bucket *table = words->short_table;
    const struct fast_middle_slot *middle = words->middle_table;
    const unsigned shift = words->short_shift, middle_shift = words->middle_shift;
    uint64_t *keys = words->keys;
    uint32_t *places = words->places, *middle_places = words->middle_places;
    uint16_t *longer = words->longer, *missing = words->missing;
    size_t longer_count = 0, missing_count = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t length = starts[i + 1] - starts[i];
        uint64_t key = level_key(fast_load(text + starts[i]), length);
        uint32_t place = (uint32_t)(fast_short_hash(key) >> shift);
        keys[i] = key;
        places[i] = place;
        __builtin_prefetch(&table[place]);
        longer[longer_count] = (uint16_t)i;
        longer_count += length > 8;
    }
    /* Longer words look at the sentinel behind the table, so as not to count as missing. */
    const uint32_t sentinel = (uint32_t)(UINT64_MAX >> shift) + 1;
    for (size_t k = 0; k < longer_count; k++) {
        size_t i = longer[k];
        const uint8_t *word = text + starts[i];
        uint64_t second = level_key(fast_load(word + 8), starts[i + 1] - starts[i] - 8);
        middle_places[k] = (uint32_t)(fast_middle_hash(~fast_load(word), second) >> middle_shift);
        __builtin_prefetch(&middle[middle_places[k]]);
        keys[i] = UINT64_MAX;
        places[i] = sentinel;
    }
    for (size_t i = 0; i < count; i++) {
        const struct fast_short_bucket *bucket = &table[places[i]];
        uint64_t key = keys[i];
        size_t way = bucket->key[1] == key;
        values[i] = bucket->value[way];
        missing[missing_count] = (uint16_t)i;
        missing_count += bucket->key[way] != key;
    }
    for (size_t k = 0; k < longer_count; k++) {
        size_t i = longer[k];
        const uint8_t *word = text + starts[i];
        uint32_t length = starts[i + 1] - starts[i];
        const struct fast_middle_slot *slot = &middle[middle_places[k]];
        bool same = (slot->key[0] == ~fast_load(word)) &
                    (slot->key[1] == level_key(fast_load(word + 8), length - 8)) & (length <= 16);
        values[i] = __builtin_expect(same, 1) ? slot->value : fast_words_find(words, word, length);
    }
    for (size_t k = 0; k < missing_count; k++) {
        size_t i = missing[k];
        values[i] = fast_words_find(words, text + starts[i], starts[i + 1] - starts[i]);
    }
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

#ifndef LEVEL_HAS_EMIT
static uint32_t *emit_text(const struct fast_words *words, const uint8_t *text,
                           const uint32_t *starts, size_t count, const uint64_t *values,
                           uint32_t *out, const uint32_t *end) {
    for (size_t i = 0; i < count; i++)
        out = emit_one(words, values[i], text + starts[i], starts[i + 1] - starts[i], out, end);
    return out;
}

/* A line end writes no id, but where its line ends. */
static uint32_t *emit_lines(struct fast_words *words, const uint8_t *text, const uint32_t *starts,
                            size_t count, const uint64_t *values, uint32_t *out,
                            const uint32_t *end, size_t *line_count) {
    uint32_t *begin = out;
    size_t lines = 0;
    for (size_t i = 0; i < count; i++) {
        size_t newline = values[i] == words->newline;
        words->line_ends[lines] = (uint32_t)(out - begin);
        lines += newline;
        out = emit_one(words, values[i], text + starts[i], starts[i + 1] - starts[i], out, end) -
              newline;
    }
    *line_count = lines;
    return out;
}
#endif

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
        uint64_t value, first = fast_load(word);
        bool found;
        if (__builtin_expect(size <= 8, 1)) {
            uint64_t key = level_key(first, size);
            const struct fast_short_bucket *bucket =
                &words->short_table[fast_short_hash(key) >> words->short_shift];
            size_t way = bucket->key[1] == key;
            value = bucket->value[way];
            found = bucket->key[way] == key;
        } else {
            uint64_t second = level_key(fast_load(word + 8), size - 8);
            const struct fast_middle_slot *slot =
                &words->middle_table[fast_middle_hash(~first, second) >> words->middle_shift];
            value = slot->value;
            found = (slot->key[0] == ~first) & (slot->key[1] == second) & (size <= 16);
        }
        if (__builtin_expect(!found, 0)) value = fast_words_find(words, word, size);
        out = emit_one(words, value, word, size, out, end);
    }
    return out;
}

#endif
