/* A worker's word tables: the ids of every pre-token met so far. Words of up to eight bytes, nine
 * of ten in English text, have a table of which one place is looked at. The others of up to 16, and
 * those whose place is taken, stand one behind the other in the order in which they were met, so
 * that the frequent ones are neighbours; a small index leads from a hash to their numbers. Longer
 * words are found by hash and bytes. The tables have a fixed size within a stated budget and start
 * anew when they are full; nothing is allocated after creation. One thread at a time. */
#ifndef TOKENIZER_FAST_WORDS_H
#define TOKENIZER_FAST_WORDS_H

#include "tokenizer/fast_merge.h"
#include "tokenizer/fast_scan.h"
#include <string.h>
#ifdef __BMI2__
#include <immintrin.h>
#endif

#define FAST_CHUNK         512u /* pre-tokens that are looked up at a time */
#define FAST_CHUNK_ENTRIES (FAST_CHUNK + FAST_SCAN_SLACK + 64)
#define FAST_BRIEF_BYTES   8u
#define FAST_LONGEST_WORD  256u /* bytes; longer words are merged anew each time */

/* The ids of a word in 64 bits: up to three ids in bits 0-47 and their number in bits 48-63; or,
 * with bit 63 set, FAST_STORED: id count in bits 32-47 and their place in fast_words.ids in bits
 * 0-31; or FAST_UNCACHED: to be merged when it is written out. Never 0. */
#define FAST_STORED   ((uint64_t)1 << 63)
#define FAST_UNCACHED ((uint64_t)3 << 62)

/* A word of up to eight bytes: the first half of its key (fast_entry.h), the other being zero; 0 is
 * a free place. Longer words are looked up by 0; where that would be, a sentinel (all ones, the key
 * of 8 NULs, whose place is another) stands. */
struct fast_brief_slot {
    uint64_t key, value;
};

/* Of a key; the index takes its highest bits. */
typedef uint64_t fast_hash_function(const uint64_t key[2]);

struct fast_long_slot {
    uint64_t hash;
    uint32_t length, place; /* bytes, and where they are in fast_words.bytes; length 0: free */
    uint64_t value;
};

struct fast_words {
    const struct fast_model *model;
    fast_hash_function *hash;
    struct fast_brief_slot *brief;
    struct fast_entry *entries; /* FAST_NO_ENTRY, then the words */
    uint16_t *index;            /* their numbers by hash, then by linear probing; 0: free */
    unsigned brief_shift, index_shift, long_shift; /* 64 - log2(size) */
    uint32_t index_mask;                           /* size - 1 */
    struct fast_long_slot *long_table;
    uint8_t *bytes; /* of long words */
    uint32_t *ids;  /* of words with more than three */
    uint32_t entry_count, long_count, byte_count, id_count;
    uint32_t entry_limit, long_limit, byte_limit, id_limit;
    uint64_t newline;          /* the value of "\n" */
    bool full;                 /* something did not fit: start anew before the next chunk */
    uint64_t misses, renewals; /* since creation */
    struct fast_merge_scratch *merge;
    void *memory;
    size_t memory_bytes;
    /* Working space of the chunk in hand. */
    _Alignas(64) uint32_t starts[FAST_CHUNK_ENTRIES];
    _Alignas(64) uint64_t values[FAST_CHUNK_ENTRIES];
    _Alignas(64) uint64_t brief_keys[FAST_CHUNK_ENTRIES];
    _Alignas(64) struct fast_brief_slot *brief_slots[FAST_CHUNK_ENTRIES];
    uint16_t missing[FAST_CHUNK_ENTRIES]; /* words that the brief table does not have */
    /* Of these, in the same order: */
    _Alignas(64) uint64_t keys[FAST_CHUNK_ENTRIES][2];
    uint32_t places[FAST_CHUNK_ENTRIES]; /* in the index */
    uint16_t numbers[FAST_CHUNK_ENTRIES];
    uint32_t line_ends[FAST_CHUNK_ENTRIES];
};

#define FAST_BUDGET_SMALLEST (2u << 20)

/* Tables of at most `budget` bytes (at least FAST_BUDGET_SMALLEST), on huge pages where the system
 * gives them. The model must outlive them. NULL when memory is short. Free with fast_words_destroy.
 */
struct fast_words *fast_words_create(const struct fast_model *model, fast_hash_function *hash,
                                     size_t budget, struct error *error);
void fast_words_destroy(struct fast_words *words); /* NULL is allowed */

/* Forgets every word. */
void fast_words_renew(struct fast_words *words);

/* The value of a word; one that is new is looked for among the model's tokens or merged, and then
 * kept. `length` >= 1. */
uint64_t fast_words_find(struct fast_words *words, const uint8_t *word, size_t length);

/* The same, to values[], of words that the tables did not have or that are longer than
 * FAST_KEY_BYTES: `at` are their `count` numbers in words->missing, and their words->places are
 * free. New ones are merged side by side. */
void fast_words_find_many(struct fast_words *words, const uint8_t *text, const uint32_t *starts,
                          const uint16_t *at, size_t count, uint64_t *values);

/* Writes the ids of a FAST_STORED or FAST_UNCACHED value; returns how many, at most `length`. */
size_t fast_words_expand(const struct fast_words *words, uint64_t value, const uint8_t *word,
                         size_t length, uint32_t *ids);

/* The first half of the key of a word of 1 to 8 bytes, of which eight are readable. For other
 * lengths any value. */
static inline uint64_t fast_brief_key(const uint8_t *word, uint32_t length) {
#ifdef __BMI2__
    return _bzhi_u64(~fast_load(word), 8 * length);
#else
    unsigned beyond = (64 - 8 * length) & 63;
    return ~fast_load(word) << beyond >> beyond;
#endif
}

#define FAST_BRIEF_FACTOR 0x9E3779B97F4A7C15u
static inline size_t fast_brief_place(uint64_t key, unsigned shift) {
    return key * FAST_BRIEF_FACTOR >> shift;
}

/* Sixteen bytes at fast_key_masks + FAST_KEY_BYTES - length cover the first `length`. */
extern const uint8_t fast_key_masks[2 * FAST_KEY_BYTES];

#endif
