/* The persistent pool of the loop schedulers (static, counter and their like). The caller is
 * worker 0; a batch is published by a new generation number; workers spin a while for the next one
 * and then park, each on a word of its own; the wake-up goes down a binary tree (worker i wakes
 * 2i+1 and 2i+2), so that no one scans or wakes all the others.
 *
 * A scheduler embeds a struct pool, gives it the function that one worker does for a batch, and
 * says what its completion counts: items, so that a worker that wakes late delays nobody, or
 * workers. It may touch the batch only while the batch cannot end: holding items of it, or before
 * reporting where workers are counted.
 *
 * Invariants:
 *   - `generation` is written by the caller alone; the store is the release that workers' loads
 *     of it acquire.
 *   - No lost wake-up: a sleeper stores `asleep` and then loads `generation`; a waker stores
 *     `generation` (or learned of it from one who did) and then loads `asleep`; all four are
 *     sequentially consistent, so one of the two sees the other.
 *   - `done` reaches its target once a batch; reports are releases, the caller's load acquires, so
 *     all results are visible when run() returns. */
#ifndef SCHEDULERS_POOL_H
#define SCHEDULERS_POOL_H

#include "base/error.h"
#include "schedulers/sync.h"
#include "schedulers/tallies.h"
#include <stdlib.h>

struct pool;

struct SYNC_ALIGNED pool_worker {
    sync_u32 asleep; /* 1: parked or about to be */
    unsigned index;
    struct pool *pool;
    struct sync_thread *thread; /* NULL for worker 0 */
    sync_tally woken_ns;        /* when its waker woke it; observing only */
    struct tallies tallies;
};

/* What worker `worker` does for the current batch. */
typedef void (*pool_work)(struct grainbench_scheduler *scheduler, struct pool_worker *worker);

struct pool {
    struct sync_domain *domain;
    struct grainbench_setup setup;
    struct grainbench_scheduler *scheduler;
    pool_work work;
    struct pool_worker *workers;
    unsigned worker_count;
    bool observe;
    uint64_t spin; /* rounds of waiting before a worker parks */
    uint64_t batches;

    SYNC_ALIGNED sync_u32 generation;
    sync_u32 active;                      /* workers that batches wake: the first so many */
    const struct grainbench_batch *batch; /* published by generation, or by a claim word */

    SYNC_ALIGNED sync_u64 done;
    sync_u32 joiner_asleep;
    uint64_t target;
};

/* The option every pool has; `offset` is of an int64_t. */
#define POOL_SPIN_OPTION(at)                                                                       \
    {                                                                                              \
        .name = "spin", .type = GRAINBENCH_OPTION_INTEGER, .offset = (at), .argument = "ROUNDS",   \
        .fallback = "2000", .minimum = 0, .maximum = 1e9,                                          \
        .help = "times a worker looks for the next batch before it sleeps"                         \
    }

/* ---- Waking and sleeping -------------------------------------------------------------------- */

static inline void pool_wake(struct pool *pool, struct pool_worker *waker, unsigned index) {
    if (index >= pool->worker_count) return;
    if (index >= sync_load_u32(&pool->active, SYNC_RELAXED, SITE_POOL_WAKE)) return;
    struct pool_worker *worker = &pool->workers[index];
    if (sync_load_u32(&worker->asleep, SYNC_SEQ_CST, SITE_POOL_WAKE) == 0) return;
    if (pool->observe) sync_tally_set(&worker->woken_ns, sync_now_ns());
    if (sync_exchange_u32(&worker->asleep, 0, SYNC_SEQ_CST, SITE_POOL_WAKE) == 0) return;
    sync_wake(&worker->asleep, 1, SITE_POOL_WAKE);
    sync_tally_add(&waker->tallies.wakes, 1);
}

static inline void pool_wake_children(struct pool *pool, struct pool_worker *waker) {
    pool_wake(pool, waker, 2 * waker->index + 1);
    pool_wake(pool, waker, 2 * waker->index + 2);
}

