/* A transform: an operator that works on one item in place, one out for one in, and may therefore
 * run on several workers at once. Whatever changes lives in a worker's scratch. */
#ifndef PIPELINE_TRANSFORM_H
#define PIPELINE_TRANSFORM_H

#include "base/error.h"
#include "pipeline/iterator.h"

struct transform {
    const char *name;
    int stage; /* where its time is booked: recorder_stage() */
    void *shared;
    /* Optional. Called on the worker's own thread before its first item. */
    void *(*scratch_create)(void *shared, unsigned worker, struct error *error);
    void (*scratch_destroy)(void *shared, void *scratch);
    /* False with a failure: the caller then releases the item. */
    bool (*apply)(void *shared, void *scratch, struct item *item, struct failure *failure);
};

/* Makes the scratch if the transform has one. False with a failure when that fails. */
bool transform_scratch_create(const struct transform *transform, unsigned worker, void **scratch,
                              struct failure *failure);
void transform_scratch_destroy(const struct transform *transform, void *scratch);

/* Applies the transform and books its time. */
bool transform_apply(const struct transform *transform, void *scratch, struct item *item,
                     struct failure *failure);

/* The inline executor of a transform: runs it in next(), on the caller's thread. Takes over
 * `upstream`; NULL (out of memory) leaves it the caller's. `transform` must outlive the iterator.
 */
struct iterator *transform_iterator(struct iterator *upstream, const struct transform *transform,
                                    struct error *error);

#endif
