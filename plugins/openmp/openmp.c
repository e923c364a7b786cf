/* The compiler's OpenMP runtime as a scheduler: the loop schedules static, dynamic and guided, and
 * taskloop. The calling thread is worker 0, as in any OpenMP program.
 *
 * One pool serves all schedulers. The runtime keeps one team of threads per calling thread and
 * makes or ends threads when the team size changes. So each worker's binding is remembered when it
 * is started and given again to whatever thread serves that worker in a later batch of this
 * scheduler; a thread checks one thread-local number a batch for that. Arms of different sizes in
 * one process therefore pay for new threads when they take turns, in the first batch of each turn.
 *
 * The trap of taskloop: the GNU runtime stops deferring tasks when more than 64 tasks a thread
 * wait, and then runs every further task at once on the thread that makes them. With grainsize(1)
 * and a batch of 1,000 items on few threads nearly everything runs serially. That is what `grain=1`
 * shows here; it is no baseline for "one task an item". */
#define _GNU_SOURCE
#include "common/counts.h"

#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

enum kind { KIND_STATIC, KIND_DYNAMIC, KIND_GUIDED, KIND_TASKLOOP };

struct openmp_options {
    int kind;
    int64_t grain;
};

static const struct grainbench_option option_table[] = {
    {"kind", 0, GRAINBENCH_OPTION_CHOICE, offsetof(struct openmp_options, kind), "KIND", "static",
     "static|dynamic|guided|taskloop", 0, 0, "how the loop is divided"},
    {"grain", 0, GRAINBENCH_OPTION_INTEGER, offsetof(struct openmp_options, grain), "N", "0", NULL,
     0, 1000000,
     "chunk of dynamic (0: 1), least chunk of guided (0: 1), grainsize of taskloop (0: the "
     "runtime's choice); static divides evenly and ignores it"},
    {0}};

/* What one worker counts and remembers; written by that worker alone. */
struct worker {
    struct leaf_counts counts;
    cpu_set_t binding;
    size_t run_begin, run_end; /* items run one after another so far, for the leaf sizes */
};

struct grainbench_scheduler {
    struct grainbench_setup setup;
    struct openmp_options options;
    struct worker *workers;
    uint64_t serial; /* which scheduler this is, never reused */
    uint64_t batches;
};

static atomic_uint_fast64_t last_serial;
static _Thread_local uint64_t bound_serial; /* the scheduler whose binding this thread has */
static _Thread_local unsigned bound_worker;

static void start_worker(struct grainbench_scheduler *scheduler, unsigned number) {
    struct worker *worker = &scheduler->workers[number];
    if (scheduler->setup.worker_start)
        scheduler->setup.worker_start(scheduler->setup.context, number);
    pthread_getaffinity_np(pthread_self(), sizeof worker->binding, &worker->binding);
    bound_serial = scheduler->serial;
    bound_worker = number;
}

/* The calling thread's own binding is the program's business: it is worker 0. */
static inline void bind_again(struct grainbench_scheduler *scheduler, unsigned number) {
    if (number == 0 || (bound_serial == scheduler->serial && bound_worker == number)) return;
    struct worker *worker = &scheduler->workers[number];
    pthread_setaffinity_np(pthread_self(), sizeof worker->binding, &worker->binding);
    bound_serial = scheduler->serial;
    bound_worker = number;
}

static inline void run_range(struct grainbench_scheduler *scheduler,
                             const struct grainbench_batch *batch, size_t begin, size_t end,
                             unsigned number) {
    leaf_counts_add(&scheduler->workers[number].counts, end - begin);
    batch->body(batch->context, begin, end, number);
}

/* For the kinds in which the runtime hands out chunks of its own choice, item by item: consecutive
 * items are counted as one leaf. */
static inline void run_item(struct grainbench_scheduler *scheduler,
                            const struct grainbench_batch *batch, size_t item, unsigned number) {
    struct worker *worker = &scheduler->workers[number];
    if (item != worker->run_end) {
        if (worker->run_end > worker->run_begin)
            leaf_counts_add(&worker->counts, worker->run_end - worker->run_begin);
        worker->run_begin = item;
    }
    worker->run_end = item + 1;
    batch->body(batch->context, item, item + 1, number);
}

static void close_last_leaves(struct grainbench_scheduler *scheduler) {
    for (unsigned i = 0; i < scheduler->setup.workers; i++) {
        struct worker *worker = &scheduler->workers[i];
        if (worker->run_end > worker->run_begin)
            leaf_counts_add(&worker->counts, worker->run_end - worker->run_begin);
        worker->run_begin = worker->run_end = 0;
    }
}

/* What compilers make of schedule(static): thread t's share is worked out, not fetched. */
static void run_static(struct grainbench_scheduler *scheduler,
                       const struct grainbench_batch *batch) {
#pragma omp parallel num_threads(scheduler->setup.workers)
    {
        unsigned number = (unsigned)omp_get_thread_num();
        size_t team = (size_t)omp_get_num_threads();
        bind_again(scheduler, number);
        size_t share = batch->item_count / team, rest = batch->item_count % team;
        size_t begin = number * share + (number < rest ? number : rest);
        size_t end = begin + share + (number < rest ? 1 : 0);
        if (begin < end) run_range(scheduler, batch, begin, end, number);
    }
}

