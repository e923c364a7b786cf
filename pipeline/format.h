/* The format transform: rows into token ids, cut or padded to the sequence length; or, for
 * synthetic batches, the cost of doing so. */
#ifndef PIPELINE_FORMAT_H
#define PIPELINE_FORMAT_H

#include "pipeline/batch.h"
#include "pipeline/cost.h"
#include "pipeline/transform.h"
#include <grainbench/encoder.h>

struct format_setup {
    const struct grainbench_encoder_operations *operations; /* NULL: synthetic */
    void *encoder;                                          /* immutable, shared by all workers */
    int32_t pad_id;
    struct cost cost; /* per row; COST_NONE unless synthetic */
};

/* `setup` must outlive the transform. */
struct transform format_transform(const struct format_setup *setup, int stage);

/* The same for rows [first, last) alone, on the caller's thread and scratch, without the digest:
 * for those who split a batch over threads. format_finish then makes the digest and frees the
 * blocks. */
void *format_scratch_create(const struct format_setup *setup, unsigned worker, struct error *error);
void format_scratch_destroy(const struct format_setup *setup, void *scratch);
struct format_counts {
    uint64_t tokens, kept;
};
bool format_rows(const struct format_setup *setup, void *scratch, struct batch *batch, size_t first,
                 size_t last, struct format_counts *counts, struct failure *failure);
void format_finish(const struct format_setup *setup, struct batch *batch,
                   struct format_counts counts);

/* The digest of a sequence of rows of ids: a polynomial modulo 2^64, so that the digests of two
 * batches give the digest of both, wherever batches were cut:
 *     digest(ab) = digest(a) * factor(b) + digest(b),  factor(ab) = factor(a) * factor(b)
 * Starts at {0, 1}. */
struct digest {
    uint64_t value, factor;
};
struct digest digest_append(struct digest first, struct digest second);
struct digest digest_row(const int32_t *ids, size_t count);

#endif
