/* The model's own tokens of up to 16 bytes as words: what word tables take a word from that they
 * meet for the first time, instead of merging it. Immutable, shared by all workers. */
#ifndef TOKENIZER_FAST_SEEDS_H
#define TOKENIZER_FAST_SEEDS_H

#include "tokenizer/fast_entry.h"
#include "tokenizer/vocabulary.h"

struct fast_seeds {
    struct fast_entry *entries; /* by id, so that frequent ones are neighbours; 0 is none of them */
    uint16_t *index;            /* numbers of entries by hash, then by linear probing; 0: free */
    unsigned shift;             /* 64 - log2(size of the index) */
    uint32_t mask;              /* that size - 1 */
};

/* Of the `count` tokens in `ids`, each the merge result of its own bytes. False when memory is
 * short. Free with fast_seeds_release. */
bool fast_seeds_init(struct fast_seeds *seeds, const struct vocabulary *vocabulary,
                     const uint16_t *ids, uint32_t count);
void fast_seeds_release(struct fast_seeds *seeds);

/* Where the index is looked at first. */
static inline uint32_t fast_seed_place(const struct fast_seeds *seeds, const uint64_t key[2]) {
    return (uint32_t)(fast_hash_multiply(key) >> seeds->shift);
}

/* The value of the token with this key; 0 if there is none. */
static inline uint64_t fast_seed_find(const struct fast_seeds *seeds, const uint64_t key[2]) {
    for (uint32_t at = fast_seed_place(seeds, key);; at = (at + 1) & seeds->mask) {
        const struct fast_entry *entry = &seeds->entries[seeds->index[at]];
        if (seeds->index[at] == 0 || fast_same_key(entry->key, key)) return entry->value;
    }
}

#endif
