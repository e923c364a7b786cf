/* What the files of an arm share: making it (arm.c), running it (arm_run.c), looking into it
 * (arm_observe.c). Nobody else includes this. */
#ifndef HARNESS_ARM_INTERNAL_H
#define HARNESS_ARM_INTERNAL_H

#include "harness/arms/arm.h"
#include "harness/arms/scratch_pool.h"
#include "harness/components.h"

#include <stdatomic.h>

#define CACHE_LINE 128 /* adjacent-line prefetch: two lines of 64 */

/* What one worker owns. Padded: workers write here during a batch. */
struct worker {
    _Alignas(CACHE_LINE) void *scratch;
    char failure[GRAINBENCH_MESSAGE_SIZE]; /* "" or why an item of this worker failed */
    _Atomic int newest_thread; /* of the scheduler instance that was made last, once it is set up */
    int counted_thread;        /* of the instance whose batches are counted */
    int thread; /* the operating system's number of the timed scheduler's thread, or 0 */
    bool bound;
    char unbound_reason[GRAINBENCH_MESSAGE_SIZE];
    uint64_t first_ns, last_ns, useful_ns; /* observing: this batch's first start and last end */
    _Atomic uint64_t dose;                 /* the private line of dose and response */
};

struct arm {
    const struct arm_spec *spec;
    const struct corpus *corpus;
    const struct placement *placement;
    bool pin;
    struct component scheduler_choice, encoder_choice;
    const struct grainbench_encoder_operations *encoder_operations;
    const struct grainbench_scheduler_operations *scheduler_operations;
    void *encoder;
    struct grainbench_scheduler *scheduler;
    struct grainbench_scheduler *observer, *counted_scheduler; /* made when first needed */
    struct arm_counting *counting; /* the counted run in progress, or NULL */
    void (*joined)(void *context); /* for the next instance that is made */
    struct worker *workers;
    struct scratch_pool *pool; /* NULL: every worker uses its own scratch */
    unsigned *groups;
    char *results; /* [batch_lines] slots of result_size bytes */
    struct grainbench_worker_time *worker_times;
    /* The batch in progress, read by the body. */
    size_t start;
    bool keep; /* results stay until the caller has digested them */
    _Alignas(CACHE_LINE) _Atomic uint64_t shared_dose;
};

struct grainbench_scheduler *arm_create_scheduler(struct arm *arm, unsigned flags,
                                                  struct error *error);

/* Whether the caller only hands batches over: it is no worker and bound to no processing unit. */
bool arm_caller_is_apart(const struct arm *arm);
/* How many threads run items: one if all is done by the caller. */
unsigned arm_worker_threads(const struct arm *arm);
/* Waits, though not for ever, until the workers of the newest instance have been started: some
 * schedulers return from `create` before. */
void arm_await_workers(struct arm *arm);

/* The body of a batch: encodes the items [begin, end) as worker `index`. */
void arm_encode_items(void *arm, size_t begin, size_t end, unsigned index);
struct grainbench_batch arm_make_batch(struct arm *arm, size_t batch, grainbench_body body);
void arm_reset_scratches(struct arm *arm);
void arm_drop_results(struct arm *arm, size_t count); /* and resets the scratches */
void arm_idle_gap(uint64_t gap_ns);
/* False if an item has failed on any worker. */
bool arm_check_failures(struct arm *arm, struct error *error);

#endif
