/* rayon's sleep protocol: one word that counts sleeping and inactive workers and job events, a
 * mutex and condition variable per worker, 32 rounds of yielding before a worker gets sleepy and
 * one more before it sleeps.
 *
 * The word: bits 0-15 sleeping workers, 16-31 inactive ones (idle or sleeping), 32-63 the jobs
 * event counter (JEC). An even JEC says that somebody announced sleepiness since the last job; the
 * next push makes it odd. A sleepy worker remembers the value it announced under and refuses to
 * sleep if it moved. So a push is one load while nobody is sleepy.
 *
 * No lost wake-up: whoever brings a job first publishes it, then reads the word (and moves an even
 * JEC); a worker joins the sleepers with a compare-exchange on the same word that fails if the JEC
 * moved. Injected jobs come without a deque to steal from later, so the sleeper looks at the
 * injector once more after it joined, with full fences on both sides.
 *
 * Waking is rayon's: scan the workers' mutexes from worker 0 for one that is blocked (`scan`), or,
 * as an experiment, pick a sleeper from a bitmap, beginning at the waker's children in a binary
 * tree, and take only that worker's mutex (`tree`). */
#ifndef SCHEDULERS_RAYON_SLEEP_H
#define SCHEDULERS_RAYON_SLEEP_H

#include "schedulers/lock.h"
#include "schedulers/rayon_injector.h"
#include "schedulers/rayon_latch.h"

#define SLEEPING_ONE    ((uint64_t)1)
#define INACTIVE_ONE    ((uint64_t)1 << 16)
#define JEC_ONE         ((uint64_t)1 << 32)
#define COUNT_MASK      0xFFFFu
#define JEC_NONE        UINT64_MAX
#define WORKERS_TO_WAKE 2 /* at most, by one that found work */

enum wake_mode { WAKE_SCAN, WAKE_TREE };

struct SYNC_ALIGNED sleeper {
    struct lock lock;
    struct condition condition;
    bool is_blocked;   /* under lock */
    uint64_t woken_ns; /* under lock: when is_blocked was cleared; observing only */
};

struct sleep {
    sync_u64 *word; /* one of the two below */
    struct sleeper *sleepers;
    unsigned worker_count;
    unsigned rounds_until_sleepy;
    enum wake_mode wake_mode;
    bool observe;
    struct injector *injector;
    sync_u64 *sleeping_bits; /* WAKE_TREE: one bit a worker */
    sync_u64 word_beside;    /* among the read-mostly fields above */
    SYNC_ALIGNED sync_u64 word_apart;
};

/* One idle episode of a worker. */
struct idle {
    unsigned worker;
    unsigned rounds;
    uint64_t jec; /* announced under, or JEC_NONE */
};

static inline uint64_t word_sleeping(uint64_t word) {
    return word & COUNT_MASK;
}

static inline uint64_t word_inactive(uint64_t word) {
    return word >> 16 & COUNT_MASK;
}

static inline uint64_t word_jec(uint64_t word) {
    return word >> 32;
}

static inline bool jec_is_sleepy(uint64_t jec) {
    return (jec & 1) == 0;
}

/* ---- Waking --------------------------------------------------------------------------------- */

static inline bool sleep_wake_specific(struct sleep *sleep, struct tallies *tallies,
                                       unsigned index) {
    struct sleeper *sleeper = &sleep->sleepers[index];
    sync_tally_add(&tallies->wake_scan_locks, 1);
    lock_acquire(&sleeper->lock);
    bool blocked = sleeper->is_blocked;
    if (blocked) {
        sleeper->is_blocked = false;
        if (sleep->observe) sleeper->woken_ns = sync_now_ns();
        condition_notify(&sleeper->condition, 1);
        /* By the waker, not the woken: pushes until then must not count on this sleeper. */
        sync_fetch_sub_u64(sleep->word, SLEEPING_ONE, SYNC_SEQ_CST, SITE_SLEEP_WAKE);
        sync_tally_add(&tallies->wakes, 1);
    }
    lock_release(&sleeper->lock);
    return blocked;
}

/* The first worker at or after `from`, cyclically, whose bit could be taken; worker_count: none. */
static inline unsigned sleep_take_bit(struct sleep *sleep, unsigned from) {
    unsigned words = (sleep->worker_count + 63) / 64, first = from / 64;
    for (unsigned step = 0; step <= words; step++) {
        unsigned at = (first + step) % words;
        uint64_t bits = sync_load_u64(&sleep->sleeping_bits[at], SYNC_SEQ_CST, SITE_SLEEP_BITS);
        if (step == 0) bits &= UINT64_MAX << from % 64;
        while (bits) {
            uint64_t bit = bits & -bits;
            uint64_t before =
                sync_fetch_and_u64(&sleep->sleeping_bits[at], ~bit, SYNC_SEQ_CST, SITE_SLEEP_BITS);
            if (before & bit) return at * 64 + (unsigned)__builtin_ctzll(bit);
            bits ^= bit;
        }
    }
    return sleep->worker_count;
}

