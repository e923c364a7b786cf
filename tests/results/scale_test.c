/* Scaling laws: the coefficients that made the points are found again. */
#include "cmocka_all.h"

#include "base/random.h"
#include "results/scale.h"

#include <math.h>

static const double threads[] = {1, 2, 4, 8, 16, 32, 64, 128};
enum { COUNT = 8 };

static void make(struct scale_point *points, struct scale_fit law, double noise, uint64_t seed) {
    struct random random = {seed};
    for (int i = 0; i < COUNT; i++)
        points[i] = (struct scale_point){
            threads[i], scale_predict(&law, threads[i]) *
                            exp(noise * (random_unit(&random) - random_unit(&random)))};
}

static void the_law_that_made_the_points_is_found(void **state) {
    (void)state;
    static const struct scale_fit laws[] = {
        {4, 0, 0}, {4, 0.02, 0}, {100, 0.05, 0.0002}, {3.9, 0.3, 0.01}};
    for (size_t i = 0; i < sizeof laws / sizeof laws[0]; i++) {
        struct scale_point points[COUNT];
        struct scale_fit fit;
        make(points, laws[i], 0, 1);
        assert_true(scale_fit(points, COUNT, false, &fit));
        assert_true(fabs(fit.contention - laws[i].contention) < 1e-3);
        assert_true(fabs(fit.coherence - laws[i].coherence) < 1e-4);
        assert_true(fabs(fit.rate / laws[i].rate - 1) < 1e-2);
    }
}

static void noise_moves_the_coefficients_little(void **state) {
    (void)state;
    struct scale_fit law = {4, 0.05, 0.0005}, fit;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct scale_point points[COUNT];
        make(points, law, 0.02, seed);
        assert_true(scale_fit(points, COUNT, false, &fit));
        assert_true(fabs(fit.contention - law.contention) < 0.02);
        assert_true(fabs(fit.coherence - law.coherence) < 0.0003);
        assert_true(fabs(scale_peak(&fit) - scale_peak(&law)) < 12);
    }
}

static void amdahl_has_no_coherence_and_needs_two_counts(void **state) {
    (void)state;
    struct scale_fit law = {4, 0.1, 0}, fit;
    struct scale_point points[COUNT];
    make(points, law, 0, 1);
    assert_true(scale_fit(points, COUNT, true, &fit));
    assert_true(fit.coherence == 0 && fabs(fit.contention - 0.1) < 1e-6);
    assert_true(isinf(scale_peak(&fit)));
    assert_false(scale_fit(points, 1, true, &fit));
    assert_false(scale_fit(points, 2, false, &fit));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_law_that_made_the_points_is_found),
        cmocka_unit_test(noise_moves_the_coefficients_little),
        cmocka_unit_test(amdahl_has_no_coherence_and_needs_two_counts),
    };
    return cmocka_run_group_tests_name("scale", tests, NULL, NULL);
}
