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

const uint8_t fast_key_masks[2 * FAST_KEY_BYTES] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                                    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

/* A short word's key, reading no byte behind it. */
static void key_of(const uint8_t *word, size_t length, uint64_t key[2]) {
    uint8_t bytes[FAST_KEY_BYTES];
    memset(bytes, 0xFF, sizeof bytes);
    memcpy(bytes, word, length);
    key[0] = ~fast_load(bytes);
    key[1] = ~fast_load(bytes + 8);
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

/* A word with a byte 0xFF is not UTF-8, and its key could be another word's; 16 NULs have the key
 * of the sentinel. Neither is ever stored. */
static bool storable(const struct fast_words *words, const uint8_t *word, size_t length,
                     const uint64_t key[2], uint64_t value) {
    return value != FAST_UNCACHED && !words->full && !memchr(word, 0xFF, length) &&
           key[0] != UINT64_MAX;
}

static bool same_key(const struct fast_slot *slot, const uint64_t key[2]) {
    return slot->key[0] == key[0] && slot->key[1] == key[1];
}

static bool is_free(const struct fast_slot *slot) {
    return slot->key[0] == 0; /* every word has a first byte */
}

static void put(struct fast_slot *slot, const uint64_t key[2], uint64_t value) {
    *slot = (struct fast_slot){{key[0], key[1]}, value, 0};
}

/* The word's slot in the second table, or the free one where it belongs. */
static struct fast_slot *second_slot(struct fast_words *words, const uint64_t key[2],
                                     uint64_t hash) {
    uint64_t at = hash & words->second_mask;
    while (!is_free(&words->second[at]) && !same_key(&words->second[at], key))
        at = (at + 1) & words->second_mask;
    return &words->second[at];
}

/* `job` has what merging the word gave, or is NULL. */
static uint64_t find_short(struct fast_words *words, const uint8_t *word, size_t length,
                           const struct fast_merge_job *job) {
    uint64_t key[2];
    key_of(word, length, key);
    if (key[0] == 0) return merged_value(words, word, length);
    struct fast_brief_slot *brief =
        &words->brief[fast_brief_place(key[1] ? 0 : key[0], words->brief_shift)];
    if (brief->key == key[0] && key[1] == 0) return brief->value;
    uint64_t hash = words->hash(key);
    struct fast_slot *first = &words->first[hash >> words->first_shift];
    if (same_key(first, key)) return first->value;
    struct fast_slot *second = second_slot(words, key, hash);
    bool known = !is_free(second);
    uint64_t value = known ? second->value
                     : job ? value_of(words, job->ids, job->count)
                           : merged_value(words, word, length);
    if (words->second_count >= words->second_limit) words->full = true;
    if (!known && !storable(words, word, length, key, value)) return value;
    if (brief->key == 0) {
        *brief = (struct fast_brief_slot){key[0], value};
    } else if (is_free(first)) {
        put(first, key, value);
    } else if (!known) {
        put(second, key, value);
        words->second_count++;
    }
    return value;
}

static uint64_t find_long(struct fast_words *words, const uint8_t *word, size_t length) {
    uint64_t hash = hash_bytes(word, length), mask = UINT64_MAX >> words->long_shift;
    for (uint64_t at = hash >> words->long_shift;; at = (at + 1) & mask) {
        struct fast_long_slot *slot = &words->long_table[at];
        if (slot->length == length && slot->hash == hash &&
            memcmp(words->bytes + slot->place, word, length) == 0)
            return slot->value;
        if (slot->length) continue;
        uint64_t value = merged_value(words, word, length);
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

uint64_t fast_words_find(struct fast_words *words, const uint8_t *word, size_t length) {
    if (length <= FAST_KEY_BYTES) return find_short(words, word, length, NULL);
    return length <= FAST_LONGEST_WORD ? find_long(words, word, length) : FAST_UNCACHED;
}

uint64_t fast_words_add(struct fast_words *words, const struct fast_merge_job *job) {
    words->misses++;
    return find_short(words, job->word, job->length, job);
}

uint64_t fast_words_find_odd(struct fast_words *words, const uint8_t *word, size_t length) {
    if (memchr(word, 0xFF, length)) return FAST_UNCACHED;
    return fast_words_find(words, word, length);
}

size_t fast_words_expand(const struct fast_words *words, uint64_t value, const uint8_t *word,
                         size_t length, uint32_t *ids) {
    if (value == FAST_UNCACHED) return fast_merge(words->model, words->merge, word, length, ids);
    size_t count = value >> 32 & 0xFFFF;
    memcpy(ids, words->ids + (uint32_t)value, count * sizeof *ids);
    return count;
}

/* The model's tokens of up to 16 bytes; longer ones are merged when they are met. In a small budget
 * the most frequent ones, which come first, leave room for other words. */
static void seed_second(struct fast_words *words) {
    const struct fast_model *model = words->model;
    for (uint32_t i = 0; i < model->seed_count; i++) {
        uint32_t id = model->seeds[i];
        size_t length;
        const char *bytes = vocabulary_bytes(model->vocabulary, id, &length);
        uint64_t key[2];
        if (length > FAST_KEY_BYTES || memchr(bytes, 0xFF, length)) continue;
        if (words->second_count > words->second_limit * 3 / 4) return;
        key_of((const uint8_t *)bytes, length, key);
        if (key[0] == 0 || key[0] == UINT64_MAX) continue;
        put(second_slot(words, key, words->hash(key)), key, (uint64_t)1 << 48 | id);
        words->second_count++;
    }
}

void fast_words_renew(struct fast_words *words, bool seed) {
    static const uint64_t nothing[2] = {0, 0}, sentinel[2] = {UINT64_MAX, UINT64_MAX};
    uint64_t first_size = (UINT64_MAX >> words->first_shift) + 1;
    uint64_t long_size = (UINT64_MAX >> words->long_shift) + 1;
    uint64_t brief_size = (UINT64_MAX >> words->brief_shift) + 1;
    memset(words->brief, 0, brief_size * sizeof *words->brief);
    memset(words->first, 0, first_size * sizeof *words->first);
    memset(words->second, 0, (words->second_mask + 1) * sizeof *words->second);
    memset(words->long_table, 0, long_size * sizeof *words->long_table);
    words->second_count = words->long_count = words->byte_count = words->id_count = 0;
    words->full = false;
    words->renewals++;
    uint64_t hash = words->hash(nothing);
    words->brief[0] = (struct fast_brief_slot){UINT64_MAX, 0};
    put(&words->first[hash >> words->first_shift], sentinel, 0);
    put(&words->second[hash & words->second_mask], sentinel, 0);
    if (seed) seed_second(words);
}

/* Sizes for a budget, in ninths of what a power of two times nine gives of it: two each for the
 * brief and the first table, four for the second, one for long words, their bytes and ids. The rest
 * is not used. */
static bool allocate(struct fast_words *words, size_t budget) {
    unsigned bits = 0;
    while (((size_t)9 << (bits + 1)) <= budget)
        bits++;
    size_t share = (size_t)1 << bits;
    size_t brief_bytes = 2 * share, first_bytes = 2 * share, second_bytes = 4 * share;
    size_t long_slots = share / 4 / 32, long_bytes = long_slots * sizeof(struct fast_long_slot);
    size_t text_bytes = share / 4, id_bytes = share / 2;
    words->memory_bytes =
        brief_bytes + first_bytes + second_bytes + long_bytes + text_bytes + id_bytes;
    words->memory_bytes = (words->memory_bytes + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
    /* Over-allocated by one huge page, so that what is used begins on one. */
    uint8_t *memory = mmap(NULL, words->memory_bytes + HUGE_PAGE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return false;
    words->memory = memory;
    uint8_t *at = memory + (HUGE_PAGE - (uintptr_t)memory % HUGE_PAGE) % HUGE_PAGE;
    madvise(at, words->memory_bytes, MADV_HUGEPAGE); /* before the first touch, or it is too late */
    words->brief = (void *)at;
    words->first = (void *)(at += brief_bytes);
    words->second = (void *)(at += first_bytes);
    words->long_table = (void *)(at += second_bytes);
    words->ids = (void *)(at += long_bytes);
    words->bytes = at + id_bytes;
    words->brief_shift = 64 - (bits + 1 - 4); /* a slot has 2^4 bytes */
    words->first_shift = 64 - (bits + 1 - 5); /* a slot has 2^5 bytes */
    words->second_mask = second_bytes / sizeof *words->second - 1;
    words->long_shift = 64 - (bits - 2 - 5);
    words->second_limit = (uint32_t)((words->second_mask + 1) * 5 / 8);
    words->long_limit = (uint32_t)(long_slots / 2);
    words->byte_limit = (uint32_t)text_bytes;
    words->id_limit = (uint32_t)(id_bytes / sizeof *words->ids);
    return true;
}

struct fast_words *fast_words_create(const struct fast_model *model, fast_hash_function *hash,
                                     size_t budget, struct error *error) {
    struct fast_words *words =
        aligned_alloc(64, sizeof *words); /* its size is a multiple of that */
    if (words) memset(words, 0, sizeof *words);
    if (words) words->merge = fast_merge_scratch_create();
    if (!words || !words->merge || !allocate(words, budget)) {
        fast_words_destroy(words);
        error_set(error, "out of memory for word tables of %zu bytes; lower the option memory",
                  budget);
        return NULL;
    }
    words->model = model;
    words->hash = hash;
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
