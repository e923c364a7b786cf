/* The mathematics of verdicts, checked by simulation: what is claimed to happen in at most 5 % of
 * runs happens in at most that many, for every shape of noise. */
#include "cmocka_all.h"

#include "results/series.h"
#include "simulate.h"

#include <string.h>

enum { TRIALS = SIMULATED(1500), MOST = 400 };

/* Three standard errors of a share of TRIALS above or below. */
static double slack(double share) {
    return 3 * sqrt(share * (1 - share) / TRIALS);
}

static void medians_and_binomials_are_exact(void **state) {
    (void)state;
    double values[] = {5, 1, 4, 2, 3, 6};
    assert_true(statistics_median(values, 5) == 3);
    assert_true(statistics_median(values, 6) == 3.5);
    assert_true(isnan(statistics_median(values, 0)));
    assert_true(fabs(statistics_binomial_half(5, 20) - 0.020694732666) < 1e-12);
    assert_true(statistics_binomial_half(20, 20) == 1);
    struct interval interval;
    assert_false(statistics_median_interval(values, 5, 0.95, &interval));
    assert_true(statistics_median_interval(values, 6, 0.95, &interval));
    assert_true(interval.low == 1 && interval.high == 6);
    assert_true(fabs(interval.coverage - 0.96875) < 1e-12);
    assert_true(fabs(statistics_sign_test(values, 6, 0) - 0.03125) < 1e-12);
    assert_true(statistics_sign_test(values, 6, 3.5) == 1);
}

static void the_interval_of_the_median_covers_whatever_the_shape(void **state) {
    (void)state;
    struct random random = {42};
    double values[MOST];
    for (enum shape shape = 0; shape < SHAPE_COUNT; shape++)
        for (size_t count = 6; count <= 60; count *= 3) {
            size_t covered = 0;
            for (int trial = 0; trial < TRIALS; trial++) {
                for (size_t i = 0; i < count; i++)
                    values[i] = simulate_value(&random, shape);
                struct interval interval;
                assert_true(statistics_median_interval(values, count, 0.95, &interval));
                covered += interval.low <= 0 && interval.high >= 0;
            }
            assert_true((double)covered / TRIALS >= 0.95 - slack(0.95));
        }
}

static void students_law_and_yuens_are_as_tabulated(void **state) {
    (void)state;
    static const double table[][3] = {
        {12.706205, 1, 0.05}, {63.656741, 1, 0.01}, {2.776445, 4, 0.05},  {4.604095, 4, 0.01},
        {2.262157, 9, 0.05},  {2.085963, 20, 0.05}, {1.971896, 200, 0.05}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        assert_true(fabs(statistics_t_tails(table[i][0], table[i][1]) - table[i][2]) < 1e-6);
    assert_true(statistics_t_tails(0, 7) == 1 && statistics_t_tails(INFINITY, 7) == 0);
    /* Five of Cushny and Peebles' sleep data, which Student (1908) took; of eight and more one is
     * left out at either end. */
    double values[] = {1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4};
    struct interval interval;
    assert_true(statistics_centre_interval(values, 5, 0.95, &interval));
    assert_true(fabs(interval.estimate - 1.24) < 1e-6);
    assert_true(fabs(interval.low - 0.1842205) < 1e-6 && fabs(interval.high - 2.2957795) < 1e-6);
    assert_true(fabs(statistics_centre_test(values, 5, 0) - 0.0310544) < 1e-6);
    assert_true(statistics_centre_interval(values, 10, 0.95, &interval));
    assert_true(fabs(interval.estimate - 1.4) < 1e-6);
    assert_true(fabs(interval.low - 0.8450865) < 1e-6 && fabs(interval.high - 1.9549135) < 1e-6);
    assert_true(fabs(statistics_centre_test(values, 10, 0) - 0.0005611) < 1e-6);
    assert_false(statistics_centre_interval(values, 1, 0.95, &interval));
    double equal[] = {2, 2, 2, 2};
    assert_true(statistics_centre_test(equal, 4, 2) == 1 &&
                statistics_centre_test(equal, 4, 1) == 0);
}

static void the_sign_test_and_the_interval_agree(void **state) {
    (void)state;
    struct random random = {7};
    double values[50];
    for (int trial = 0; trial < 300; trial++) {
        for (size_t i = 0; i < 50; i++)
            values[i] = simulate_normal(&random) + 0.3;
        struct interval interval;
        statistics_median_interval(values, 50, 0.95, &interval);
        bool outside = interval.low > 0 || interval.high < 0;
        assert_int_equal(outside, statistics_sign_test(values, 50, 0) <= 0.05);
    }
}

static void holm_adjusts_as_published(void **state) {
    (void)state;
    double p[] = {0.01, 0.04, NAN, 0.03, 0.005}, adjusted[5];
    double expected[] = {0.03, 0.06, NAN, 0.06, 0.02};
    assert_true(statistics_holm(p, 5, adjusted));
    for (int i = 0; i < 5; i++)
        assert_true(i == 2 ? isnan(adjusted[i]) : fabs(adjusted[i] - expected[i]) < 1e-12);
}

static void holm_keeps_the_chance_of_any_false_alarm(void **state) {
    (void)state;
    struct random random = {11};
    size_t alarms = 0, uncorrected = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        double p[8], adjusted[8], values[30];
        bool any = false, any_raw = false;
        for (int row = 0; row < 8; row++) {
            for (int i = 0; i < 30; i++)
                values[i] = simulate_value(&random, SHAPE_LAPLACE);
            p[row] = statistics_sign_test(values, 30, 0);
            any_raw |= p[row] <= 0.05;
        }
        statistics_holm(p, 8, adjusted);
        for (int row = 0; row < 8; row++)
            any |= adjusted[row] <= 0.05;
        alarms += any;
        uncorrected += any_raw;
    }
    assert_true((double)alarms / TRIALS <= 0.05 + slack(0.05));
    assert_true((double)uncorrected / TRIALS > 0.15); /* what it is there to prevent */
}