static inline void pool_sleep(struct pool *pool, struct pool_worker *worker, uint32_t seen) {
    sync_store_u32(&worker->asleep, 1, SYNC_SEQ_CST, SITE_POOL_SLEEP);
    if (sync_load_u32(&pool->generation, SYNC_SEQ_CST, SITE_POOL_SLEEP) != seen) {
        sync_store_u32(&worker->asleep, 0, SYNC_RELAXED, SITE_POOL_SLEEP);
        return;
    }
    uint64_t start_ns = pool->observe ? sync_now_ns() : 0;
    sync_tally_add(&worker->tallies.parks, 1);
    do {
        sync_park(&worker->asleep, 1, SITE_POOL_SLEEP);
    } while (sync_load_u32(&worker->asleep, SYNC_ACQUIRE, SITE_POOL_SLEEP) == 1);
    if (!pool->observe) return;
    /* A waker that found the worker about to sleep, but not yet asleep, may have come before. */
    uint64_t now_ns = sync_now_ns(), woken_ns = sync_tally_read(&worker->woken_ns);
    if (woken_ns < start_ns) woken_ns = start_ns;
    if (woken_ns > now_ns) woken_ns = now_ns;
    sync_tally_add(&worker->tallies.park_ns, woken_ns - start_ns);
    sync_tally_add(&worker->tallies.wake_ns, now_ns - woken_ns);
}

/* Returns the generation that is no longer `seen`. */
static inline uint32_t pool_await(struct pool *pool, struct pool_worker *worker, uint32_t seen) {
    sync_tally_add(&worker->tallies.idle_episodes, 1);
    uint64_t start_ns = pool->observe ? sync_now_ns() : 0;
    uint64_t asleep_ns = pool->observe ? tallies_asleep_ns(&worker->tallies) : 0;
    uint32_t generation;
    for (uint64_t round = 0;; round++) {
        generation = sync_load_u32(&pool->generation, SYNC_ACQUIRE, SITE_POOL_WAIT);
        if (generation != seen) break;
        if (round < pool->spin)
            sync_pause(SITE_POOL_WAIT);
        else
            pool_sleep(pool, worker, seen);
    }
    if (pool->observe) {
        asleep_ns = tallies_asleep_ns(&worker->tallies) - asleep_ns;
        sync_tally_add(&worker->tallies.spin_ns, sync_now_ns() - start_ns - asleep_ns);
    }
    return generation;
}

/* ---- Completion ----------------------------------------------------------------------------- */

/* Adds to what has been done; the caller waits for the target given to pool_run. After it the
 * reporter must not touch the batch, unless it holds more items of it. */
static inline void pool_report(struct pool *pool, uint64_t amount) {
    uint64_t target = pool->target; /* read before the report: the next batch may follow it */
    uint64_t before = sync_fetch_add_u64(&pool->done, amount, SYNC_SEQ_CST, SITE_POOL_DONE);
    if (before + amount != target) return;
    if (sync_load_u32(&pool->joiner_asleep, SYNC_SEQ_CST, SITE_POOL_DONE) == 0) return;
    if (sync_exchange_u32(&pool->joiner_asleep, 0, SYNC_SEQ_CST, SITE_POOL_DONE) == 1)
        sync_wake(&pool->joiner_asleep, 1, SITE_POOL_DONE);
}

static inline bool pool_is_done(struct pool *pool, enum sync_order order) {
    return sync_load_u64(&pool->done, order, SITE_POOL_JOIN) == pool->target;
}

