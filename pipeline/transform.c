/* Transforms run on the caller's thread; see transform.h. */
#include "pipeline/transform.h"
#include "pipeline/recorder.h"

#include <stdlib.h>

bool transform_scratch_create(const struct transform *transform, unsigned worker, void **scratch,
                              struct failure *failure) {
    *scratch = NULL;
    if (!transform || !transform->scratch_create) return true;
    struct error error;
    *scratch = transform->scratch_create(transform->shared, worker, &error);
    if (*scratch) return true;
    failure_set(failure, transform->name, 0, FAILURE_TRANSFORM, "worker %u: %.200s", worker,
                error.message);
    return false;
}

void transform_scratch_destroy(const struct transform *transform, void *scratch) {
    if (scratch && transform->scratch_destroy)
        transform->scratch_destroy(transform->shared, scratch);
}

bool transform_apply(const struct transform *transform, void *scratch, struct item *item,
                     struct failure *failure) {
    struct account_mark before = account_enter(transform->stage, ACTIVITY_BUSY, item->sequence);
    bool applied = transform->apply(transform->shared, scratch, item, failure);
    account_leave(before);
    account_count(transform->stage);
    return applied;
}

struct inline_transform {
    struct iterator iterator;
    struct iterator *upstream;
    const struct transform *transform;
    void *scratch;
    bool has_scratch;
    enum iterator_status final; /* sticky END, ERROR or CANCELLED */
    struct failure failure;
};

static enum iterator_status finish(struct inline_transform *self, enum iterator_status status,
                                   struct failure *failure) {
    self->final = status;
    if (failure) *failure = self->failure;
    return status;
}

static enum iterator_status inline_next(struct iterator *iterator, struct item **item,
                                        struct failure *failure) {
    struct inline_transform *self = (struct inline_transform *)iterator;
    if (self->final != ITERATOR_OK) return finish(self, self->final, failure);
    if (!self->has_scratch) {
        if (!transform_scratch_create(self->transform, 0, &self->scratch, &self->failure))
            return finish(self, ITERATOR_ERROR, failure);
        self->has_scratch = true;
    }
    enum iterator_status status = iterator_next(self->upstream, item, &self->failure);
    if (status != ITERATOR_OK) return finish(self, status, failure);
    if (transform_apply(self->transform, self->scratch, *item, &self->failure)) return ITERATOR_OK;
    item_release(*item);
    *item = NULL;
    return finish(self, ITERATOR_ERROR, failure);
}

static void inline_interrupt(struct iterator *iterator) {
    iterator_interrupt(((struct inline_transform *)iterator)->upstream);
}

static void inline_close(struct iterator *iterator) {
    struct inline_transform *self = (struct inline_transform *)iterator;
    transform_scratch_destroy(self->transform, self->scratch);
    iterator_close(self->upstream);
    free(self);
}

struct iterator *transform_iterator(struct iterator *upstream, const struct transform *transform,
                                    struct error *error) {
    static const struct iterator_operations operations = {"inline", inline_next, inline_interrupt,
                                                          inline_close};
    struct inline_transform *self = calloc(1, sizeof *self);
    if (!self) {
        error_set(error, "out of memory for a transform");
        return NULL;
    }
    self->iterator.operations = &operations;
    self->upstream = upstream;
    self->transform = transform;
    return &self->iterator;
}
