/* Verdicts on simulated records: no more false alarms than claimed, planted changes found, and each
 * reason to refuse one refuses. */
#define _GNU_SOURCE
#include "cmocka_all.h"

#include "results/verdict.h"
#include "simulate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct plan {
    size_t pairs;
    double change;        /* patched over baseline, such as 0.02 */
    double noise;         /* spread of a sample's log duration */
    double tainted;       /* share of samples */
    double waits;         /* share of its time that every sample of an unpatched arm waited */
    double patched_waits; /* and of the patched arm */
    bool no_control;
    enum shape shape;
    size_t processes;     /* an arm; 0: all pairs are of one */
    double process_noise; /* spread of what the samples of one process share, of the same shape */
};

/* What the samples of one process of an arm share: where its memory lies. Drawn anew with each. */
struct layouts {
    size_t process;
    double shared[3];
};

static void change_process(struct random *random, const struct plan *plan, size_t round,
                           struct layouts *layouts) {
    size_t process = plan->processes ? round * plan->processes / plan->pairs : 0;
    if (round && process == layouts->process) return;
    layouts->process = process;
    for (int arm = 0; arm < 3; arm++)
        layouts->shared[arm] = plan->process_noise * simulate_value(random, plan->shape);
}

/* Writes a record with a baseline, an A/A control and a patched arm into `text`. */
static char *simulate_record(struct random *random, const struct plan *plan, size_t *size) {
    char *text;
    FILE *file = open_memstream(&text, size);
    assert_non_null(file);
    fputs("{\"kind\":\"header\",\"schema\":1}\n"
          "{\"kind\":\"arm\",\"arm\":0,\"role\":\"baseline\",\"row\":{\"threads\":2}}\n"
          "{\"kind\":\"arm\",\"arm\":1,\"role\":\"patched\",\"row\":{\"threads\":2}}\n",
          file);
    if (!plan->no_control)
        fputs("{\"kind\":\"arm\",\"arm\":2,\"role\":\"control\",\"control_of\":0,\"row\":{"
              "\"threads\":2}}\n",
              file);
    struct layouts layouts = {0};
    for (size_t round = 0; round < plan->pairs; round++) {
        change_process(random, plan, round, &layouts);
        for (unsigned arm = 0; arm < (plan->no_control ? 2u : 3u); arm++) {
            double log_ns = plan->noise * simulate_value(random, plan->shape) + layouts.shared[arm];
            if (arm == 1) log_ns -= log1p(plan->change);
            char waited[128] = "";
            double waits = arm == 1 ? plan->patched_waits : plan->waits;
            if (plan->waits > 0)
                snprintf(waited, sizeof waited,
                         ",\"evidence\":{\"run_queue_wait_ns\":%.0f},"
                         "\"tainted\":\"run-queue wait\"",
                         waits * 1e9 * exp(log_ns));
            fprintf(file,
                    "{\"kind\":\"sample\",\"arm\":%u,\"round\":%zu,\"process\":%zu,"
                    "\"duration_ns\":%.0f,\"bytes\":1000000%s%s}\n",
                    arm, round, layouts.process, 1e9 * exp(log_ns),
                    random_unit(random) < plan->tainted ? ",\"tainted\":\"steal\"" : "", waited);
        }
    }
    fputs("{\"kind\":\"end\"}\n", file);
    assert_int_equal(fclose(file), 0);
    return text;
}

static enum verdict decide(struct random *random, const struct plan *plan, char *reason) {
    size_t size;
    struct error error;
    char *text = simulate_record(random, plan, &size);
    struct record *record = record_parse("simulated", text, size, &error);
    assert_non_null(record);
    struct verdicts verdicts;
    assert_true(verdicts_decide(record, &verdict_defaults, &verdicts, &error));
    assert_int_equal(verdicts.count, 1);
    enum verdict verdict = verdicts.comparisons[0].verdict;
    if (reason) strcpy(reason, verdicts.comparisons[0].reason);
    verdicts_free(&verdicts);
    record_free(record);
    free(text);
    return verdict;
}

