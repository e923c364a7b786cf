/* Several threads inside one batch: a transform that splits the rows of each batch over a team, in
 * contrast to a pool, whose workers take a batch each. */
#ifndef PIPELINE_INTRA_H
#define PIPELINE_INTRA_H

#include "pipeline/format.h"
#include "pipeline/recorder.h"

struct intra;

/* A team of `workers` threads, one of them the caller's. */
struct intra *intra_create(const struct format_setup *setup, unsigned workers,
                           struct recorder *recorder, int stage, uint64_t spin_ns,
                           struct error *error);
void intra_destroy(struct intra *intra); /* NULL is allowed */
struct transform intra_transform(struct intra *intra, int stage);

#endif
