/* Whether a batch is shared, and among how many workers: a decision from measured times that never
 * loses more than a given part of what a plain loop takes. Knows nothing of batches, threads or
 * clocks; its owner, the caller of the batches, says what it measured.
 *
 * A batch is shared if its expected time together is clearly less than its time alone; the prices
 * of sharing (prices.h) are kept once for workers that were awake when the batch began and once for
 * sleeping ones. Whatever is not expected to pay at once is paid from credit: a look at the costs
 * of a batch that is usually too small to share; sharing one to learn a price; waking workers that
 * are expected to stay awake for the next batches. Credit is one part in `probe` of the time that
 * batches take alone, a part of what sharing saved, and what batches would have saved had workers
 * been awake. What sharing lost is taken off. So work of which nothing is worth sharing costs one
 * part in `probe`, and where sharing pays, looking for more of it is cheap. */
#ifndef SCHEDULERS_SHARING_H
#define SCHEDULERS_SHARING_H

#include "schedulers/prices.h"

enum sharing_state { SHARING_AWAKE, SHARING_ASLEEP };

/* So many batches' time is all the credit there is, and all that one batch can owe which was shared
 * on credit, so that one that was stopped for a second does not end sharing for an hour. Where all
 * batches are shared one is run alone now and then, so that its time is known: after so many at
 * least, and so rarely that it costs one part in SHARING_REMEMBER; another number of workers is
 * tried so rarely that it costs one part in SHARING_VARY. */
enum {
    SHARING_CREDIT = 16,
    SHARING_DEBT = 64,
    SHARING_LEAST = 64,
    SHARING_REMEMBER = 1000,
    SHARING_VARY = 64
};

struct sharing {
    unsigned worker_count;
    double worth_ns, margin, probe_part;
    struct prices prices[2];
    double least_ns[2]; /* the least work that is worth sharing at these prices */
    double credit_ns;   /* for sharing */
    double looks_ns;    /* for looks */
    double vary_ns;     /* and for trying other numbers of workers */
    double trust;       /* in what awake workers would have saved: at most 1 */
    double episode_ns;  /* what was saved since sleeping workers were woken on credit */
    double gap_ns;      /* time between batches */
    double awake_ns;    /* how long workers stay awake */
    uint64_t shared;    /* batches since one was measured alone */
};

static inline void sharing_update(struct sharing *sharing, enum sharing_state state) {
    sharing->least_ns[state] = prices_least(&sharing->prices[state], sharing->margin,
                                            sharing->worth_ns, sharing->worker_count);
}

/* Before anything is known, two or three awake workers are taken to cost 5 us and sleeping ones 6
 * us each, which is more than they take on any machine of data/machines. */
static inline void sharing_init(struct sharing *sharing, unsigned worker_count, double worth_ns,
                                double margin, double probe, double awake_ns) {
    double asleep_ns = 6000 * (worker_count < 3 ? worker_count : 3);
    *sharing = (struct sharing){
        .worker_count = worker_count,
        .worth_ns = worth_ns,
        .margin = margin,
        .probe_part = 1 / probe,
        .prices = {{.first_ns = 5000, .growth = 1.4}, {.first_ns = asleep_ns, .growth = 1.6}},
        .trust = 1,
        .awake_ns = awake_ns};
    sharing_update(sharing, SHARING_AWAKE);
    sharing_update(sharing, SHARING_ASLEEP);
}

/* Batches began `gap_ns` after the last one ended; if that was shared, workers are now in `state`
 * so long after it. */
static inline void sharing_note_gap(struct sharing *sharing, double gap_ns, bool was_shared,
                                    enum sharing_state state) {
    sharing->gap_ns = gap_ns;
    bool longer = gap_ns > sharing->awake_ns;
    if (was_shared && longer == (state == SHARING_AWAKE)) sharing->awake_ns = gap_ns;
}

static inline bool sharing_stays_awake(const struct sharing *sharing) {
    return sharing->gap_ns <= sharing->awake_ns;
}

/* Whether a batch that usually takes `usual_ns` alone is to have its costs looked at, which takes
 * `look_ns`; some looks are lent where sharing seems to pay. To be asked of every batch. */
static inline bool sharing_looks(struct sharing *sharing, double usual_ns, double look_ns,
                                 enum sharing_state state) {
    double part_ns = usual_ns * sharing->probe_part;
    sharing->credit_ns += part_ns * (1.0 / 3);
    sharing->looks_ns += part_ns * (2.0 / 3);
    enum sharing_state next = sharing_stays_awake(sharing) ? SHARING_AWAKE : state;
    bool promising = usual_ns >= sharing->least_ns[next];
    if (sharing->looks_ns < (promising ? -SHARING_CREDIT * look_ns : look_ns)) return false;
    sharing->looks_ns -= look_ns;
    return true;
}

