/* Change points; see change_points.h. */
#define _GNU_SOURCE
#include "results/change_points.h"

#include "results/statistics.h"

#include <math.h>

/* Continued fraction of the incomplete beta function (Lentz; Numerical Recipes 6.4 gives the
 * recurrence). */
static double beta_fraction(double a, double b, double x) {
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double result = d;
    for (int m = 1; m <= 300; m++) {
        for (int odd = 0; odd < 2; odd++) {
            double numerator = odd ? -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
                                   : m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
            d = 1 + numerator * d;
            c = 1 + numerator / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            if (fabs(c) < tiny) c = tiny;
            result *= d * c;
            if (odd && fabs(d * c - 1) < 1e-12) return result;
        }
    }
    return result;
}

/* Regularised incomplete beta function. */
static double beta_share(double a, double b, double x) {
    int sign;
    if (x <= 0) return 0;
    if (x >= 1) return 1;
    double front = exp(lgamma_r(a + b, &sign) - lgamma_r(a, &sign) - lgamma_r(b, &sign) +
                       a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double welch_test(const double *a, size_t a_count, const double *b, size_t b_count) {
    double a_error = pow(statistics_deviation(a, a_count), 2) / (double)a_count;
    double b_error = pow(statistics_deviation(b, b_count), 2) / (double)b_count;
    double difference = statistics_mean(a, a_count) - statistics_mean(b, b_count);
    double error = a_error + b_error;
    if (isnan(error)) return 1;
    if (error <= 0) return difference == 0 ? 1 : 0;
    double degrees =
        error * error /
        (a_error * a_error / (double)(a_count - 1) + b_error * b_error / (double)(b_count - 1));
    double t2 = difference * difference / error;
    return beta_share(degrees / 2, 0.5, degrees / (degrees + t2));
}

/* Sums of distances of values[at] to those in [begin, end). */
static double distances(const double *values, size_t begin, size_t end, size_t at) {
    double sum = 0;
    for (size_t i = begin; i < end; i++)
        sum += fabs(values[at] - values[i]);
    return sum;
}

/* The split of greatest energy distance between the sides; 0 if there is none. */
static size_t best_split(const double *values, size_t count) {
    double left = 0, right = 0, total = 0, best = 0;
    size_t split = 0;
    for (size_t i = 0; i < count; i++)
        total += distances(values, 0, i, i);
    right = total;
    for (size_t m = 1; m < count; m++) {
        left += distances(values, 0, m - 1, m - 1);
        right -= distances(values, m, count, m - 1);
        size_t n = count - m;
        if (m < CHANGE_POINT_LEAST || n < CHANGE_POINT_LEAST) continue;
        double between = total - left - right;
        double dm = (double)m, dn = (double)n;
        double energy =
            dm * dn / (dm + dn) *
            (2 * between / (dm * dn) - 2 * left / (dm * (dm - 1)) - 2 * right / (dn * (dn - 1)));
        if (energy > best) {
            best = energy;
            split = m;
        }
    }
    return split;
}

static size_t find_in(const double *values, size_t begin, size_t end, double p_limit,
                      struct change_point *points) {
    size_t count = end - begin;
    size_t split = count >= 2 * CHANGE_POINT_LEAST ? best_split(values + begin, count) : 0;
    if (!split) return 0;
    double p = welch_test(values + begin, split, values + begin + split, count - split);
    if (p > p_limit) return 0;
    size_t found = find_in(values, begin, begin + split, p_limit, points);
    points[found++] = (struct change_point){.index = begin + split, .p = p};
    return found + find_in(values, begin + split, end, p_limit, points + found);
}

size_t change_points_find(const double *values, size_t count, double p_limit,
                          struct change_point *points) {
    size_t found = find_in(values, 0, count, p_limit, points);
    for (size_t i = 0; i < found; i++) {
        size_t begin = i ? points[i - 1].index : 0;
        size_t end = i + 1 < found ? points[i + 1].index : count;
        points[i].before = statistics_mean(values + begin, points[i].index - begin);
        points[i].after = statistics_mean(values + points[i].index, end - points[i].index);
    }
    return found;
}
