/* The persistent pool of the loop schedulers (static, counter and their like). The caller is
 * worker 0; a batch is published by a new generation number; workers spin a while for the next one
 * and then park, each on a word of its own; the wake-up goes down a tree (worker i wakes `wake`
 * others, `wake` * i + 1 and on), so that no one scans or wakes all the others.
 *
 * A scheduler embeds a struct pool as its first member and describes itself by a struct pool_kind:
 * what is opened for a batch, what one worker does for it, and what its completion counts: items,
 * so that a worker that wakes late delays nobody, or workers. It may touch the batch only while the
 * batch cannot end: holding items of it, or before reporting where workers are counted.
 *
 * Invariants:
 *   - `generation` is written by the caller alone; the store is the release that workers' loads
 *     of it acquire. The batch lies beside it, so that one line brings both.
 *   - No lost wake-up: a sleeper stores `asleep` and then loads `generation`; a waker stores
 *     `generation` (or learned of it from one who did) and then loads `asleep`; all four are
 *     sequentially consistent, so one of the two sees the other.
 *   - `left` is what workers have not reported yet. The caller keeps what it did itself to itself
 *     (`kept`) and is done when that is all that is left; it hands it in before it parks, so who
 *     reports the last of it sees 0 and wakes the caller. Reports are releases, the caller's load
 *     acquires: all results are visible when run() returns. */
#ifndef SCHEDULERS_POOL_H
#define SCHEDULERS_POOL_H

#include "base/error.h"
#include "schedulers/sync.h"
#include "schedulers/tallies.h"
#include <stdlib.h>
#include <string.h>

struct pool;

struct SYNC_ALIGNED pool_worker {
    sync_u32 asleep; /* 1: parked or about to be */
    unsigned index;
    struct pool *pool;
    struct sync_thread *thread; /* NULL for worker 0 */
    sync_tally woken_ns;        /* when its waker woke it; observing only */
    struct tallies tallies;
};

/* Options of every such scheduler: the first member of its own. */
struct pool_options {
    int64_t spin, wake;
};

#define POOL_OPTIONS                                                                               \
    {.name = "spin",                                                                               \
     .type = GRAINBENCH_OPTION_INTEGER,                                                            \
     .offset = offsetof(struct pool_options, spin),                                                \
     .argument = "ROUNDS",                                                                         \
     .fallback = "2000",                                                                           \
     .minimum = 0,                                                                                 \
     .maximum = 1e9,                                                                               \
     .help = "times a worker looks for the next batch before it sleeps"},                          \
    {                                                                                              \
        .name = "wake", .type = GRAINBENCH_OPTION_INTEGER,                                         \
        .offset = offsetof(struct pool_options, wake), .argument = "N", .fallback = "4",           \
        .minimum = 1, .maximum = 1024, .help = "sleeping workers that each woken worker wakes"     \
    }

struct pool_kind {
    size_t size; /* of struct grainbench_scheduler */
    /* Sets up what lies behind the pool in the zeroed struct. Optional. False if there is no memory
     * for it, or with a message of its own. */
    bool (*configure)(struct grainbench_scheduler *, const struct grainbench_setup *setup,
                      const void *options, char *message);
    /* Frees what `configure` and `open` made, also half of it. Optional. */
    void (*release)(struct grainbench_scheduler *);
    /* Opens a batch of `generation` to claims: late workers may see a part of it at once, and what
     * they need of the pool is in place. False if there is no memory for that. Optional. */
    bool (*open)(struct grainbench_scheduler *, const struct grainbench_batch *batch,
                 uint32_t generation);
    /* What `worker` does for a batch; `generation` is the one it was called for. */
    void (*work)(struct grainbench_scheduler *, struct pool_worker *worker, uint32_t generation);
    bool counts_workers; /* every worker reports 1 every batch, instead of the items it ran */
};

struct pool {
    struct sync_domain *domain;
    const struct pool_kind *kind;
    struct pool_worker *workers;
    unsigned worker_count;
    unsigned wake; /* of the wake-up tree */
    uint64_t spin; /* rounds of waiting before a worker parks */
    bool observe;
    struct grainbench_setup setup;

