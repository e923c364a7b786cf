/* Word tables; see fast_words.h. */
#define _GNU_SOURCE
#include "tokenizer/fast_words.h"

#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

static uint64_t hash_bytes(const uint8_t *word, size_t length) {
    uint64_t hash = length;
    for (; length >= 8; word += 8, length -= 8) {
        hash = (hash ^ fast_load(word)) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 29;
    }
    uint8_t rest[8] = {0};
    memcpy(rest, word, length);
    hash = (hash ^ fast_load(rest)) * 0x9E3779B97F4A7C15u;
    return (hash ^ hash >> 32) * 0xC2B2AE3D27D4EB4Fu;
}

/* A word's bytes as one or two keys, reading no byte behind it. */
static void keys_of(const uint8_t *word, size_t length, uint64_t keys[2]) {
    uint8_t bytes[16];
    memset(bytes, 0xFF, sizeof bytes);
    memcpy(bytes, word, length);
    keys[0] = ~fast_load(bytes);
    keys[1] = ~fast_load(bytes + 8);
}

/* The value of `count` new ids, which are stored when there are more than three. */
static uint64_t value_of(struct fast_words *words, const uint32_t *ids, size_t count) {
    if (count <= 3) {
        uint64_t value = (uint64_t)count << 48;
        for (size_t i = 0; i < count; i++)
            value |= (uint64_t)ids[i] << (16 * i);
        return value;
    }
    if (words->id_count + count > words->id_limit) {
        words->full = true;
        return FAST_UNCACHED;
    }
    uint32_t place = words->id_count;
    memcpy(words->ids + place, ids, count * sizeof *ids);
    words->id_count += (uint32_t)count;
    return FAST_STORED | (uint64_t)count << 32 | place;
}

static uint64_t merged_value(struct fast_words *words, const uint8_t *word, size_t length) {
    uint32_t ids[FAST_LONGEST_WORD];
    words->misses++;
    return value_of(words, ids, fast_merge(words->model, words->merge, word, length, ids));
}

/* A word with a byte 0xFF is not UTF-8, and its key could be another word's; one of eight NULs has
 * the key of the sentinel. Neither is ever stored. */
static bool storable(const struct fast_words *words, const uint8_t *word, size_t length,
                     const uint64_t keys[2], uint64_t value) {
    return value != FAST_UNCACHED && !words->full && !memchr(word, 0xFF, length) &&
           keys[0] != UINT64_MAX;
}

static uint64_t find_short(struct fast_words *words, const uint8_t *word, size_t length, bool merge,
                           uint64_t value) {
    uint64_t keys[2];
    keys_of(word, length, keys);
    uint64_t mask = UINT64_MAX >> words->short_shift;
    uint64_t at = fast_short_hash(keys[0]) >> words->short_shift;
    for (;; at = (at + 1) & mask) {
        struct fast_short_bucket *bucket = &words->short_table[at];
        for (int way = 0; way < 2; way++) {
            if (bucket->key[way] == keys[0] && keys[0]) return bucket->value[way];
            if (bucket->key[way]) continue;
            if (merge) value = merged_value(words, word, length);
            if (words->short_count >= words->short_limit) words->full = true;
            if (!storable(words, word, length, keys, value)) return value;
            bucket->key[way] = keys[0];
            bucket->value[way] = value;
            words->short_count++;
            return value;
        }
    }
}

static uint64_t find_middle(struct fast_words *words, const uint8_t *word, size_t length,
                            bool merge, uint64_t value) {
    uint64_t keys[2];
    keys_of(word, length, keys);
    uint64_t mask = UINT64_MAX >> words->middle_shift;
    uint64_t at = fast_middle_hash(keys[0], keys[1]) >> words->middle_shift;
    for (;; at = (at + 1) & mask) {
        struct fast_middle_slot *slot = &words->middle_table[at];
        if (slot->key[0] == keys[0] && slot->key[1] == keys[1] && keys[1]) return slot->value;
        if (slot->key[1]) continue;
        if (merge) value = merged_value(words, word, length);
        if (words->middle_count >= words->middle_limit) words->full = true;
        if (!storable(words, word, length, keys, value)) return value;
        *slot = (struct fast_middle_slot){{keys[0], keys[1]}, value, 0};
        words->middle_count++;
        return value;
    }
}

static uint64_t find_long(struct fast_words *words, const uint8_t *word, size_t length, bool merge,
                          uint64_t value) {
    uint64_t hash = hash_bytes(word, length), mask = UINT64_MAX >> words->long_shift;
    for (uint64_t at = hash >> words->long_shift;; at = (at + 1) & mask) {
        struct fast_long_slot *slot = &words->long_table[at];
        if (slot->length == length && slot->hash == hash &&
            memcmp(words->bytes + slot->place, word, length) == 0)
            return slot->value;
        if (slot->length) continue;
        if (merge) value = merged_value(words, word, length);
        if (words->long_count >= words->long_limit ||
            words->byte_count + length > words->byte_limit)
            words->full = true;
        if (words->full || value == FAST_UNCACHED) return value;
        *slot = (struct fast_long_slot){hash, (uint32_t)length, words->byte_count, value};
        memcpy(words->bytes + words->byte_count, word, length);
        words->byte_count += (uint32_t)length;
        words->long_count++;
        return value;
    }
}

