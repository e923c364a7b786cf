/* An arm ready to run in this process: encoder, scheduler, bound workers, result slots. One thread,
 * the one that created it, calls every function here. */
#ifndef HARNESS_ARM_H
#define HARNESS_ARM_H

#include "harness/arms/arm_spec.h"
#include "harness/corpus.h"
#include "harness/counters/counter_list.h"
#include "harness/experiment/evidence.h"
#include "harness/placement.h"
#include <grainbench/encoder.h>
#include <grainbench/scheduler.h>

struct arm;

struct arm_setup {
    const struct arm_spec *spec;
    const struct corpus *corpus;
    const struct placement *placement;
    const char *vocab_path, *merges_path;
    bool pin; /* bind workers; false: leave them to the operating system */
};

/* What a timed run of some batches gave. Times are sums over the batches. */
struct arm_sample {
    uint64_t duration_ns; /* the timed region: fork, run, join, collect, and drop if it is timed */
    uint64_t parallel_ns; /* of it, from handing the batch over until all items are done */
    uint64_t drop_ns;     /* of it, giving results back on the caller */
    uint64_t cpu_ns;      /* CPU time of the whole process meanwhile */
    uint64_t bytes, items;
    struct evidence evidence;
};

/* What an untimed, instrumented run of some batches showed. */
struct arm_observation {
    uint64_t batches, duration_ns;
    uint64_t fork_ns;    /* from handing over to the first item's start */
    uint64_t run_ns;     /* from there to the last item's end */
    uint64_t join_ns;    /* from there until the scheduler returned, without collect_ns if known */
    uint64_t collect_ns; /* merging results on the caller; UINT64_MAX: not told, part of join_ns */
    uint64_t drop_ns;
    uint64_t useful_ns; /* time inside the body, summed over workers */
    struct grainbench_statistics statistics;
    struct grainbench_worker_time *worker_times; /* [workers], owned by the arm */
};

/* NULL with a sentence on failure. The spec, corpus and placement must outlive the arm. */
struct arm *arm_create(const struct arm_setup *setup, struct error *error);
void arm_destroy(struct arm *);

/* Runs `count` batches from `first` on (wrapping around), untimed, and digests their ids in line
 * order (base/digest.h). Also the warm-up. */
bool arm_digest(struct arm *, size_t first, size_t count, uint64_t *digest, uint64_t *ids,
                struct error *error);
/* One untimed batch, then `count` timed ones from `first` on (wrapping around). */
bool arm_measure(struct arm *, size_t first, size_t count, struct arm_sample *sample,
                 struct error *error);
/* The same batches on an instance of the scheduler that keeps times: not for timing. */
bool arm_observe(struct arm *, size_t first, size_t count, struct arm_observation *observation,
                 struct error *error);

/* The same batches with events counted by phase and worker, on another instance of the scheduler:
 * not for timing. The `counter` line of a record without its `arm` member; the caller owns it. */
json_t *arm_count(struct arm *, size_t first, size_t count, const struct counter_list *list,
                  struct error *error);

const struct grainbench_scheduler_operations *arm_scheduler(const struct arm *);
const struct grainbench_encoder_operations *arm_encoder(const struct arm *);
/* How long worker w of the timed scheduler has waited for a processor since it was started, or
 * EVIDENCE_UNAVAILABLE. */
uint64_t arm_worker_wait_ns(const struct arm *, unsigned worker);
/* How many workers could not be bound, and why the first one could not ("" if all are bound). */
unsigned arm_unbound_workers(const struct arm *, const char **reason);

#endif
