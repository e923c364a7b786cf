/* A scheduler as a loadable module: the smallest one that shows every hook. Copy this file, rename
 * it, and replace what `run` and `serve` do. It needs nothing but the installed headers:
 *
 *     cc -std=c11 -O2 -fPIC -shared $(pkg-config --cflags grainbench) -o mine.so skeleton.c
 * -pthread grainbench list schedulers      (with GRAINBENCH_MODULES naming the folder of mine.so)
 *
 * How it schedules: one contiguous share of the batch for each worker. The calling thread is worker
 * 0; the others wait on a condition variable for the next batch.
 *
 * Rules for every module:
 *   - run every item of a batch exactly once, and return from `run` only when all of them have run;
 *   - two calls of the body that are in progress at once never have the same worker number;
 *   - do not print, exit, install signal handlers or keep state in globals: one process makes many
 *     schedulers of one module, several of them alive at once;
 *   - an error is a sentence in `message`, at most GRAINBENCH_MESSAGE_SIZE bytes. */
#include <grainbench/scheduler.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* The options are yours: a struct, and a table that tells the program how to fill it from a text
 * like "skeleton:reverse=1". Defaults are applied by the same table before `create`. */
struct skeleton_options {
    bool reverse;
};

static const struct grainbench_option skeleton_option_table[] = {
    {"reverse", 0, GRAINBENCH_OPTION_FLAG, offsetof(struct skeleton_options, reverse), NULL, "0",
     NULL, 0, 0, "give worker 0 the last share instead of the first"},
    {0}};

/* Counts that one worker alone writes while a batch runs; padded so that workers do not share a
 * cache line. `statistics` reads them between batches. */
struct worker_counts {
    uint64_t leaves;
    uint64_t leaf_sizes[GRAINBENCH_LEAF_SIZES];
    char padding[128];
};

struct worker_thread {
    struct grainbench_scheduler *scheduler;
    unsigned worker;
    pthread_t thread;
};

/* What `create` makes; opaque to the program. All fields below the mutex are guarded by it. */
struct grainbench_scheduler {
    struct grainbench_setup setup;
    struct skeleton_options options;
    struct worker_counts *counts;
    struct worker_thread *threads;
    unsigned thread_count;
    uint64_t batches;

    pthread_mutex_t mutex;
    pthread_cond_t changed;
    const struct grainbench_batch *batch;
    uint64_t generation; /* number of the batch; a worker serves each generation once */
    unsigned unfinished; /* workers other than 0 that have not finished this generation */
    bool ending;
};

/* Runs the share of one worker, if it has any items. */
static void run_share(struct grainbench_scheduler *scheduler, const struct grainbench_batch *batch,
                      unsigned worker) {
    size_t workers = scheduler->setup.workers;
    size_t share = scheduler->options.reverse ? workers - 1 - worker : worker;
    size_t begin =
        batch->item_count / workers * share + batch->item_count % workers * share / workers;
    size_t next = share + 1;
    size_t end = batch->item_count / workers * next + batch->item_count % workers * next / workers;
    if (begin == end) return;
    struct worker_counts *counts = &scheduler->counts[worker];
    size_t size = end - begin;
    counts->leaves++;
    counts->leaf_sizes[size < GRAINBENCH_LEAF_SIZES ? size : GRAINBENCH_LEAF_SIZES - 1]++;
    /* The body: the only thing that is called in the hot path. It never fails and never throws. */
    batch->body(batch->context, begin, end, worker);
}

static void *serve(void *argument) {
    struct worker_thread *self = argument;
    struct grainbench_scheduler *scheduler = self->scheduler;
    const struct grainbench_setup *setup = &scheduler->setup;
    /* On each worker's own thread, before it takes work: the program binds it to its processing
     * unit here. May be NULL. */
    if (setup->worker_start) setup->worker_start(setup->context, self->worker);
    uint64_t served = 0;
    pthread_mutex_lock(&scheduler->mutex);
    for (;;) {
        while (!scheduler->ending && scheduler->generation == served)
            pthread_cond_wait(&scheduler->changed, &scheduler->mutex);
        if (scheduler->ending) break;
        served = scheduler->generation;
        const struct grainbench_batch *batch = scheduler->batch;
        pthread_mutex_unlock(&scheduler->mutex);
        run_share(scheduler, batch, self->worker);
        pthread_mutex_lock(&scheduler->mutex);
        if (--scheduler->unfinished == 0) pthread_cond_broadcast(&scheduler->changed);
    }
    pthread_mutex_unlock(&scheduler->mutex);
    /* On the same thread, when it ends. May be NULL. */
    if (setup->worker_stop) setup->worker_stop(setup->context, self->worker);
    return NULL;
}

/* OPTIONAL. Called before anything else, to ask whether this machine can run the scheduler at all
 * (an instruction set, a kernel feature, a library that is loaded on demand). */
static bool skeleton_supported(char *message) {
    (void)message; /* when not: snprintf(message, GRAINBENCH_MESSAGE_SIZE, "needs ..."); return
                      false; */
    return true;
}

static void end_threads(struct grainbench_scheduler *scheduler) {
    pthread_mutex_lock(&scheduler->mutex);
    scheduler->ending = true;
    pthread_cond_broadcast(&scheduler->changed);
    pthread_mutex_unlock(&scheduler->mutex);
    for (unsigned i = 0; i < scheduler->thread_count; i++)
        pthread_join(scheduler->threads[i].thread, NULL);
}

static void free_all(struct grainbench_scheduler *scheduler) {
    pthread_cond_destroy(&scheduler->changed);
    pthread_mutex_destroy(&scheduler->mutex);
    free(scheduler->threads);
    free(scheduler->counts);
    free(scheduler);
}

