/* The consumer's end of a pipeline: counts what is held, keeps the cursor; see operators.h. */
#include "pipeline/operators.h"

#include <stdlib.h>

struct delivery {
    struct iterator iterator;
    struct iterator *upstream;
    struct batch_pool *pool;
    struct cursor cursor;
};

static enum iterator_status delivery_next(struct iterator *iterator, struct item **item,
                                          struct failure *failure) {
    struct delivery *self = (struct delivery *)iterator;
    if (batch_pool_all_held(self->pool))
        return failure_set(failure, "consume", 0, FAILURE_ALL_HELD,
                           "all buffers held: the consumer keeps all %u batches; release one first",
                           batch_pool_count(self->pool));
    enum iterator_status status = iterator_next(self->upstream, item, failure);
    if (status != ITERATOR_OK) return status;
    struct batch *batch = (struct batch *)*item;
    batch_deliver(batch);
    self->cursor = batch->end;
    return ITERATOR_OK;
}

static void delivery_interrupt(struct iterator *iterator) {
    iterator_interrupt(((struct delivery *)iterator)->upstream);
}

static void delivery_close(struct iterator *iterator) {
    iterator_close(((struct delivery *)iterator)->upstream);
    free(iterator);
}

struct iterator *delivery_operator(struct iterator *upstream, struct batch_pool *pool,
                                   struct cursor start, struct error *error) {
    static const struct iterator_operations operations = {"delivery", delivery_next,
                                                          delivery_interrupt, delivery_close};
    struct delivery *self = calloc(1, sizeof *self);
    if (!self) {
        error_set(error, "out of memory for the delivery");
        return NULL;
    }
    self->iterator.operations = &operations;
    self->upstream = upstream;
    self->pool = pool;
    self->cursor = start;
    return &self->iterator;
}

struct cursor delivery_cursor(const struct iterator *delivery) {
    return ((const struct delivery *)delivery)->cursor;
}
