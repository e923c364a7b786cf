/* Medians, exact intervals, sign tests and corrections; see statistics.h. */
#define _GNU_SOURCE
#include "results/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of so many values one at each end is left out of their centre. */
enum { TRIMMED_OF = 8 };

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void statistics_sort(double *values, size_t count) {
    qsort(values, count, sizeof *values, compare_doubles);
}

double *statistics_sorted(const double *values, size_t count) {
    double *sorted = malloc((count + 1) * sizeof *sorted);
    if (!sorted) return NULL;
    if (count) memcpy(sorted, values, count * sizeof *sorted);
    statistics_sort(sorted, count);
    return sorted;
}

double statistics_quantile(const double *sorted, size_t count, double q) {
    if (count == 0) return NAN;
    double place = q * (double)(count - 1);
    size_t below = (size_t)place;
    if (below + 1 >= count) return sorted[count - 1];
    return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

double statistics_median(const double *values, size_t count) {
    double *sorted = statistics_sorted(values, count);
    double median = sorted ? statistics_quantile(sorted, count, 0.5) : NAN;
    free(sorted);
    return median;
}

double statistics_trimmed_mean(const double *values, size_t count) {
    double *sorted = statistics_sorted(values, count);
    size_t trimmed = count / 5;
    double mean = sorted ? statistics_mean(sorted + trimmed, count - 2 * trimmed) : NAN;
    free(sorted);
    return mean;
}

static double log_choose(size_t n, size_t k) {
    int sign; /* lgamma_r: lgamma writes a global */
    return lgamma_r((double)n + 1, &sign) - lgamma_r((double)k + 1, &sign) -
           lgamma_r((double)(n - k) + 1, &sign);
}

double statistics_binomial_half(size_t k, size_t n) {
    if (k >= n) return 1;
    double sum = 0;
    for (size_t i = 0; i <= k; i++)
        sum += exp(log_choose(n, i) - (double)n * M_LN2);
    return sum < 1 ? sum : 1;
}

/* The interval is [x(k), x(n + 1 - k)] with the largest k for which both tails together hold at
 * most 1 - confidence: 2 P(Bin(n, 1/2) <= k - 1). */
bool statistics_median_interval(const double *values, size_t count, double confidence,
                                struct interval *interval) {
    *interval = (struct interval){
        .estimate = statistics_median(values, count), .low = NAN, .high = NAN, .coverage = 0};
    size_t k = 0;
    double tail = 0, used = 0;
    for (; k < count / 2; k++) {
        tail += exp(log_choose(count, k) - (double)count * M_LN2);
        if (2 * tail > 1 - confidence) break;
        used = tail;
    }
    double *sorted = k ? statistics_sorted(values, count) : NULL;
    if (!sorted) return false;
    interval->low = sorted[k - 1];
    interval->high = sorted[count - k];
    interval->coverage = 1 - 2 * used;
    free(sorted);
    return true;
}

double statistics_sign_test(const double *values, size_t count, double null) {
    size_t above = 0, below = 0;
    for (size_t i = 0; i < count; i++) {
        above += values[i] > null;
        below += values[i] < null;
    }
    double p = 2 * statistics_binomial_half(above < below ? above : below, above + below);
    return p < 1 ? p : 1;
}

/* The regularised incomplete beta function I_x(a, b) by its continued fraction (Abramowitz and
 * Stegun 26.5.8, evaluated from the front after Lentz); quick for x below (a + 1) / (a + b + 2). */
static double incomplete_beta(double x, double a, double b) {
    enum { STEPS = 500 };
    const double tiny = 1e-300;
    int sign;
    if (x <= 0 || x >= 1) return x > 0;
    if (x > (a + 1) / (a + b + 2)) return 1 - incomplete_beta(1 - x, b, a);
    double front = exp(lgamma_r(a + b, &sign) - lgamma_r(a, &sign) - lgamma_r(b, &sign) +
                       a * log(x) + b * log1p(-x)) /
                   a;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double value = d;
    for (int m = 1; m < STEPS; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        for (int half = 0; half < 2; half++) {
            double term = half ? odd : even;
            d = 1 + term * d;
            c = 1 + term / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = fabs(c) < tiny ? tiny : c;
            value *= c * d;
        }
        if (fabs(c * d - 1) < 1e-14) break;
    }
    return front * value;
}

double statistics_t_tails(double t, double degrees) {
    return isinf(t) ? 0 : incomplete_beta(degrees / (degrees + t * t), degrees / 2, 0.5);
}

/* The t that both tails beyond hold `tails` of. */
static double t_quantile(double tails, double degrees) {
    double low = 0, high = 1;
    while (statistics_t_tails(high, degrees) > tails && high < 1e9)
        high *= 2;
    while (high - low > 1e-12 * high) {
        double middle = (low + high) / 2;
        *(statistics_t_tails(middle, degrees) > tails ? &low : &high) = middle;
    }
    return high;
}

/* Trimmed mean, its standard error from the winsorised deviation, and the degrees of freedom left.
 */
struct centre {
    double mean, error, degrees;
};

static bool find_centre(const double *values, size_t count, struct centre *centre) {
    double *sorted = count >= 2 ? statistics_sorted(values, count) : NULL;
    if (!sorted) return false;
    size_t trimmed = count / TRIMMED_OF, kept = count - 2 * trimmed;
    centre->mean = statistics_mean(sorted + trimmed, kept);
    for (size_t i = 0; i < trimmed; i++) {
        sorted[i] = sorted[trimmed];
        sorted[count - 1 - i] = sorted[count - 1 - trimmed];
    }
    double deviation = statistics_deviation(sorted, count);
    centre->degrees = (double)kept - 1;
    centre->error = deviation * sqrt((double)(count - 1) / ((double)kept * centre->degrees));
    free(sorted);
    return true;
}

bool statistics_centre_interval(const double *values, size_t count, double confidence,
                                struct interval *interval) {
    struct centre centre;
    *interval = (struct interval){
        .estimate = statistics_mean(values, count), .low = NAN, .high = NAN, .coverage = 0};
    if (!find_centre(values, count, &centre)) return false;
    double reach = t_quantile(1 - confidence, centre.degrees) * centre.error;
    *interval = (struct interval){.estimate = centre.mean,
                                  .low = centre.mean - reach,
                                  .high = centre.mean + reach,
                                  .coverage = confidence};
    return true;
}

double statistics_centre_test(const double *values, size_t count, double null) {
    struct centre centre;
    if (!find_centre(values, count, &centre) || centre.mean == null) return 1;
    double distance = centre.mean - null;
    return statistics_t_tails(centre.error > 0 ? distance / centre.error : INFINITY,
                              centre.degrees);
}

struct ranked {
    double value;
    size_t index;
};

static int compare_ranked(const void *a, const void *b) {
    const struct ranked *x = a, *y = b;
    if (x->value != y->value) return x->value > y->value ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

static struct ranked *sort_with_index(const double *values, size_t count) {
    struct ranked *order = malloc((count + 1) * sizeof *order);
    if (!order) return NULL;
    for (size_t i = 0; i < count; i++)
        order[i] = (struct ranked){values[i], i};
    qsort(order, count, sizeof *order, compare_ranked);
    return order;
}

bool statistics_holm(const double *p, size_t count, double *adjusted) {
    size_t known = 0;
    struct ranked *order = malloc((count + 1) * sizeof *order);
    if (!order) return false;
    for (size_t i = 0; i < count; i++) {
        adjusted[i] = p[i];
        if (!isnan(p[i])) order[known++] = (struct ranked){p[i], i};
    }
    qsort(order, known, sizeof *order, compare_ranked);
    double highest = 0;
    for (size_t i = 0; i < known; i++) {
        double raised = order[i].value * (double)(known - i);
        highest = fmax(highest, fmin(raised, 1));
        adjusted[order[i].index] = highest;
    }
    free(order);
    return true;
}

/* Average ranks, so that equal values are equal. NULL without memory. */
static double *ranks_of(const double *values, size_t count) {
    struct ranked *order = sort_with_index(values, count);
    double *ranks = order ? malloc((count + 1) * sizeof *ranks) : NULL;
    for (size_t i = 0; ranks && i < count;) {
        size_t end = i + 1;
        while (end < count && order[end].value == order[i].value)
            end++;
        for (size_t j = i; j < end; j++)
            ranks[order[j].index] = (double)(i + end - 1) / 2;
        i = end;
    }
    free(order);
    return ranks;
}

static double correlation(const double *x, const double *y, size_t count) {
    double mean_x = statistics_mean(x, count), mean_y = statistics_mean(y, count);
    double xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < count; i++) {
        xx += (x[i] - mean_x) * (x[i] - mean_x);
        yy += (y[i] - mean_y) * (y[i] - mean_y);
        xy += (x[i] - mean_x) * (y[i] - mean_y);
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

double statistics_lag1(const double *values, size_t count) {
    if (count < 4) return 0;
    double *ranks = ranks_of(values, count);
    double result = ranks ? correlation(ranks, ranks + 1, count - 1) : 0;
    free(ranks);
    return result;
}

double statistics_trend(const double *values, size_t count) {
    if (count < 4) return 0;
    double *ranks = ranks_of(values, count);
    double *index = malloc(count * sizeof *index);
    for (size_t i = 0; index && i < count; i++)
        index[i] = (double)i;
    double result = ranks && index ? correlation(ranks, index, count) : 0;
    free(ranks);
    free(index);
    return result;
}

double statistics_two_heaps(const double *values, size_t count, double *cut) {
    double *sorted = statistics_sorted(values, count);
    *cut = NAN;
    if (!sorted || count < 10) {
        free(sorted);
        return 0;
    }
    double low = statistics_quantile(sorted, count, 0.1);
    double high = statistics_quantile(sorted, count, 0.9);
    double total = 0, best = 0, left = 0;
    for (size_t i = 0; i < count; i++) {
        sorted[i] = fmin(fmax(sorted[i], low), high);
        total += sorted[i];
    }
    double mean = total / (double)count, spread = 0;
    for (size_t i = 0; i < count; i++)
        spread += (sorted[i] - mean) * (sorted[i] - mean);
    for (size_t i = 1; i < count; i++) {
        left += sorted[i - 1];
        if (i * 5 < count || (count - i) * 5 < count) continue;
        double left_mean = left / (double)i, right_mean = (total - left) / (double)(count - i);
        double between = (double)i * (left_mean - mean) * (left_mean - mean) +
                         (double)(count - i) * (right_mean - mean) * (right_mean - mean);
        if (between <= best) continue;
        best = between;
        *cut = (sorted[i - 1] + sorted[i]) / 2;
    }
    free(sorted);
    return spread > 0 ? best / spread : 0;
}

void statistics_outliers(const double *values, size_t count, size_t *mild, size_t *severe) {
    *mild = *severe = 0;
    double *sorted = statistics_sorted(values, count);
    if (!sorted || count < 4) {
        free(sorted);
        return;
    }
    double first = statistics_quantile(sorted, count, 0.25);
    double third = statistics_quantile(sorted, count, 0.75);
    for (size_t i = 0; i < count; i++) {
        double beyond = fmax(first - sorted[i], sorted[i] - third);
        if (beyond > 3 * (third - first))
            ++*severe;
        else if (beyond > 1.5 * (third - first))
            ++*mild;
    }
    free(sorted);
}

double statistics_mean(const double *values, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return count ? sum / (double)count : NAN;
}

double statistics_deviation(const double *values, size_t count) {
    if (count < 2) return NAN;
    double mean = statistics_mean(values, count), sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (values[i] - mean) * (values[i] - mean);
    return sqrt(sum / (double)(count - 1));
}