static inline void pool_join(struct pool *pool) {
    struct pool_worker *self = &pool->workers[0];
    if (pool_is_done(pool, SYNC_ACQUIRE)) return;
    uint64_t start_ns = pool->observe ? sync_now_ns() : 0;
    bool done = false;
    for (uint64_t round = 0; round < pool->spin && !done; round++) {
        sync_pause(SITE_POOL_JOIN);
        done = pool_is_done(pool, SYNC_ACQUIRE);
    }
    uint64_t spun_ns = pool->observe ? sync_now_ns() : 0;
    if (pool->observe) sync_tally_add(&self->tallies.spin_ns, spun_ns - start_ns);
    while (!done) {
        sync_store_u32(&pool->joiner_asleep, 1, SYNC_SEQ_CST, SITE_POOL_JOIN);
        done = pool_is_done(pool, SYNC_SEQ_CST);
        if (!done) {
            sync_tally_add(&self->tallies.parks, 1);
            sync_park(&pool->joiner_asleep, 1, SITE_POOL_JOIN);
            done = pool_is_done(pool, SYNC_ACQUIRE);
        }
        sync_store_u32(&pool->joiner_asleep, 0, SYNC_RELAXED, SITE_POOL_JOIN);
    }
    if (pool->observe) sync_tally_add(&self->tallies.park_ns, sync_now_ns() - spun_ns);
}

/* ---- Batches -------------------------------------------------------------------------------- */

/* In a forked child the pool's threads do not exist: runs the batch here. */
static inline bool pool_run_forked(struct pool *pool, const struct grainbench_batch *batch) {
    if (!sync_forked(pool->domain)) return false;
    if (batch->item_count) sync_body(batch, 0, batch->item_count, 0);
    return true;
}

/* Before a batch of which late workers may see a part (a claim word stored by the scheduler
 * between pool_prepare and pool_run): what must be in place by then. */
static inline void pool_prepare(struct pool *pool, const struct grainbench_batch *batch,
                                uint64_t target) {
    pool->batch = batch;
    pool->target = target;
    sync_store_u64(&pool->done, 0, SYNC_RELAXED, SITE_POOL_PUBLISH);
}

/* The generation that ends the threads. */
#define POOL_STOP UINT32_MAX

/* The next generation, or POOL_STOP. */
static inline void pool_publish(struct pool *pool, bool stop) {
    uint32_t next = sync_load_u32(&pool->generation, SYNC_RELAXED, SITE_POOL_PUBLISH) + 1;
    if (stop || next == POOL_STOP) next = stop ? POOL_STOP : 1;
    sync_store_u32(&pool->generation, next, SYNC_SEQ_CST, SITE_POOL_PUBLISH);
    pool_wake_children(pool, &pool->workers[0]);
}

/* Wakes only the first `workers` for the batches to come. Published by pool_run; a worker that
 * reads it late wakes more or fewer for a batch that is over, which does no harm. */
static inline void pool_set_active(struct pool *pool, unsigned workers) {
    sync_store_u32(&pool->active, workers, SYNC_RELAXED, SITE_POOL_PUBLISH);
}

/* Publishes the prepared batch, works as worker 0 and returns when `done` is at its target. */
static inline void pool_run(struct pool *pool) {
    pool_publish(pool, false);
    pool->work(pool->scheduler, &pool->workers[0]);
    pool_join(pool);
    pool->batches++;
}

/* Runs items of the current batch and enters them into the worker's tallies. */
static inline void pool_body(struct pool_worker *worker, size_t begin, size_t end) {
    struct pool *pool = worker->pool;
    uint64_t start_ns = pool->observe ? sync_now_ns() : 0;
    sync_body(pool->batch, begin, end, worker->index);
    if (pool->observe) sync_tally_add(&worker->tallies.run_ns, sync_now_ns() - start_ns);
    tallies_leaf(&worker->tallies, end - begin);
}

/* ---- Life ----------------------------------------------------------------------------------- */

static inline void pool_thread(void *argument) {
    struct pool_worker *worker = argument;
    struct pool *pool = worker->pool;
    const struct grainbench_setup *setup = &pool->setup;
    if (setup->worker_start) setup->worker_start(setup->context, worker->index);
    for (uint32_t seen = 0;;) {
        seen = pool_await(pool, worker, seen);
        pool_wake_children(pool, worker);
        if (seen == POOL_STOP) break;
        pool->work(pool->scheduler, worker);
    }
    if (setup->worker_stop) setup->worker_stop(setup->context, worker->index);
}