static bool start_threads(struct grainbench_scheduler *scheduler) {
    for (unsigned worker = 1; worker < scheduler->setup.workers; worker++) {
        struct worker_thread *self = &scheduler->threads[scheduler->thread_count];
        *self = (struct worker_thread){.scheduler = scheduler, .worker = worker};
        if (pthread_create(&self->thread, NULL, serve, self) != 0) return false;
        scheduler->thread_count++;
    }
    return true;
}

/* REQUIRED. Makes a scheduler with setup->workers workers. `setup` and `options` are valid during
 * the call only: copy what you need. `options` points to the struct that the table above fills.
 * NULL with a sentence in `message` on failure. */
static struct grainbench_scheduler *skeleton_create(const struct grainbench_setup *setup,
                                                    const void *options, char *message) {
    struct grainbench_scheduler *scheduler = calloc(1, sizeof *scheduler);
    struct worker_counts *counts = calloc(setup->workers, sizeof *counts);
    struct worker_thread *threads = calloc(setup->workers, sizeof *threads);
    if (!scheduler || !counts || !threads) {
        free(scheduler);
        free(counts);
        free(threads);
        snprintf(message, GRAINBENCH_MESSAGE_SIZE, "out of memory");
        return NULL;
    }
    *scheduler = (struct grainbench_scheduler){.setup = *setup,
                                               .options = *(const struct skeleton_options *)options,
                                               .counts = counts,
                                               .threads = threads};
    pthread_mutex_init(&scheduler->mutex, NULL);
    pthread_cond_init(&scheduler->changed, NULL);
    if (!start_threads(scheduler)) {
        snprintf(message, GRAINBENCH_MESSAGE_SIZE, "cannot start %u threads", setup->workers - 1);
        end_threads(scheduler);
        free_all(scheduler);
        return NULL;
    }
    /* The caller is worker 0 here (GRAINBENCH_CALLER_IS_WORKER), so its start is reported now. */
    if (setup->worker_start) setup->worker_start(setup->context, 0);
    return scheduler;
}

/* REQUIRED. Runs a batch; called by the thread that called `create`, one batch at a time. This is
 * what is timed. `batch` is valid during the call only. item_costs and results may be NULL. */
static void skeleton_run(struct grainbench_scheduler *scheduler,
                         const struct grainbench_batch *batch) {
    pthread_mutex_lock(&scheduler->mutex);
    scheduler->batches++;
    scheduler->batch = batch;
    scheduler->generation++;
    scheduler->unfinished = scheduler->thread_count;
    pthread_cond_broadcast(&scheduler->changed);
    pthread_mutex_unlock(&scheduler->mutex);
    run_share(scheduler, batch, 0);
    pthread_mutex_lock(&scheduler->mutex);
    while (scheduler->unfinished > 0)
        pthread_cond_wait(&scheduler->changed, &scheduler->mutex);
    pthread_mutex_unlock(&scheduler->mutex);
}

/* OPTIONAL. Adds up the counts since the last reset; called between batches. Set what you do not
 * know to UINT64_MAX: it is shown as n/a. `out->struct_size` says how much of the struct exists.
 * worker_times is the program's array of worker_time_count entries, every time UINT64_MAX: fill what
 * you know of the workers' times, or leave it alone. */
static void skeleton_statistics(struct grainbench_scheduler *scheduler,
                                struct grainbench_statistics *out) {
    out->batches = scheduler->batches;
    out->leaves = 0;
    for (size_t k = 0; k < GRAINBENCH_LEAF_SIZES; k++)
        out->leaf_sizes[k] = 0;
    for (unsigned worker = 0; worker < scheduler->setup.workers; worker++) {
        out->leaves += scheduler->counts[worker].leaves;
        for (size_t k = 0; k < GRAINBENCH_LEAF_SIZES; k++)
            out->leaf_sizes[k] += scheduler->counts[worker].leaf_sizes[k];
    }
    out->joins = out->steals = out->probes = out->injections = 0;
    out->pins = out->collections = out->list_nodes = 0;
    out->idle_episodes = out->parks = out->wakes = out->wake_scan_locks = UINT64_MAX;
}

/* OPTIONAL, but offered together with `statistics`. */
static void skeleton_reset_statistics(struct grainbench_scheduler *scheduler) {
    scheduler->batches = 0;
    for (unsigned worker = 0; worker < scheduler->setup.workers; worker++)
        scheduler->counts[worker] = (struct worker_counts){0};
}

/* REQUIRED. Ends and joins every thread and frees everything. */
static void skeleton_destroy(struct grainbench_scheduler *scheduler) {
    end_threads(scheduler);
    const struct grainbench_setup *setup = &scheduler->setup;
    if (setup->worker_stop) setup->worker_stop(setup->context, 0);
    free_all(scheduler);
}

static const struct grainbench_scheduler_operations skeleton_operations = {
    .struct_size = sizeof skeleton_operations, /* tells which fields this module knows */
    .abi = GRAINBENCH_SCHEDULER_ABI,
    .name = "skeleton",
    .summary = "one contiguous share of the batch for each worker (example of a module)",
    .capabilities = GRAINBENCH_CALLER_IS_WORKER,
    .options = skeleton_option_table,
    .options_size = sizeof(struct skeleton_options),
    .supported = skeleton_supported,
    .create = skeleton_create,
    .run = skeleton_run,
    .statistics = skeleton_statistics,
    .reset_statistics = skeleton_reset_statistics,
    .destroy = skeleton_destroy,
};

/* The one symbol the program looks for. It must have default visibility and C linkage. */
__attribute__((visibility("default"))) const struct grainbench_scheduler_operations *
grainbench_scheduler(void);

const struct grainbench_scheduler_operations *grainbench_scheduler(void) {
    return &skeleton_operations;
}