static void identical_arms_are_called_different_in_at_most_5_percent(void **state) {
    (void)state;
    struct random random = {1};
    for (enum shape shape = 0; shape < SHAPE_COUNT; shape++) {
        struct plan plan = {.pairs = 20, .noise = 0.03, .shape = shape};
        int alarms = 0;
        for (int trial = 0; trial < SIMULATED(400); trial++) {
            enum verdict verdict = decide(&random, &plan, NULL);
            alarms += verdict == VERDICT_FASTER || verdict == VERDICT_SLOWER;
        }
        assert_true(alarms <= SIMULATED(20));
    }
}

static void a_planted_change_is_found_with_its_sign(void **state) {
    (void)state;
    struct random random = {2};
    struct plan plan = {.pairs = 50, .noise = 0.015, .change = 0.02};
    int faster = 0, slower = 0;
    for (int trial = 0; trial < SIMULATED(200); trial++) {
        plan.change = 0.02;
        faster += decide(&random, &plan, NULL) == VERDICT_FASTER;
        plan.change = -0.02;
        slower += decide(&random, &plan, NULL) == VERDICT_SLOWER;
    }
    assert_true(faster >= SIMULATED(180) && slower >= SIMULATED(180));
}

static size_t false_alarms(struct random *random, const struct plan *plan, size_t trials) {
    size_t alarms = 0;
    for (size_t trial = 0; trial < trials; trial++) {
        enum verdict verdict = decide(random, plan, NULL);
        alarms += verdict == VERDICT_FASTER || verdict == VERDICT_SLOWER;
    }
    return alarms;
}

/* 20 pairs as the self-test has them: whether processes, pairs or both are what differs. */
static void processes_that_differ_are_no_difference_between_arms(void **state) {
    (void)state;
    struct random random = {21};
    for (enum shape shape = 0; shape < SHAPE_COUNT; shape++)
        for (int kind = 0; kind < 3; kind++) {
            struct plan plan = {.pairs = 20,
                                .processes = 5,
                                .noise = kind == 2 ? 0.002 : 0.015,
                                .process_noise = kind == 0 ? 0.003 : 0.01,
                                .shape = shape};
            assert_true(false_alarms(&random, &plan, SIMULATED(400)) <= SIMULATED(20));
        }
}

/* The noise that was measured on two busy cores (docs/method.md). */
static void a_planted_change_is_found_among_processes_that_differ(void **state) {
    (void)state;
    struct random random = {22};
    struct plan plan = {.pairs = 50, .processes = 13, .noise = 0.014, .process_noise = 0.006};
    int faster = 0, slower = 0;
    for (int trial = 0; trial < SIMULATED(200); trial++) {
        plan.change = 0.02;
        faster += decide(&random, &plan, NULL) == VERDICT_FASTER;
        plan.change = -0.02;
        slower += decide(&random, &plan, NULL) == VERDICT_SLOWER;
    }
    assert_true(faster >= SIMULATED(180) && slower >= SIMULATED(180));
}

static void quiet_identical_arms_are_called_the_same(void **state) {
    (void)state;
    struct random random = {3};
    struct plan plan = {.pairs = 50, .noise = 0.005};
    int same = 0;
    for (int trial = 0; trial < SIMULATED(100); trial++)
        same += decide(&random, &plan, NULL) == VERDICT_SAME;
    assert_true(same >= SIMULATED(90));
}

static void noise_is_inconclusive_and_not_the_same(void **state) {
    (void)state;
    struct random random = {4};
    struct plan plan = {.pairs = 20, .noise = 0.2};
    char reason[192];
    int inconclusive = 0;
    for (int trial = 0; trial < SIMULATED(100); trial++)
        inconclusive += decide(&random, &plan, reason) == VERDICT_INCONCLUSIVE;
    assert_true(inconclusive >= SIMULATED(90));
}

static struct record *parse(const char *text) {
    struct error error;
    struct record *record = record_parse("text", text, strlen(text), &error);
    assert_non_null(record);
    return record;
}

