/* rayon's registry: workers, how they find work, wait and end. */
#ifndef SCHEDULERS_RAYON_REGISTRY_H
#define SCHEDULERS_RAYON_REGISTRY_H

#include "schedulers/rayon_collect.h"
#include "schedulers/rayon_sleep.h"

/* Which rayon-core's waiting loop. 1.13 looks for local work before it counts itself idle; 1.10
 * counts itself idle first, and again after every job that it ran while waiting. */
enum core_version { CORE_1_13, CORE_1_10 };

/* Anything that can be run by reference; rayon's StackJob begins with it. */
struct job {
    struct registry *registry;
};

/* Read by everybody on every sweep, written never: as rayon's thread infos. */
struct worker_info {
    struct deque deque;
    struct latch *terminate;
};

struct SYNC_ALIGNED rayon_worker {
    struct registry *registry;
    unsigned index;
    struct deque deque;
    struct deque broadcast; /* always empty here; looked at whenever the own deque is */
    uint64_t random;        /* xorshift64*, never 0 */
    struct sync_thread *thread;
    struct deque_words words, broadcast_words;
    struct epoch_record epoch;
    SYNC_ALIGNED struct latch terminate;
    struct tallies tallies;
};

struct registry {
    unsigned worker_count;
    enum core_version core;
    bool observe;
    struct worker_info *infos;
    struct rayon_worker *workers;
    struct sync_domain *domain;
    struct grainbench_setup setup;
    struct sleep sleep;
    struct injector injector;
    struct epoch_global epoch;
    SYNC_ALIGNED sync_u32 started; /* workers that may take work */
    struct lock_latch caller_latch;
    struct epoch_record caller_epoch; /* a record to walk; the caller never pins */
    SYNC_ALIGNED struct tallies caller_tallies;
};

/* ---- Finding work --------------------------------------------------------------------------- */

static inline struct job_reference worker_take_local(struct rayon_worker *worker) {
    struct job_reference job = deque_pop(&worker->deque);
    if (job.job) return job;
    while (deque_steal(&worker->broadcast, &worker->epoch, &job) == STEAL_RETRY)
        continue;
    return job;
}

/* Marsaglia's xorshift with a multiplication; a random start for every sweep. */
static inline unsigned worker_random_below(struct rayon_worker *worker, unsigned bound) {
    uint64_t x = worker->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    worker->random = x;
    return (unsigned)(x * 0x2545F4914F6CDD1Du % bound);
}

/* One sweep over all others, repeated while somebody was in the way. */
static inline struct job_reference worker_steal(struct rayon_worker *worker) {
    struct registry *registry = worker->registry;
    unsigned count = registry->worker_count;
    struct job_reference job = {NULL, NULL};
    if (count <= 1) return job;
    bool retry;
    do {
        retry = false;
        unsigned victim = worker_random_below(worker, count);
        for (unsigned i = 0; i < count; i++) {
            if (victim != worker->index) {
                sync_tally_add(&worker->tallies.probes, 1);
                enum steal_outcome outcome =
                    deque_steal(&registry->infos[victim].deque, &worker->epoch, &job);
                if (outcome == STEAL_SUCCESS) {
                    sync_tally_add(&worker->tallies.steals, 1);
                    return job;
                }
                retry |= outcome == STEAL_RETRY;
            }
            if (++victim == count) victim = 0;
        }
        job = (struct job_reference){NULL, NULL};
    } while (retry);
    return job;
}

static inline struct job_reference worker_take_injected(struct rayon_worker *worker) {
    struct job_reference job = {NULL, NULL};
    while (injector_steal(&worker->registry->injector, &job) == STEAL_RETRY)
        continue;
    return job;
}

