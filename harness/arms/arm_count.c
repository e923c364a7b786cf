/* Counts events of an arm by phase and worker; see arm.h. The batches run on an instance of the
 * scheduler of their own, which keeps no times: what is timed is not counted. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "harness/arms/arm_internal.h"
#include "harness/counters/phase_counts_json.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COST_READS = 201 };

/* A counted run in progress; the arm's `counting` points to it. */
struct arm_counting {
    const struct counter_list *list;
    struct phase_counts *counts;
    struct counter_group *groups; /* a lane each; without events where its thread is not known */
    unsigned lanes;
    struct phase_counts_facts facts;
};

static bool read_lane(void *context, unsigned lane, bool own, struct counter_raw *raw) {
    const struct arm_counting *counting = context;
    const struct counter_group *group = &counting->groups[lane];
    *raw = (struct counter_raw){0};
    return !group->count || counter_group_read_raw(group, own, raw);
}

static void count_items(void *context, size_t begin, size_t end, unsigned index) {
    struct arm *arm = context;
    phase_counts_enter(arm->counting->counts, index);
    arm_encode_items(context, begin, end, index);
    phase_counts_leave(arm->counting->counts, index);
}

static void note_joined(void *context) {
    struct arm *arm = context;
    if (arm->counting) phase_counts_joined(arm->counting->counts);
}

static void count_batch(struct arm *arm, size_t batch) {
    struct phase_counts *counts = arm->counting->counts;
    struct grainbench_batch work = arm_make_batch(arm, batch, count_items);
    phase_counts_begin(counts);
    arm->scheduler_operations->run(arm->counted_scheduler, &work);
    phase_counts_returned(counts);
    if (arm->spec->free_by == ARM_FREE_UNTIMED) {
        arm_drop_results(arm, work.item_count);
    } else {
        if (arm->spec->free_by == ARM_FREE_CALLER)
            arm_drop_results(arm, work.item_count);
        else
            arm_reset_scratches(arm);
        phase_counts_dropped(counts);
    }
    arm->counting->facts.items += work.item_count;
    arm_idle_gap(arm->spec->gap_ns);
}

/* The scheduler whose batches are counted, with the threads of its workers. */
static bool make_scheduler(struct arm *arm, size_t warm_up_batch, struct error *error) {
    if (arm->counted_scheduler) return true;
    for (unsigned i = 0; i < arm->spec->workers; i++)
        atomic_store_explicit(&arm->workers[i].newest_thread, 0, memory_order_relaxed);
    arm->joined = note_joined;
    arm->counted_scheduler = arm_create_scheduler(arm, 0, error);
    arm->joined = NULL;
    if (!arm->counted_scheduler) return false;
    if (arm->scheduler_operations->capabilities &
        (GRAINBENCH_CALLER_ONLY | GRAINBENCH_CALLER_IS_WORKER))
        atomic_store_explicit(&arm->workers[0].newest_thread, (int)gettid(), memory_order_relaxed);
    struct grainbench_batch work = arm_make_batch(arm, warm_up_batch, arm_encode_items);
    arm->scheduler_operations->run(arm->counted_scheduler, &work);
    arm_drop_results(arm, work.item_count);
    arm_await_workers(arm); /* some start only with the first batch */
    for (unsigned i = 0; i < arm_worker_threads(arm); i++)
        arm->workers[i].counted_thread =
            atomic_load_explicit(&arm->workers[i].newest_thread, memory_order_relaxed);
    return true;
}

static bool caller_is_worker(const struct arm *arm) {
    for (unsigned i = 0; i < arm_worker_threads(arm); i++)
        if (arm->workers[i].counted_thread == (int)gettid()) return true;
    return false;
}

static bool open_groups(struct arm *arm, struct arm_counting *counting, struct error *error) {
    for (unsigned lane = 0; lane < counting->lanes; lane++) {
        struct counter_group *group = &counting->groups[lane];
        int thread = lane < arm->spec->workers ? arm->workers[lane].counted_thread : (int)gettid();
        if (!thread) {
            counting->facts.uncounted++;
            continue;
        }
        if (!counter_group_open(group, counting->list->events, counting->list->count, thread,
                                error))
            return false;
        counting->facts.user_only |= group->user_only;
        counting->facts.rdpmc = counter_group_has_rdpmc(group);
        counter_group_start(group);
    }
    return counting->facts.uncounted < arm_worker_threads(arm) ||
           error_set(error, "scheduler %s does not tell its workers' threads",
                     arm->scheduler_operations->name);
}

static int compare_times(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* What one reading costs: the median, on the calling thread, of a group like the workers'. */
static bool time_reading(struct arm_counting *counting, struct error *error) {
    uint64_t times[COST_READS];
    struct counter_group group;
    struct counter_raw raw;
    if (!counter_group_open(&group, counting->list->events, counting->list->count, 0, error))
        return false;
    counter_group_start(&group);
    for (int i = 0; i < COST_READS; i++) {
        uint64_t begin = clock_now_ns();
        counter_group_read_raw(&group, true, &raw);
        times[i] = clock_now_ns() - begin;
    }
    counter_group_close(&group);
    qsort(times, COST_READS, sizeof times[0], compare_times);
    counting->facts.read_ns = times[COST_READS / 2];
    return true;
}

static bool set_up(struct arm *arm, struct arm_counting *counting, size_t warm_up_batch,
                   struct error *error) {
    arm->keep = false;
    if (!make_scheduler(arm, warm_up_batch, error)) return false;
    bool caller = !caller_is_worker(arm);
    counting->lanes = arm_worker_threads(arm) + caller;
    counting->facts.caller_is_last = caller;
    counting->groups = calloc(counting->lanes, sizeof *counting->groups);
    if (!counting->groups) return error_set(error, "out of memory for counters");
    struct phase_counts_setup setup = {.workers = arm_worker_threads(arm),
                                       .caller_lane = caller,
                                       .event_count = counting->list->count,
                                       .read = read_lane,
                                       .context = counting};
    counting->counts = phase_counts_create(&setup, error);
    return counting->counts && open_groups(arm, counting, error) && time_reading(counting, error);
}

static json_t *count_batches(struct arm *arm, size_t first, size_t count, struct error *error) {
    struct arm_counting *counting = arm->counting;
    size_t batches = arm->corpus->batch_count;
    count_batch(arm, (first + batches - 1) % batches); /* the warm-up */
    phase_counts_reset(counting->counts);
    counting->facts.items = 0;
    for (size_t i = 0; i < count; i++)
        count_batch(arm, (first + i) % batches);
    if (!arm_check_failures(arm, error)) return NULL;
    if (phase_counts_complete(counting->counts))
        return phase_counts_to_json(counting->counts, counting->list, &counting->facts);
    error_set(error, "the kernel stopped counting: the group does not fit the processor's "
                     "counters; ask for fewer events");
    return NULL;
}

json_t *arm_count(struct arm *arm, size_t first, size_t count, const struct counter_list *list,
                  struct error *error) {
    struct arm_counting counting = {.list = list};
    json_t *line = NULL;
    if (arm->spec->whole_batch) {
        error_set(error, "a batch call of the encoder's own cannot be looked into");
        return NULL;
    }
    if (set_up(arm, &counting, first % arm->corpus->batch_count, error)) {
        arm->counting = &counting;
        line = count_batches(arm, first, count, error);
        arm->counting = NULL;
    }
    for (unsigned i = 0; counting.groups && i < counting.lanes; i++)
        counter_group_close(&counting.groups[i]);
    free(counting.groups);
    phase_counts_destroy(counting.counts);
    return line;
}
