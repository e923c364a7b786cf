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
    assert_true(slope.worst_residual_share < 0.03); /* it is a straight line with little noise */
    assert_false(dose_slope_of(record, "private", &slope));
    record_free(record);
}

/* 1000 ns up to a dose of 8, and then 2 ns an operation: the bend must show. */
static void a_response_that_is_no_line_has_a_residual(void **state) {
    (void)state;
    static const int doses[] = {0, 8, 32, 128};
    char *text = NULL;
    size_t size;
    struct error error;
    struct dose_slope slope;
    FILE *out = open_memstream(&text, &size);
    fputs("{\"kind\":\"header\",\"schema\":1}\n", out);
    for (int i = 0; i < 4; i++)
        fprintf(out,
                "{\"kind\":\"arm\",\"arm\":%d,\"role\":\"%s\",\"label\":\"%d\",\"workers\":2,"
                "\"scheduler\":\"static\",\"spec\":{\"dose\":%d,\"dose_line\":\"private\"}}\n",
                i, i ? "patched" : "baseline", i, doses[i]);
    for (int round = 0; round < 10; round++)
        for (int arm = 0; arm < 4; arm++)
            fprintf(out,
                    "{\"kind\":\"sample\",\"arm\":%d,\"round\":%d,\"duration_ns\":%d,"
                    "\"bytes\":50000,\"items\":1000}\n",
                    arm, round, 1000 * (arm == 3 ? 2000 : 1000));
    fclose(out);
    struct record *record = record_parse("bend", text, size, &error);
    free(text);
    assert_non_null(record);
    assert_true(dose_slope_of(record, "private", &slope));
    assert_true(slope.worst_residual_share > 0.1);
    assert_true(slope.worst_dose == 32); /* by hand: slope 8.26, start 903: 1000 - 903 - 264 */
    assert_true(fabs(slope.worst_residual_ns + 167.3) < 1);
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

static char *explained(struct record *const *records, size_t count) {
    char *text = NULL;
    size_t size;
    unsigned tables;
    struct error error;
    FILE *out = open_memstream(&text, &size);
    assert_true(explain_print(records, count, false, out, &tables, &error));
    fclose(out);
    return text;
}

/* The line that holds both texts has the third. */
static void expect_in_line(const char *text, const char *first, const char *second,
                           const char *wanted) {
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        char copy[400];
        snprintf(copy, sizeof copy, "%.*s", (int)strcspn(line, "\n"), line);
        if (!strstr(copy, first) || !strstr(copy, second)) continue;
        if (!strstr(copy, wanted)) fail_msg("'%s' lacks '%s'", copy, wanted);
        return;
    }
    fail_msg("no line with '%s' and '%s' in\n%s", first, second, text);
}

static void events_stand_by_phase_and_by_worker(void **state) {
    (void)state;
    struct error error;
    struct record *record =
        record_read(GRAINBENCH_SOURCE_DIR "/tests/data/events-record.jsonl", &error);
    assert_non_null(record);
    char *text = explained(&record, 1);
    /* 1347165 ns of CPU time over 32,000 items; collecting takes less than ten borders. */
    expect_in_line(text, "rayon", "  2  task-clock, us", "42.1   3386    117    34.2*    422");
    expect_in_line(text, "static", "  2  task-clock, us", "28.8   2860   89.5        -    574");
    expect_in_line(text, "rayon", "page-faults       worker 1", "    0    5.2  0.219        0");
    expect_in_line(text, "rayon", "task-clock, us    caller", "    -      -   40.1     33.1");
    assert_non_null(strstr(text, "-: of no phase"));
    assert_non_null(strstr(text, "*: the phase lasts less than ten borders"));
    assert_null(strstr(text, "~: the group"));
    assert_non_null(strstr(text, "One read of a group took 1121 to 1232 ns (by read)"));
    assert_non_null(strstr(text, "workers read their own 4.0 to 23.7 times a batch of 1000 items"));
    assert_non_null(strstr(text, "cycles: n/a: the kernel offers no hardware counters"));
    free(text);
    record_free(record);
}

