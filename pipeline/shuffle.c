/* The shuffle operator: batches drawn from a buffer of rows. The rule is Ray Data's shuffling
 * batcher: the buffer's minimum is at least a batch; while input remains, a batch is handed out
 * only if the permuted part still holds the minimum, or if all rows less one batch reach 1.5 times
 * the minimum; new rows are mixed in ("compaction") only when the permuted part has shrunk to the
 * minimum, each time with the next seed; at the end everything drains, and the last batch may be
 * short. */
#include "base/random.h"
#include "pipeline/operators.h"

#include <stdlib.h>

struct held_row {
    struct block *block; /* a reference each */
    uint32_t row;
};

struct shuffler {
    struct iterator iterator;
    struct iterator *upstream;
    struct batch_setup setup;
    struct held_row *rows; /* [head, mixed) permuted, [mixed, count) new */
    size_t head, mixed, count, capacity;
    size_t minimum;
    uint64_t seed, sequence, delivered, skip, blocks_begun;
    enum iterator_status final;
    struct failure failure;
};

static bool has_batch(const struct shuffler *self) {
    size_t all = self->count - self->head, mixed = self->mixed - self->head;
    if (self->final != ITERATOR_OK)
        return all > 0 && (!self->setup.drop_last || all >= self->setup.rows);
    return mixed >= self->minimum || (all >= self->setup.rows && (double)(all - self->setup.rows) >=
                                                                     1.5 * (double)self->minimum);
}

static bool add_block(struct shuffler *self, struct block *block) {
    size_t rows = block->item.row_count;
    if (self->count + rows > self->capacity) {
        size_t capacity = 2 * (self->count + rows);
        struct held_row *grown = realloc(self->rows, capacity * sizeof *grown);
        if (!grown) return false;
        self->rows = grown;
        self->capacity = capacity;
    }
    for (size_t i = 0; i < rows; i++)
        self->rows[self->count++] = (struct held_row){block_share(block), (uint32_t)i};
    return true;
}

static void fill(struct shuffler *self) {
    while (self->final == ITERATOR_OK && !has_batch(self)) {
        struct item *item;
        self->final = iterator_next(self->upstream, &item, &self->failure);
        if (self->final != ITERATOR_OK) return;
        self->blocks_begun++;
        block_arrive((struct block *)item);
        bool added = add_block(self, (struct block *)item);
        item_release(item);
        if (!added)
            self->final = failure_set(&self->failure, "shuffle", self->sequence, FAILURE_MEMORY,
                                      "out of memory");
    }
}

/* Permutes all rows that are left (Fisher and Yates). */
static void compact(struct shuffler *self) {
    bool new_rows = self->mixed < self->count;
    bool due = self->final != ITERATOR_OK || self->mixed - self->head <= self->minimum;
    if (!new_rows || !due) return;
    size_t left = self->count - self->head;
    for (size_t i = 0; i < left; i++)
        self->rows[i] = self->rows[self->head + i];
    struct random random = {self->seed++};
    for (size_t i = left; i > 1; i--) {
        size_t j = (size_t)random_below(&random, i);
        struct held_row row = self->rows[i - 1];
        self->rows[i - 1] = self->rows[j];
        self->rows[j] = row;
    }
    self->head = 0;
    self->mixed = self->count = left;
}

static bool draw(struct shuffler *self, struct batch *batch) {
    size_t rows = self->mixed - self->head;
    if (rows > self->setup.rows) rows = self->setup.rows;
    for (size_t i = 0; i < rows; i++) {
        struct held_row *row = &self->rows[self->head];
        if (!batch_append(batch, row->block, row->row, 1, self->setup.copy_rows)) return false;
        block_release(row->block);
        self->head++;
    }
    return true;
}

/* Leaves out rows that were delivered before: the same draws, without a batch. */
static void skip_rows(struct shuffler *self) {
    while (self->skip && (fill(self), has_batch(self))) {
        compact(self);
        size_t rows = self->mixed - self->head;
        if (rows > self->setup.rows) rows = self->setup.rows;
        for (size_t i = 0; i < rows; i++)
            block_release(self->rows[self->head++].block);
        self->skip -= rows < self->skip ? rows : self->skip;
    }
}

static enum iterator_status next_batch(struct shuffler *self, struct item **item) {
    skip_rows(self);
    fill(self);
    if (!has_batch(self)) return self->final;
    compact(self);
    struct batch *batch = batch_take(self->setup.pool);
    if (!batch) return ITERATOR_CANCELLED;
    if (!draw(self, batch)) {
        item_release(&batch->item);
        return self->final = failure_set(&self->failure, "shuffle", self->sequence, FAILURE_MEMORY,
                                         "out of memory for a batch");
    }
    self->delivered += batch->item.row_count;
    batch->item.sequence = self->sequence++;
    batch->blocks_begun = self->blocks_begun;
    batch->end = (struct cursor){.rows = self->setup.rows_before + self->delivered};
    batch_seal(batch);
    *item = &batch->item;
    return ITERATOR_OK;
}

static enum iterator_status shuffler_next(struct iterator *iterator, struct item **item,
                                          struct failure *failure) {
    struct shuffler *self = (struct shuffler *)iterator;
    struct account_mark before = account_enter(self->setup.stage, ACTIVITY_BUSY, self->sequence);
    enum iterator_status status = next_batch(self, item);
    account_leave(before);
    if (status == ITERATOR_OK)
        account_count(self->setup.stage);
    else if (failure)
        *failure = self->failure;
    return status;
}

static void shuffler_interrupt(struct iterator *iterator) {
    struct shuffler *self = (struct shuffler *)iterator;
    batch_pool_interrupt(self->setup.pool);
    iterator_interrupt(self->upstream);
}

static void shuffler_close(struct iterator *iterator) {
    struct shuffler *self = (struct shuffler *)iterator;
    for (size_t i = self->head; i < self->count; i++)
        block_release(self->rows[i].block);
    free(self->rows);
    iterator_close(self->upstream);
    free(self);
}

struct iterator *shuffle_operator(struct iterator *upstream, const struct batch_setup *setup,
                                  struct error *error) {
    static const struct iterator_operations operations = {"shuffle", shuffler_next,
                                                          shuffler_interrupt, shuffler_close};
    if (!setup->rows) {
        error_set(error, "a shuffle buffer needs a batch size");
        return NULL;
    }
    struct shuffler *self = calloc(1, sizeof *self);
    if (!self) {
        error_set(error, "out of memory for the shuffle buffer");
        return NULL;
    }
    self->iterator.operations = &operations;
    self->upstream = upstream;
    self->setup = *setup;
    self->skip = setup->skip_rows;
    self->seed = setup->seed;
    self->minimum = setup->shuffle_rows > setup->rows ? setup->shuffle_rows : setup->rows;
    return &self->iterator;
}
