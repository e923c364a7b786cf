/* The mathematics of verdicts: medians with exact intervals, sign tests, corrections, and tests of
 * whether a series is what these assume. Nothing here knows of records. docs/method.md says why
 * these and what was rejected. */
#ifndef RESULTS_STATISTICS_H
#define RESULTS_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

/* Fewest values from which a 95 % interval of the median can be had at all. */
#define STATISTICS_LEAST_VALUES 6

struct interval {
    double estimate, low, high;
    double coverage; /* what the interval really covers, at least what was asked for */
};

/* The median; NAN of nothing. Values need not be sorted and are left alone. NAN without memory. */
double statistics_median(const double *values, size_t count);

/* The mean without the fifth of the values that is lowest and the fifth that is highest: as robust
 * against strays as is needed among a dozen values, and steadier than their median. */
double statistics_trimmed_mean(const double *values, size_t count);

/* The median with the narrowest interval of order statistics that covers the true median with at
 * least `confidence`, exactly for any continuous distribution of independent values. False if
 * `count` is too small for that (or there is no memory): estimate alone is set then. */
bool statistics_median_interval(const double *values, size_t count, double confidence,
                                struct interval *interval);

/* Two-sided exact sign test of "the median is `null`"; values equal to it are left out. 1 when
 * nothing is left. */
double statistics_sign_test(const double *values, size_t count, double null);

/* The mean without an eighth of the values at either end (none below eight), with an interval:
 * after Tukey and McLaughlin (1963) and Yuen (1974), Student's where nothing is left out. For a few
 * values that are means of many themselves, such as those of processes, of which one may stray.
 * False if `count` is below 2 or there is no memory. */
bool statistics_centre_interval(const double *values, size_t count, double confidence,
                                struct interval *interval);

/* Two-sided test of "that mean is `null`"; 1 below two values. */
double statistics_centre_test(const double *values, size_t count, double null);

/* P(|T| >= |t|) of Student's law. */
double statistics_t_tails(double t, double degrees);

/* P(at most k of n fair coins fall heads). */
double statistics_binomial_half(size_t k, size_t n);

/* Holm's step-down correction: adjusted[i] <= alpha exactly where the correction rejects at alpha.
 * Controls the chance of any false rejection whatever the dependence. NAN stays NAN and does not
 * count. False without memory. */
bool statistics_holm(const double *p, size_t count, double *adjusted);

/* Spearman's rank correlation of values[i] with values[i + 1]; 0 below 4 values. */
double statistics_lag1(const double *values, size_t count);

/* Spearman's rank correlation with the index; 0 below 4 values. */
double statistics_trend(const double *values, size_t count);

/* Share of the spread, after the outer tenth on either side is drawn in to the deciles, that the
 * best cut in two (a fifth on either side at least) explains. Normal values give about 0.68, even
 * ones 0.76, two separate heaps nearly 1. *cut is the value between the heaps. */
double statistics_two_heaps(const double *values, size_t count, double *cut);

/* Tukey's fences: beyond 1.5 (mild) and 3 (severe) interquartile ranges from the quartiles. */
void statistics_outliers(const double *values, size_t count, size_t *mild, size_t *severe);

/* Quantile by linear interpolation between order statistics of sorted values, 0 <= q <= 1. */
double statistics_quantile(const double *sorted, size_t count, double q);

void statistics_sort(double *values, size_t count);
/* A sorted copy to be freed, or NULL. */
double *statistics_sorted(const double *values, size_t count);

double statistics_mean(const double *values, size_t count);
double statistics_deviation(const double *values, size_t count); /* sample; NAN below 2 */

#endif
