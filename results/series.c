/* Series of paired log ratios; see series.h. */
#define _GNU_SOURCE
#include "results/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One-sided 5 % for autocorrelation, since missing it costs more than blocks do; two-sided 1 % for
 * drift and processes; the share for two heaps is one that normal, even and Laplace values of 20
 * and more exceed in fewer than 5 % of runs (tests/results/statistics_test.c). */
static const double AUTOCORRELATION_LIMIT = 1.645;
static const double DRIFT_LIMIT = 2.576;
static const double TWO_HEAPS_LIMIT = 0.90;
static const double PROCESS_LIMIT = 2.326;
enum { TWO_HEAPS_LEAST = 20, DRIFT_LEAST = 9 };

/* A short series' estimate is too low by about (1 + 3 r) / n (Kendall 1954); put right here. */
static bool is_autocorrelated(const double *values, size_t count) {
    double lag1 = statistics_lag1(values, count);
    lag1 += (1 + 3 * lag1) / (double)count;
    return lag1 * sqrt((double)count) > AUTOCORRELATION_LIMIT;
}

/* Replaces values by the medians of blocks of `block` neighbours; the last takes what is left. */
static size_t gather_blocks(const double *ratios, size_t count, size_t block, double *values) {
    size_t blocks = count / block;
    for (size_t i = 0; i < blocks; i++) {
        size_t begin = i * block, end = i + 1 == blocks ? count : begin + block;
        values[i] = statistics_median(ratios + begin, end - begin);
    }
    return blocks;
}

static void widen_for_autocorrelation(const double *ratios, size_t count, struct series *series) {
    series->block = 1;
    while (is_autocorrelated(series->values, series->count)) {
        if (count / (series->block + 1) < STATISTICS_LEAST_VALUES) {
            series->flaws |= SERIES_AUTOCORRELATED;
            return;
        }
        series->block++;
        series->count = gather_blocks(ratios, count, series->block, series->values);
    }
}

static void note_part(struct series *series, const double *values, size_t count) {
    double median = statistics_median(values, count);
    series->least_part = fmin(series->least_part, median);
    series->greatest_part = fmax(series->greatest_part, median);
}

/* Processes are looked at as wholes: ratios of one process are alike, which a test that takes them
 * for independent would call a drift. */
static void check_drift(const double *ratios, size_t count, struct series *series) {
    series->trend = statistics_trend(ratios, count);
    if (count < DRIFT_LEAST || fabs(series->trend) * sqrt((double)count - 1) < DRIFT_LIMIT) return;
    series->flaws |= SERIES_DRIFTS;
    note_part(series, ratios, count / 3);
    note_part(series, ratios + count - count / 3, count / 3);
}

static void check_two_heaps(const double *ratios, size_t count, struct series *series) {
    double cut;
    series->heaps = statistics_two_heaps(ratios, count, &cut);
    if (count < TWO_HEAPS_LEAST || series->heaps < TWO_HEAPS_LIMIT) return;
    double *sorted = statistics_sorted(ratios, count);
    if (!sorted) return;
    series->flaws |= SERIES_TWO_HEAPS;
    size_t below = 0;
    while (below < count && sorted[below] < cut)
        below++;
    note_part(series, sorted, below);
    note_part(series, sorted + below, count - below);
    free(sorted);
}

/* What each process says: the trimmed mean of its ratios, or their median. Ratios come sorted by
 * process. */
static size_t gather_processes(const double *ratios, const unsigned *processes, size_t count,
                               double (*middle)(const double *, size_t), double *values) {
    size_t found = 0;
    for (size_t begin = 0; begin < count;) {
        size_t end = begin + 1;
        while (end < count && processes[end] == processes[begin])
            end++;
        values[found++] = middle(ratios + begin, end - begin);
        begin = end;
    }
    return found;
}

/* Whether processes differ by more than chance: the spread of their medians against that of
 * medians of as many shuffled ratios would need a permutation; this compares with the normal
 * theory of medians through the quartiles: sd(median of m) = 1.2533 * 0.7413 * IQR / sqrt(m). */
static bool processes_differ(const double *ratios, size_t count, const double *medians,
                             size_t processes) {
    double *sorted = statistics_sorted(ratios, count);
    if (!sorted) return false;
    double range =
        statistics_quantile(sorted, count, 0.75) - statistics_quantile(sorted, count, 0.25);
    free(sorted);
    double each = (double)count / (double)processes;
    double expected = 1.2533 * 0.7413 * range / sqrt(each);
    double seen = statistics_deviation(medians, processes);
    /* (P-1) seen^2 / expected^2 is about chi-squared with P-1 degrees (Wilson and Hilferty). */
    double degrees = (double)processes - 1, spread = 2 / (9 * degrees);
    double z = (cbrt(seen * seen / (expected * expected)) - (1 - spread)) / sqrt(spread);
    return expected > 0 ? z > PROCESS_LIMIT : seen > 0;
}

