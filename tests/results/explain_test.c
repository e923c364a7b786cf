/* Where the time goes: planted numbers come back from records. */
#define _GNU_SOURCE
#include "tests/results/cmocka_all.h"

#include "base/random.h"
#include "results/dose.h"
#include "results/explain.h"
#include "results/time_shares.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Time an item is 1000 ns + 2 ns an operation; rounds are up to 30 % slower as a whole. */
static struct record *dose_record(void) {
    static const int doses[] = {0, 8, 32, 128};
    struct random random = {5};
    char *text = NULL;
    size_t size;
    struct error error;
    FILE *out = open_memstream(&text, &size);
    fputs("{\"kind\":\"header\",\"schema\":1,\"scenario\":\"dose\"}\n", out);
    for (int i = 0; i < 4; i++)
        fprintf(
            out,
            "{\"kind\":\"arm\",\"arm\":%d,\"role\":\"%s\",\"label\":\"%d shared\",\"workers\":2,"
            "\"row\":{\"threads\":2},\"scheduler\":\"rayon\",\"spec\":{\"dose\":%d,"
            "\"dose_line\":\"shared\"}}\n",
            i, i ? "patched" : "baseline", doses[i], doses[i]);
    fputs("{\"kind\":\"arm\",\"arm\":4,\"role\":\"patched\",\"label\":\"cap 8\",\"workers\":2,"
          "\"row\":{\"threads\":2},\"scheduler\":\"rayon-min-len:cap=8\",\"spec\":{}}\n",
          out);
    for (int round = 0; round < 40; round++) {
        double speed = 1 + 0.3 * random_unit(&random);
        for (int arm = 0; arm < 5; arm++) {
            double ns = arm < 4 ? 1000 + 2.0 * doses[arm] : 940;
            ns = ns * speed + 4 * random_unit(&random);
            fprintf(out,
                    "{\"kind\":\"sample\",\"arm\":%d,\"round\":%d,\"position\":%d,\"process\":0,"
                    "\"duration_ns\":%.0f,\"bytes\":50000,\"items\":1000}\n",
                    arm, round, arm, ns * 1000);
        }
    }
    fclose(out);
    struct record *record = record_parse("dose", text, size, &error);
    free(text);
    if (!record) fail_msg("%s", error.message);
    return record;
}

static struct record *ledger_record(void) {
    static const char text[] =
        "{\"kind\":\"header\",\"schema\":1}\n"
        "{\"kind\":\"arm\",\"arm\":0,\"role\":\"baseline\",\"scheduler\":\"rayon\",\"workers\":2}\n"
        "{\"kind\":\"arm\",\"arm\":1,\"role\":\"patched\",\"scheduler\":\"rayon-min-len:cap=8\","
        "\"workers\":2}\n"
        "{\"kind\":\"ledger\",\"arm\":0,\"batches\":2,\"items\":1000,\"totals\":{\"rmw\":24000}}\n"
        "{\"kind\":\"ledger\",\"arm\":1,\"batches\":2,\"items\":1000,\"totals\":{\"rmw\":4000}}\n";
    struct error error;
    struct record *record = record_parse("ledger", text, sizeof text - 1, &error);
    if (!record) fail_msg("%s", error.message);
    return record;
}

static void a_planted_cost_of_an_atomic_is_found(void **state) {
    (void)state;
    struct record *record = dose_record();
    struct dose_slope slope;
    assert_true(dose_slope_of(record, "shared", &slope));
    assert_int_equal(slope.arms, 4);
    assert_int_equal(slope.rounds, 40);
    assert_true(slope.has_interval);
    assert_true(slope.ns_an_operation.estimate > 2 && slope.ns_an_operation.estimate < 2.6);
    assert_true(slope.ns_an_operation.low > 1.9 && slope.ns_an_operation.high < 2.7);
    assert_false(dose_slope_of(record, "private", &slope));
    record_free(record);
}

static void a_gain_is_split_into_saved_atomics_and_the_rest(void **state) {
    (void)state;
    struct record *records[] = {dose_record(), ledger_record()};
    struct dose_slope slope;
    struct dose_attribution attribution;
    assert_true(dose_slope_of(records[0], "shared", &slope));
    assert_true(dose_attribute(records[0], &records[0]->arms[4], &slope, records, 2, &attribution));
    assert_true(fabs(attribution.operations_saved - 10) < 1e-9);
    assert_true(attribution.gain_ns.estimate > 58 && attribution.gain_ns.estimate < 82);
    assert_true(fabs(attribution.explained_ns + attribution.residual_ns -
                     attribution.gain_ns.estimate) < 1e-9);
    assert_true(attribution.residual_ns > 30);
    /* Without a ledger the saved atomics are not known, and not 0. */
    assert_true(dose_attribute(records[0], &records[0]->arms[4], &slope, records, 1, &attribution));
    assert_true(isnan(attribution.operations_saved));
    record_free(records[0]);
    record_free(records[1]);
}

static void phases_and_states_come_from_the_observation(void **state) {
    (void)state;
    struct error error;
    struct record *record =
        record_read(GRAINBENCH_SOURCE_DIR "/tests/data/demo-record.jsonl", &error);
    assert_non_null(record);
    double shares[WORKER_STATES], sum = 0;
    assert_true(worker_states_of(record, &record->arms[0], shares));
    assert_true(fabs(shares[0] - 93) < 0.1);
    for (int i = 0; i < WORKER_STATES; i++)
        sum += shares[i];
    assert_true(fabs(sum - 100) < 0.1);
    record_free(record);
}

static void tables_are_printed_for_what_records_hold(void **state) {
    (void)state;
    struct record *records[] = {dose_record(), ledger_record()};
    char *text = NULL;
    size_t size;
    unsigned tables;
    struct error error;
    FILE *out = open_memstream(&text, &size);
    assert_true(explain_print(records, 2, false, out, &tables, &error));
    fclose(out);
    assert_int_equal(tables, 2);
    assert_non_null(strstr(text, "Dose and response"));
    assert_non_null(strstr(text, "What saved atomics explain of a gain"));
    assert_null(strstr(text, "Idle gaps"));
    free(text);
    record_free(records[0]);
    record_free(records[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_planted_cost_of_an_atomic_is_found),
        cmocka_unit_test(a_gain_is_split_into_saved_atomics_and_the_rest),
        cmocka_unit_test(phases_and_states_come_from_the_observation),
        cmocka_unit_test(tables_are_printed_for_what_records_hold),
    };
    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
