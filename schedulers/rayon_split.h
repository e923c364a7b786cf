/* rayon's parallel loop: the splitting rule of bridge_producer_consumer, and join.
 *
 * The rule. A range of `length` items carries `splits`, at first the number of workers. It is
 * divided in the middle if both halves keep `min` items and either it has migrated (then its
 * splits are reset to at least the number of workers) or splits are left (then they are halved);
 * otherwise it is a leaf. "Migrated" means run by reference, not in line: stolen, or injected. A
 * loop that a thread outside the pool calls divides once on the caller's stack and injects that
 * join, both of whose halves then count as migrated: 2^(floor(log2 T) + 3) leaves without any
 * steal, four times as many as from within the pool. */
#ifndef SCHEDULERS_RAYON_SPLIT_H
#define SCHEDULERS_RAYON_SPLIT_H

#include "schedulers/rayon_registry.h"

struct loop {
    const struct grainbench_batch *batch;
    struct registry *registry;
    size_t min;
    bool collects;
    sync_u32 full; /* collecting: an error ended the loop; never set here, but looked at */
};

/* A range that may run elsewhere: the second half of a join, or an injected whole. Rayon
 * does not align its jobs, but which of its frames share a line is the compiler's choice, and
 * simulated rates must not depend on that. */
struct range_job {
    struct job job;
    struct loop *loop;
    struct latch latch;
    unsigned owner; /* worker that waits on the latch */
    size_t begin, length, splits;
    struct collect_list list; /* written before the latch is set */
};

static inline struct collect_list loop_leaf(struct loop *loop, struct tallies *tallies,
                                            unsigned worker, size_t begin, size_t length) {
    struct collect_list none = {.nodes = 0};
    if (length == 0) return none;
    uint64_t start_ns = loop->registry->observe ? sync_now_ns() : 0;
    sync_body(loop->batch, begin, begin + length, worker);
    if (loop->collects) none = collect_leaf(loop->batch, begin, begin + length, tallies);
    if (loop->registry->observe) sync_tally_add(&tallies->run_ns, sync_now_ns() - start_ns);
    tallies_leaf(tallies, length);
    return none;
}

/* Whether a range is divided; if so, *splits is what its halves carry. */
static inline bool loop_divides(struct loop *loop, size_t length, bool migrated, size_t *splits) {
    if (loop->collects) (void)sync_load_u32(&loop->full, SYNC_RELAXED, SITE_COLLECT_FULL);
    if (length / 2 < loop->min) return false;
    if (migrated) {
        size_t workers = loop->registry->worker_count, half = *splits / 2;
        *splits = half > workers ? half : workers;
        return true;
    }
    if (*splits == 0) return false;
    *splits /= 2;
    return true;
}

static struct collect_list loop_join(struct loop *loop, struct rayon_worker *worker, size_t begin,
                                     size_t length, size_t splits, bool injected);

static struct collect_list loop_run(struct loop *loop, struct rayon_worker *worker, size_t begin,
                                    size_t length, size_t splits, bool migrated) {
    if (loop_divides(loop, length, migrated, &splits))
        return loop_join(loop, worker, begin, length, splits, false);
    return loop_leaf(loop, &worker->tallies, worker->index, begin, length);
}

/* The second half, taken by reference: it has migrated. Its frame is gone once the latch is set. */
static void loop_execute_stolen(struct rayon_worker *worker, struct job *job) {
    struct range_job *range = (struct range_job *)job;
    struct registry *registry = job->registry;
    unsigned owner = range->owner;
    range->list = loop_run(range->loop, worker, range->begin, range->length, range->splits, true);
    registry_set_latch(registry, &worker->tallies, &range->latch, owner);
}

/* Waits for the second half; true if it was found in the own deque and is yet to be run. */
static inline bool loop_take_back(struct rayon_worker *worker, struct range_job *second) {
    while (!latch_probe(&second->latch)) {
        struct job_reference job = worker_take_local(worker);
        if (!job.job) {
            worker_wait_until(worker, &second->latch);
            return false;
        }
        if (job.job == &second->job) return true;
        worker_execute(worker, job);
    }
    return false;
}

/* Runs both halves of a range: the second is offered to thieves while the first runs here. */
static struct collect_list loop_join(struct loop *loop, struct rayon_worker *worker, size_t begin,
                                     size_t length, size_t splits, bool injected) {
    size_t half = length / 2;
    SYNC_ALIGNED struct range_job second = {.job = {loop->registry},
                                            .loop = loop,
                                            .owner = worker->index,
                                            .begin = begin + half,
                                            .length = length - half,
                                            .splits = splits};
    latch_init(&second.latch);
    sync_on_stack(&second, sizeof second);
    sync_tally_add(&worker->tallies.joins, 1);
    bool offered = worker_push(worker, (struct job_reference){&second.job, loop_execute_stolen});
    struct collect_list first = loop_run(loop, worker, begin, half, splits, injected);
    if (!offered || loop_take_back(worker, &second))
        second.list = loop_run(loop, worker, second.begin, second.length, second.splits, injected);
    sync_off_stack(&second, sizeof second);
    return loop->collects ? collect_append(first, second.list) : first;
}

/* ---- Entering from outside ------------------------------------------------------------------ */

/* The injected join of an outside call: `splits` is already what its halves carry. */
static void loop_execute_injected_join(struct rayon_worker *worker, struct job *job) {
    struct range_job *range = (struct range_job *)job;
    range->list = loop_join(range->loop, worker, range->begin, range->length, range->splits, true);
    lock_latch_set(&job->registry->caller_latch);
}

/* The injected whole of an installed call. */
static void loop_execute_installed(struct rayon_worker *worker, struct job *job) {
    struct range_job *range = (struct range_job *)job;
    range->list = loop_run(range->loop, worker, range->begin, range->length, range->splits, false);
    lock_latch_set(&job->registry->caller_latch);
}

/* The whole loop, called by a thread that is no worker; returns the collected list. */
static inline struct collect_list loop_call(struct loop *loop, bool install) {
    struct registry *registry = loop->registry;
    size_t count = loop->batch->item_count, splits = registry->worker_count;
    struct range_job whole = {.job = {registry}, .loop = loop, .length = count, .splits = splits};
    if (install) {
        struct job_reference job = {&whole.job, loop_execute_installed};
        if (registry_inject_and_wait(registry, job)) return whole.list;
    } else if (loop_divides(loop, count, false, &whole.splits)) {
        struct job_reference job = {&whole.job, loop_execute_injected_join};
        if (registry_inject_and_wait(registry, job)) return whole.list;
    }
    /* Too short to divide, or no memory to hand it in: the caller runs it alone, as worker 0. */
    return loop_leaf(loop, &registry->caller_tallies, 0, 0, count);
}

#endif
