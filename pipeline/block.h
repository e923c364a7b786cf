/* Blocks of text: what reading yields and batches point into. Read-only once indexed, counted by
 * references, so that a batch across block ends copies nothing. A synthetic block has rows but no
 * text. */
#ifndef PIPELINE_BLOCK_H
#define PIPELINE_BLOCK_H

#include "base/error.h"
#include "pipeline/budget.h"
#include "pipeline/item.h"

/* One row: a line without its '\n', valid as long as its block. */
struct row {
    const char *text;
    uint32_t length;
};

struct block_store;

struct block {
    struct item item; /* row_count is 0 until the rows are indexed */
    _Atomic unsigned references;
    struct block_store *store;
    char *data;
    size_t size, capacity;
    struct row *rows;
    size_t row_capacity;
    unsigned file;              /* which input file */
    uint64_t offset;            /* where in it the block begins */
    bool on_its_way, will_grow; /* what its budget has been told; see block_depart */
    struct block *next_free;
};

/* Makes blocks, books their bytes with `budget` (or NULL) and keeps a few for use again. */
struct block_store *block_store_create(struct budget *budget, struct error *error);
void block_store_destroy(struct block_store *store);   /* when all blocks have come back */
size_t block_store_maximum(struct block_store *store); /* most bytes in blocks at once */

/* A block of one reference and room for `capacity` bytes; NULL when out of memory. */
struct block *block_take(struct block_store *store, size_t capacity);
bool block_grow(struct block *block, size_t capacity);      /* keeps the data */
bool block_reserve_rows(struct block *block, size_t count); /* room for `count` rows */
struct block *block_share(struct block *block);             /* one more reference; returns it */
void block_release(struct block *block);                    /* any thread */

/* The block has been read and is on its way to the batcher, and the batcher has it: between the two
 * its budget knows that bytes will be given back. Called by whoever owns the block. */
void block_depart(struct block *block);
void block_arrive(struct block *block);

/* Bytes that this block keeps from being used for anything else. */
size_t block_bytes(const struct block *block);

#endif
