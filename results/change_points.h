/* Where a series over time changed: E-divisive splits with a t-test in place of permutations, so
 * that the same series gives the same answer. Sources: Matteson and James 2014; Fleming and others,
 * "Hunter: Using Change Point Detection to Hunt for Performance Regressions", ICPE 2023. */
#ifndef RESULTS_CHANGE_POINTS_H
#define RESULTS_CHANGE_POINTS_H

#include <stdbool.h>
#include <stddef.h>

struct change_point {
    size_t index;         /* first value after the change */
    double before, after; /* means of the segments on either side */
    double p;
};

/* Writes the change points of `values`, in order, to `points` (room for count entries) and returns
 * how many. A split counts if Welch's t-test gives p at most `p_limit` and both sides hold at least
 * CHANGE_POINT_LEAST values. Quadratic in count. */
enum { CHANGE_POINT_LEAST = 3 };
size_t change_points_find(const double *values, size_t count, double p_limit,
                          struct change_point *points);

/* Two-sided p-value of Welch's t-test; 1 when it cannot be had. */
double welch_test(const double *a, size_t a_count, const double *b, size_t b_count);

#endif
