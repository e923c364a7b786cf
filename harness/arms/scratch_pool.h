/* Scratch buffers behind locks, taken and given back for every item: what a process-wide pool of
 * scratches costs against one scratch a worker. An experiment, not a way to build a tokenizer. */
#ifndef HARNESS_SCRATCH_POOL_H
#define HARNESS_SCRATCH_POOL_H

#include "base/error.h"

struct scratch_pool;

/* `pools` locked pools for `workers` workers: worker w uses pool w modulo `pools`. */
struct scratch_pool *scratch_pool_create(unsigned workers, unsigned pools, struct error *error);
/* Does not free the scratches. NULL is allowed. */
void scratch_pool_destroy(struct scratch_pool *pool);

/* Any thread may call these as worker `worker`; at most one item a worker has a scratch at a time,
 * so a pool that was given a scratch a worker never runs dry. */
void *scratch_pool_take(struct scratch_pool *pool, unsigned worker);
void scratch_pool_give(struct scratch_pool *pool, unsigned worker, void *scratch);

#endif
