/* A profile is made of rounds: their median and spread; what cannot be does not count, and what
 * moved is said. Its checks say what the model makes of probes and steals: the lines that move. */
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
        rounds[r].steal = (struct steal_cost){{8, 40 + r, 5, 150 + r}};
    }
}

static struct placement *place(const char *synthetic) {
    struct error error;
    struct placement_source source = {.synthetic = synthetic};
    struct placement *placement = placement_create(&source, PLACEMENT_CORES, &error);
    assert_non_null(placement);
    return placement;
}

static void make_on(const char *synthetic, const struct calibration_round *rounds,
                    struct machine_profile *profile) {
    struct error error;
    struct placement *placement = place(synthetic);
    assert_true(calibration_profile(placement, rounds, ROUNDS, profile, &error));
    placement_destroy(placement);
}

static void make(const struct calibration_round *rounds, struct machine_profile *profile) {
    make_on("pack:1 l3:1 core:2 pu:1", rounds, profile);
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
    rounds[5].values[PROFILE_transfer_l3_ns] = 1.04; /* a held one costs 1 */
    rounds[6].values[PROFILE_transfer_l3_ns] = 1.06;
    make(rounds, &profile);
    const struct profile_value *stream = &profile.values[PROFILE_stream_ns];
    const struct profile_value *upgrade = &profile.values[PROFILE_upgrade_ns];
    assert_true(stream->low == 0.5 && stream->typical == 0.5 && stream->high == 0.5);
    assert_non_null(strstr(stream->source, "; 9 of 21 rounds"));
    assert_true(upgrade->typical == 12 && upgrade->low == 6 && upgrade->high == 24);
    assert_non_null(strstr(upgrade->source, "not measured: "));
    assert_non_null(strstr(profile.values[PROFILE_transfer_l3_ns].source, "; 20 of 21 rounds"));
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

static void save(const struct machine_profile *profile, char *path) {
    struct error error;
    close(mkstemps(path, 5));
    assert_true(machine_profile_save(profile, path, &error));
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
    save(&profile, path);
    assert_true(machine_profile_load(path, &read, &error));
    for (int i = 0; i < PROFILE_PARAMETER_COUNT; i++) {
        assert_string_equal(read.values[i].source, profile.values[i].source);
        assert_true(fabs(read.values[i].typical - profile.values[i].typical) < 1e-3);
    }
    unlink(path);
    machine_profile_free(&profile);
    machine_profile_free(&read);
}

/* Nothing costs anything but lines that come from another core. */
static struct steal_cost simulate(const char *synthetic) {
    struct virtual_costs costs = {
        .transfer_ns = {0, 10, 100, 200, 400}, .pause_ns = 1, .line_bytes = 64};
    struct placement *placement = place(synthetic);
    struct steal_cost cost;
    struct error error;
    assert_true(steal_cost_simulate(placement, &costs, &cost, &error));
    placement_destroy(placement);
    return cost;
}

static void test_the_model_charges_probes_and_steals_as_lines_that_move(void **state) {
    (void)state;
    struct steal_cost near = simulate("pack:1 l3:1 core:2 pu:1");
    struct steal_cost far = simulate("pack:2 l3:1 core:1 pu:1");
    assert_true(near.ns[STEAL_TIMING_PROBE_HELD] == 0);
    assert_true(near.ns[STEAL_TIMING_PROBE_WRITTEN] == 100); /* front, back beside it */
    assert_true(near.ns[STEAL_TIMING_PROBE_ROW] == 100);
    assert_true(near.ns[STEAL_TIMING_STEAL] == 300); /* front, the slot, and front to write it */
    assert_true(far.ns[STEAL_TIMING_PROBE_HELD] == 0);
    assert_true(far.ns[STEAL_TIMING_PROBE_WRITTEN] == 400);
    assert_true(far.ns[STEAL_TIMING_STEAL] > 800);
}

static void test_checks_are_the_rounds_beside_the_model_of_their_profile(void **state) {
    (void)state;
    struct calibration_round rounds[ROUNDS];
    struct machine_profile profile;
    plant(rounds);
    make(rounds, &profile);
    const struct profile_check *written = &profile.checks[PROFILE_CHECK_steal_probe_written_ns];
    assert_true(written->low == 42 && written->measured == 50 && written->high == 58);
    assert_string_equal(written->source,
                        "measured: each alone, after a job was pushed and popped; 21 rounds");
    struct virtual_costs costs =
        machine_profile_costs(&profile, PROFILE_TYPICAL, -1, PROFILE_TYPICAL);
    struct placement *placement = place("pack:1 l3:1 core:2 pu:1");
    struct steal_cost model;
    struct error error;
    assert_true(steal_cost_simulate(placement, &costs, &model, &error));
    placement_destroy(placement);
    assert_true(written->model == model.ns[STEAL_TIMING_PROBE_WRITTEN]);
    assert_true(written->model > 110); /* the planted transfer_l3_ns */
    assert_true(fabs(profile_check_error(written) - (written->model - 50) / 50) < 1e-12);
    assert_true(profile.checks[PROFILE_CHECK_steal_ns].model == model.ns[STEAL_TIMING_STEAL]);
    machine_profile_free(&profile);
}

static void test_checks_that_cannot_be_do_not_count(void **state) {
    (void)state;
    struct calibration_round rounds[ROUNDS];
    struct machine_profile profile;
    plant(rounds);
    for (unsigned r = 0; r < 4; r++)
        rounds[r].steal.ns[STEAL_TIMING_STEAL] = 8.1;
    for (unsigned r = 0; r < ROUNDS; r++)
        rounds[r].steal.ns[STEAL_TIMING_PROBE_WRITTEN] = 7;
    make(rounds, &profile);
    const struct profile_check *steal = &profile.checks[PROFILE_CHECK_steal_ns];
    const struct profile_check *written = &profile.checks[PROFILE_CHECK_steal_probe_written_ns];
    assert_true(steal->measured == 162);
    assert_non_null(strstr(steal->source, "; 17 of 21 rounds"));
    assert_true(isnan(written->measured) && isnan(written->model));
    assert_string_equal(written->source, "not measured: no value of 21 rounds can be");
    assert_true(profile.checks[PROFILE_CHECK_steal_probe_row_ns].measured == 5);
    machine_profile_free(&profile);
}

static void test_one_processing_unit_has_no_checks_but_the_reason(void **state) {
    (void)state;
    struct calibration_round rounds[ROUNDS];
    struct machine_profile profile, read;
    struct error error;
    char path[] = "/tmp/grainbench-calibrate-XXXXXX.json";
    plant(rounds);
    for (unsigned r = 0; r < ROUNDS; r++)
        rounds[r].steal = (struct steal_cost){{NAN, NAN, NAN, NAN}};
    make_on("pack:1 l3:1 core:1 pu:1", rounds, &profile);
    save(&profile, path);
    assert_true(machine_profile_load(path, &read, &error));
    for (int i = 0; i < PROFILE_CHECK_COUNT; i++) {
        assert_string_equal(read.checks[i].source, "needs a second processing unit");
        assert_true(isnan(read.checks[i].measured) && isnan(read.checks[i].model));
        assert_true(isnan(profile_check_error(&read.checks[i])));
    }
    unlink(path);
    machine_profile_free(&profile);
    machine_profile_free(&read);
}

static void refuse(const char *path, const char *check, json_t *with, const char *sentence) {
    struct machine_profile read;
    struct error error;
    json_t *json = json_load_file(path, 0, NULL);
    json_t *checks = json_object_get(json, "checks");
    assert_non_null(checks);
    if (json_object_get(checks, check))
        assert_int_equal(json_object_update_new(json_object_get(checks, check), with), 0);
    else
        json_object_set_new(checks, check, with);
    char changed[] = "/tmp/grainbench-calibrate-XXXXXX.json";
    close(mkstemps(changed, 5));
    assert_int_equal(json_dump_file(json, changed, 0), 0);
    assert_false(machine_profile_load(changed, &read, &error));
    assert_non_null(strstr(error.message, check));
    assert_non_null(strstr(error.message, sentence));
    unlink(changed);
    json_decref(json);
}

static void test_checks_come_back_from_their_file_and_odd_ones_are_refused(void **state) {
    (void)state;
    struct calibration_round rounds[ROUNDS];
    struct machine_profile profile, read;
    struct error error;
    char path[] = "/tmp/grainbench-calibrate-XXXXXX.json";
    plant(rounds);
    make(rounds, &profile);
    save(&profile, path);
    assert_true(machine_profile_load(path, &read, &error));
    for (int i = 0; i < PROFILE_CHECK_COUNT; i++) {
        const struct profile_check *was = &profile.checks[i], *is = &read.checks[i];
        assert_string_equal(is->source, was->source);
        assert_true(fabs(is->measured - was->measured) < 1e-3 && fabs(is->low - was->low) < 1e-3);
        assert_true(fabs(is->high - was->high) < 1e-3 && fabs(is->model - was->model) < 1e-3);
    }
    machine_profile_free(&read);
    refuse(path, "steal_ns", json_pack("{s:f}", "low", 1000.0), "must be above 0 and rise");
    refuse(path, "steal_ns", json_pack("{s:n}", "model"), "must be above 0 and rise");
    refuse(path, "steal_ns", json_pack("{s:s}", "measured", "much"), "numbers or null");
    refuse(path, "stela_ns", json_pack("{s:f}", "measured", 3.0), "is no check");
    unlink(path);
    machine_profile_free(&profile);
}

static void test_a_profile_without_checks_has_none(void **state) {
    (void)state;
    struct machine_profile read;
    struct error error;
    char path[] = "/tmp/grainbench-calibrate-XXXXXX.json";
    assert_true(
        machine_profile_load(GRAINBENCH_SOURCE_DIR "/data/machines/vera.json", &read, &error));
    assert_string_equal(read.checks[PROFILE_CHECK_steal_ns].source, "");
    save(&read, path);
    json_t *json = json_load_file(path, 0, NULL);
    assert_non_null(json);
    assert_null(json_object_get(json, "checks"));
    json_decref(json);
    unlink(path);
    machine_profile_free(&read);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_the_median_and_the_spread_of_the_rounds),
        cmocka_unit_test(test_rounds_whose_value_cannot_be_do_not_count),
        cmocka_unit_test(test_a_distance_that_moved_is_said_and_does_not_decide),
        cmocka_unit_test(test_a_profile_comes_back_from_its_file),
        cmocka_unit_test(test_the_model_charges_probes_and_steals_as_lines_that_move),
        cmocka_unit_test(test_checks_are_the_rounds_beside_the_model_of_their_profile),
        cmocka_unit_test(test_checks_that_cannot_be_do_not_count),
        cmocka_unit_test(test_one_processing_unit_has_no_checks_but_the_reason),
        cmocka_unit_test(test_checks_come_back_from_their_file_and_odd_ones_are_refused),
        cmocka_unit_test(test_a_profile_without_checks_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