static void autocorrelation_widens_the_interval(void **state) {
    (void)state;
    struct random random = {3};
    double values[80];
    size_t covered = 0, judged = 0, naive = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        simulate_correlated(&random, 0.6, values, 80);
        struct series series;
        struct interval plain;
        assert_true(series_analyse(values, NULL, 80, 0.95, &series, NULL));
        statistics_median_interval(values, 80, 0.95, &plain);
        naive += plain.low <= 0 && plain.high >= 0;
        if (!(series.flaws & SERIES_AUTOCORRELATED)) {
            judged++;
            covered += series.change.low <= 0 && series.change.high >= 0;
        }
        series_free(&series);
    }
    assert_true((double)naive / TRIALS < 0.85);
    assert_true(judged > TRIALS * 9 / 10);
    assert_true((double)covered / (double)judged > 0.90);
}

static size_t count_flaw(enum series_flaw flaw, enum shape shape, double drift, double heap,
                         uint64_t seed) {
    struct random random = {seed};
    double values[60];
    size_t found = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        for (size_t i = 0; i < 60; i++) {
            values[i] = simulate_value(&random, shape) + drift * (double)i / 60;
            if (heap > 0 && random_unit(&random) < 0.4) values[i] += heap;
        }
        struct series series;
        assert_true(series_analyse(values, NULL, 60, 0.95, &series, NULL));
        found += (series.flaws & (unsigned)flaw) != 0;
        series_free(&series);
    }
    return found;
}

static void drift_is_found_and_not_imagined(void **state) {
    (void)state;
    for (enum shape shape = 0; shape < SHAPE_COUNT; shape++)
        assert_true((double)count_flaw(SERIES_DRIFTS, shape, 0, 0, 5) / TRIALS <=
                    0.01 + slack(0.01));
    assert_true(count_flaw(SERIES_DRIFTS, SHAPE_NORMAL, 3, 0, 5) > TRIALS * 95 / 100);
}

static void two_heaps_are_found_and_not_imagined(void **state) {
    (void)state;
    for (enum shape shape = 0; shape < SHAPE_COUNT; shape++)
        assert_true((double)count_flaw(SERIES_TWO_HEAPS, shape, 0, 0, 9) / TRIALS <= 0.05);
    assert_true(count_flaw(SERIES_TWO_HEAPS, SHAPE_NORMAL, 0, 10, 9) > TRIALS * 95 / 100);
}

/* Ratios of `processes` processes with `each` pairs: what a process of either side shares, and the
 * noise of a pair. */
static void simulate_processes(struct random *random, enum shape shape, double shared, double noise,
                               unsigned processes, unsigned each, double *values,
                               unsigned *numbers) {
    for (unsigned p = 0; p < processes; p++) {
        double own = simulate_value(random, shape) - simulate_value(random, shape);
        for (unsigned i = 0; i < each; i++) {
            double pair = simulate_value(random, shape) - simulate_value(random, shape);
            values[p * each + i] = shared * own + noise * pair;
            numbers[p * each + i] = p;
        }
    }
}

/* Whatever the shape, and whether processes or pairs are what differs. Student's and Yuen's
 * intervals are exact for normal values alone; the noise floor and the threshold make up for the
 * rest (see verdict_test.c). */