static inline struct job_reference worker_find_work(struct rayon_worker *worker) {
    uint64_t start_ns = worker->registry->observe ? sync_now_ns() : 0;
    struct job_reference job = worker_take_local(worker);
    if (!job.job) job = worker_steal(worker);
    if (!job.job) job = worker_take_injected(worker);
    if (worker->registry->observe)
        sync_tally_add(job.job ? &worker->tallies.steal_ns : &worker->tallies.spin_ns,
                       sync_now_ns() - start_ns);
    return job;
}

/* ---- Waiting -------------------------------------------------------------------------------- */

static inline void worker_execute(struct rayon_worker *worker, struct job_reference job) {
    job.execute(worker, job.job);
}

/* Yields or sleeps; the time goes to spin, or to park as far as it was asleep. */
static inline void worker_rest(struct rayon_worker *worker, struct idle *idle,
                               struct latch *latch) {
    struct registry *registry = worker->registry;
    if (!registry->observe) {
        sleep_no_work_found(&registry->sleep, &worker->tallies, idle, latch);
        return;
    }
    uint64_t start_ns = sync_now_ns(), asleep_ns = tallies_asleep_ns(&worker->tallies);
    sleep_no_work_found(&registry->sleep, &worker->tallies, idle, latch);
    asleep_ns = tallies_asleep_ns(&worker->tallies) - asleep_ns;
    uint64_t rested_ns = sync_now_ns() - start_ns;
    sync_tally_add(&worker->tallies.spin_ns, rested_ns > asleep_ns ? rested_ns - asleep_ns : 0);
}

static inline void worker_wait_1_13(struct rayon_worker *worker, struct latch *latch) {
    struct sleep *sleep = &worker->registry->sleep;
    while (!latch_probe(latch)) {
        struct job_reference job = worker_take_local(worker);
        if (job.job) {
            worker_execute(worker, job);
            continue;
        }
        struct idle idle = sleep_start_looking(sleep, &worker->tallies, worker->index);
        while (!latch_probe(latch)) {
            job = worker_find_work(worker);
            if (job.job) break;
            worker_rest(worker, &idle, latch);
        }
        sleep_work_found(sleep, &worker->tallies, worker->index);
        if (!job.job) return;
        worker_execute(worker, job);
    }
}

static inline void worker_wait_1_10(struct rayon_worker *worker, struct latch *latch) {
    struct sleep *sleep = &worker->registry->sleep;
    struct idle idle = sleep_start_looking(sleep, &worker->tallies, worker->index);
    while (!latch_probe(latch)) {
        struct job_reference job = worker_find_work(worker);
        if (job.job) {
            sleep_work_found(sleep, &worker->tallies, worker->index);
            worker_execute(worker, job);
            idle = sleep_start_looking(sleep, &worker->tallies, worker->index);
        } else {
            worker_rest(worker, &idle, latch);
        }
    }
    sleep_work_found(sleep, &worker->tallies, worker->index);
}

/* Runs other work until the latch is set, and sleeps when there is none. */
static __attribute__((noinline, unused)) void worker_wait_cold(struct rayon_worker *worker,
                                                               struct latch *latch) {
    if (worker->registry->core == CORE_1_10)
        worker_wait_1_10(worker, latch);
    else
        worker_wait_1_13(worker, latch);
}

static inline void worker_wait_until(struct rayon_worker *worker, struct latch *latch) {
    if (!latch_probe(latch)) worker_wait_cold(worker, latch);
}

/* ---- Bringing work -------------------------------------------------------------------------- */

/* False when there is no memory to grow the deque; nothing was pushed then. */
static inline bool worker_push(struct rayon_worker *worker, struct job_reference job) {
    bool was_empty = deque_is_empty(&worker->deque);
    if (!deque_push(&worker->deque, job)) return false;
    sleep_new_job(&worker->registry->sleep, &worker->tallies, worker->index, was_empty);
    return true;
}