    SYNC_ALIGNED uint64_t batches;
    uint64_t kept; /* done by the caller and not taken from `left` */

    SYNC_ALIGNED sync_u32 generation;
    sync_u32 active;               /* workers that batches wake: the first so many */
    struct grainbench_batch batch; /* published by generation, or by a claim word */

    SYNC_ALIGNED sync_u64 left;
    sync_u32 joiner_asleep;
};

/* ---- Waking and sleeping -------------------------------------------------------------------- */

static inline void pool_wake(struct pool *pool, struct pool_worker *waker, unsigned index) {
    if (index >= sync_load_u32(&pool->active, SYNC_RELAXED, SITE_POOL_WAKE)) return;
    struct pool_worker *worker = &pool->workers[index];
    if (sync_load_u32(&worker->asleep, SYNC_SEQ_CST, SITE_POOL_WAKE) == 0) return;
    if (pool->observe) sync_tally_set(&worker->woken_ns, sync_now_ns());
    if (sync_exchange_u32(&worker->asleep, 0, SYNC_SEQ_CST, SITE_POOL_WAKE) == 0) return;
    sync_wake(&worker->asleep, 1, SITE_POOL_WAKE);
    sync_tally_add(&waker->tallies.wakes, 1);
}

static inline void pool_wake_children(struct pool *pool, struct pool_worker *waker) {
    unsigned first = pool->wake * waker->index + 1;
    for (unsigned i = first; i < first + pool->wake && i < pool->worker_count; i++)
        pool_wake(pool, waker, i);
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
        if (round < pool->spin && seen) /* for the first batch nobody knows how long */
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

/* Reports what has been done. After it the reporter must not touch the batch, unless it holds more
 * items of it. */
static inline void pool_report(struct pool *pool, struct pool_worker *worker, uint64_t amount) {
    if (worker->index == 0) {
        pool->kept += amount;
        return;
    }
    if (sync_fetch_sub_u64(&pool->left, amount, SYNC_SEQ_CST, SITE_POOL_DONE) != amount) return;
    if (sync_load_u32(&pool->joiner_asleep, SYNC_SEQ_CST, SITE_POOL_DONE) == 0) return;
    if (sync_exchange_u32(&pool->joiner_asleep, 0, SYNC_SEQ_CST, SITE_POOL_DONE) == 1)
        sync_wake(&pool->joiner_asleep, 1, SITE_POOL_DONE);
}

/* Whether all that is left is what the caller kept. */
static inline bool pool_is_done(struct pool *pool, enum sync_order order) {
    return sync_load_u64(&pool->left, order, SITE_POOL_JOIN) == pool->kept;
}

static inline void pool_join_asleep(struct pool *pool) {
    struct tallies *tallies = &pool->workers[0].tallies;
    uint64_t kept = pool->kept;
    pool->kept = 0;
    bool done = kept && sync_fetch_sub_u64(&pool->left, kept, SYNC_SEQ_CST, SITE_POOL_JOIN) == kept;
    while (!done) {
        sync_store_u32(&pool->joiner_asleep, 1, SYNC_SEQ_CST, SITE_POOL_JOIN);
        done = pool_is_done(pool, SYNC_SEQ_CST);
        if (!done) {
            sync_tally_add(&tallies->parks, 1);
            sync_park(&pool->joiner_asleep, 1, SITE_POOL_JOIN);
            done = pool_is_done(pool, SYNC_ACQUIRE);
        }
        sync_store_u32(&pool->joiner_asleep, 0, SYNC_RELAXED, SITE_POOL_JOIN);
    }
}

static inline void pool_join(struct pool *pool) {
    struct tallies *tallies = &pool->workers[0].tallies;
    if (pool_is_done(pool, SYNC_ACQUIRE)) return;
    uint64_t start_ns = pool->observe ? sync_now_ns() : 0;
    bool done = false;
    for (uint64_t round = 0; round < pool->spin && !done; round++) {
        sync_pause(SITE_POOL_JOIN);
        done = pool_is_done(pool, SYNC_ACQUIRE);
    }
    uint64_t spun_ns = pool->observe ? sync_now_ns() : 0;
    if (!done) pool_join_asleep(pool);
    if (!pool->observe) return;
    sync_tally_add(&tallies->spin_ns, spun_ns - start_ns);
    sync_tally_add(&tallies->park_ns, sync_now_ns() - spun_ns);
}

/* ---- Batches -------------------------------------------------------------------------------- */

/* In a forked child the pool's threads do not exist: runs the batch here. */
static inline bool pool_run_forked(struct pool *pool, const struct grainbench_batch *batch) {
    if (!sync_forked(pool->domain)) return false;
    if (batch->item_count) sync_body(batch, 0, batch->item_count, 0);
    return true;
}

/* The generation that ends the threads. */
#define POOL_STOP UINT32_MAX

/* The one after the last that was published. */
static inline uint32_t pool_next_generation(struct pool *pool) {
    uint32_t next = sync_load_u32(&pool->generation, SYNC_RELAXED, SITE_POOL_PUBLISH) + 1;
    return next == POOL_STOP ? 1 : next;
}

static inline void pool_publish(struct pool *pool, uint32_t generation) {
    sync_store_u32(&pool->generation, generation, SYNC_SEQ_CST, SITE_POOL_PUBLISH);
    pool_wake_children(pool, &pool->workers[0]);
}

/* Wakes only the first `workers` for the batches to come. Published by pool_run; a worker that
 * reads it late wakes more or fewer for a batch that is over, which does no harm. */
static inline void pool_set_active(struct pool *pool, unsigned workers) {
    sync_store_u32(&pool->active, workers, SYNC_RELAXED, SITE_POOL_PUBLISH);
}

/* Runs items of the current batch and enters them into the worker's tallies. */
static inline void pool_body(struct pool_worker *worker, size_t begin, size_t end) {
    struct pool *pool = worker->pool;
    uint64_t start_ns = pool->observe ? sync_now_ns() : 0;
    sync_body(&pool->batch, begin, end, worker->index);
    if (pool->observe) sync_tally_add(&worker->tallies.run_ns, sync_now_ns() - start_ns);
    tallies_leaf(&worker->tallies, end - begin);
}

/* Runs a whole batch on the caller, without anything published. */
static inline void pool_run_alone(struct pool *pool, const struct grainbench_batch *batch) {
    struct tallies *tallies = &pool->workers[0].tallies;
    uint64_t start_ns = pool->observe ? sync_now_ns() : 0;
    pool->batches++;
    if (!batch->item_count) return;
    sync_body(batch, 0, batch->item_count, 0);
    if (pool->observe) sync_tally_add(&tallies->run_ns, sync_now_ns() - start_ns);
    tallies_leaf(tallies, batch->item_count);
}

/* Publishes a batch, works as worker 0 and returns when all of it is done. */
static inline void pool_run(struct pool *pool, const struct grainbench_batch *batch) {
    struct grainbench_scheduler *scheduler = (struct grainbench_scheduler *)pool;
    const struct pool_kind *kind = pool->kind;
    uint32_t generation = pool_next_generation(pool);
    pool->kept = 0;
    sync_store_u64(&pool->left, kind->counts_workers ? pool->worker_count : batch->item_count,
                   SYNC_RELAXED, SITE_POOL_PUBLISH);
    pool->batch = *batch;
    if (kind->open && !kind->open(scheduler, batch, generation)) {
        pool_run_alone(pool, batch);
        return;
    }
    pool_publish(pool, generation);
    kind->work(scheduler, &pool->workers[0], generation);
    pool_join(pool);
    pool->batches++;
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
        pool->kind->work((struct grainbench_scheduler *)pool, worker, seen);
    }
    if (setup->worker_stop) setup->worker_stop(setup->context, worker->index);
}