static bool gather_by_process(const double *ratios, const unsigned *processes, size_t count,
                              struct series *series, struct error *error) {
    double *values = malloc((count + 1) * sizeof *values);
    if (!values) return error_set(error, "out of memory for a series of pairs");
    size_t found = gather_processes(ratios, processes, count, statistics_trimmed_mean, values);
    if (found >= SERIES_LEAST_PROCESSES) {
        memcpy(series->values, values, found * sizeof *values);
        series->count = found;
        series->block = 0;
    } else if (found > 1) {
        gather_processes(ratios, processes, count, statistics_median, values);
        if (processes_differ(ratios, count, values, found)) {
            series->flaws |= SERIES_PROCESSES_DIFFER;
            for (size_t i = 0; i < found; i++)
                note_part(series, &values[i], 1);
        }
    }
    free(values);
    return true;
}

/* The units are ratios or blocks of them. */
static void analyse_ratios(const double *ratios, size_t count, double confidence,
                           struct series *series) {
    widen_for_autocorrelation(ratios, count, series);
    check_drift(ratios, count, series);
    check_two_heaps(ratios, count, series);
    series->has_interval =
        statistics_median_interval(series->values, series->count, confidence, &series->change);
    if (series->block == 1) return;
    series->change.estimate = statistics_median(ratios, count);
    series->change.low = fmin(series->change.low, series->change.estimate);
    series->change.high = fmax(series->change.high, series->change.estimate);
}

static void analyse_processes(size_t pairs, double confidence, struct series *series) {
    check_drift(series->values, series->count, series);
    check_two_heaps(series->values, series->count, series);
    bool has_interval =
        statistics_centre_interval(series->values, series->count, confidence, &series->change);
    series->has_interval = has_interval && pairs >= STATISTICS_LEAST_VALUES;
}

bool series_analyse(const double *ratios, const unsigned *processes, size_t count,
                    double confidence, struct series *series, struct error *error) {
    *series = (struct series){.values = malloc((count + 1) * sizeof(double)),
                              .count = count,
                              .block = 1,
                              .least_part = INFINITY,
                              .greatest_part = -INFINITY};
    if (!series->values) return error_set(error, "out of memory for a series of pairs");
    if (count) memcpy(series->values, ratios, count * sizeof *ratios);
    series->lag1 = statistics_lag1(ratios, count);
    if (processes && !gather_by_process(ratios, processes, count, series, error)) {
        series_free(series);
        return false;
    }
    statistics_outliers(ratios, count, &series->mild, &series->severe);
    if (series->block)
        analyse_ratios(ratios, count, confidence, series);
    else
        analyse_processes(count, confidence, series);
    return true;
}

double series_p_beyond(const struct series *series, double limit) {
    bool up = series->change.estimate > 0, by_process = series->block == 0;
    double middle =
        by_process ? series->change.estimate : statistics_median(series->values, series->count);
    double null = up ? limit : -limit;
    if (up ? middle <= null : middle >= null) return 1;
    return by_process ? statistics_centre_test(series->values, series->count, null)
                      : statistics_sign_test(series->values, series->count, null);
}

void series_free(struct series *series) {
    free(series->values);
    *series = (struct series){0};
}

/* Looks are at even numbers, since rounds come in twos. */
bool stop_rule_looks(const struct stop_rule *rule, size_t count) {
    size_t look = rule->least < STATISTICS_LEAST_VALUES ? STATISTICS_LEAST_VALUES : rule->least;
    look += look % 2;
    while (look < count) {
        look += (look + 1) / 2;
        look += look % 2;
    }
    return look == count && rule->half_width > 0;
}

bool series_is_precise(const struct series *series, double half_width) {
    return series->has_interval && !(series->flaws & SERIES_AUTOCORRELATED) &&
           (series->change.high - series->change.low) / 2 <= half_width;
}

bool stop_rule_met(const struct stop_rule *rule, const double *ratios, size_t count) {
    if (rule->most && count >= rule->most) return true;
    struct series series;
    if (!stop_rule_looks(rule, count) ||
        !series_analyse(ratios, NULL, count, rule->confidence, &series, NULL))
        return false;
    bool met = series_is_precise(&series, rule->half_width);
    series_free(&series);
    return met;
}
