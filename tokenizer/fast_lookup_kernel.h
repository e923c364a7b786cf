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
 *
 * and, if it has its own, declares look_up with LEVEL_HAS_LOOK_UP, and defines emit_text and
 * emit_lines with LEVEL_HAS_EMIT; see fast_level.h.
 *
 * Long texts go through in chunks and passes without unpredictable branches: keys and prefetches,
 * then comparisons, then the few words that are not in the brief table, then the ids. */
#ifndef TOKENIZER_FAST_LOOKUP_KERNEL_H
#define TOKENIZER_FAST_LOOKUP_KERNEL_H

#include "tokenizer/fast_words.h"

/* The number of the entry with this key, which is at *place of the index or behind it; 0 if it is
 * not, and then *place is free. */
LEVEL_INLINE size_t find_number(const struct fast_words *words, level_word key, uint32_t *place) {
    for (;; *place = (*place + 1) & words->index_mask) {
        size_t number = words->index[*place];
        if (number == 0 || level_equal(key, words->entries[number].key)) return number;
    }
}

/* Words that the brief table does not have, longer ones among them: by the index. */
static __attribute__((noinline)) void look_further(struct fast_words *words, const uint8_t *text,
                                                   const uint32_t *starts, uint64_t *values,
                                                   size_t count) {
    uint16_t absent[FAST_CHUNK_ENTRIES];
    size_t absent_count = 0, new_count = 0;
    for (size_t k = 0; k < count; k++) {
        size_t i = words->missing[k];
        uint32_t length = starts[i + 1] - starts[i];
        level_word word = level_load(text + starts[i], length <= FAST_KEY_BYTES ? length : 0);
        uint32_t place = (uint32_t)(level_hash(word) >> words->index_shift);
        uint16_t number = words->index[place];
        level_put(word, words->keys[k]);
        words->places[k] = place;
        words->numbers[k] = number;
        __builtin_prefetch(&words->entries[number]);
    }
    for (size_t k = 0; k < count; k++) {
        const struct fast_entry *entry = &words->entries[words->numbers[k]];
        values[words->missing[k]] = entry->value;
        absent[absent_count] = (uint16_t)k;
        absent_count += !level_equal(level_reload(words->keys[k]), entry->key);
    }
    for (size_t k = 0; k < absent_count; k++) {
        size_t j = absent[k];
        size_t number = find_number(words, level_reload(words->keys[j]), &words->places[j]);
        values[words->missing[j]] = words->entries[number].value;
        absent[new_count] = (uint16_t)j;
        new_count += number == 0;
    }
    if (new_count) fast_words_find_many(words, text, starts, absent, new_count, values);
}

/* Keys and slots of the words from `from` to `count`, which are fetched. */
LEVEL_INLINE void prepare_words(struct fast_words *words, const uint8_t *text,
                                const uint32_t *starts, size_t from, size_t count) {
    struct fast_brief_slot *brief = words->brief, **slots = words->brief_slots;
    const unsigned shift = words->brief_shift;
    uint64_t *keys = words->brief_keys;
    uint32_t start = starts[from];
    for (size_t i = from; i < count; i++) {
        uint32_t end = starts[i + 1], length = end - start;
        /* By arithmetic: of a condition compilers make a branch, which nobody can predict. */
        uint64_t is_brief = (uint64_t)(((int64_t)length - FAST_BRIEF_BYTES - 1) >> 63);
        uint64_t key = fast_brief_key(text + start, length) & is_brief;
        keys[i] = key;
        slots[i] = &brief[fast_brief_place(key, shift)];
        __builtin_prefetch(slots[i]);
        start = end;
    }
}

/* Their values, and which of them are not in their slots: returns how many words->missing has. */
LEVEL_INLINE size_t compare_words(struct fast_words *words, size_t from, size_t count,
                                  uint64_t *values, size_t missing_count) {
    struct fast_brief_slot *const *slots = words->brief_slots;
    const uint64_t *keys = words->brief_keys;
    uint16_t *missing = words->missing;
    for (size_t i = from; i < count; i++) {
        const struct fast_brief_slot *slot = slots[i];
        values[i] = slot->value;
        missing[missing_count] = (uint16_t)i;
        missing_count += slot->key != keys[i];
    }
    return missing_count;
}