/* Ends and joins every thread that was started. */
static inline void pool_stop(struct pool *pool) {
    const struct grainbench_setup *setup = &pool->setup;
    if (!sync_forked(pool->domain)) {
        sync_enter(pool->domain, 0);
        pool_set_active(pool, pool->worker_count);
        pool_publish(pool, POOL_STOP);
    }
    for (unsigned i = 1; i < pool->worker_count; i++)
        if (pool->workers[i].thread) sync_thread_join(pool->domain, pool->workers[i].thread);
    if (!sync_forked(pool->domain)) sync_leave(pool->domain);
    if (setup->worker_stop) setup->worker_stop(setup->context, 0);
}

static inline bool pool_start(struct pool *pool) {
    const struct grainbench_setup *setup = &pool->setup;
    bool started = true;
    if (setup->worker_start) setup->worker_start(setup->context, 0);
    sync_enter(pool->domain, 0);
    for (unsigned i = 1; i < setup->workers && started; i++) {
        struct pool_worker *worker = &pool->workers[i];
        worker->thread = sync_thread_start(pool->domain, i, pool_thread, worker);
        started = worker->thread != NULL;
    }
    sync_leave(pool->domain);
    if (!started) pool_stop(pool);
    return started;
}

static inline void pool_free(struct pool *pool) {
    if (!pool) return;
    if (pool->kind->release) pool->kind->release((struct grainbench_scheduler *)pool);
    if (pool->domain) sync_domain_destroy(pool->domain);
    free(pool->workers);
    free(pool);
}