/* Hands a job in from outside and waits on the caller's latch. False without memory. */
static inline bool registry_inject_and_wait(struct registry *registry, struct job_reference job) {
    bool was_empty = injector_is_empty(&registry->injector, SITE_INJECTOR_PUSH);
    if (!injector_push(&registry->injector, job)) return false;
    sync_tally_add(&registry->caller_tallies.injections, 1);
    sync_fence(SYNC_SEQ_CST, SITE_SLEEP_NEW_JOBS);
    sleep_new_job(&registry->sleep, &registry->caller_tallies, registry->worker_count, was_empty);
    lock_latch_wait_and_reset(&registry->caller_latch);
    return true;
}

/* Sets a latch that worker `owner` waits on. */
static inline void registry_set_latch(struct registry *registry, struct tallies *tallies,
                                      struct latch *latch, unsigned owner) {
    if (latch_set(latch)) sleep_wake_specific(&registry->sleep, tallies, owner);
}

/* ---- Life ----------------------------------------------------------------------------------- */

static inline void worker_thread(void *argument) {
    struct rayon_worker *worker = argument;
    struct registry *registry = worker->registry;
    const struct grainbench_setup *setup = &registry->setup;
    if (setup->worker_start) setup->worker_start(setup->context, worker->index);
    sync_fetch_add_u32(&registry->started, 1, SYNC_ACQ_REL, SITE_REGISTRY);
    sync_wake(&registry->started, 1, SITE_REGISTRY);
    worker_wait_until(worker, &worker->terminate);
    if (setup->worker_stop) setup->worker_stop(setup->context, worker->index);
}

static inline bool registry_start_threads(struct registry *registry) {
    unsigned started = 0;
    while (started < registry->worker_count) {
        struct rayon_worker *worker = &registry->workers[started];
        worker->thread = sync_thread_start(registry->domain, worker->index, worker_thread, worker);
        if (!worker->thread) break;
        started++;
    }
    for (;;) {
        uint32_t seen = sync_load_u32(&registry->started, SYNC_ACQUIRE, SITE_REGISTRY);
        if (seen >= started) break;
        sync_park(&registry->started, seen, SITE_REGISTRY);
    }
    return started == registry->worker_count;
}

static inline bool registry_init_worker(struct registry *registry, unsigned index,
                                        enum deque_layout layout) {
    struct rayon_worker *worker = &registry->workers[index];
    worker->registry = registry;
    worker->index = index;
    worker->thread = NULL;
    uint64_t seed = registry->setup.seed + (index + 1) * 0x9E3779B97F4A7C15u;
    worker->random = seed ? seed : 1;
    latch_init(&worker->terminate);
    tallies_reset(&worker->tallies);
    epoch_register(&registry->epoch, &worker->epoch, &worker->tallies);
    bool both = deque_init(&worker->deque, &worker->words, layout);
    both &= deque_init(&worker->broadcast, &worker->broadcast_words, layout);
    registry->infos[index] = (struct worker_info){worker->deque, &worker->terminate};
    return both;
}

/* Ends and joins every thread, and frees everything but the registry itself. */
static inline void registry_destroy(struct registry *registry) {
    bool forked = sync_forked(registry->domain);
    if (!forked) {
        sync_enter(registry->domain, registry->worker_count);
        for (unsigned i = 0; i < registry->worker_count; i++)
            registry_set_latch(registry, &registry->caller_tallies, &registry->workers[i].terminate,
                               i);
    }
    for (unsigned i = 0; i < registry->worker_count; i++)
        if (registry->workers[i].thread)
            sync_thread_join(registry->domain, registry->workers[i].thread);
    if (!forked) sync_leave(registry->domain);
    for (unsigned i = 0; i < registry->worker_count; i++) {
        deque_free(&registry->workers[i].deque);
        deque_free(&registry->workers[i].broadcast);
    }
    injector_free(&registry->injector);
    sleep_free(&registry->sleep);
    sync_domain_destroy(registry->domain);
    free(registry->infos);
    free(registry->workers);
}

#endif
