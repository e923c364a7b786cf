/* Seeded samples of distributions, for tests of statistical code by simulation. */
#ifndef TESTS_SIMULATE_H
#define TESTS_SIMULATE_H

#include "base/random.h"

#include <math.h>
#include <stddef.h>

/* Sanitizers look for slips in the code, for which few trials do; the shares are for release. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SIMULATED(trials) ((trials) / 10)
#else
#define SIMULATED(trials) (trials)
#endif

enum shape {
    SHAPE_NORMAL,
    SHAPE_LAPLACE,
    SHAPE_UNIFORM,
    SHAPE_SKEWED,
    SHAPE_CONTAMINATED,
    SHAPE_COUNT
};

static inline double simulate_normal(struct random *random) {
    double radius = sqrt(-2 * log(1 - random_unit(random)));
    return radius * cos(2 * 3.14159265358979323846 * random_unit(random));
}

/* Median 0, spread about 1. SKEWED is a shifted log-normal; CONTAMINATED has one value in ten a
 * whole twenty wide, as a busy machine has it. */
static inline double simulate_value(struct random *random, enum shape shape) {
    double unit;
    switch (shape) {
    case SHAPE_LAPLACE:
        unit = random_unit(random) - 0.5;
        return unit < 0 ? log(1 + 2 * unit) : -log(1 - 2 * unit);
    case SHAPE_UNIFORM:
        return 3.4641 * (random_unit(random) - 0.5);
    case SHAPE_SKEWED:
        return exp(simulate_normal(random)) - 1;
    case SHAPE_CONTAMINATED:
        return simulate_normal(random) * (random_unit(random) < 0.1 ? 20 : 1);
    default:
        return simulate_normal(random);
    }
}

/* Values with lag-1 correlation `correlation` and spread 1. */
static inline void simulate_correlated(struct random *random, double correlation, double *values,
                                       size_t count) {
    double last = simulate_normal(random);
    for (size_t i = 0; i < count; i++) {
        values[i] = last;
        last = correlation * last + sqrt(1 - correlation * correlation) * simulate_normal(random);
    }
}

#endif
