/* A hash table of words and their token ids: the word cache's storage. One writer at a time; who
 * may read when is the business of word_cache.h. Words never leave it. */
#ifndef TOKENIZER_WORD_TABLE_H
#define TOKENIZER_WORD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORD_INLINE_BYTES 16
#define WORD_INLINE_IDS   3
#define WORD_BYTES_LIMIT                                                                           \
    256 /* words of this many bytes or more are never kept, as Hugging Face                        \
         */

/* A word's identity: up to 16 bytes as they are (zero-padded), else their hash. */
struct word_key {
    uint64_t low, high;
    uint64_t hash;
};

struct word_slot {
    uint64_t low, high;
    uint16_t length; /* 0: free */
    uint16_t count;  /* ids */
    /* The ids if there are at most 3, else ids[0] is where they begin in the table's pool. For
     * words over 16 bytes, the pool holds the bytes, and ids[1] is where they begin. */
    uint32_t ids[WORD_INLINE_IDS];
};

struct word_table {
    struct word_slot *slots;
    uint32_t mask;
    unsigned shift;
    size_t count, capacity;
    uint32_t *pool;
    size_t pool_used, pool_size;
};

bool word_table_create(struct word_table *table, size_t capacity);
void word_table_destroy(struct word_table *table);

/* Keeps a word unless the table is full, the word too long, or memory short. The word is not in
 * the table yet. */
void word_table_insert(struct word_table *table, const struct word_key *key, const char *word,
                       size_t length, const uint32_t *ids, size_t count);

/* Hash of a word over 16 bytes. */
uint64_t word_hash_long(const char *word, size_t length);

static inline uint64_t word_hash_short(uint64_t low, uint64_t high, size_t length) {
    uint64_t mixed = (low ^ length << 56) * 0x9E3779B97F4A7C15u ^ high * 0xD6E8FEB86659FD93u;
    return mixed ^ mixed >> 32;
}

/* `padded` points at the word with at least 16 readable bytes; only `length` of them count. */
static inline struct word_key word_key_padded(const char *padded, const char *word, size_t length) {
    struct word_key key;
    if (length <= WORD_INLINE_BYTES) {
        memcpy(&key.low, padded, 8);
        memcpy(&key.high, padded + 8, 8);
        unsigned low_bits = length >= 8 ? 64 : (unsigned)length * 8;
        unsigned high_bits = length >= 16 ? 64 : length <= 8 ? 0 : (unsigned)(length - 8) * 8;
        key.low &= low_bits == 64 ? UINT64_MAX : ((uint64_t)1 << low_bits) - 1;
        key.high &= high_bits == 64 ? UINT64_MAX : ((uint64_t)1 << high_bits) - 1;
        key.hash = word_hash_short(key.low, key.high, length);
    } else {
        key.hash = key.low = word_hash_long(word, length);
        key.high = 0;
    }
    return key;
}

static inline const uint32_t *word_slot_ids(const struct word_table *table,
                                            const struct word_slot *slot) {
    bool inside = slot->length <= WORD_INLINE_BYTES && slot->count <= WORD_INLINE_IDS;
    return inside ? slot->ids : table->pool + slot->ids[0];
}

/* NULL if the table does not have the word. */
static inline const struct word_slot *word_table_find(const struct word_table *table,
                                                      const struct word_key *key, const char *word,
                                                      size_t length) {
    uint32_t at = (uint32_t)(key->hash * 0x9E3779B97F4A7C15u >> table->shift);
    for (;; at = (at + 1) & table->mask) {
        const struct word_slot *slot = &table->slots[at];
        if (slot->low == key->low && slot->high == key->high && slot->length == length &&
            (length <= WORD_INLINE_BYTES || memcmp(table->pool + slot->ids[1], word, length) == 0))
            return slot;
        if (slot->length == 0) return NULL;
    }
}

#endif