static uint64_t find_or_add(struct fast_words *words, const uint8_t *word, size_t length,
                            bool merge, uint64_t value) {
    if (length <= 8) return find_short(words, word, length, merge, value);
    if (length <= 16) return find_middle(words, word, length, merge, value);
    if (length <= FAST_LONGEST_WORD) return find_long(words, word, length, merge, value);
    return FAST_UNCACHED;
}

uint64_t fast_words_find(struct fast_words *words, const uint8_t *word, size_t length) {
    return find_or_add(words, word, length, true, 0);
}

size_t fast_words_expand(const struct fast_words *words, uint64_t value, const uint8_t *word,
                         size_t length, uint32_t *ids) {
    if (value == FAST_UNCACHED) return fast_merge(words->model, words->merge, word, length, ids);
    size_t count = value >> 32 & 0xFFFF;
    memcpy(ids, words->ids + (uint32_t)value, count * sizeof *ids);
    return count;
}

void fast_words_renew(struct fast_words *words, bool seed) {
    uint64_t short_buckets = (UINT64_MAX >> words->short_shift) + 1;
    memset(words->short_table, 0, short_buckets * sizeof *words->short_table);
    memset(words->middle_table, 0,
           ((UINT64_MAX >> words->middle_shift) + 1) * sizeof *words->middle_table);
    memset(words->long_table, 0,
           ((UINT64_MAX >> words->long_shift) + 1) * sizeof *words->long_table);
    words->short_table[short_buckets].key[0] = UINT64_MAX;
    words->short_count = words->middle_count = words->long_count = 0;
    words->byte_count = words->id_count = 0;
    words->full = false;
    words->renewals++;
    const struct fast_model *model = words->model;
    /* In a small budget the most frequent tokens, which come first, leave room for other words. */
    for (uint32_t i = 0; seed && i < model->seed_count; i++) {
        if (words->short_count > words->short_limit / 2 ||
            words->middle_count > words->middle_limit / 2 ||
            words->long_count > words->long_limit / 2)
            break;
        size_t length;
        const char *bytes = vocabulary_bytes(model->vocabulary, model->seeds[i], &length);
        find_or_add(words, (const void *)bytes, length, false, (uint64_t)1 << 48 | model->seeds[i]);
    }
}

/* Sizes for a budget, in eighths of the largest power of two that fits: two each for short and
 * middle words, less than one for long words, their bytes and ids. The rest is not used. */
static bool allocate(struct fast_words *words, size_t budget) {
    unsigned bits = 0;
    while (((size_t)8 << (bits + 1)) <= budget)
        bits++;
    size_t share = (size_t)1 << bits;
    unsigned short_bits = bits + 1 - 5, middle_bits = bits + 1 - 5;
    unsigned long_bits = bits - 2 - 5;
    size_t short_bytes = (sizeof(struct fast_short_bucket) << short_bits) + 64;
    size_t middle_bytes = sizeof(struct fast_middle_slot) << middle_bits;
    size_t long_bytes = sizeof(struct fast_long_slot) << long_bits;
    size_t text_bytes = share / 4, id_bytes = share / 2;
    words->memory_bytes = short_bytes + middle_bytes + long_bytes + text_bytes + id_bytes;
    words->memory_bytes = (words->memory_bytes + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
    /* Over-allocated by one huge page, so that what is used begins on one. */
    uint8_t *memory = mmap(NULL, words->memory_bytes + HUGE_PAGE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return false;
    words->memory = memory;
    uint8_t *at = memory + (HUGE_PAGE - (uintptr_t)memory % HUGE_PAGE) % HUGE_PAGE;
    madvise(at, words->memory_bytes, MADV_HUGEPAGE); /* before the first touch, or it is too late */
    words->middle_table = (void *)at;
    words->short_table = (void *)(at += middle_bytes);
    words->long_table = (void *)(at += short_bytes);
    words->ids = (void *)(at += long_bytes);
    words->bytes = at + id_bytes;
    words->short_shift = 64 - short_bits;
    words->middle_shift = 64 - middle_bits;
    words->long_shift = 64 - long_bits;
    words->short_limit = (uint32_t)1 << short_bits; /* half of the places, two a bucket */
    words->short_limit += words->short_limit / 4;
    words->middle_limit = (uint32_t)(((uint64_t)1 << middle_bits) * 5 / 8);
    words->long_limit = (uint32_t)1 << (long_bits - 1);
    words->byte_limit = (uint32_t)text_bytes;
    words->id_limit = (uint32_t)(id_bytes / sizeof *words->ids);
    return true;
}

struct fast_words *fast_words_create(const struct fast_model *model, size_t budget,
                                     struct error *error) {
    struct fast_words *words = calloc(1, sizeof *words);
    if (words) words->merge = fast_merge_scratch_create();
    if (!words || !words->merge || !allocate(words, budget)) {
        fast_words_destroy(words);
        error_set(error, "out of memory for word tables of %zu bytes; lower the option memory",
                  budget);
        return NULL;
    }
    words->model = model;
    words->newline = (uint64_t)1 << 48 | model->byte_ids['\n'];
    fast_words_renew(words, true);
    return words;
}

void fast_words_destroy(struct fast_words *words) {
    if (!words) return;
    if (words->memory) munmap(words->memory, words->memory_bytes + HUGE_PAGE);
    fast_merge_scratch_destroy(words->merge);
    free(words);
}