/* Ends and joins every thread; the scheduler then frees itself. */
static inline void pool_destroy(struct pool *pool) {
    const struct grainbench_setup *setup = &pool->setup;
    if (!sync_forked(pool->domain)) {
        sync_enter(pool->domain, 0);
        sync_store_u32(&pool->active, pool->worker_count, SYNC_RELAXED, SITE_POOL_PUBLISH);
        pool_publish(pool, true);
    }
    for (unsigned i = 1; i < pool->worker_count; i++)
        if (pool->workers[i].thread) sync_thread_join(pool->domain, pool->workers[i].thread);
    if (!sync_forked(pool->domain)) sync_leave(pool->domain);
    if (setup->worker_stop) setup->worker_stop(setup->context, 0);
    sync_domain_destroy(pool->domain);
    free(pool->workers);
}

/* Makes the workers. False, with the reason in `message` and nothing left over, on failure. */
static inline bool pool_create(struct pool *pool, struct grainbench_scheduler *scheduler,
                               const struct grainbench_setup *setup, pool_work work, int64_t spin,
                               char *message) {
    struct sync_domain *domain = sync_domain_create(setup, setup->workers);
    struct pool_worker *workers =
        aligned_alloc(SYNC_LINE, setup->workers * sizeof(struct pool_worker));
    if (!domain || !workers) {
        free(workers);
        if (domain) sync_domain_destroy(domain);
        return error_write(message, "no memory for %u workers", setup->workers);
    }
    *pool = (struct pool){.domain = domain,
                          .setup = *setup,
                          .scheduler = scheduler,
                          .work = work,
                          .workers = workers,
                          .worker_count = setup->workers,
                          .observe = setup->flags & GRAINBENCH_OBSERVE,
                          .spin = (uint64_t)spin};
    for (unsigned i = 0; i < setup->workers; i++) {
        workers[i].index = i;
        workers[i].pool = pool;
        workers[i].thread = NULL;
        sync_tally_set(&workers[i].woken_ns, 0);
        sync_init_u32(&workers[i].asleep, 0);
        tallies_reset(&workers[i].tallies);
    }
    sync_init_u32(&pool->active, setup->workers);
    if (setup->worker_start) setup->worker_start(setup->context, 0);
    sync_enter(domain, 0);
    bool started = true;
    for (unsigned i = 1; i < setup->workers && started; i++) {
        workers[i].thread = sync_thread_start(domain, i, pool_thread, &workers[i]);
        started = workers[i].thread != NULL;
    }
    sync_leave(domain);
    if (started) return true;
    pool_destroy(pool);
    return error_write(message, "cannot start %u threads; use fewer workers", setup->workers);
}

static inline void pool_statistics(const struct pool *pool, struct grainbench_statistics *out) {
    tallies_begin(out);
    for (unsigned i = 0; i < pool->worker_count; i++)
        tallies_add(&pool->workers[i].tallies, i, out);
    out->batches = pool->batches;
}

static inline void pool_reset_statistics(struct pool *pool) {
    for (unsigned i = 0; i < pool->worker_count; i++)
        tallies_reset(&pool->workers[i].tallies);
    pool->batches = 0;
}

/* Hooks that do not differ: a scheduler of a pool has it as its first member. */
static inline void pool_hook_statistics(struct grainbench_scheduler *scheduler,
                                        struct grainbench_statistics *out) {
    pool_statistics((const struct pool *)scheduler, out);
}

static inline void pool_hook_reset_statistics(struct grainbench_scheduler *scheduler) {
    pool_reset_statistics((struct pool *)scheduler);
}

/* What every table of such a scheduler has in common. */
#define POOL_SCHEDULER                                                                             \
    .struct_size = sizeof(struct grainbench_scheduler_operations),                                 \
    .abi = GRAINBENCH_SCHEDULER_ABI, .statistics = pool_hook_statistics,                           \
    .reset_statistics = pool_hook_reset_statistics

#endif
