/* A batch: rows as views into blocks, and the tensor [rows, sequence length] of token ids that the
 * formatter fills. Batches come from a pool of exactly as many as may be alive, made before any
 * timing; the pool is taken from in order, and is itself the back-pressure. */
#ifndef PIPELINE_BATCH_H
#define PIPELINE_BATCH_H

#include "base/error.h"
#include "pipeline/block.h"

/* Where in the input the rows before a point end: enough to go on there. */
struct cursor {
    uint64_t rows;      /* rows delivered so far */
    unsigned file;      /* the block that holds the next row: its file, */
    uint64_t offset;    /* where it begins there, */
    uint64_t block_row; /* and how many of its rows are done */
};

struct batch_pool;

struct batch {
    struct item item;
    struct batch_pool *pool;
    struct row *rows; /* item.row_count of them; text is NULL in synthetic batches */
    size_t row_capacity;
    struct block **blocks; /* a reference each, until the rows are formatted */
    size_t block_count, block_capacity;
    char *copy; /* the rows' own bytes, when a private copy was asked for */
    size_t copy_size, copy_capacity;
    uint64_t blocks_begun; /* blocks of the input that had to be there for this batch */
    struct cursor end;     /* after its last row */

    int32_t *ids;     /* [row_capacity][sequence_length], 64-byte aligned, padded */
    int32_t *lengths; /* [row_capacity], ids kept in each row */
    size_t sequence_length;
    uint64_t text_bytes, tokens, kept_tokens; /* tokens: before truncation */
    uint64_t digest, digest_factor;           /* of the kept ids; see digest_append in format.h */
    unsigned index; /* which of the pool's batches this is: 0 .. count-1 */
    bool sealed;    /* all its rows are there: it is on its way */
    bool delivered; /* the consumer has it */
    struct batch *next_free;
};

/* `count` batches of `rows` x `sequence_length` (rows may grow later), their pages touched. */
struct batch_pool *batch_pool_create(unsigned count, size_t rows, size_t sequence_length,
                                     struct budget *budget, struct error *error);
void batch_pool_destroy(struct batch_pool *pool); /* when all batches have come back */
unsigned batch_pool_live_maximum(struct batch_pool *pool);
unsigned batch_pool_count(struct batch_pool *pool);

/* An empty batch, waiting for one; NULL when interrupted. Called by one thread at a time. */
struct batch *batch_take(struct batch_pool *pool);
void batch_pool_interrupt(struct batch_pool *pool);

/* All rows are there: from now on the batch counts as on its way to the consumer. */
void batch_seal(struct batch *batch);

/* The consumer's side: marks a batch as delivered; false from all_held means that one more would
 * wait for ever. */
void batch_deliver(struct batch *batch);
bool batch_pool_all_held(struct batch_pool *pool);

/* Adds rows [first, first + count) of a block, as views, or as copies of their bytes. */
bool batch_append(struct batch *batch, struct block *block, size_t first, size_t count, bool copy);
void batch_release_blocks(struct batch *batch); /* once the rows are not needed any more */

#endif
