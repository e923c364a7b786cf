/* A mutex, a condition variable and a latch on them, in the manner of Rust's standard library on
 * Linux (futex words; three mutex states; the condition variable a counter): what rayon's sleeping
 * and its outside callers pay. Written on sync.h, so that their atomics are in the ledger. */
#ifndef SCHEDULERS_LOCK_H
#define SCHEDULERS_LOCK_H

#include "schedulers/sync.h"
#include <limits.h>

enum { LOCK_FREE = 0, LOCK_HELD = 1, LOCK_CONTENDED = 2 };

#define LOCK_SPINS 100 /* looks at a held mutex before sleeping */

struct lock {
    sync_u32 state; /* CONTENDED: held, and somebody may sleep on it */
};

struct condition {
    sync_u32 count; /* notifications so far; waiters sleep while it stays as they saw it */
};

static inline void lock_init(struct lock *lock) {
    sync_init_u32(&lock->state, LOCK_FREE);
}

static inline uint32_t lock_spin(struct lock *lock) {
    for (unsigned round = 0;; round++) {
        uint32_t state = sync_load_u32(&lock->state, SYNC_RELAXED, SITE_LOCK_SLOW);
        if (state != LOCK_HELD || round == LOCK_SPINS) return state;
        sync_pause(SITE_LOCK_SLOW);
    }
}

static __attribute__((noinline, unused)) void lock_acquire_slow(struct lock *lock) {
    uint32_t state = lock_spin(lock);
    if (state == LOCK_FREE &&
        sync_cas_u32(&lock->state, &state, LOCK_HELD, SYNC_ACQUIRE, SITE_LOCK_SLOW))
        return;
    for (;;) {
        if (state != LOCK_CONTENDED && sync_exchange_u32(&lock->state, LOCK_CONTENDED, SYNC_ACQUIRE,
                                                         SITE_LOCK_SLOW) == LOCK_FREE)
            return;
        sync_park(&lock->state, LOCK_CONTENDED, SITE_LOCK_SLOW);
        state = lock_spin(lock);
    }
}

static inline void lock_acquire(struct lock *lock) {
    uint32_t state = LOCK_FREE;
    if (!sync_cas_u32(&lock->state, &state, LOCK_HELD, SYNC_ACQUIRE, SITE_LOCK_FAST))
        lock_acquire_slow(lock);
}

static inline void lock_release(struct lock *lock) {
    if (sync_exchange_u32(&lock->state, LOCK_FREE, SYNC_RELEASE, SITE_LOCK_UNLOCK) ==
        LOCK_CONTENDED)
        sync_wake(&lock->state, 1, SITE_LOCK_UNLOCK);
}

static inline void condition_init(struct condition *condition) {
    sync_init_u32(&condition->count, 0);
}

/* Releases the lock, sleeps until notified, takes the lock again; may return without reason. */
static inline void condition_wait(struct condition *condition, struct lock *lock) {
    uint32_t seen = sync_load_u32(&condition->count, SYNC_RELAXED, SITE_CONDITION_WAIT);
    lock_release(lock);
    sync_park(&condition->count, seen, SITE_CONDITION_WAIT);
    lock_acquire(lock);
}

static inline void condition_notify(struct condition *condition, unsigned waiters) {
    sync_fetch_add_u32(&condition->count, 1, SYNC_RELAXED, SITE_CONDITION_NOTIFY);
    sync_wake(&condition->count, waiters, SITE_CONDITION_NOTIFY);
}

/* What an outside caller waits on: set once a batch, reset by the waiter. */
struct lock_latch {
    struct lock lock;
    struct condition condition;
    bool set; /* under lock */
};

static inline void lock_latch_init(struct lock_latch *latch) {
    lock_init(&latch->lock);
    condition_init(&latch->condition);
    latch->set = false;
}

static inline void lock_latch_set(struct lock_latch *latch) {
    lock_acquire(&latch->lock);
    latch->set = true;
    condition_notify(&latch->condition, UINT_MAX);
    lock_release(&latch->lock);
}

static inline void lock_latch_wait_and_reset(struct lock_latch *latch) {
    lock_acquire(&latch->lock);
    while (!latch->set)
        condition_wait(&latch->condition, &latch->lock);
    latch->set = false;
    lock_release(&latch->lock);
}

#endif