/* Patched lies within a noise floor of 20 %: that is no reason to call it the same. */
static void a_high_noise_floor_makes_nothing_the_same(void **state) {
    (void)state;
    char text[16384] =
        "{\"kind\":\"header\",\"schema\":1}\n{\"kind\":\"arm\",\"arm\":0,\"role\":\"baseline\"}\n"
        "{\"kind\":\"arm\",\"arm\":1,\"role\":\"patched\"}\n"
        "{\"kind\":\"arm\",\"arm\":2,\"role\":\"control\",\"control_of\":0}\n";
    static const int ns[] = {1000, 1050, 1200};
    for (int round = 0; round < 30; round++)
        for (int arm = 0; arm < 3; arm++)
            sprintf(text + strlen(text),
                    "{\"kind\":\"sample\",\"arm\":%d,\"round\":%d,\"duration_ns\":%d}\n", arm,
                    round, ns[arm] + round % 3);
    struct record *record = parse(text);
    struct verdicts verdicts;
    struct error error;
    assert_true(verdicts_decide(record, &verdict_defaults, &verdicts, &error));
    assert_int_equal(verdicts.comparisons[0].verdict, VERDICT_INCONCLUSIVE);
    assert_non_null(strstr(verdicts.comparisons[0].reason, "too noisy to tell"));
    verdicts_free(&verdicts);
    record_free(record);
}

static void verdicts_are_refused_by_name(void **state) {
    (void)state;
    struct random random = {5};
    char reason[192];
    struct plan few = {.pairs = 5, .noise = 0.001, .change = 0.5};
    assert_int_equal(decide(&random, &few, reason), VERDICT_INCONCLUSIVE);
    assert_string_equal(reason, "5 pairs; an interval takes at least 6");
    struct plan alone = {.pairs = 50, .noise = 0.01, .change = 0.5, .no_control = true};
    assert_int_equal(decide(&random, &alone, reason), VERDICT_INCONCLUSIVE);
    assert_string_equal(reason, "no A/A control in this record, so its noise floor is not known");
    struct plan tainted = {.pairs = 50, .noise = 0.01, .change = 0.5, .tainted = 1};
    assert_int_equal(decide(&random, &tainted, reason), VERDICT_INCONCLUSIVE);
    assert_string_equal(reason, "50 of 50 pairs tainted (steal), shown all the same");
}

static void taint_drops_both_arms_of_a_pair_and_is_counted(void **state) {
    (void)state;
    struct record *record =
        parse("{\"kind\":\"header\",\"schema\":1}\n{\"kind\":\"arm\",\"arm\":0}\n{\"kind\":\"arm\","
              "\"arm\":1}\n"
              "{\"kind\":\"sample\",\"arm\":0,\"round\":0,\"duration_ns\":100,\"bytes\":1}\n"
              "{\"kind\":\"sample\",\"arm\":1,\"round\":0,\"duration_ns\":50,\"bytes\":1}\n"
              "{\"kind\":\"sample\",\"arm\":1,\"round\":1,\"duration_ns\":50,\"bytes\":1,"
              "\"tainted\":\"x\"}\n"
              "{\"kind\":\"sample\",\"arm\":0,\"round\":1,\"duration_ns\":50,\"bytes\":1}\n"
              "{\"kind\":\"sample\",\"arm\":0,\"round\":2,\"duration_ns\":50,\"bytes\":1}\n");
    struct pairs pairs;
    assert_true(pairs_build(record, 0, 1, METRIC_THROUGHPUT, 1, &pairs, NULL));
    assert_int_equal(pairs.count, 1);
    assert_int_equal(pairs.dropped, 1);
    assert_int_equal(pairs.alone, 1);
    assert_true(fabs(pairs.ratios[0] - log(2)) < 1e-12);
    assert_string_equal(pairs.cause, "x");
    pairs_free(&pairs);
    record_free(record);
}

/* Most pairs waited for a processor: that is how the machine is, and all are kept. Steal stays a
 * reason to drop. */
