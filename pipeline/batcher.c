/* The batch operator: blocks into batches of a fixed number of rows; see operators.h. */
#include "pipeline/operators.h"

#include <stdlib.h>

struct batcher {
    struct iterator iterator;
    struct iterator *upstream;
    struct batch_setup setup;
    struct block *block; /* the one being cut up, or NULL */
    uint64_t block_row;
    uint64_t blocks_begun;
    uint64_t sequence, rows; /* batches and rows handed out */
    uint64_t skip;
    struct cursor position; /* behind the last row taken */
    enum iterator_status final;
    struct failure failure;
};

static enum iterator_status fail(struct batcher *self, int code, const char *message) {
    self->final = failure_set(&self->failure, "batch", self->sequence, code, "%s", message);
    self->failure.row = self->setup.rows_before + self->rows;
    return self->final;
}

/* Rows left in the current block. */
static uint64_t left_in_block(const struct batcher *self) {
    return self->block ? self->block->item.row_count - self->block_row : 0;
}

static void drop_block(struct batcher *self) {
    if (self->block) block_release(self->block);
    self->block = NULL;
    self->block_row = 0;
}

/* Makes the current block one with rows in it. False at the end of input or on failure. */
static bool find_rows(struct batcher *self) {
    while (!left_in_block(self)) {
        drop_block(self);
        if (self->final != ITERATOR_OK) return false;
        struct item *item;
        self->final = iterator_next(self->upstream, &item, &self->failure);
        if (self->final != ITERATOR_OK) return false;
        self->block = (struct block *)item;
        block_arrive(self->block);
        self->blocks_begun++;
        uint64_t skipped = left_in_block(self) < self->skip ? left_in_block(self) : self->skip;
        self->block_row += skipped;
        self->skip -= skipped;
    }
    return true;
}

/* Adds what the current block has, up to a full batch. */
static bool add_rows(struct batcher *self, struct batch *batch) {
    uint64_t rows = left_in_block(self);
    uint64_t wanted = self->setup.rows ? self->setup.rows - batch->item.row_count : rows;
    if (rows > wanted) rows = wanted;
    if (!batch_append(batch, self->block, self->block_row, rows, self->setup.copy_rows)) {
        fail(self, FAILURE_MEMORY, "out of memory for a batch");
        return false;
    }
    self->block_row += rows;
    self->position = (struct cursor){0, self->block->file, self->block->offset, self->block_row};
    return true;
}

static bool is_complete(const struct batcher *self, const struct batch *batch) {
    if (!batch->item.row_count) return false;
    if (!self->setup.rows || batch->item.row_count == self->setup.rows) return true;
    return !self->setup.cross_blocks && !left_in_block(self);
}

static void seal(struct batcher *self, struct batch *batch) {
    self->rows += batch->item.row_count;
    self->position.rows = self->setup.rows_before + self->rows;
    batch->item.sequence = self->sequence++;
    batch->item.segment_end = !self->setup.cross_blocks && !left_in_block(self);
    batch->blocks_begun = self->blocks_begun;
    batch->end = self->position;
    batch_seal(batch);
}

/* Fills one batch. False when there is none: failed, interrupted, or a short last one is unwanted.
 */
static bool build(struct batcher *self, struct batch *batch) {
    while (!is_complete(self, batch)) {
        if (!find_rows(self))
            return self->final == ITERATOR_END && batch->item.row_count && !self->setup.drop_last;
        if (!add_rows(self, batch)) return false;
    }
    return true;
}

static enum iterator_status batcher_next(struct iterator *iterator, struct item **item,
                                         struct failure *failure) {
    struct batcher *self = (struct batcher *)iterator;
    struct account_mark before = account_enter(self->setup.stage, ACTIVITY_BUSY, self->sequence);
    enum iterator_status status = ITERATOR_OK;
    /* Look for rows first: no batch is taken from the pool for an end. */
    struct batch *batch = find_rows(self) ? batch_take(self->setup.pool) : NULL;
    if (batch && build(self, batch)) {
        seal(self, batch);
        *item = &batch->item;
    } else {
        if (batch) item_release(&batch->item);
        status = self->final == ITERATOR_OK ? ITERATOR_CANCELLED : self->final;
        if (failure) *failure = self->failure;
    }
    account_leave(before);
    if (status == ITERATOR_OK) account_count(self->setup.stage);
    return status;
}

static void batcher_interrupt(struct iterator *iterator) {
    struct batcher *self = (struct batcher *)iterator;
    batch_pool_interrupt(self->setup.pool);
    iterator_interrupt(self->upstream);
}

static void batcher_close(struct iterator *iterator) {
    struct batcher *self = (struct batcher *)iterator;
    drop_block(self);
    iterator_close(self->upstream);
    free(self);
}

struct iterator *batch_operator(struct iterator *upstream, const struct batch_setup *setup,
                                struct error *error) {
    static const struct iterator_operations operations = {"batch", batcher_next, batcher_interrupt,
                                                          batcher_close};
    struct batcher *self = calloc(1, sizeof *self);
    if (!self) {
        error_set(error, "out of memory for the batcher");
        return NULL;
    }
    self->iterator.operations = &operations;
    self->upstream = upstream;
    self->setup = *setup;
    self->skip = setup->skip_rows;
    return &self->iterator;
}
