/* Timed sleeps and calibrated work; see cost.h. */
#define _GNU_SOURCE
#include "pipeline/cost.h"
#include "base/clock.h"
#include "base/random.h"
#include "pipeline/traffic.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <time.h>

void cost_sleep(double ns) {
    static _Thread_local int slack_set;
    if (!slack_set) slack_set = 1 + prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    if (!(ns >= 1)) return;
    struct timespec left = {(time_t)(ns / 1e9), (long)fmod(ns, 1e9)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

/* A chain of dependent multiplications: its speed depends on the core's clock alone. */
static void work(uint64_t steps) {
    uint64_t x = steps | 1;
    for (uint64_t i = 0; i < steps; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        __asm__ volatile("" : "+r"(x));
    }
}

static double steps_per_ns;

/* The best of several short runs: being interrupted only ever makes a run longer. */
static void calibrate(void) {
    enum { RUNS = 60 };
    const uint64_t steps = 200000;
    work(steps);
    for (int i = 0; i < RUNS; i++) {
        uint64_t start_ns = clock_now_ns();
        work(steps);
        double speed = (double)steps / (double)(clock_now_ns() - start_ns + 1);
        if (speed > steps_per_ns) steps_per_ns = speed;
    }
}

void cost_calibrate(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, calibrate);
}

void cost_spin(double ns) {
    cost_calibrate();
    if (ns >= 1) work((uint64_t)(ns * steps_per_ns));
}

/* Lognormal with mean 1 and the given coefficient of variation (Box and Muller 1958). */
static double variation_factor(const struct cost *cost, uint64_t sequence) {
    if (!(cost->variation > 0)) return 1;
    struct random random = {cost->seed * 0x9E3779B97F4A7C15u + sequence};
    random_next(&random);
    double u = random_unit(&random), v = random_unit(&random);
    double normal = sqrt(-2 * log(1 - u)) * cos(6.283185307179586 * v);
    double variance = log(1 + cost->variation * cost->variation);
    return exp(sqrt(variance) * normal - variance / 2);
}

double cost_ns(const struct cost *cost, uint64_t sequence, double rows) {
    return cost->ns_per_row * rows * variation_factor(cost, sequence);
}

void cost_run(const struct cost *cost, uint64_t sequence, double rows) {
    if (cost->kind == COST_SLEEP) cost_sleep(cost_ns(cost, sequence, rows));
    if (cost->kind == COST_SPIN) cost_spin(cost_ns(cost, sequence, rows));
    if (cost->kind == COST_MEMORY) traffic_run(cost_ns(cost, sequence, rows));
}
