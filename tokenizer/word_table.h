/* A hash table of words and their token ids: the word cache's storage. It grows with what is in it,
 * up to its capacity. One writer at a time; who may read when is the business of word_cache.h.
 * Words never leave it.
 *
 * Two tables by length, because a look-up's time is waiting for memory: nine words of ten have at
 * most 8 bytes, and their slots are half as large. */
#ifndef TOKENIZER_WORD_TABLE_H
#define TOKENIZER_WORD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORD_SHORT_BYTES  8
#define WORD_INLINE_BYTES 16  /* longer words are told apart by their bytes in the pool */
#define WORD_BYTES_LIMIT  256 /* words of this many bytes or more are never kept, as Hugging Face  \
                               */
#define WORD_ID_BITS 24

/* A word's identity: up to 16 bytes as they are (zero-padded), else their hash. */
struct word_key {
    uint64_t low, high;
    uint64_t hash;
};

/* What a word comes to. One id is in `first`; more are in the pool from `rest`. */
struct word_value {
    uint32_t first; /* id | count << 24 */
    uint32_t rest;
};

struct short_slot {
    uint64_t low;
    uint32_t first; /* id | count << 24 | length << 28; 0: free */
    uint32_t rest;
};
struct long_slot {
    uint64_t low, high;
    struct word_value value;
    uint32_t length; /* 0: free */
    uint32_t bytes;  /* in the pool, of words over 16 bytes */
};

struct word_table {
    struct short_slot *short_slots;
    struct long_slot *long_slots;
    unsigned short_shift, long_shift; /* 64 - log2(slots) */
    uint32_t short_mask, long_mask;
    size_t short_count, long_count, capacity;
    uint32_t *pool;
    size_t pool_used, pool_size;
};

/* Room for `capacity` words in the end. False when memory is short. */
bool word_table_create(struct word_table *table, size_t capacity);
void word_table_destroy(struct word_table *table);

static inline bool word_table_is_full(const struct word_table *table) {
    return table->short_count + table->long_count >= table->capacity;
}

/* Keeps a word unless the table is full, the word too long, or memory short. The word is not in
 * the table yet. */
void word_table_insert(struct word_table *table, const struct word_key *key, const char *word,
                       size_t length, const uint32_t *ids, size_t count);

/* Hash of a word over 16 bytes. */
uint64_t word_hash_long(const char *word, size_t length);

static inline uint64_t word_hash_short(uint64_t low, uint64_t high, size_t length) {
    uint64_t mixed = (low ^ length << 56) * 0x9E3779B97F4A7C15u ^ high * 0xD6E8FEB86659FD93u;
    return (mixed ^ mixed >> 32) * 0x9E3779B97F4A7C15u;
}

/* `padded` points at the word with at least 16 readable bytes; only `length` of them count. */
static inline struct word_key word_key_padded(const char *padded, const char *word, size_t length) {
    static const uint64_t masks[WORD_SHORT_BYTES + 1] = {
        0,          0xff,         0xffff,         0xffffff,
        0xffffffff, 0xffffffffff, 0xffffffffffff, 0xffffffffffffff,
        UINT64_MAX};
    struct word_key key;
    if (length <= WORD_INLINE_BYTES) {
        memcpy(&key.low, padded, 8);
        memcpy(&key.high, padded + 8, 8);
        key.low &= masks[length < 8 ? length : 8];
        key.high &= masks[length < 8 ? 0 : length - 8];
        key.hash = word_hash_short(key.low, key.high, length);
    } else {
        key.low = word_hash_long(word, length);
        key.high = 0;
        key.hash = key.low * 0x9E3779B97F4A7C15u;
    }
    return key;
}

/* Brings the word's slot nearer. */
static inline void word_table_prefetch(const struct word_table *table, const struct word_key *key,
                                       size_t length) {
    if (length <= WORD_SHORT_BYTES)
        __builtin_prefetch(&table->short_slots[key->hash >> table->short_shift]);
    else
        __builtin_prefetch(&table->long_slots[key->hash >> table->long_shift]);
}

static inline unsigned word_value_count(struct word_value value) {
    return value.first >> WORD_ID_BITS;
}

/* The ids of a word that has more than one. */
static inline const uint32_t *word_value_ids(const struct word_table *table,
                                             struct word_value value) {
    return table->pool + value.rest;
}

static inline uint32_t word_value_first(struct word_value value) {
    return value.first & ((1u << WORD_ID_BITS) - 1);
}

/* The word's value; of count 0 if the table does not have it. */
static inline struct word_value word_table_find(const struct word_table *table,
                                                const struct word_key *key, const char *word,
                                                size_t length) {
    if (length <= WORD_SHORT_BYTES) {
        uint32_t at = (uint32_t)(key->hash >> table->short_shift);
        for (;; at = (at + 1) & table->short_mask) {
            const struct short_slot *slot = &table->short_slots[at];
            if (slot->low == key->low && slot->first >> 28 == length)
                return (struct word_value){slot->first & 0x0fffffffu, slot->rest};
            if (slot->first == 0) return (struct word_value){0, 0};
        }
    }
    uint32_t at = (uint32_t)(key->hash >> table->long_shift);
    for (;; at = (at + 1) & table->long_mask) {
        const struct long_slot *slot = &table->long_slots[at];
        if (slot->low == key->low && slot->high == key->high && slot->length == length &&
            (length <= WORD_INLINE_BYTES || memcmp(table->pool + slot->bytes, word, length) == 0))
            return slot->value;
        if (slot->length == 0) return (struct word_value){0, 0};
    }
}

#endif
