/* Which pairs of tokens merge, and in which order: a table small enough for the second cache level
 * that answers with one load. Each left token has a row of ranks by right token; rows are laid over
 * each other in one array, shifted so that no two entries meet (row displacement, as in LR parser
 * tables and double-array tries). Immutable, shared by all workers. */
#ifndef TOKENIZER_FAST_PAIRS_H
#define TOKENIZER_FAST_PAIRS_H

#include "tokenizer/vocabulary.h"

#define FAST_NO_RANK 0xFFFFu

/* A token of at most 16 bits with the place of its row: row << 16 | id. */
typedef uint32_t fast_symbol;

/* Beside the first and the last token of a word; merges with nothing. */
#define FAST_NO_SYMBOL ((fast_symbol)0xFFFF)

struct fast_pairs {
    uint32_t *slots; /* rank << 16 | left id; all ones: free */
    uint32_t
        mask; /* of their places; at least 16 bits, so that a right id is not taken for another */
    unsigned shift; /* rows begin at multiples of 1 << shift */
    uint16_t *rows; /* by left id, in these multiples */
};

/* Ids below `ids` <= 65535, fewer than 65535 merges, each of a pair of its own. False when memory
 * is short. Release either way; zero-initialised is empty. */
bool fast_pairs_create(struct fast_pairs *pairs, const struct merge *merges, uint32_t count,
                       uint32_t ids);
void fast_pairs_release(struct fast_pairs *pairs);

static inline fast_symbol fast_symbol_of(const struct fast_pairs *pairs, uint32_t id) {
    return (uint32_t)pairs->rows[id] << 16 | id;
}

/* The rank of a pair of neighbours; FAST_NO_RANK if they do not merge. By arithmetic: of a
 * condition compilers make a branch, which nobody can predict. */
static inline uint32_t fast_pair_rank(const struct fast_pairs *pairs, fast_symbol left,
                                      fast_symbol right) {
    uint32_t place = ((left >> 16 << pairs->shift) + (uint16_t)right) & pairs->mask;
    uint32_t slot = pairs->slots[place], differs = (uint16_t)(slot ^ left);
    return slot >> 16 | (0 - differs) >> 16;
}

#endif
