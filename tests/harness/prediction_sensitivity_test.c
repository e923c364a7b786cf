/* Promises of sensitivities: rates are ordered by how far a parameter moves them, changes by how
 * far it moves the change, and what chance does stands last. */
#include "harness/simulation/prediction_sensitivity.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* remote_free_ns moves both arms alike, stream_ns the first alone. */
static const struct sensitivity
    first = {.typical = 20,
             .ranged = {[PROFILE_remote_free_ns] = true, [PROFILE_stream_ns] = true},
             .at = {[PROFILE_remote_free_ns] = {40, 10}, [PROFILE_stream_ns] = {22, 16}},
             .seeds = {20, 20, 20, 25}},
    arm = {.typical = 22,
           .ranged = {[PROFILE_remote_free_ns] = true, [PROFILE_stream_ns] = true},
           .at = {[PROFILE_remote_free_ns] = {44, 11}, [PROFILE_stream_ns] = {22, 20}},
           .seeds = {22, 21, 23, 25}};

static void assert_near(double value, double expected) {
    assert_true(fabs(value - expected) < 1e-9);
}

static void what_moves_the_rate_most_comes_first(void **state) {
    (void)state;
    struct sensitivity_row rows[SENSITIVITY_ROWS];
    assert_int_equal(sensitivity_of_rate(&arm, &first, rows), 3);
    assert_int_equal(rows[0].parameter, PROFILE_remote_free_ns);
    assert_near(rows[0].swing, 150);
    assert_near(rows[0].first_low, 10);
    assert_near(rows[0].first_high, 10);
    assert_int_equal(rows[1].parameter, PROFILE_stream_ns);
    assert_near(rows[1].first_low, 0);
    assert_near(rows[1].first_high, 25);
    assert_int_equal(rows[2].parameter, SENSITIVITY_OF_SEEDS);
    assert_near(rows[2].at_low, 21);
    assert_near(rows[2].at_high, 25);
}

static void a_first_arm_has_no_change(void **state) {
    (void)state;
    struct sensitivity_row rows[SENSITIVITY_ROWS];
    assert_int_equal(sensitivity_of_rate(&first, NULL, rows), 3);
    for (int i = 0; i < 3; i++)
        assert_true(isnan(rows[i].first_low) && isnan(rows[i].first_high));
}

static void what_moves_the_change_most_comes_first(void **state) {
    (void)state;
    struct sensitivity_row rows[SENSITIVITY_ROWS];
    assert_int_equal(sensitivity_of_change(&arm, &first, rows), 3);
    assert_int_equal(rows[0].parameter, PROFILE_stream_ns);
    assert_near(rows[0].swing, 25);
    assert_int_equal(rows[1].parameter, PROFILE_remote_free_ns);
    assert_near(rows[1].swing, 0);
}

static void seeds_of_a_change_are_pairs(void **state) {
    (void)state;
    struct sensitivity_row rows[SENSITIVITY_ROWS];
    sensitivity_of_change(&arm, &first, rows);
    assert_int_equal(rows[2].parameter, SENSITIVITY_OF_SEEDS);
    assert_near(rows[2].at_low, 0); /* 25 and 25 */
    assert_near(rows[2].at_high, 15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_moves_the_rate_most_comes_first),
        cmocka_unit_test(a_first_arm_has_no_change),
        cmocka_unit_test(what_moves_the_change_most_comes_first),
        cmocka_unit_test(seeds_of_a_change_are_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