static void refused_and_estimated_counts_are_marked(void **state) {
    (void)state;
    static const char text[] =
        "{\"kind\":\"header\",\"schema\":1}\n"
        "{\"kind\":\"arm\",\"arm\":0,\"role\":\"baseline\",\"label\":\"many\",\"workers\":2}\n"
        "{\"kind\":\"counter\",\"arm\":0,\"batches\":1,\"items\":1000,\"events\":[{\"name\":\"x\"}]"
        ","
        "\"phases\":{\"fork\":{\"counts\":[null],\"standing\":\"refused\",\"running_over_enabled\":"
        "0.04},\"run\":{\"counts\":[80],\"standing\":\"estimated\",\"running_over_enabled\":0.5}},"
        "\"workers\":[],\"running_over_enabled\":0.04,\"reader\":\"rdpmc\",\"read_ns\":30}\n";
    struct error error;
    struct record *record = record_parse("marks", text, sizeof text - 1, &error);
    assert_non_null(record);
    char *printed = explained(&record, 1);
    expect_in_line(printed, "many", " x ",
                   " n/a  ~80.0     -        -     -  n/a            0.040");
    assert_non_null(strstr(printed, "n/a: the group counted less than a tenth"));
    assert_non_null(strstr(printed, "~: the group counted a part of the time"));
    free(printed);
    record_free(record);
}

