/* Looks into an arm: the same batches on an instance of the scheduler that keeps times; see arm.h.
 */
#define _GNU_SOURCE
#include "base/clock.h"
#include "harness/arms/arm_internal.h"

#include <string.h>

static void encode_items_observed(void *context, size_t begin, size_t end, unsigned index) {
    struct arm *arm = context;
    struct worker *worker = &arm->workers[index];
    uint64_t before = clock_now_ns();
    if (!worker->first_ns) worker->first_ns = before;
    arm_encode_items(context, begin, end, index);
    worker->last_ns = clock_now_ns();
    worker->useful_ns += worker->last_ns - before;
}

static void add_stamps(struct arm *arm, uint64_t begin, uint64_t end,
                       struct arm_observation *observation) {
    uint64_t first = UINT64_MAX, last = 0;
    for (unsigned i = 0; i < arm->spec->workers; i++) {
        struct worker *worker = &arm->workers[i];
        if (!worker->first_ns) continue;
        if (worker->first_ns < first) first = worker->first_ns;
        if (worker->last_ns > last) last = worker->last_ns;
        observation->useful_ns += worker->useful_ns;
        worker->first_ns = worker->last_ns = worker->useful_ns = 0;
    }
    if (!last) first = last = end;
    observation->fork_ns += first - begin;
    observation->run_ns += last - first;
    observation->join_ns += end - last;
}

static void observe_batch(struct arm *arm, size_t batch, struct arm_observation *observation) {
    struct grainbench_batch work = arm_make_batch(arm, batch, encode_items_observed);
    uint64_t begin = clock_now_ns();
    arm->scheduler_operations->run(arm->observer, &work);
    uint64_t end = clock_now_ns();
    add_stamps(arm, begin, end, observation);
    if (arm->spec->free_by == ARM_FREE_CALLER)
        arm_drop_results(arm, work.item_count);
    else if (arm->spec->free_by == ARM_FREE_WORKER)
        arm_reset_scratches(arm);
    uint64_t dropped = clock_now_ns();
    if (arm->spec->free_by == ARM_FREE_UNTIMED) arm_drop_results(arm, work.item_count);
    observation->drop_ns += dropped - end;
    observation->duration_ns += dropped - begin;
    observation->batches++;
    arm_idle_gap(arm->spec->gap_ns);
}

bool arm_observe(struct arm *arm, size_t first, size_t count, struct arm_observation *observation,
                 struct error *error) {
    if (arm->spec->whole_batch)
        return error_set(error, "a batch call of the encoder's own cannot be looked into");
    if (!arm->observer) arm->observer = arm_create_scheduler(arm, GRAINBENCH_OBSERVE, error);
    if (!arm->observer) return false;
    *observation = (struct arm_observation){0};
    arm->keep = false;
    size_t batches = arm->corpus->batch_count;
    struct arm_observation warm_up = {0};
    observe_batch(arm, (first + batches - 1) % batches, &warm_up);
    if (arm->scheduler_operations->reset_statistics)
        arm->scheduler_operations->reset_statistics(arm->observer);
    for (size_t i = 0; i < count; i++)
        observe_batch(arm, (first + i) % batches, observation);
    /* UINT64_MAX throughout: a scheduler that does not know its workers' times leaves them so. */
    memset(arm->worker_times, 0xFF, arm->spec->workers * sizeof *arm->worker_times);
    observation->worker_times = arm->worker_times;
    observation->statistics = (struct grainbench_statistics){
        .struct_size = sizeof observation->statistics,
        .worker_times = arm->worker_times,
        .worker_time_count = arm->spec->workers,
        .collect_ns = UINT64_MAX,
    };
    if (arm->scheduler_operations->statistics)
        arm->scheduler_operations->statistics(arm->observer, &observation->statistics);
    observation->collect_ns = observation->statistics.collect_ns;
    if (observation->collect_ns <= observation->join_ns)
        observation->join_ns -= observation->collect_ns;
    else
        observation->collect_ns = UINT64_MAX;
    return arm_check_failures(arm, error);
}
