/* The statistics every scheduler here keeps per worker, and their sum in the ABI's form. A worker
 * writes its own; the caller sums them between batches. */
#ifndef SCHEDULERS_TALLIES_H
#define SCHEDULERS_TALLIES_H

#include "schedulers/sync.h"

/* One row a field: TALLY(field). The first ones are what any scheduler has. */
#define TALLIES                                                                                    \
    TALLY(leaves)                                                                                  \
    TALLY(joins)                                                                                   \
    TALLY(steals)                                                                                  \
    TALLY(probes)                                                                                  \
    TALLY(injections)                                                                              \
    TALLY(pins)                                                                                    \
    TALLY(collections)                                                                             \
    TALLY(idle_episodes)                                                                           \
    TALLY(parks)                                                                                   \
    TALLY(wakes)                                                                                   \
    TALLY(wake_scan_locks)                                                                         \
    TALLY(list_nodes)

#define TALLIES_TIMES                                                                              \
    TALLY(run_ns)                                                                                  \
    TALLY(steal_ns)                                                                                \
    TALLY(spin_ns)                                                                                 \
    TALLY(park_ns)                                                                                 \
    TALLY(wake_ns)

struct SYNC_ALIGNED tallies {
#define TALLY(field) sync_tally field;
    TALLIES
    TALLIES_TIMES
#undef TALLY
    sync_tally leaf_sizes[GRAINBENCH_LEAF_SIZES];
};

SYNC_INLINE void tallies_leaf(struct tallies *tallies, size_t size) {
    sync_tally_add(&tallies->leaves, 1);
    sync_tally_add(
        &tallies->leaf_sizes[size < GRAINBENCH_LEAF_SIZES ? size : GRAINBENCH_LEAF_SIZES - 1], 1);
}

/* Time parked, the way back included. */
SYNC_INLINE uint64_t tallies_asleep_ns(const struct tallies *tallies) {
    return sync_tally_read(&tallies->park_ns) + sync_tally_read(&tallies->wake_ns);
}

/* Adds the tallies of `worker` to *out, whose struct_size, worker_times and worker_time_count the
 * caller of `statistics` has set. */
static inline void tallies_add(const struct tallies *tallies, unsigned worker,
                               struct grainbench_statistics *out) {
#define TALLY(field) out->field += sync_tally_read(&tallies->field);
    TALLIES
#undef TALLY
    for (size_t k = 0; k < GRAINBENCH_LEAF_SIZES; k++)
        out->leaf_sizes[k] += sync_tally_read(&tallies->leaf_sizes[k]);
    if (!out->worker_times || worker >= out->worker_time_count) return;
    struct grainbench_worker_time *times = &out->worker_times[worker];
#define TALLY(field) times->field += sync_tally_read(&tallies->field);
    TALLIES_TIMES
#undef TALLY
}

static inline void tallies_reset(struct tallies *tallies) {
#define TALLY(field) sync_tally_set(&tallies->field, 0);
    TALLIES
    TALLIES_TIMES
#undef TALLY
    for (size_t k = 0; k < GRAINBENCH_LEAF_SIZES; k++)
        sync_tally_set(&tallies->leaf_sizes[k], 0);
}

/* Zeroes every count of *out and the caller's worker times, before tallies_add. */
static inline void tallies_begin(struct grainbench_statistics *out) {
#define TALLY(field) out->field = 0;
    TALLIES
#undef TALLY
    out->batches = out->collect_ns = 0;
    for (size_t k = 0; k < GRAINBENCH_LEAF_SIZES; k++)
        out->leaf_sizes[k] = 0;
    for (unsigned w = 0; out->worker_times && w < out->worker_time_count; w++)
        out->worker_times[w] = (struct grainbench_worker_time){0};
}

#endif