/* Credit for what awake workers would save, as far as those that were woken on it so far were worth
 * it; debts are not paid from it. True if they would save something. */
static inline bool sharing_misses(struct sharing *sharing, double alone_ns, unsigned most) {
    struct prices_plan awake = prices_plan(&sharing->prices[SHARING_AWAKE], alone_ns, most);
    double saved_ns = sharing->margin * alone_ns - awake.together_ns;
    if (saved_ns > 0 && sharing->credit_ns >= 0) sharing->credit_ns += saved_ns * sharing->trust;
    return saved_ns > 0;
}

/* The plan, or now and then one for fewer or more workers whose price is not known well. */
static inline struct prices_plan sharing_vary(struct sharing *sharing, double alone_ns,
                                              unsigned most, enum sharing_state state,
                                              struct prices_plan plan, uint64_t now) {
    const struct prices *prices = &sharing->prices[state];
    if (alone_ns >= (double)PRICE_PLENTY_NS * most) return plan;
    unsigned class = plan.class ? plan.class - 1 : plan.class + 1;
    for (; class <= plan.class + 1 && class < PRICE_CLASSES; class += 2) {
        struct prices_plan other = prices_plan_class(prices, alone_ns, most, class);
        double dearer_ns = other.together_ns - plan.together_ns;
        bool differs = class < plan.class || plan.workers < most;
        if (!differs || !prices_stale(prices, class, now) || dearer_ns > sharing->vary_ns) continue;
        sharing->vary_ns -= dearer_ns;
        return other;
    }
    return plan;
}

/* Whether a batch is so rarely measured alone that it is time to do it again. */
static inline bool sharing_forgets(const struct sharing *sharing, double alone_ns,
                                   double together_ns) {
    return sharing->shared >= SHARING_LEAST &&
           (double)sharing->shared * together_ns >= SHARING_REMEMBER * (alone_ns - together_ns);
}

/* How a batch of `alone_ns` of work is to be shared, the owner's batch number being `now`; no
 * workers: not at all. */
static inline struct prices_plan sharing_choose(struct sharing *sharing, double alone_ns,
                                                enum sharing_state state, uint64_t now) {
    const struct prices *prices = &sharing->prices[state];
    struct prices_plan alone = {.workers = 0};
    unsigned most = sharing->worker_count;
    if (alone_ns < most * sharing->worth_ns) most = (unsigned)(alone_ns / sharing->worth_ns);
    if (most < 2) return alone;
    struct prices_plan plan = prices_plan(prices, alone_ns, most);
    double lost_ns = plan.together_ns - sharing->margin * alone_ns;
    if (lost_ns < 0) {
        if (sharing_forgets(sharing, alone_ns, plan.together_ns)) return alone;
        return sharing_vary(sharing, alone_ns, most, state, plan, now);
    }
    bool wakes = state == SHARING_ASLEEP && sharing_stays_awake(sharing) &&
                 sharing_misses(sharing, alone_ns, most);
    if (!wakes && !prices_stale(prices, plan.class, now)) return alone;
    if (sharing->credit_ns < lost_ns) return alone;
    if (wakes) {
        double trust = sharing->trust * (sharing->episode_ns < 0 ? 0.5 : 2);
        sharing->trust = trust < 1 ? trust : 1;
        sharing->episode_ns = 0;
    }
    plan.risked = true;
    return plan;
}

static inline double sharing_least(double a, double b) {
    return a < b ? a : b;
}

/* A batch was shared as planned. A part of what that saved may be spent, all that it lost is owed.
 * Disturbances count here: with more workers there are more of them. */
static inline void sharing_settle(struct sharing *sharing, struct prices_plan plan, double alone_ns,
                                  double took_ns, enum sharing_state state, uint64_t now) {
    double most_ns = SHARING_CREDIT * alone_ns, saved_ns = alone_ns - took_ns;
    double debt_ns = (plan.risked ? SHARING_DEBT : 2) * alone_ns;
    if (saved_ns < -debt_ns) saved_ns = -debt_ns;
    sharing->shared++;
    sharing->episode_ns += saved_ns;
    sharing->credit_ns += saved_ns > 0 ? saved_ns / 4 : saved_ns;
    sharing->looks_ns += saved_ns > 0 ? saved_ns / 2 : 0;
    sharing->vary_ns = sharing_least(sharing->vary_ns + took_ns / SHARING_VARY, most_ns);
    sharing->credit_ns = sharing_least(sharing->credit_ns, most_ns);
    sharing->looks_ns = sharing_least(sharing->looks_ns, most_ns);
    prices_learn(&sharing->prices[state], plan.class, took_ns - alone_ns / plan.workers,
                 most_ns / 2, now);
    sharing_update(sharing, state);
}

#endif
