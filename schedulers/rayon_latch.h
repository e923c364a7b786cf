/* rayon's core latch: what a joiner waits on, by spinning, stealing and at last sleeping.
 *
 * The owner moves it UNSET -> SLEEPY -> SLEEPING before it sleeps and back to UNSET when woken
 * without it being set; the setter exchanges SET in and wakes the owner only if it saw SLEEPING.
 * So a set latch is never slept on: the exchange either comes before the owner's second
 * compare-exchange, which then fails, or sees SLEEPING.
 *
 * The latch lies in the owner's stack frame, which may vanish as soon as SET is visible: the setter
 * reads everything it needs before the exchange. */
#ifndef SCHEDULERS_RAYON_LATCH_H
#define SCHEDULERS_RAYON_LATCH_H

#include "schedulers/sync.h"

enum { LATCH_UNSET = 0, LATCH_SLEEPY = 1, LATCH_SLEEPING = 2, LATCH_SET = 3 };

struct latch {
    sync_u64 state;
};

static inline void latch_init(struct latch *latch) {
    sync_init_u64(&latch->state, LATCH_UNSET);
}

static inline bool latch_probe(struct latch *latch) {
    return sync_load_u64(&latch->state, SYNC_ACQUIRE, SITE_LATCH_PROBE) == LATCH_SET;
}

/* True when the owner was asleep and must be woken. */
static inline bool latch_set(struct latch *latch) {
    return sync_exchange_u64(&latch->state, LATCH_SET, SYNC_SEQ_CST, SITE_LATCH_SET) ==
           LATCH_SLEEPING;
}

/* The owner announces; false: it was set meanwhile. */
static inline bool latch_get_sleepy(struct latch *latch) {
    uint64_t expected = LATCH_UNSET;
    return sync_cas_u64(&latch->state, &expected, LATCH_SLEEPY, SYNC_SEQ_CST, SITE_LATCH_SLEEP);
}

static inline bool latch_fall_asleep(struct latch *latch) {
    uint64_t expected = LATCH_SLEEPY;
    return sync_cas_u64(&latch->state, &expected, LATCH_SLEEPING, SYNC_SEQ_CST, SITE_LATCH_SLEEP);
}

static inline void latch_wake_up(struct latch *latch) {
    if (latch_probe(latch)) return;
    uint64_t expected = LATCH_SLEEPING;
    sync_cas_u64(&latch->state, &expected, LATCH_UNSET, SYNC_SEQ_CST, SITE_LATCH_SLEEP);
}

#endif
