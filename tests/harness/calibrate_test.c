/* A profile is made of rounds: their median and spread; what cannot be does not count, and what
 * moved is said. */
#define _GNU_SOURCE
#include "harness/simulation/calibrate.h"
#include "tests/results/cmocka_all.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 21 };

/* Rounds of a machine with two cores under one L3: no siblings, no second package. */
static void plant(struct calibration_round *rounds) {
    for (unsigned r = 0; r < ROUNDS; r++) {
        double *values = rounds[r].values;
        rounds[r] = (struct calibration_round){.measured = true, .pairs = 1};
        for (int i = 0; i < PROFILE_PARAMETER_COUNT; i++)
            values[i] = 100 + r;
        values[PROFILE_transfer_sibling_ns] = values[PROFILE_transfer_package_ns] = NAN;
        values[PROFILE_transfer_remote_ns] = values[PROFILE_share_ns] = NAN;
        values[PROFILE_efficiency_speed] = values[PROFILE_smt_factor] = NAN;
        values[PROFILE_smt_spin_factor] = values[PROFILE_serial_mib_per_s] = NAN;
        values[PROFILE_serial_section_us] = NAN;
        values[PROFILE_hit_ns] = 1;
        values[PROFILE_copy_ns] = 1;
        values[PROFILE_stream_ns] = 0.5;
        values[PROFILE_upgrade_ns] = 6;
    }
}

static void make(const struct calibration_round *rounds, struct machine_profile *profile) {
    struct error error;
    struct placement_source source = {.synthetic = "pack:1 l3:1 core:2 pu:1"};
    struct placement *placement = placement_create(&source, PLACEMENT_CORES, &error);
    assert_non_null(placement);
    assert_true(calibration_profile(placement, rounds, ROUNDS, profile, &error));
    placement_destroy(placement);
}

static void test_values_are_the_median_and_the_spread_of_the_rounds(void **state) {
    (void)state;
    struct calibration_round rounds[ROUNDS];
    struct machine_profile profile;
    plant(rounds);
    make(rounds, &profile);
    const struct profile_value *yield = &profile.values[PROFILE_yield_ns];
    assert_true(yield->low == 102 && yield->typical == 110 && yield->high == 118);
    assert_string_equal(yield->source, "measured: sched_yield; 21 rounds");
    assert_non_null(strstr(profile.values[PROFILE_smt_factor].source, "no hardware thread"));
    assert_true(profile.values[PROFILE_transfer_package_ns].typical == 80);
    machine_profile_free(&profile);
}

static void test_rounds_whose_value_cannot_be_do_not_count(void **state) {
    (void)state;
    struct calibration_round rounds[ROUNDS];
    struct machine_profile profile;
    plant(rounds);
    for (unsigned r = 0; r < ROUNDS / 2 + 2; r++)
        rounds[r].values[PROFILE_stream_ns] = r % 2 ? -3 : 0.01;
    for (unsigned r = 0; r < ROUNDS; r++)
        rounds[r].values[PROFILE_upgrade_ns] = -0.5;
    make(rounds, &profile);
    const struct profile_value *stream = &profile.values[PROFILE_stream_ns];
    const struct profile_value *upgrade = &profile.values[PROFILE_upgrade_ns];
    assert_true(stream->low == 0.5 && stream->typical == 0.5 && stream->high == 0.5);
    assert_non_null(strstr(stream->source, "; 9 of 21 rounds"));
    assert_true(upgrade->typical == 12 && upgrade->low == 6 && upgrade->high == 24);
    assert_non_null(strstr(upgrade->source, "not measured: "));
    machine_profile_free(&profile);
}

static void test_a_distance_that_moved_is_said_and_does_not_decide(void **state) {
    (void)state;
    struct calibration_round rounds[ROUNDS];
    struct machine_profile profile;
    plant(rounds);
    for (unsigned r = 0; r < ROUNDS; r++)
        rounds[r].values[PROFILE_transfer_l3_ns] = 40 + (double)r / ROUNDS;
    struct calibration_spread spread =
        calibration_spread_of(rounds, ROUNDS, PROFILE_transfer_l3_ns);
    assert_false(calibration_moved(&spread, PROFILE_transfer_l3_ns));
    rounds[3].values[PROFILE_transfer_l3_ns] = 150;
    spread = calibration_spread_of(rounds, ROUNDS, PROFILE_transfer_l3_ns);
    assert_true(calibration_moved(&spread, PROFILE_transfer_l3_ns));
    assert_true(spread.least == 40 && spread.greatest == 150);
    make(rounds, &profile);
    const struct profile_value *transfer = &profile.values[PROFILE_transfer_l3_ns];
    assert_true(transfer->typical < 41 && transfer->high < 41);
    assert_non_null(strstr(transfer->source, "21 rounds, moved between them, 40 to 150"));
    machine_profile_free(&profile);
}

static void test_a_profile_comes_back_from_its_file(void **state) {
    (void)state;
    struct calibration_round rounds[ROUNDS];
    struct machine_profile profile, read;
    struct error error;
    char path[] = "/tmp/grainbench-calibrate-XXXXXX.json";
    plant(rounds);
    rounds[0].values[PROFILE_transfer_l3_ns] = 900;
    make(rounds, &profile);
    close(mkstemps(path, 5));
    assert_true(machine_profile_save(&profile, path, &error));
    assert_true(machine_profile_load(path, &read, &error));
    for (int i = 0; i < PROFILE_PARAMETER_COUNT; i++) {
        assert_string_equal(read.values[i].source, profile.values[i].source);
        assert_true(fabs(read.values[i].typical - profile.values[i].typical) < 1e-3);
    }
    unlink(path);
    machine_profile_free(&profile);
    machine_profile_free(&read);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_the_median_and_the_spread_of_the_rounds),
        cmocka_unit_test(test_rounds_whose_value_cannot_be_do_not_count),
        cmocka_unit_test(test_a_distance_that_moved_is_said_and_does_not_decide),
        cmocka_unit_test(test_a_profile_comes_back_from_its_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
