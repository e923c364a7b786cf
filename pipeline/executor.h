/* The executor with threads: W workers pull from upstream, apply a transform and put the items into
 * a window of N slots, from which next() takes them in order. W = 1 without a transform is the
 * background thread of Ray PR 30190, W > 1 the ordered pool; both are this code.
 *
 * Rules. A worker takes a free slot before it pulls, so at most N items are in preparation or ready
 * besides the one the consumer has: N + 1 alive, always, whatever a straggler does. Pulling is
 * serialised, so slots are numbered in upstream order. END and failures occupy a slot like an item,
 * hence arrive after everything before them. Threads live as long as the iterator.
 *
 * Knows nothing of what the items are. */
#ifndef PIPELINE_EXECUTOR_H
#define PIPELINE_EXECUTOR_H

#include "base/error.h"
#include "pipeline/budget.h"
#include "pipeline/iterator.h"
#include "pipeline/recorder.h"
#include "pipeline/transform.h"

enum { EXECUTOR_DEPTH_LIMIT = 4096, EXECUTOR_WORKER_LIMIT = 256, EXECUTOR_OCCUPANCY = 65 };

/* What an executor saw; filled at close. */
struct executor_report {
    unsigned depth, workers;
    unsigned in_flight_maximum; /* slots taken at once, at most depth */
    uint64_t delivered;
    uint64_t
        occupancy[EXECUTOR_OCCUPANCY]; /* [k]: next() calls that found k items ready; last: more */
};

struct executor_setup {
    const char *name; /* of the threads and their accounts: "format" */
    unsigned depth;   /* N; 0 makes no thread and no queue */
    unsigned workers; /* W >= 1 */
    /* How long a side looks at the ring before it sleeps in the kernel; 0: sleeps at once. */
    uint64_t spin_ns;
    const struct transform *transform; /* NULL: items pass as they are; outlives the iterator */
    struct recorder *recorder;         /* or NULL */
    int stage;                         /* where the workers' own time is booked */
    struct budget *budget;             /* of the executor that starts new items, or NULL */
    struct executor_report *report;    /* or NULL; outlives the iterator */
};

/* Wraps `upstream`, which it takes over. With depth 0 returns `upstream` itself, or the inline
 * iterator of the transform. NULL with an error leaves `upstream` the caller's, to be closed.
 *
 * An item with `segment_end` set makes the workers stop there until next() has been asked for the
 * item after it: how prefetching behaved before it crossed block ends. */
struct iterator *executor_create(struct iterator *upstream, const struct executor_setup *setup,
                                 struct error *error);

#endif