static inline void sleep_wake_tree(struct sleep *sleep, struct tallies *tallies, unsigned waker,
                                   uint64_t count) {
    unsigned from = waker < sleep->worker_count ? (2 * waker + 1) % sleep->worker_count : 0;
    while (count > 0) {
        unsigned worker = sleep_take_bit(sleep, from);
        if (worker == sleep->worker_count) return;
        count -= sleep_wake_specific(sleep, tallies, worker);
    }
}

static __attribute__((noinline, unused)) void
sleep_wake_any(struct sleep *sleep, struct tallies *tallies, unsigned waker, uint64_t count) {
    if (sleep->wake_mode == WAKE_TREE) {
        sleep_wake_tree(sleep, tallies, waker, count);
        return;
    }
    for (unsigned i = 0; i < sleep->worker_count && count > 0; i++)
        count -= sleep_wake_specific(sleep, tallies, i);
}

static inline uint64_t minimum_of(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* After one job was pushed by worker `waker` (worker_count: from outside). */
static inline void sleep_new_job(struct sleep *sleep, struct tallies *tallies, unsigned waker,
                                 bool queue_was_empty) {
    uint64_t word = sync_load_u64(sleep->word, SYNC_SEQ_CST, SITE_SLEEP_NEW_JOBS);
    while (jec_is_sleepy(word_jec(word))) {
        if (sync_cas_u64(sleep->word, &word, word + JEC_ONE, SYNC_SEQ_CST, SITE_SLEEP_NEW_JOBS)) {
            word += JEC_ONE;
            break;
        }
    }
    uint64_t sleepers = word_sleeping(word);
    if (sleepers == 0) return;
    uint64_t awake_but_idle = word_inactive(word) - sleepers;
    /* An awake idle worker will find one job; with more in the queue already, it has enough. */
    if (!queue_was_empty || awake_but_idle == 0) sleep_wake_any(sleep, tallies, waker, 1);
}

/* ---- Idling --------------------------------------------------------------------------------- */

static inline struct idle sleep_start_looking(struct sleep *sleep, struct tallies *tallies,
                                              unsigned worker) {
    sync_fetch_add_u64(sleep->word, INACTIVE_ONE, SYNC_SEQ_CST, SITE_SLEEP_IDLE);
    sync_tally_add(&tallies->idle_episodes, 1);
    return (struct idle){worker, 0, JEC_NONE};
}

static inline void sleep_work_found(struct sleep *sleep, struct tallies *tallies, unsigned worker) {
    uint64_t before = sync_fetch_sub_u64(sleep->word, INACTIVE_ONE, SYNC_SEQ_CST, SITE_SLEEP_IDLE);
    uint64_t sleepers = word_sleeping(before);
    if (sleepers) sleep_wake_any(sleep, tallies, worker, minimum_of(sleepers, WORKERS_TO_WAKE));
}

/* Returns the JEC to sleep under: even. */
static inline uint64_t sleep_announce_sleepy(struct sleep *sleep) {
    uint64_t word = sync_load_u64(sleep->word, SYNC_SEQ_CST, SITE_SLEEP_SLEEPY);
    while (!jec_is_sleepy(word_jec(word))) {
        if (sync_cas_u64(sleep->word, &word, word + JEC_ONE, SYNC_SEQ_CST, SITE_SLEEP_SLEEPY))
            return word_jec(word + JEC_ONE);
    }
    return word_jec(word);
}

static inline void sleep_set_bit(struct sleep *sleep, unsigned worker, bool set) {
    if (sleep->wake_mode != WAKE_TREE) return;
    sync_u64 *bits = &sleep->sleeping_bits[worker / 64];
    uint64_t bit = (uint64_t)1 << worker % 64;
    if (set)
        sync_fetch_or_u64(bits, bit, SYNC_SEQ_CST, SITE_SLEEP_BITS);
    else
        sync_fetch_and_u64(bits, ~bit, SYNC_SEQ_CST, SITE_SLEEP_BITS);
}

/* Joins the sleepers; false if a job came since the sleepiness was announced. */
static inline bool sleep_join(struct sleep *sleep, const struct idle *idle) {
    uint64_t word = sync_load_u64(sleep->word, SYNC_SEQ_CST, SITE_SLEEP_SLEEP);
    while (word_jec(word) == idle->jec) {
        if (sync_cas_u64(sleep->word, &word, word + SLEEPING_ONE, SYNC_SEQ_CST, SITE_SLEEP_SLEEP))
            return true;
    }
    return false;
}

/* Blocks on the worker's condition variable, its lock held. */
static inline void sleep_block(struct sleep *sleep, struct sleeper *sleeper,
                               struct tallies *tallies) {
    uint64_t start_ns = sleep->observe ? sync_now_ns() : 0;
    sync_tally_add(&tallies->parks, 1);
    sleeper->is_blocked = true;
    while (sleeper->is_blocked)
        condition_wait(&sleeper->condition, &sleeper->lock);
    if (!sleep->observe) return;
    sync_tally_add(&tallies->park_ns, sleeper->woken_ns - start_ns);
    sync_tally_add(&tallies->wake_ns, sync_now_ns() - sleeper->woken_ns);
}

static __attribute__((noinline, unused)) void
sleep_sleep(struct sleep *sleep, struct tallies *tallies, struct idle *idle, struct latch *latch) {
    if (!latch_get_sleepy(latch)) return;
    struct sleeper *sleeper = &sleep->sleepers[idle->worker];
    lock_acquire(&sleeper->lock);
    if (!latch_fall_asleep(latch)) {
        idle->rounds = 0;
        idle->jec = JEC_NONE;
        lock_release(&sleeper->lock);
        return;
    }
    sleep_set_bit(sleep, idle->worker, true); /* before the word says that there is a sleeper */
    if (!sleep_join(sleep, idle)) {
        sleep_set_bit(sleep, idle->worker, false);
        idle->rounds = sleep->rounds_until_sleepy;
        idle->jec = JEC_NONE;
        latch_wake_up(latch);
        lock_release(&sleeper->lock);
        return;
    }
    sync_fence(SYNC_SEQ_CST, SITE_SLEEP_SLEEP);
    if (injector_is_empty(sleep->injector, SITE_SLEEP_SLEEP)) {
        sleep_block(sleep, sleeper, tallies);
    } else {
        sync_fetch_sub_u64(sleep->word, SLEEPING_ONE, SYNC_SEQ_CST, SITE_SLEEP_SLEEP);
        sleep_set_bit(sleep, idle->worker, false);
    }
    idle->rounds = 0;
    idle->jec = JEC_NONE;
    latch_wake_up(latch);
    lock_release(&sleeper->lock);
}

/* One round without work. */
static inline void sleep_no_work_found(struct sleep *sleep, struct tallies *tallies,
                                       struct idle *idle, struct latch *latch) {
    if (idle->rounds > sleep->rounds_until_sleepy) {
        sleep_sleep(sleep, tallies, idle, latch);
        return;
    }
    if (idle->rounds == sleep->rounds_until_sleepy) idle->jec = sleep_announce_sleepy(sleep);
    idle->rounds++;
    sync_yield(SITE_SLEEP_YIELD);
}

/* ---- Life ----------------------------------------------------------------------------------- */

static inline void sleep_free(struct sleep *sleep) {
    free(sleep->sleepers);
    sync_shared_free(sleep->sleeping_bits);
}

/* False without memory; sleep_free is due either way. The fields that are options are set after. */
static inline bool sleep_init(struct sleep *sleep, unsigned workers, bool word_apart,
                              struct injector *injector) {
    unsigned words = (workers + 63) / 64;
    sleep->worker_count = workers;
    sleep->injector = injector;
    sync_init_u64(&sleep->word_beside, 0);
    sync_init_u64(&sleep->word_apart, 0);
    sleep->word = word_apart ? &sleep->word_apart : &sleep->word_beside;
    sleep->sleepers = aligned_alloc(SYNC_LINE, workers * sizeof *sleep->sleepers);
    sleep->sleeping_bits = sync_shared_allocate(words * sizeof *sleep->sleeping_bits);
    if (!sleep->sleepers || !sleep->sleeping_bits) return false;
    for (unsigned i = 0; i < words; i++)
        sync_init_u64(&sleep->sleeping_bits[i], 0);
    for (unsigned i = 0; i < workers; i++) {
        lock_init(&sleep->sleepers[i].lock);
        condition_init(&sleep->sleepers[i].condition);
        sleep->sleepers[i].is_blocked = false;
        sleep->sleepers[i].woken_ns = 0;
    }
    return true;
}

#endif