static void on_a_busy_machine_pairs_that_waited_are_kept(void **state) {
    (void)state;
    char text[4096] = "{\"kind\":\"header\",\"schema\":1}\n{\"kind\":\"arm\",\"arm\":0}\n"
                      "{\"kind\":\"arm\",\"arm\":1}\n";
    for (int round = 0; round < 10; round++)
        for (int arm = 0; arm < 2; arm++) {
            const char *tainted =
                round == 9   ? ",\"tainted\":\"steal 9 %\""
                : round >= 6 ? ",\"tainted\":\"run-queue wait 5 % of worker time\""
                : round >= 3 ? ",\"tainted\":\"involuntary switches 2 (run-queue wait "
                               "unknown)\""
                             : "";
            sprintf(text + strlen(text),
                    "{\"kind\":\"sample\",\"arm\":%d,\"round\":%d,\"duration_ns\":100%s}\n", arm,
                    round, tainted);
        }
    struct record *record = parse(text);
    struct pairs pairs;
    assert_true(pairs_build(record, 0, 1, METRIC_THROUGHPUT, 6, &pairs, NULL));
    assert_true(pairs.busy);
    assert_false(pairs.tainted_kept);
    assert_int_equal(pairs.count, 9);
    assert_int_equal(pairs.waited, 6);
    assert_int_equal(pairs.dropped, 1);
    assert_string_equal(pairs.cause, "involuntary switches");
    pairs_free(&pairs);
    record_free(record);
}

static void waiting_more_on_one_side_is_no_difference_between_arms(void **state) {
    (void)state;
    struct random random = {12};
    char reason[192];
    struct plan plan = {.pairs = 50, .noise = 0.01, .change = 0.5, .waits = 0.5};
    assert_int_equal(decide(&random, &plan, reason), VERDICT_INCONCLUSIVE);
    assert_string_equal(reason,
                        "the sides waited unequally for a processor, 50 % and 0 % of worker "
                        "time");
    plan.patched_waits = 0.45;
    assert_int_equal(decide(&random, &plan, NULL), VERDICT_FASTER);
}

static void slices_pair_with_slices_and_tainted_ones_are_left_out(void **state) {
    (void)state;
    struct record *record = parse(
        "{\"kind\":\"header\",\"schema\":1}\n{\"kind\":\"arm\",\"arm\":0}\n{\"kind\":\"arm\","
        "\"arm\":1}\n"
        "{\"kind\":\"sample\",\"arm\":0,\"round\":0,\"duration_ns\":130,\"slices_ns\":[10,100,20]}"
        "\n"
        "{\"kind\":\"sample\",\"arm\":1,\"round\":0,\"duration_ns\":25,\"slices_ns\":[5,10,10],"
        "\"slices_tainted\":[1]}\n"
        "{\"kind\":\"sample\",\"arm\":0,\"round\":1,\"duration_ns\":130,\"slices_ns\":[10,100,20],"
        "\"slices_tainted\":[0]}\n"
        "{\"kind\":\"sample\",\"arm\":1,\"round\":1,\"duration_ns\":25,\"slices_ns\":[5,10,10],"
        "\"slices_tainted\":[1]}\n");
    struct pairs pairs;
    assert_true(pairs_build(record, 0, 1, METRIC_THROUGHPUT, 1, &pairs, NULL));
    assert_int_equal(pairs.count, 1);
    assert_int_equal(pairs.dropped, 1);
    assert_true(fabs(pairs.ratios[0] - log(2)) < 1e-12);
    pairs_free(&pairs);
    record_free(record);
}

static void each_arm_is_compared_with_the_baseline_of_its_row_and_group(void **state) {
    (void)state;
    struct record *record =
        parse("{\"kind\":\"header\",\"schema\":1}\n"
              "{\"kind\":\"arm\",\"arm\":0,\"role\":\"baseline\",\"row\":{\"threads\":1},\"cost\":"
              "\"lean\"}\n"
              "{\"kind\":\"arm\",\"arm\":1,\"role\":\"baseline\",\"row\":{\"threads\":2},\"cost\":"
              "\"lean\"}\n"
              "{\"kind\":\"arm\",\"arm\":2,\"role\":\"patched\",\"row\":{\"threads\":2},\"cost\":"
              "\"lean\"}\n"
              "{\"kind\":\"arm\",\"arm\":3,\"role\":\"patched\",\"row\":{\"threads\":2},\"cost\":"
              "\"reference\"}\n"
              "{\"kind\":\"arm\",\"arm\":4,\"role\":\"patched\",\"row\":{\"threads\":2},\"cost\":"
              "\"reference\","
              "\"baseline\":0}\n"
              "{\"kind\":\"arm\",\"arm\":5,\"role\":\"control\",\"control_of\":0}\n");
    assert_int_equal(arm_baseline(record, 0), -1);
    assert_int_equal(arm_baseline(record, 2), 1);
    assert_int_equal(arm_baseline(record, 3), -1);
    assert_int_equal(arm_baseline(record, 4), 0);
    assert_int_equal(arm_baseline(record, 5), -1);
    record_free(record);
}

