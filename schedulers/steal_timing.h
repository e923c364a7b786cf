/* A little program at the deque that the rayon schedulers use (rayon_deque.h): a thief times its
 * probes of another worker's deques and its steals from them, while that worker waits. Compiled for
 * real threads and for simulated cores from one source, so that what a simulation charges for a
 * probe can be held against what it costs. Knows nothing of profiles, rounds or placements. */
#ifndef SCHEDULERS_STEAL_TIMING_H
#define SCHEDULERS_STEAL_TIMING_H

#include "base/error.h"
#include <grainbench/scheduler.h>

enum steal_timing_kind {
    STEAL_TIMING_PROBE_HELD,    /* an empty deque whose lines the thief has from the last probe */
    STEAL_TIMING_PROBE_WRITTEN, /* an empty deque where its owner has just pushed and popped */
    STEAL_TIMING_PROBE_ROW,     /* the same, 32 deques one after the other, for each */
    STEAL_TIMING_STEAL,         /* one of the jobs that its owner has just pushed */
    STEAL_TIMING_KINDS
};

enum { STEAL_TIMING_BLOCKS = 25 };

/* ns of one probe or steal, pinning and unpinning included, as the mean of a block: as many as lie
 * between two walks of the epoch's records, one of which is in it. Each is timed alone, but those
 * in a row; what reading the clock costs is taken off. */
struct steal_timing {
    double ns[STEAL_TIMING_KINDS][STEAL_TIMING_BLOCKS];
};

/* Runs it with the calling thread as the thief (worker 0) and a thread of its own as the owner
 * (worker 1); the setup's worker_start is called on each, its other fields are not used. About
 * 4 ms. False without memory or threads. The virtual one is called inside virtual_machine_run
 * alone, on a machine with two places, and the errors are the same. */
bool scheduler_native_steal_timing(const struct grainbench_setup *setup,
                                   struct steal_timing *timing, struct error *error);
bool scheduler_virtual_steal_timing(const struct grainbench_setup *setup,
                                    struct steal_timing *timing, struct error *error);

#endif