static void many_workers_are_shown_by_the_fewest_the_median_and_the_most(void **state) {
    (void)state;
    char *text = NULL;
    size_t size;
    struct error error;
    FILE *out = open_memstream(&text, &size);
    fputs(
        "{\"kind\":\"header\",\"schema\":1}\n"
        "{\"kind\":\"arm\",\"arm\":0,\"role\":\"baseline\",\"label\":\"many\",\"workers\":9}\n"
        "{\"kind\":\"counter\",\"arm\":0,\"batches\":1,\"items\":1000,\"events\":[{\"name\":\"x\","
        "\"count\":9}],\"phases\":{\"run\":{\"counts\":[9],\"standing\":\"counted\","
        "\"running_over_enabled\":1}},\"workers\":[",
        out);
    for (int i = 0; i < 9; i++) /* 30, 71, 12, 53, ...: not in order */
        fprintf(out, "{\"worker\":%d,\"run\":[%d]},", i, (30 + 41 * i) % 90);
    fputs("{\"worker\":\"caller\",\"join\":[4]}],\"running_over_enabled\":1,\"reader\":\"read\","
          "\"read_ns\":30}\n",
          out);
    fclose(out);
    struct record *record = record_parse("many", text, size, &error);
    free(text);
    assert_non_null(record);
    text = explained(&record, 1);
    int values[9];
    for (int i = 0; i < 9; i++) {
        int value = (30 + 41 * i) % 90, at = i;
        for (; at > 0 && values[at - 1] > value; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
    char wanted[3][32];
    for (int i = 0; i < 3; i++)
        snprintf(wanted[i], sizeof wanted[i], values[4 * i] ? "%d.0 " : "%d ", values[4 * i]);
    expect_in_line(text, "many", "fewest in run", wanted[0]);
    expect_in_line(text, "many", "median in run", wanted[1]);
    expect_in_line(text, "many", "most in run", wanted[2]);
    expect_in_line(text, "many", "caller", "4.0");
    assert_null(strstr(text, "worker 3"));
    free(text);
    record_free(record);
}

/* Arm 1 idles 500 us between batches and is 10 % slower in every round; its profile is in a record
 * of its own, beside one of another scheduler with the same label. */
static void gaps_stand_beside_verdicts_and_idle_shares(void **state) {
    (void)state;
    static const char profiles[] =
        "{\"kind\":\"header\",\"schema\":1}\n"
        "{\"kind\":\"arm\",\"arm\":0,\"role\":\"baseline\",\"label\":\"gap 500 us\",\"scheduler\":"
        "\"static\",\"workers\":2}\n"
        "{\"kind\":\"arm\",\"arm\":1,\"role\":\"patched\",\"label\":\"gap 500 us\",\"scheduler\":"
        "\"rayon\",\"workers\":2}\n"
        "{\"kind\":\"profile\",\"arm\":0,\"groups\":[{\"name\":\"idle\",\"share\":0.9,\"low\":0.8,"
        "\"high\":0.95}]}\n"
        "{\"kind\":\"profile\",\"arm\":1,\"groups\":[{\"name\":\"kernel\",\"share\":0.5,\"low\":0."
        "4,"
        "\"high\":0.6},{\"name\":\"idle\",\"share\":0.25,\"low\":0.22,\"high\":0.281}]}\n";
    char *text = NULL;
    size_t size;
    struct error error;
    struct random random = {11};
    FILE *out = open_memstream(&text, &size);
    fputs("{\"kind\":\"header\",\"schema\":1}\n"
          "{\"kind\":\"arm\",\"arm\":0,\"role\":\"baseline\",\"label\":\"no gap\",\"scheduler\":"
          "\"rayon\",\"workers\":2,\"row\":{\"threads\":2},\"spec\":{\"gap_ns\":0}}\n"
          "{\"kind\":\"arm\",\"arm\":1,\"role\":\"patched\",\"label\":\"gap 500 us\",\"scheduler\":"
          "\"rayon\",\"workers\":2,\"row\":{\"threads\":2},\"spec\":{\"gap_ns\":500000}}\n"
          "{\"kind\":\"arm\",\"arm\":2,\"role\":\"control\",\"control_of\":0,\"label\":\"A/A\","
          "\"workers\":2,\"row\":{\"threads\":2},\"spec\":{\"gap_ns\":0}}\n",
          out);
    for (int round = 0; round < 30; round++)
        for (int arm = 0; arm < 3; arm++)
            fprintf(out,
                    "{\"kind\":\"sample\",\"arm\":%d,\"round\":%d,\"position\":%d,\"process\":0,"
                    "\"duration_ns\":%.0f,\"bytes\":1048576,\"items\":1000,\"cpu_ns\":3000000}\n",
                    arm, round, arm, (arm == 1 ? 1.1e8 : 1e8) * (1 + 0.001 * random_unit(&random)));
    fclose(out);
    struct record *records[] = {record_parse("gap", text, size, &error),
                                record_parse("profiles", profiles, sizeof profiles - 1, &error)};
    free(text);
    assert_non_null(records[0]);
    assert_non_null(records[1]);
    text = explained(records, 2);
    expect_in_line(text, "  10.0", " baseline ", "3000         n/a");
    expect_in_line(text, "   500 ", " slower ", "25.0 %   [22.0, 28.1]");
    expect_in_line(text, "   500 ", " slower ", "  9.0");
    expect_in_line(text, "   500 ", " slower ", "-9.0");
    assert_null(strstr(text, "A/A"));
    assert_null(strstr(text, "90.0 %"));
    free(text);
    record_free(records[0]);
    record_free(records[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_planted_cost_of_an_atomic_is_found),
        cmocka_unit_test(a_response_that_is_no_line_has_a_residual),
        cmocka_unit_test(a_gain_is_split_into_saved_atomics_and_the_rest),
        cmocka_unit_test(phases_and_states_come_from_the_observation),
        cmocka_unit_test(tables_are_printed_for_what_records_hold),
        cmocka_unit_test(gaps_stand_beside_verdicts_and_idle_shares),
        cmocka_unit_test(events_stand_by_phase_and_by_worker),
        cmocka_unit_test(refused_and_estimated_counts_are_marked),
        cmocka_unit_test(many_workers_are_shown_by_the_fewest_the_median_and_the_most),
    };
    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
