/* What the fast encoder needs of a vocabulary, in 16-bit ids and ranks: immutable, shared by all
 * workers. Holds byte-level BPE models of fewer than 65,536 tokens whose merges build on earlier
 * ones and each make a token of their own, as GPT-2's do. */
#ifndef TOKENIZER_FAST_MODEL_H
#define TOKENIZER_FAST_MODEL_H

#include "base/error.h"
#include "tokenizer/fast_pairs.h"
#include "tokenizer/fast_seeds.h"

/* How a token was made: the rank of its merge and the two sides; bytes have FAST_NO_RANK. */
struct fast_split {
    uint16_t rank, left, right;
};

struct fast_model {
    uint16_t byte_ids[256];
    fast_symbol byte_symbols[256];
    uint16_t *byte_pair_ranks; /* by first << 8 | second byte; FAST_NO_RANK: no such merge */
    fast_symbol *merged;       /* by rank */
    struct fast_pairs pairs;
    struct fast_split *splits; /* by id */
    uint16_t *lengths;         /* bytes of each token, by id */
    struct fast_seeds seeds;   /* the tokens that are the merge result of their own bytes */
    const struct vocabulary *vocabulary; /* borrowed */
};

/* NULL with a sentence when the vocabulary is not such a model. It must outlive the result. */
struct fast_model *fast_model_create(const struct vocabulary *vocabulary, struct error *error);
void fast_model_destroy(struct fast_model *model); /* NULL is allowed */

#endif