static inline void pool_init(struct pool *pool, const struct pool_kind *kind,
                             const struct grainbench_setup *setup,
                             const struct pool_options *options) {
    pool->setup = *setup;
    pool->kind = kind;
    pool->worker_count = setup->workers;
    pool->wake = (unsigned)options->wake;
    pool->observe = setup->flags & GRAINBENCH_OBSERVE;
    pool->spin = (uint64_t)options->spin;
    sync_init_u32(&pool->active, setup->workers);
    for (unsigned i = 0; pool->workers && i < setup->workers; i++) {
        pool->workers[i].index = i;
        pool->workers[i].pool = pool;
    }
}

/* Zeroed memory that starts a line. NULL without memory. */
static inline void *pool_allocate(size_t size) {
    size = (size + SYNC_LINE - 1) / SYNC_LINE * SYNC_LINE;
    void *memory = aligned_alloc(SYNC_LINE, size);
    return memory ? memset(memory, 0, size) : NULL;
}

/* NULL, with the reason in `message` and nothing left over, on failure. */
static inline struct grainbench_scheduler *pool_create(const struct pool_kind *kind,
                                                       const struct grainbench_setup *setup,
                                                       const void *options, char *message) {
    struct pool *pool = pool_allocate(kind->size);
    if (!pool) {
        error_write(message, "no memory for the scheduler");
        return NULL;
    }
    struct grainbench_scheduler *scheduler = (struct grainbench_scheduler *)pool;
    pool->domain = sync_domain_create(setup, setup->workers);
    pool->workers = pool_allocate(setup->workers * sizeof(struct pool_worker));
    pool_init(pool, kind, setup, options);
    error_write(message, "no memory for %u workers", setup->workers);
    bool ready = pool->domain && pool->workers &&
                 (!kind->configure || kind->configure(scheduler, setup, options, message));
    if (ready && pool_start(pool)) return scheduler;
    if (ready) error_write(message, "cannot start %u threads; use fewer workers", setup->workers);
    pool_free(pool);
    return NULL;
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

/* Hooks that do not differ. */
static inline void pool_hook_run(struct grainbench_scheduler *scheduler,
                                 const struct grainbench_batch *batch) {
    struct pool *pool = (struct pool *)scheduler;
    if (pool_run_forked(pool, batch)) return;
    sync_enter(pool->domain, 0);
    pool_run(pool, batch);
    sync_leave(pool->domain);
}

static inline void pool_hook_destroy(struct grainbench_scheduler *scheduler) {
    pool_stop((struct pool *)scheduler);
    pool_free((struct pool *)scheduler);
}

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
    .reset_statistics = pool_hook_reset_statistics, .destroy = pool_hook_destroy

#endif