/* dynamic,k with one call of the body a chunk: a dynamic,1 loop over the chunks. */
static void run_dynamic(struct grainbench_scheduler *scheduler,
                        const struct grainbench_batch *batch, size_t grain) {
    size_t chunks = (batch->item_count + grain - 1) / grain;
#pragma omp parallel num_threads(scheduler->setup.workers)
    {
        unsigned number = (unsigned)omp_get_thread_num();
        bind_again(scheduler, number);
#pragma omp for schedule(dynamic, 1) nowait
        for (size_t chunk = 0; chunk < chunks; chunk++) {
            size_t begin = chunk * grain, end = begin + grain;
            run_range(scheduler, batch, begin, end < batch->item_count ? end : batch->item_count,
                      number);
        }
    }
}

static void run_guided(struct grainbench_scheduler *scheduler, const struct grainbench_batch *batch,
                       size_t grain) {
#pragma omp parallel num_threads(scheduler->setup.workers)
    {
        unsigned number = (unsigned)omp_get_thread_num();
        bind_again(scheduler, number);
#pragma omp for schedule(guided, grain) nowait
        for (size_t item = 0; item < batch->item_count; item++)
            run_item(scheduler, batch, item, number);
    }
    close_last_leaves(scheduler);
}

static void run_taskloop(struct grainbench_scheduler *scheduler,
                         const struct grainbench_batch *batch, size_t grain) {
#pragma omp parallel num_threads(scheduler->setup.workers)
    {
        bind_again(scheduler, (unsigned)omp_get_thread_num());
#pragma omp single
        {
            if (grain == 0) {
#pragma omp taskloop
                for (size_t item = 0; item < batch->item_count; item++)
                    run_item(scheduler, batch, item, (unsigned)omp_get_thread_num());
            } else {
#pragma omp taskloop grainsize(grain)
                for (size_t item = 0; item < batch->item_count; item++)
                    run_item(scheduler, batch, item, (unsigned)omp_get_thread_num());
            }
        }
    }
    close_last_leaves(scheduler);
}

static void openmp_run(struct grainbench_scheduler *scheduler,
                       const struct grainbench_batch *batch) {
    size_t grain = (size_t)scheduler->options.grain;
    scheduler->batches++;
    switch ((enum kind)scheduler->options.kind) {
    case KIND_STATIC:
        run_static(scheduler, batch);
        break;
    case KIND_DYNAMIC:
        run_dynamic(scheduler, batch, grain ? grain : 1);
        break;
    case KIND_GUIDED:
        run_guided(scheduler, batch, grain ? grain : 1);
        break;
    case KIND_TASKLOOP:
        run_taskloop(scheduler, batch, grain);
        break;
    }
}

static struct grainbench_scheduler *openmp_create(const struct grainbench_setup *setup,
                                                  const void *options, char *message) {
    struct grainbench_scheduler *scheduler = calloc(1, sizeof *scheduler);
    struct worker *workers = calloc(setup->workers, sizeof *workers);
    if (!scheduler || !workers) {
        snprintf(message, GRAINBENCH_MESSAGE_SIZE, "out of memory");
        free(scheduler);
        free(workers);
        return NULL;
    }
    *scheduler = (struct grainbench_scheduler){
        .setup = *setup, .workers = workers, .serial = atomic_fetch_add(&last_serial, 1) + 1};
    scheduler->options = *(const struct openmp_options *)options;
    omp_set_dynamic(0);
    unsigned team = 0;
#pragma omp parallel num_threads(setup->workers)
    {
        start_worker(scheduler, (unsigned)omp_get_thread_num());
#pragma omp single
        team = (unsigned)omp_get_num_threads();
    }
    if (team != setup->workers) {
        snprintf(message, GRAINBENCH_MESSAGE_SIZE,
                 "the OpenMP runtime gave %u threads instead of %u; is OMP_THREAD_LIMIT set?", team,
                 setup->workers);
        free(workers);
        free(scheduler);
        return NULL;
    }
    return scheduler;
}

static void openmp_statistics(struct grainbench_scheduler *scheduler,
                              struct grainbench_statistics *out) {
    leaf_counts_begin_report(scheduler->batches, out);
    for (unsigned i = 0; i < scheduler->setup.workers; i++)
        leaf_counts_collect(&scheduler->workers[i].counts, out);
}

static void openmp_reset_statistics(struct grainbench_scheduler *scheduler) {
    scheduler->batches = 0;
    for (unsigned i = 0; i < scheduler->setup.workers; i++)
        memset(&scheduler->workers[i].counts, 0, sizeof scheduler->workers[i].counts);
}

/* The runtime's threads stay in its pool for the next scheduler; their workers end here. */
static void openmp_destroy(struct grainbench_scheduler *scheduler) {
    if (scheduler->setup.worker_stop) {
#pragma omp parallel num_threads(scheduler->setup.workers)
        scheduler->setup.worker_stop(scheduler->setup.context, (unsigned)omp_get_thread_num());
    }
    free(scheduler->workers);
    free(scheduler);
}

static const struct grainbench_scheduler_operations operations = {
    .struct_size = sizeof operations,
    .abi = GRAINBENCH_SCHEDULER_ABI,
    .name = "openmp",
    .summary = "the compiler's OpenMP runtime: static, dynamic, guided or taskloop",
    .capabilities = GRAINBENCH_CALLER_IS_WORKER,
    .options = option_table,
    .options_size = sizeof(struct openmp_options),
    .create = openmp_create,
    .run = openmp_run,
    .statistics = openmp_statistics,
    .reset_statistics = openmp_reset_statistics,
    .destroy = openmp_destroy,
};

__attribute__((visibility("default"))) const struct grainbench_scheduler_operations *
grainbench_scheduler(void);

const struct grainbench_scheduler_operations *grainbench_scheduler(void) {
    return &operations;
}
