/* The window queue of tokenizers pull requests 2029 and 2044, which were not merged, on rayon's
 * pool as their sources have it: the caller fills a slot an item, hands a rayon::scope in and
 * sleeps; the worker that takes the scope spawns one job a worker, on its own deque, from where the
 * others steal them; each job takes windows of items from one shared counter until there are none
 * and writes results into the slots; at last the caller moves every result out of its slot, in
 * place.
 *
 * A window is ceil(n / 4T) items, at least 1, at most a cap.
 *
 * The scope lies on the stack of the worker that spawns, which leaves it when `jobs`, which counts
 * the spawned jobs and the spawning itself, has come to 0. A job reads what it needs of the scope
 * before it counts itself off. */
#ifndef SCHEDULERS_RAYON_WINDOWS_H
#define SCHEDULERS_RAYON_WINDOWS_H

#include "schedulers/rayon_split.h"

/* An input's 48 bytes and the mark of an empty result. */
enum { WINDOWS_SLOT_FILLED = 56 };

struct windows_scope {
    struct job job; /* injected */
    struct loop *loop;
    struct latch latch;
    unsigned owner;
    size_t window, spawn;
    SYNC_ALIGNED sync_u64 jobs;
    SYNC_ALIGNED sync_u64 next;
};

/* On the heap, as rayon's HeapJob; freed by who runs it. */
struct windows_job {
    struct job job;
    struct windows_scope *scope;
};

static inline void windows_claim(struct windows_scope *scope, struct rayon_worker *worker) {
    size_t count = scope->loop->batch->item_count, window = scope->window;
    for (;;) {
        size_t begin = (size_t)sync_fetch_add_u64(&scope->next, window, SYNC_RELAXED, SITE_WINDOW);
        if (begin >= count) break;
        size_t left = count - begin;
        loop_leaf(scope->loop, &worker->tallies, worker->index, begin,
                  left < window ? left : window);
    }
}

/* Whoever is the last sets the latch; after that the scope may be gone. */
static inline void windows_count_off(struct windows_scope *scope, struct rayon_worker *worker) {
    struct registry *registry = scope->job.registry;
    unsigned owner = scope->owner;
    if (sync_fetch_sub_u64(&scope->jobs, 1, SYNC_SEQ_CST, SITE_SCOPE) == 1)
        registry_set_latch(registry, &worker->tallies, &scope->latch, owner);
}

static void windows_execute(struct rayon_worker *worker, struct job *job) {
    struct windows_scope *scope = ((struct windows_job *)job)->scope;
    sync_free(job, SITE_SCOPE);
    windows_claim(scope, worker);
    windows_count_off(scope, worker);
}

/* False without memory for the job. */
static inline bool windows_spawn(struct windows_scope *scope, struct rayon_worker *worker) {
    struct windows_job *job = sync_allocate(sizeof *job, SITE_SCOPE);
    if (!job) return false;
    *job = (struct windows_job){{scope->job.registry}, scope};
    sync_fetch_add_u64(&scope->jobs, 1, SYNC_RELAXED, SITE_SCOPE);
    if (worker_push(worker, (struct job_reference){&job->job, windows_execute})) return true;
    sync_fetch_sub_u64(&scope->jobs, 1, SYNC_RELAXED, SITE_SCOPE);
    sync_free(job, SITE_SCOPE);
    return false;
}

/* The injected scope. Without memory its worker does what the jobs it could not spawn were for. */
static void windows_execute_scope(struct rayon_worker *worker, struct job *job) {
    struct windows_scope *scope = (struct windows_scope *)job;
    scope->owner = worker->index;
    bool spawned = true;
    for (size_t i = 0; i < scope->spawn && spawned; i++)
        spawned = windows_spawn(scope, worker);
    if (!spawned) windows_claim(scope, worker);
    windows_count_off(scope, worker);
    worker_wait_until(worker, &scope->latch);
    lock_latch_set(&job->registry->caller_latch);
}

/* Reads and writes every slot from its beginning, as filling them does and moving the results out
 * to where they are. */
static inline void windows_touch_slots(const struct grainbench_batch *batch, size_t bytes) {
    if (!batch->results) return;
    if (bytes > batch->result_size) bytes = batch->result_size;
    char *slot = batch->results, part[512];
    for (size_t i = 0; i < batch->item_count; i++, slot += batch->result_size) {
        sync_moving(slot, slot, bytes, SITE_SLOTS);
        for (size_t at = 0; at < bytes; at += sizeof part) {
            size_t size = bytes - at < sizeof part ? bytes - at : sizeof part;
            memcpy(part, slot + at, size);
            memcpy(slot + at, part, size);
        }
    }
}

/* The whole loop, called by a thread that is no worker. False: nothing was done, since the job
 * could not be handed in or there is only one worker or item. */
static inline bool windows_call(struct loop *loop, size_t window) {
    struct registry *registry = loop->registry;
    size_t count = loop->batch->item_count, workers = registry->worker_count;
    struct windows_scope scope = {.job = {registry},
                                  .loop = loop,
                                  .window = window,
                                  .spawn = workers < count ? workers : count};
    if (scope.spawn < 2) return false;
    latch_init(&scope.latch);
    sync_init_u64(&scope.jobs, 1);
    sync_init_u64(&scope.next, 0);
    sync_on_stack(&scope, sizeof scope);
    bool done = registry_inject_and_wait(registry,
                                         (struct job_reference){&scope.job, windows_execute_scope});
    sync_off_stack(&scope, sizeof scope);
    return done;
}

#endif
