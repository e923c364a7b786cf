/* What sharing a batch costs: what it took beyond its items' time spread evenly over the workers
 * that took part. Moving averages, by class of how many those were (2 and 3, 4 to 7, 8 to 15, and
 * so on), because waking two threads takes a fraction of what waking eighty does. A class that was
 * never measured is taken to cost what the next smaller one does and `growth` times as much for
 * each class between, but no more than a larger one. Plain numbers, for their owner alone. */
#ifndef SCHEDULERS_PRICES_H
#define SCHEDULERS_PRICES_H

#include <stdbool.h>
#include <stdint.h>

/* From PRICE_PLENTY_NS of work a worker on, what sharing takes is for its unevenness and grows with
 * the work, so that prices say little. */
enum { PRICE_CLASSES = 15, PRICE_FRESH = 16, PRICE_PLENTY_NS = 20000 };

struct prices {
    double first_ns, growth;         /* expected of two workers before anything was measured */
    double known_ns[PRICE_CLASSES];  /* 0: never measured */
    uint64_t learned[PRICE_CLASSES]; /* when, as its owner counts */
    unsigned samples[PRICE_CLASSES];
};

/* How a batch would be shared. */
struct prices_plan {
    unsigned workers, class;
    double together_ns;
    bool risked; /* not expected to pay: its owner's business */
};

/* Averages at first, moving averages from eight samples on; none counts as more than `most_ns`. */
static inline void prices_learn(struct prices *prices, unsigned class, double overhead_ns,
                                double most_ns, uint64_t now) {
    double fresh_ns = overhead_ns < 1 ? 1 : overhead_ns < most_ns ? overhead_ns : most_ns;
    unsigned samples = ++prices->samples[class];
    prices->known_ns[class] += (fresh_ns - prices->known_ns[class]) / (samples < 8 ? samples : 8);
    prices->learned[class] = now;
}

/* Whether a class is worth another sample: sooner if it had few. */
static inline bool prices_stale(const struct prices *prices, unsigned class, uint64_t now) {
    unsigned samples = prices->samples[class], doublings = samples < 5 ? samples : 5;
    return !samples || now - prices->learned[class] >= (uint64_t)PRICE_FRESH << doublings;
}

/* A part of a price is not for waking, so that from a known one it grows less than from the
 * first. */
static inline double prices_expect(const struct prices *prices, unsigned class) {
    double expected_ns = prices->first_ns, step = (1 + prices->growth) / 2;
    bool known = false;
    for (unsigned c = 0; c <= class; c++) {
        if (c) expected_ns *= known ? step : prices->growth;
        if (prices->known_ns[c] > 0) expected_ns = prices->known_ns[c];
        known |= prices->known_ns[c] > 0;
    }
    double less = 1;
    for (unsigned c = class + 1; c < PRICE_CLASSES; c++) {
        less /= known ? 1 : step;
        double larger_ns = prices->known_ns[c] * less;
        if (larger_ns > 0) return known && expected_ns < larger_ns ? expected_ns : larger_ns;
    }
    return expected_ns;
}

/* With as many workers as the class has; with `most` where only a few more of them are left. */
static inline struct prices_plan prices_plan_class(const struct prices *prices, double alone_ns,
                                                   unsigned most, unsigned class) {
    unsigned top = (4u << class) - 1, workers = most <= top + top / 8 ? most : top;
    double together_ns = alone_ns / workers + prices_expect(prices, class);
    return (struct prices_plan){.workers = workers, .class = class, .together_ns = together_ns};
}

/* With `most` workers, where sharing takes less than the items' even share or that is plenty;
 * elsewhere with the number of them, from 2 on, by which `alone_ns` of work is expected to be done
 * first. */
static inline struct prices_plan prices_plan(const struct prices *prices, double alone_ns,
                                             unsigned most) {
    struct prices_plan plan = prices_plan_class(prices, alone_ns, most, 0), best = plan;
    for (unsigned class = 1; class < PRICE_CLASSES && plan.workers < most; class ++) {
        plan = prices_plan_class(prices, alone_ns, most, class);
        if (plan.together_ns < best.together_ns) best = plan;
    }
    bool plenty = alone_ns >= (double)PRICE_PLENTY_NS * most;
    return plenty || plan.together_ns * most <= 2 * alone_ns ? plan : best;
}

/* The least work on one worker that is expected to be done in less than `margin` of its time by
 * more, each of which then has at least `worth_ns`. */
static inline double prices_least(const struct prices *prices, double margin, double worth_ns,
                                  unsigned most) {
    double least_ns = -1;
    for (unsigned class = 0; class < PRICE_CLASSES && 2u << class <= most; class ++) {
        double saved = margin - 1.0 / (2u << class);
        if (saved <= 0) continue;
        double enough_ns = prices_expect(prices, class) / saved;
        if (enough_ns < (2u << class) * worth_ns) enough_ns = (2u << class) * worth_ns;
        if (least_ns < 0 || enough_ns < least_ns) least_ns = enough_ns;
    }
    return least_ns < 0 ? 1e300 : least_ns;
}

#endif
