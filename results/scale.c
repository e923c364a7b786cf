/* Fits of scaling laws; see scale.h. */
#define _GNU_SOURCE
#include "results/scale.h"

#include <math.h>

double scale_predict(const struct scale_fit *fit, double n) {
    return fit->rate * n / (1 + fit->contention * (n - 1) + fit->coherence * n * (n - 1));
}

double scale_peak(const struct scale_fit *fit) {
    if (fit->coherence <= 0) return INFINITY;
    return fmax(1, sqrt(fmax(0, 1 - fit->contention) / fit->coherence));
}

static double squared_error(const struct scale_point *points, size_t count,
                            const struct scale_fit *fit) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double off = log(points[i].throughput / scale_predict(fit, points[i].threads));
        sum += off * off;
    }
    return sum;
}

/* The best rate for given coefficients: the mean of the logs. */
static void set_rate(const struct scale_point *points, size_t count, struct scale_fit *fit) {
    double sum = 0;
    fit->rate = 1;
    for (size_t i = 0; i < count; i++)
        sum += log(points[i].throughput / scale_predict(fit, points[i].threads));
    fit->rate = exp(sum / (double)count);
}

static double error_at(const struct scale_point *points, size_t count, double contention,
                       double coherence, struct scale_fit *fit) {
    fit->contention = contention;
    fit->coherence = coherence;
    set_rate(points, count, fit);
    return squared_error(points, count, fit);
}

static size_t distinct_threads(const struct scale_point *points, size_t count) {
    size_t distinct = 0;
    for (size_t i = 0; i < count; i++) {
        size_t j = 0;
        while (points[j].threads != points[i].threads)
            j++;
        distinct += j == i;
    }
    return distinct;
}

/* A pattern search: steps along each coefficient, halved when none improves. Two smooth, bounded
 * dimensions need nothing cleverer, and it cannot leave the bounds or diverge. */
bool scale_fit(const struct scale_point *points, size_t count, bool amdahl, struct scale_fit *fit) {
    static const double starts[][2] = {{0, 0}, {0.1, 0}, {0.01, 0.001}, {0.3, 0.01}};
    if (distinct_threads(points, count) < (amdahl ? 2u : 3u)) return false;
    double best_error = INFINITY;
    for (size_t s = 0; s < sizeof starts / sizeof starts[0]; s++) {
        double at[2] = {starts[s][0], amdahl ? 0 : starts[s][1]}, step[2] = {0.1, 0.01};
        struct scale_fit trial;
        double error = error_at(points, count, at[0], at[1], &trial);
        for (int iteration = 0; iteration < 400 && (step[0] > 1e-9 || step[1] > 1e-10);
             iteration++) {
            bool improved = false;
            for (int d = 0; d < (amdahl ? 1 : 2); d++)
                for (int sign = -1; sign <= 1; sign += 2) {
                    double moved[2] = {at[0], at[1]};
                    moved[d] = fmin(fmax(at[d] + sign * step[d], 0), 1);
                    double moved_error = error_at(points, count, moved[0], moved[1], &trial);
                    if (moved_error >= error) continue;
                    error = moved_error;
                    at[0] = moved[0], at[1] = moved[1];
                    improved = true;
                }
            if (!improved) step[0] /= 2, step[1] /= 2;
        }
        if (error >= best_error) continue;
        best_error = error;
        error_at(points, count, at[0], at[1], fit);
    }
    return true;
}
