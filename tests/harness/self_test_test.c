/* The gate's self-test without its measuring: the time that it says, and how it judges records
 * whose noise is known. */
#define _GNU_SOURCE
#include "harness/experiment/self_test.h"
#include "tests/results/cmocka_all.h"
#include "tests/results/simulate.h"

#include <stdlib.h>
#include <unistd.h>

enum { ARMS = 6, ROUNDS_A_PROCESS = 4 };

/* 200 trials are 400 rounds, 100 processes of four rounds: one in the first run, 99 more at what
 * four more took in the second. */
static void the_time_said_is_that_of_the_processes_to_come(void **state) {
    (void)state;
    struct self_test_time time = self_test_predict(200, 3, 11, 5);
    assert_true(time.about_s == 3 + 99 * 2 && time.at_most_s == 2 * time.about_s);
    assert_true(time.around_s == 3);
    /* 60 trials: 120 rounds. */
    assert_true(self_test_predict(60, 3, 11, 5).about_s == 3 + 29 * 2);
    /* Never fewer rounds than one planted trial takes: 50, in 13 processes. */
    assert_true(self_test_predict(6, 3, 11, 5).about_s == 3 + 12 * 2);
    /* A disturbed first run: what is left for a process is not taken to be nothing. */
    assert_true(self_test_predict(200, 11, 10, 5).about_s == 11 + 99 * 0.5);
}

/* A record of the self-test: spreads of what a process shares and of a sample, and the slowdown of
 * the last arm. */
static void write_record(const char *path, uint64_t seed, unsigned rounds, double process_noise,
                         double noise, double slowdown) {
    struct random random = {seed};
    double shared[ARMS] = {0};
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("{\"kind\":\"header\",\"schema\":1}\n", file);
    for (int arm = 0; arm < ARMS; arm++)
        fprintf(file, "{\"kind\":\"arm\",\"arm\":%d,\"role\":\"%s\",\"row\":{\"threads\":1}}\n",
                arm, arm ? "patched" : "baseline");
    for (unsigned round = 0; round < rounds; round++)
        for (int arm = 0; arm < ARMS; arm++) {
            if (round % ROUNDS_A_PROCESS == 0) shared[arm] = simulate_normal(&random);
            double log_ns = process_noise * shared[arm] + noise * simulate_normal(&random) +
                            (arm == ARMS - 1 ? log1p(slowdown) : 0);
            fprintf(file,
                    "{\"kind\":\"sample\",\"arm\":%d,\"round\":%u,\"process\":%u,\"duration_ns\":"
                    "%.0f,\"bytes\":1000000}\n",
                    arm, round, round / ROUNDS_A_PROCESS, 1e9 * exp(log_ns));
        }
    fputs("{\"kind\":\"end\"}\n", file);
    assert_int_equal(fclose(file), 0);
}

static struct self_test_result judge(unsigned rounds, double process_noise, double noise,
                                     double slowdown, uint64_t seed) {
    char path[] = "/tmp/grainbench-self-test-XXXXXX";
    struct error error;
    struct self_test_result result = {0};
    struct self_test_options options = {
        .trials = 200, .slowdown = slowdown, .threshold = 0.005, .confidence = 0.95};
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    write_record(path, seed, rounds, process_noise, noise, slowdown);
    if (!self_test_judge(path, &options, &result, &error)) fail_msg("%s", error.message);
    unlink(path);
    return result;
}

/* The spreads that two busy cores had (docs/method.md), of an arm: those of a pair over the root of
 * two. */
static void equal_arms_pass_and_the_planted_slowdown_is_found(void **state) {
    (void)state;
    unsigned alarms = 0, equal = 0, found = 0, planted = 0;
    for (uint64_t seed = 0; seed < 5; seed++) {
        struct self_test_result result = judge(400, 0.0055, 0.0085, 0.02, seed);
        assert_int_equal(result.equal_trials, 200);
        assert_int_equal(result.planted_trials, 40);
        assert_int_equal(result.wrong, 0);
        alarms += result.false_alarms;
        equal += result.equal_trials;
        found += result.found;
        planted += result.planted_trials;
    }
    assert_true(alarms <= 0.05 * equal);
    assert_true(found >= 0.9 * planted);
}

static void what_is_too_noisy_is_not_found_and_raises_no_alarm(void **state) {
    (void)state;
    struct self_test_result result = judge(400, 0.05, 0.05, 0.02, 7);
    assert_true(result.false_alarms <= 10);
    assert_true(result.found <= 4);
}

/* Stopped by its limit of time: what is there is judged, and counted. */
static void a_record_cut_short_gives_fewer_trials(void **state) {
    (void)state;
    struct self_test_result result = judge(75, 0.005, 0.008, 0.02, 9);
    assert_int_equal(result.equal_trials, 30);
    assert_int_equal(result.planted_trials, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_time_said_is_that_of_the_processes_to_come),
        cmocka_unit_test(equal_arms_pass_and_the_planted_slowdown_is_found),
        cmocka_unit_test(what_is_too_noisy_is_not_found_and_raises_no_alarm),
        cmocka_unit_test(a_record_cut_short_gives_fewer_trials),
    };
    return cmocka_run_group_tests_name("self-test", tests, NULL, NULL);
}