#ifndef LEVEL_HAS_LOOK_UP
/* Values of count <= FAST_CHUNK_ENTRIES - 64 pre-tokens; starts[count] is the end of the last. 16
 * bytes from every start are readable. */
static void look_up(struct fast_words *words, const uint8_t *text, const uint32_t *starts,
                    size_t count, uint64_t *values) {
    prepare_words(words, text, starts, 0, count);
    size_t missing_count = compare_words(words, 0, count, values, 0);
    if (missing_count) look_further(words, text, starts, values, missing_count);
}
#endif

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

/* The value of a word that the brief table does not have. */
LEVEL_INLINE uint64_t value_elsewhere(struct fast_words *words, const uint8_t *word,
                                      uint32_t length) {
    level_word key = level_load(word, length <= FAST_KEY_BYTES ? length : 0);
    uint32_t place = (uint32_t)(level_hash(key) >> words->index_shift);
    const struct fast_entry *entry = &words->entries[words->index[place]];
    if (__builtin_expect(level_equal(key, entry->key), 1)) return entry->value;
    size_t number = find_number(words, key, &place);
    return number ? words->entries[number].value : fast_words_find(words, word, length);
}

/* The words of a short text with a byte 0xFF, which its keys would leave out. */
static __attribute__((noinline)) uint32_t *encode_odd(struct fast_words *words, const uint8_t *text,
                                                      const uint32_t *starts, size_t count,
                                                      uint32_t *out, const uint32_t *end) {
    for (size_t i = 0; i < count; i++) {
        const uint8_t *word = text + starts[i];
        uint32_t size = starts[i + 1] - starts[i];
        out = emit_one(words, fast_words_find(words, word, size), word, size, out, end);
    }
    return out;
}

/* The ids of a word of a short text. */
LEVEL_INLINE uint32_t *encode_word(struct fast_words *words, const uint8_t *word, uint32_t length,
                                   uint32_t *out, const uint32_t *end) {
    uint64_t value;
    if (__builtin_expect(length <= FAST_BRIEF_BYTES, 1)) {
        uint64_t key = fast_brief_key(word, length);
        const struct fast_brief_slot *slot =
            &words->brief[fast_brief_place(key, words->brief_shift)];
        value = slot->value;
        if (__builtin_expect(slot->key != key, 0)) value = value_elsewhere(words, word, length);
    } else {
        value = value_elsewhere(words, word, length);
    }
    return emit_one(words, value, word, length, out, end);
}

/* A short text with non-ASCII characters: its starts, then word by word. */
static __attribute__((noinline)) uint32_t *encode_by_starts(struct fast_words *words,
                                                            const uint8_t *text, size_t length,
                                                            uint32_t *out, const uint32_t *end) {
    uint32_t *starts = words->starts;
    bool odd;
    size_t count = scan_all(text, length, starts, &odd);
    starts[count] = (uint32_t)length;
    if (__builtin_expect(odd, 0)) return encode_odd(words, text, starts, count, out, end);
    for (size_t i = 0; i < count; i++)
        out = encode_word(words, text + starts[i], starts[i + 1] - starts[i], out, end);
    return out;
}

/* A short text in one go, word by word along the bits of its blocks, which beats the passes when
 * there are few. `text` is readable for 16 bytes behind its end. Returns the end of the ids. */
static uint32_t *encode_short(struct fast_words *words, const uint8_t *text, size_t length,
                              uint32_t *out, const uint32_t *end) {
    struct fast_scanner s = {.text = text, .length = length};
    uint32_t *begin = out, start = 0;
    s.block = scan_block(text, length, 0);
    while (s.position < length) {
        struct fast_masks next = scan_block(text, length, s.position + 64);
        if (__builtin_expect((s.block.high | (next.high & 1)) != 0, 0))
            return encode_by_starts(words, text, length, begin, end);
        uint32_t base = (uint32_t)s.position;
        uint64_t mask = scan_step(&s, next, false);
        mask &= base ? UINT64_MAX : UINT64_MAX - 1; /* the first word has begun */
        for (; mask; mask &= mask - 1) {
            uint32_t stop = base + (uint32_t)__builtin_ctzll(mask);
            out = encode_word(words, text + start, stop - start, out, end);
            start = stop;
        }
    }
    return encode_word(words, text + start, (uint32_t)length - start, out, end);
}

#endif
