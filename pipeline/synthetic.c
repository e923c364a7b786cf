/* Sources without text: synthetic blocks at a cost, and blocks that are in memory already. */
#include "pipeline/operators.h"

#include <stdlib.h>

struct synthetic {
    struct iterator iterator;
    struct synthetic_setup setup;
    uint64_t next, first_block;
    _Atomic bool stop;
};

/* Rows before block `index` when `rows` are dealt out as evenly as they go. */
static uint64_t rows_before(const struct synthetic_setup *setup, uint64_t index) {
    return (uint64_t)((unsigned __int128)setup->rows * index / setup->blocks);
}

static enum iterator_status synthetic_next(struct iterator *iterator, struct item **item,
                                           struct failure *failure) {
    struct synthetic *self = (struct synthetic *)iterator;
    if (atomic_load(&self->stop)) return ITERATOR_CANCELLED;
    if (self->next == self->setup.blocks) return ITERATOR_END;
    struct account_mark before = account_enter(self->setup.stage, ACTIVITY_BUSY, self->next);
    struct block *block = block_take(self->setup.store, 0);
    if (block) {
        uint64_t first = rows_before(&self->setup, self->next);
        block->item.sequence = self->next - self->first_block;
        block->item.row_count = rows_before(&self->setup, self->next + 1) - first;
        block->offset = first;
        cost_run(&self->setup.cost, self->next, (double)block->item.row_count);
        self->next++;
        *item = &block->item;
    }
    account_leave(before);
    if (!block)
        return failure_set(failure, "read", self->next, FAILURE_MEMORY,
                           "out of memory for a block");
    account_count(self->setup.stage);
    return ITERATOR_OK;
}

static void synthetic_interrupt(struct iterator *iterator) {
    atomic_store(&((struct synthetic *)iterator)->stop, true);
}

static void synthetic_close(struct iterator *iterator) {
    free(iterator);
}

struct iterator *synthetic_operator(const struct synthetic_setup *setup, struct error *error) {
    static const struct iterator_operations operations = {"read", synthetic_next,
                                                          synthetic_interrupt, synthetic_close};
    struct synthetic *self = calloc(1, sizeof *self);
    if (!self) {
        error_set(error, "out of memory for a synthetic source");
        return NULL;
    }
    self->iterator.operations = &operations;
    self->setup = *setup;
    atomic_init(&self->stop, false);
    while (self->next < setup->blocks && rows_before(setup, self->next + 1) <= setup->first_row &&
           setup->first_row)
        self->next++;
    self->first_block = self->next;
    return &self->iterator;
}

struct array {
    struct iterator iterator;
    struct block **blocks;
    size_t count, next;
    _Atomic bool stop;
};

static enum iterator_status array_next(struct iterator *iterator, struct item **item,
                                       struct failure *failure) {
    struct array *self = (struct array *)iterator;
    (void)failure;
    if (atomic_load(&self->stop)) return ITERATOR_CANCELLED;
    if (self->next == self->count) return ITERATOR_END;
    *item = &self->blocks[self->next++]->item;
    return ITERATOR_OK;
}

static void array_interrupt(struct iterator *iterator) {
    atomic_store(&((struct array *)iterator)->stop, true);
}

static void array_close(struct iterator *iterator) {
    struct array *self = (struct array *)iterator;
    while (self->next < self->count)
        block_release(self->blocks[self->next++]);
    free(self->blocks);
    free(self);
}

struct iterator *array_operator(struct block **blocks, size_t count, struct error *error) {
    static const struct iterator_operations operations = {"array", array_next, array_interrupt,
                                                          array_close};
    struct array *self = calloc(1, sizeof *self);
    if (!self) {
        error_set(error, "out of memory for an array of blocks");
        return NULL;
    }
    self->iterator.operations = &operations;
    self->blocks = blocks;
    self->count = count;
    atomic_init(&self->stop, false);
    return &self->iterator;
}