static void the_same_code_on_both_sides_is_identical(void **state) {
    (void)state;
    struct record *record =
        parse("{\"kind\":\"header\",\"schema\":1}\n"
              "{\"kind\":\"arm\",\"arm\":0,\"role\":\"baseline\",\"code_hash\":\"12\"}\n"
              "{\"kind\":\"arm\",\"arm\":1,\"role\":\"patched\",\"code_hash\":\"12\"}\n");
    struct verdicts verdicts;
    struct error error;
    assert_true(verdicts_decide(record, &verdict_defaults, &verdicts, &error));
    assert_int_equal(verdicts.comparisons[0].verdict, VERDICT_IDENTICAL);
    verdicts_free(&verdicts);
    record_free(record);
}

/* One program runs all arms of most records: only with equal configuration are they identical. */
static void the_same_code_with_another_configuration_is_compared(void **state) {
    (void)state;
    static const char *const differences[] = {
        "\"scheduler\":\"rayon\"",
        "\"encoder\":\"fast\"",
        "\"prefetch_batches\":2",
        "\"workers\":2",
        "\"spec\":{\"label\":\"b\",\"slowdown_ppm\":20000,\"program\":\"/b\"}",
        "\"code_hash\":\"13\""};
    static const char header[] = "{\"kind\":\"header\",\"schema\":1}\n";
    static const char same[] =
        "\"label\":\"b\",\"pus\":[0],\"spec\":{\"label\":\"b\",\"slowdown_ppm\":0,"
        "\"program\":\"/b\"}";
    for (size_t i = 0; i <= sizeof differences / sizeof differences[0]; i++) {
        char text[1024];
        bool equal = i == sizeof differences / sizeof differences[0];
        bool other_code = !equal && strstr(differences[i], "code_hash");
        snprintf(text, sizeof text,
                 "%s{\"kind\":\"arm\",\"arm\":0,\"role\":\"baseline\",\"code_hash\":\"12\","
                 "\"label\":\"a\","
                 "\"pus\":[1],\"spec\":{\"label\":\"a\",\"slowdown_ppm\":0,\"program\":\"/a\"}}\n"
                 "{\"kind\":\"arm\",\"arm\":1,\"role\":\"patched\",%s%s}\n",
                 header, other_code ? "" : "\"code_hash\":\"12\",", equal ? same : differences[i]);
        struct record *record = parse(text);
        struct verdicts verdicts;
        struct error error;
        assert_true(verdicts_decide(record, &verdict_defaults, &verdicts, &error));
        if (equal)
            assert_int_equal(verdicts.comparisons[0].verdict, VERDICT_IDENTICAL);
        else
            assert_int_not_equal(verdicts.comparisons[0].verdict, VERDICT_IDENTICAL);
        verdicts_free(&verdicts);
        record_free(record);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identical_arms_are_called_different_in_at_most_5_percent),
        cmocka_unit_test(a_planted_change_is_found_with_its_sign),
        cmocka_unit_test(processes_that_differ_are_no_difference_between_arms),
        cmocka_unit_test(a_planted_change_is_found_among_processes_that_differ),
        cmocka_unit_test(quiet_identical_arms_are_called_the_same),
        cmocka_unit_test(noise_is_inconclusive_and_not_the_same),
        cmocka_unit_test(a_high_noise_floor_makes_nothing_the_same),
        cmocka_unit_test(verdicts_are_refused_by_name),
        cmocka_unit_test(taint_drops_both_arms_of_a_pair_and_is_counted),
        cmocka_unit_test(on_a_busy_machine_pairs_that_waited_are_kept),
        cmocka_unit_test(waiting_more_on_one_side_is_no_difference_between_arms),
        cmocka_unit_test(slices_pair_with_slices_and_tainted_ones_are_left_out),
        cmocka_unit_test(each_arm_is_compared_with_the_baseline_of_its_row_and_group),
        cmocka_unit_test(the_same_code_on_both_sides_is_identical),
        cmocka_unit_test(the_same_code_with_another_configuration_is_compared),
    };
    return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
