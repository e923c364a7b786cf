/* Counts that the C and C++ modules of this folder keep for `statistics`: leaves by size, one block
 * a worker, written by that worker alone and read between batches. */
#ifndef PLUGINS_COMMON_COUNTS_H
#define PLUGINS_COMMON_COUNTS_H

#include <grainbench/scheduler.h>
#include <stdlib.h>
#include <string.h>

struct leaf_counts {
    uint64_t leaves;
    uint64_t leaf_sizes[GRAINBENCH_LEAF_SIZES];
    char padding[128]; /* neighbours' blocks share no cache line */
};

static inline void leaf_counts_add(struct leaf_counts *counts, size_t size) {
    counts->leaves++;
    counts->leaf_sizes[size < GRAINBENCH_LEAF_SIZES ? size : GRAINBENCH_LEAF_SIZES - 1]++;
}

/* Zeroes the leaves, to which leaf_counts_collect adds each worker's, and marks what these runtimes
 * do not tell as not known. */
static inline void leaf_counts_begin_report(uint64_t batches, struct grainbench_statistics *out) {
    out->batches = batches;
    out->leaves = 0;
    memset(out->leaf_sizes, 0, sizeof out->leaf_sizes);
    out->joins = out->steals = out->probes = out->injections = UINT64_MAX;
    out->pins = out->collections = out->list_nodes = UINT64_MAX;
    out->idle_episodes = out->parks = out->wakes = out->wake_scan_locks = UINT64_MAX;
}

static inline void leaf_counts_collect(const struct leaf_counts *counts,
                                       struct grainbench_statistics *out) {
    out->leaves += counts->leaves;
    for (size_t k = 0; k < GRAINBENCH_LEAF_SIZES; k++)
        out->leaf_sizes[k] += counts->leaf_sizes[k];
}

#endif
