/* How throughput grows with threads: Amdahl's law and the Universal Scalability Law fitted to a
 * thread sweep, with intervals, beside the serial share that the phase stamps saw. */
#ifndef RESULTS_SCALE_H
#define RESULTS_SCALE_H

#include "results/record.h"
#include <stdio.h>

struct scale_point {
    double threads, throughput;
};

/* throughput(N) = rate N / (1 + contention (N - 1) + coherence N (N - 1)); Amdahl's law is
 * coherence = 0, with the serial share as contention. Source: Gunther, "A General Theory of
 * Computational Scalability Based on Rational Functions", 2008. */
struct scale_fit {
    double rate, contention, coherence;
};

/* Least squares on log throughput, coefficients at or above 0. With `amdahl` coherence stays 0.
 * False with fewer distinct thread counts than coefficients. */
bool scale_fit(const struct scale_point *points, size_t count, bool amdahl, struct scale_fit *fit);
double scale_predict(const struct scale_fit *fit, double threads);
/* The thread count of the greatest throughput; INFINITY if it grows for ever. */
double scale_peak(const struct scale_fit *fit);

/* Prints, for every group and label with at least three thread counts, speed-ups over the best
 * one-thread arm of the group, both fits with 95 % intervals (rounds resampled, 400 times, fixed
 * seed), and the shares of phases that do not run in parallel. */
bool scale_print(const struct record *record, FILE *out, struct error *error);

#endif
