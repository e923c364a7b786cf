/* The window operator: how many blocks to have at hand for the batches that are wanted ahead. */
#include "pipeline/operators.h"

#include <stdlib.h>

struct window {
    struct iterator iterator;
    struct iterator *upstream;
    uint64_t target_rows, target_blocks;
    struct block **blocks; /* a queue: [first, first + count) modulo capacity */
    size_t first, count, capacity;
    uint64_t rows;
    int stage;
    enum iterator_status final;
    struct failure failure;
};

static bool is_short(const struct window *self) {
    if (!self->count) return true;
    if (!self->target_rows) return self->count < self->target_blocks;
    return self->rows && self->rows < self->target_rows; /* unknown row counts: one block */
}

static bool push(struct window *self, struct block *block) {
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? 2 * self->capacity : 8;
        struct block **grown = calloc(capacity, sizeof *grown);
        if (!grown) return false;
        for (size_t i = 0; i < self->count; i++)
            grown[i] = self->blocks[(self->first + i) % self->capacity];
        free(self->blocks);
        self->blocks = grown;
        self->capacity = capacity;
        self->first = 0;
    }
    self->blocks[(self->first + self->count++) % self->capacity] = block;
    self->rows += block->item.row_count;
    return true;
}

static void refill(struct window *self) {
    while (self->final == ITERATOR_OK && is_short(self)) {
        struct item *item;
        self->final = iterator_next(self->upstream, &item, &self->failure);
        if (self->final != ITERATOR_OK) return;
        block_arrive((struct block *)item);
        if (push(self, (struct block *)item)) continue;
        item_release(item);
        self->final = failure_set(&self->failure, "window", 0, FAILURE_MEMORY, "out of memory");
    }
}

static enum iterator_status window_next(struct iterator *iterator, struct item **item,
                                        struct failure *failure) {
    struct window *self = (struct window *)iterator;
    struct account_mark before = account_enter(self->stage, ACTIVITY_BUSY, 0);
    refill(self);
    account_leave(before);
    if (self->count) { /* END and failures come after the blocks before them */
        struct block *block = self->blocks[self->first];
        self->first = (self->first + 1) % self->capacity;
        self->count--;
        self->rows -= block->item.row_count;
        *item = &block->item;
        return ITERATOR_OK;
    }
    if (failure) *failure = self->failure;
    return self->final;
}

static void window_interrupt(struct iterator *iterator) {
    iterator_interrupt(((struct window *)iterator)->upstream);
}

static void window_close(struct iterator *iterator) {
    struct window *self = (struct window *)iterator;
    for (size_t i = 0; i < self->count; i++)
        block_release(self->blocks[(self->first + i) % self->capacity]);
    free(self->blocks);
    iterator_close(self->upstream);
    free(self);
}

struct iterator *window_operator(struct iterator *upstream, uint64_t rows, uint64_t blocks,
                                 int stage, struct error *error) {
    static const struct iterator_operations operations = {"window", window_next, window_interrupt,
                                                          window_close};
    struct window *self = calloc(1, sizeof *self);
    if (!self) {
        error_set(error, "out of memory for the window of blocks");
        return NULL;
    }
    self->iterator.operations = &operations;
    self->upstream = upstream;
    self->target_rows = rows;
    self->target_blocks = blocks;
    self->stage = stage;
    return &self->iterator;
}