static void processes_are_the_units_from_four_on(void **state) {
    (void)state;
    struct random random = {13};
    double values[MOST];
    unsigned numbers[MOST];
    static const unsigned plans[][2] = {{4, 5}, {8, 15}, {12, 4}};
    for (enum shape shape = 0; shape < SHAPE_COUNT; shape++)
        for (size_t plan = 0; plan < sizeof plans / sizeof plans[0]; plan++)
            for (double shared = 0; shared <= 2; shared += 2) {
                unsigned processes = plans[plan][0], count = processes * plans[plan][1];
                size_t covered = 0;
                for (int trial = 0; trial < TRIALS; trial++) {
                    simulate_processes(&random, shape, shared, 1, processes, plans[plan][1], values,
                                       numbers);
                    struct series series;
                    assert_true(series_analyse(values, numbers, count, 0.95, &series, NULL));
                    assert_int_equal(series.count, processes);
                    covered += series.change.low <= 0 && series.change.high >= 0;
                    bool beyond = series_p_beyond(&series, 0) <= 0.05;
                    assert_int_equal(beyond, series.change.low > 0 || series.change.high < 0);
                    series_free(&series);
                }
                assert_true((double)covered / TRIALS >= 0.92);
            }
}

/* Pairs of the same few processes are alike: taken for independent they deceive. */
static void pairs_as_units_would_deceive(void **state) {
    (void)state;
    struct random random = {14};
    double values[MOST];
    unsigned numbers[MOST];
    size_t covered = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        simulate_processes(&random, SHAPE_NORMAL, 1, 1, 4, 10, values, numbers);
        struct interval plain;
        assert_true(statistics_median_interval(values, 40, 0.95, &plain));
        covered += plain.low <= 0 && plain.high >= 0;
    }
    assert_true((double)covered / TRIALS < 0.75);
}

static void few_processes_that_differ_are_noticed(void **state) {
    (void)state;
    struct random random = {17};
    size_t imagined = 0, found = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        double same[60], shifted[60];
        unsigned processes[60];
        for (unsigned i = 0; i < 60; i++) {
            processes[i] = i / 20;
            same[i] = simulate_value(&random, SHAPE_LAPLACE);
            shifted[i] = simulate_value(&random, SHAPE_LAPLACE) + 1.5 * processes[i];
        }
        struct series series;
        series_analyse(same, processes, 60, 0.95, &series, NULL);
        imagined += (series.flaws & SERIES_PROCESSES_DIFFER) != 0;
        series_free(&series);
        series_analyse(shifted, processes, 60, 0.95, &series, NULL);
        found += (series.flaws & SERIES_PROCESSES_DIFFER) != 0;
        series_free(&series);
    }
    assert_true((double)imagined / TRIALS <= 0.05);
    assert_true((double)found / TRIALS >= 0.95);
}

static void stopping_by_width_keeps_the_coverage(void **state) {
    (void)state;
    struct random random = {23};
    double values[MOST];
    for (enum shape shape = 0; shape < SHAPE_COUNT; shape++) {
        struct stop_rule rule = {.half_width = 0.4, .confidence = 0.95, .least = 20, .most = 300};
        size_t covered = 0, trials = SIMULATED(600), early = 0;
        for (size_t trial = 0; trial < trials; trial++) {
            size_t count = 0;
            do
                values[count++] = simulate_value(&random, shape);
            while (!stop_rule_met(&rule, values, count));
            struct interval interval;
            statistics_median_interval(values, count, 0.95, &interval);
            covered += interval.low <= 0 && interval.high >= 0;
            early += count < 300;
        }
        assert_true((double)covered / (double)trials >= 0.90);
        assert_true(early > trials * 9 / 10);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(medians_and_binomials_are_exact),
        cmocka_unit_test(the_interval_of_the_median_covers_whatever_the_shape),
        cmocka_unit_test(students_law_and_yuens_are_as_tabulated),
        cmocka_unit_test(the_sign_test_and_the_interval_agree),
        cmocka_unit_test(holm_adjusts_as_published),
        cmocka_unit_test(holm_keeps_the_chance_of_any_false_alarm),
        cmocka_unit_test(autocorrelation_widens_the_interval),
        cmocka_unit_test(drift_is_found_and_not_imagined),
        cmocka_unit_test(two_heaps_are_found_and_not_imagined),
        cmocka_unit_test(processes_are_the_units_from_four_on),
        cmocka_unit_test(pairs_as_units_would_deceive),
        cmocka_unit_test(few_processes_that_differ_are_noticed),
        cmocka_unit_test(stopping_by_width_keeps_the_coverage),
    };
    return cmocka_run_group_tests_name("statistics", tests, NULL, NULL);
}
