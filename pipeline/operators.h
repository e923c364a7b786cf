/* The operators of a pipeline. None knows of threads: each runs wherever its next() or apply() is
 * called. Constructors take over `upstream`; on failure (NULL) it stays the caller's, to be closed.
 */
#ifndef PIPELINE_OPERATORS_H
#define PIPELINE_OPERATORS_H

#include "base/error.h"
#include "pipeline/batch.h"
#include "pipeline/cost.h"
#include "pipeline/iterator.h"
#include "pipeline/recorder.h"
#include "pipeline/transform.h"

/* read: files into blocks of about `block_bytes`, cut behind line ends; a longer line makes a
 * longer block, up to `row_limit_bytes`. Begins at `start`. "-" is standard input. */
struct read_setup {
    const char *const *paths;
    unsigned path_count;
    size_t block_bytes, row_limit_bytes;
    struct cursor start;
    struct block_store *store;
    int stage;
};
struct iterator *read_operator(const struct read_setup *setup, struct error *error);

/* Blocks without text: `rows` rows in `blocks` nearly equal blocks, at a given cost for all. */
struct synthetic_setup {
    uint64_t rows, blocks;
    struct cost cost;   /* per row */
    uint64_t first_row; /* rows before this one are left out, with their cost */
    struct block_store *store;
    int stage;
};
struct iterator *synthetic_operator(const struct synthetic_setup *setup, struct error *error);

/* Hands out blocks that are in memory already: `blocks` and its references are taken over. */
struct iterator *array_operator(struct block **blocks, size_t count, struct error *error);

/* preprocess: a transform on blocks that finds the rows and checks that they are UTF-8. */
struct preprocess_setup {
    const char *const *paths; /* for messages */
};
struct transform preprocess_transform(const struct preprocess_setup *setup, int stage);

/* window: keeps the fewest blocks whose rows reach `rows` (prefetched batches x batch size), or
 * `blocks` blocks if `rows` is 0; blocks of unknown row count one at a time. */
struct iterator *window_operator(struct iterator *upstream, uint64_t rows, uint64_t blocks,
                                 int stage, struct error *error);

/* batch: blocks into batches of `rows` rows (0: one block is one batch). */
struct batch_setup {
    size_t rows;
    bool
        cross_blocks; /* a batch may span blocks; otherwise each block ends a batch and a segment */
    bool drop_last;   /* leaves out the last batch of all if it is short */
    bool copy_rows;   /* gives each batch a private copy of its rows, so that it pins no block */
    size_t shuffle_rows;  /* > 0: batches are drawn from a buffer of at least so many rows */
    uint64_t seed;        /* of the shuffle */
    uint64_t skip_rows;   /* rows left out at the beginning: delivered before */
    uint64_t rows_before; /* rows delivered before, for the cursor and for failures */
    struct batch_pool *pool;
    int stage;
};
struct iterator *batch_operator(struct iterator *upstream, const struct batch_setup *setup,
                                struct error *error);
struct iterator *shuffle_operator(struct iterator *upstream, const struct batch_setup *setup,
                                  struct error *error);

/* delivery: the consumer's end. Refuses with FAILURE_ALL_HELD when the consumer keeps every batch
 * (this failure does not stay), and knows the cursor of what was delivered. */
struct iterator *delivery_operator(struct iterator *upstream, struct batch_pool *pool,
                                   struct cursor start, struct error *error);
struct cursor delivery_cursor(const struct iterator *delivery);

#endif
