/* What the fast encoder needs of a vocabulary, in 16-bit ids and ranks: immutable, shared by all
 * workers. Holds byte-level BPE models of fewer than 65,536 tokens whose merges build on earlier
 * ones and each make a token of their own, as GPT-2's do. */
#ifndef TOKENIZER_FAST_MODEL_H
#define TOKENIZER_FAST_MODEL_H

#include "base/error.h"
#include "tokenizer/vocabulary.h"

#define FAST_NO_RANK 0xFFFFu

/* left << 48 | right << 32 | rank << 16 | merged; all ones: free. */
typedef uint64_t fast_pair_slot;
#define FAST_PAIR_FREE   UINT64_MAX
#define FAST_FILTER_BITS 19

/* How a token was made: the rank of its merge and the two sides; bytes have FAST_NO_RANK. */
struct fast_split {
    uint16_t rank, left, right;
};

struct fast_model {
    uint16_t byte_ids[256];
    uint16_t *byte_pair_ranks; /* by first << 8 | second byte; FAST_NO_RANK: no such merge */
    uint16_t *merged;          /* by rank */
    fast_pair_slot *pairs;     /* open addressing, at most half full */
    unsigned pair_shift;
    uint32_t pair_mask;
    uint64_t *pair_filter; /* a bit a hash: clear if no pair has it; small enough to stay cached */
    struct fast_split *splits; /* by id */
    uint16_t *lengths;         /* bytes of each token, by id */
    /* Tokens that are the merge result of their own bytes: what word tables start with. */
    uint16_t *seeds;
    uint32_t seed_count;
    const struct vocabulary *vocabulary; /* borrowed */
};

/* NULL with a sentence when the vocabulary is not such a model. It must outlive the result. */
struct fast_model *fast_model_create(const struct vocabulary *vocabulary, struct error *error);
void fast_model_destroy(struct fast_model *model); /* NULL is allowed */

/* Rank << 16 | merged of a pair of neighbours; the rank is FAST_NO_RANK if they do not merge. */
static inline uint32_t fast_pair_find(const struct fast_model *model, uint32_t left,
                                      uint32_t right) {
    uint32_t pair = left << 16 | right;
    uint64_t hash = pair * 0x9E3779B97F4A7C15u;
    uint32_t bit = (uint32_t)(hash >> (64 - FAST_FILTER_BITS));
    if (!(model->pair_filter[bit >> 6] >> (bit & 63) & 1)) return UINT32_MAX;
    uint32_t at = (uint32_t)(hash >> model->pair_shift);
    for (;; at = (at + 1) & model->pair_mask) {
        fast_pair_slot slot = model->pairs[at];
        if (slot >> 32 == pair || slot == FAST_PAIR_FREE) return (uint32_t)slot;
    }
}

#endif
