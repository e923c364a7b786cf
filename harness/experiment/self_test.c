/* The gate's self-test; see self_test.h.
 *
 * One run measures four equal arms and a fifth with a planted slowdown. Every 20 rounds give six
 * A/A trials (each pair of the equal arms, with a third as the control), every 50 rounds four
 * planted ones. Trials of the same rounds are not independent of each other, which widens the
 * spread of the shares but does not move them. Processes change every 10 rounds, so that a trial
 * meets several memory layouts, as a run of the gate does. */
#define _GNU_SOURCE
#include "harness/experiment/self_test.h"

#include "base/clock.h"
#include "harness/arms/builds.h"
#include "results/verdict.h"

#include <stdlib.h>
#include <string.h>

enum {
    EQUAL_ARMS = 4,
    PLANTED_ARM = EQUAL_ARMS,
    EQUAL_PAIRS = 20,
    PLANTED_PAIRS = 50,
    TRIALS_A_BLOCK = 6,
    ROUNDS_A_PROCESS = 10
};
static const double SAMPLE_MS = 12;

/* The six pairs of four arms, and the control of each. */
static const unsigned trial_arms[TRIALS_A_BLOCK][3] = {{0, 1, 2}, {2, 3, 0}, {0, 2, 3},
                                                       {1, 3, 2}, {0, 3, 1}, {1, 2, 3}};

static unsigned rounds_of(const struct self_test_options *options) {
    unsigned blocks = (options->trials + TRIALS_A_BLOCK - 1) / TRIALS_A_BLOCK;
    unsigned rounds = blocks * EQUAL_PAIRS;
    return rounds < PLANTED_PAIRS ? PLANTED_PAIRS : rounds;
}

static json_t *plan(const struct self_test_options *options, unsigned rounds, unsigned processes) {
    json_t *arms = json_array();
    for (int i = 0; i <= PLANTED_ARM; i++) {
        char label[32];
        snprintf(label, sizeof label, i < PLANTED_ARM ? "equal %d" : "planted", i + 1);
        json_array_append_new(
            arms, json_pack("{s:s, s:s, s:s, s:s, s:I}", "label", label, "role",
                            i == 0 ? "baseline" : "patched", "scheduler", options->scheduler,
                            "encoder", options->encoder, "slowdown_ppm",
                            (json_int_t)(i == PLANTED_ARM ? options->slowdown * 1e6 + 0.5 : 0)));
    }
    return json_pack("{s:s, s:s, s:i, s:s, s:s, s:i, s:s, s:i, s:f, s:i, s:i, s:[{s:s, s:o}]}",
                     "name", "gate-self-test", "summary",
                     "equal arms and one with a planted slowdown", "time_s", 0, "tokenizer",
                     "plain", "entry", "ids", "batch_lines", 250, "threads", options->threads,
                     "rounds", (int)rounds, "sample_ms", SAMPLE_MS, "slices", 48, "processes",
                     (int)processes, "groups", "name", options->encoder, "arms", arms);
}

/* The record with nothing but one trial in it: two arms and a control, some rounds. */
static enum verdict judge_trial(const struct record *whole, const unsigned *arms, unsigned first,
                                unsigned rounds, const struct verdict_options *options, bool *unfit,
                                struct error *error) {
    struct record trial = *whole;
    struct arm_record roles[EQUAL_ARMS + 1];
    struct sample *samples = malloc((whole->sample_count + 1) * sizeof *samples);
    struct verdicts verdicts;
    enum verdict verdict = VERDICT_COUNT;
    if (!samples) {
        error_set(error, "out of memory for a trial");
        return verdict;
    }
    for (unsigned i = 0; i <= EQUAL_ARMS; i++) {
        roles[i] = whole->arms[i];
        roles[i].role = ROLE_CONTROL; /* of nothing: left out */
        roles[i].control_of = -1;
        json_object_del(roles[i].json, "code_hash"); /* equal arms are to be judged all the same */
    }
    roles[arms[0]].role = ROLE_BASELINE;
    roles[arms[1]].role = ROLE_PATCHED;
    roles[arms[1]].compared_with = (int)arms[0];
    roles[arms[2]].control_of = (int)arms[0];
    trial.arms = roles;
    trial.samples = samples;
    trial.sample_count = 0;
    for (size_t i = 0; i < whole->sample_count; i++)
        if (whole->samples[i].round >= first && whole->samples[i].round < first + rounds)
            samples[trial.sample_count++] = whole->samples[i];
    if (verdicts_decide(&trial, options, &verdicts, error)) {
        verdict = verdicts.comparisons[0].verdict;
        *unfit = verdicts.comparisons[0].pairs.tainted_kept;
        verdicts_free(&verdicts);
    }
    free(samples);
    return verdict;
}

static bool judge_equal(const struct record *record, unsigned first,
                        const struct verdict_options *options, unsigned limit,
                        struct self_test_result *result, struct error *error) {
    for (int i = 0; i < TRIALS_A_BLOCK && result->equal_trials < limit; i++) {
        bool unfit = false;
        enum verdict verdict =
            judge_trial(record, trial_arms[i], first, EQUAL_PAIRS, options, &unfit, error);
        if (verdict == VERDICT_COUNT) return false;
        result->equal_trials++;
        result->unfit += unfit;
        result->false_alarms += verdict == VERDICT_FASTER || verdict == VERDICT_SLOWER;
    }
    return true;
}

static bool judge_planted(const struct record *record, unsigned first,
                          const struct verdict_options *options, struct self_test_result *result,
                          struct error *error) {
    for (unsigned i = 0; i < EQUAL_ARMS; i++) {
        bool unfit = false;
        unsigned arms[3] = {i, PLANTED_ARM, (i + 1) % EQUAL_ARMS};
        enum verdict verdict =
            judge_trial(record, arms, first, PLANTED_PAIRS, options, &unfit, error);
        if (verdict == VERDICT_COUNT) return false;
        result->planted_trials++;
        result->unfit += unfit;
        result->found += verdict == VERDICT_SLOWER;
        result->wrong += verdict == VERDICT_FASTER;
    }
    return true;
}

bool self_test_judge(const char *path, const struct self_test_options *options,
                     struct self_test_result *result, struct error *error) {
    *result = (struct self_test_result){.seconds = result->seconds};
    struct record *record = record_read(path, error);
    if (!record) return false;
    struct verdict_options judging = {.confidence = options->confidence,
                                      .threshold = options->threshold,
                                      .same_margin = 0.01,
                                      .metric = METRIC_THROUGHPUT};
    unsigned rounds = 0;
    for (size_t i = 0; i < record->sample_count; i++)
        if (record->samples[i].round >= rounds) rounds = record->samples[i].round + 1;
    bool done = record->arm_count == EQUAL_ARMS + 1 ||
                error_set(error, "%s: is no record of the gate's self-test", path);
    for (unsigned r = 0; done && r + EQUAL_PAIRS <= rounds; r += EQUAL_PAIRS)
        done = judge_equal(record, r, &judging, options->trials, result, error);
    for (unsigned r = 0; done && r + PLANTED_PAIRS <= rounds; r += PLANTED_PAIRS)
        done = judge_planted(record, r, &judging, result, error);
    record_free(record);
    return done;
}

static bool measure(const struct self_test_options *options, unsigned rounds, unsigned processes,
                    double *seconds, struct error *error) {
    json_t *scenario = plan(options, rounds, processes);
    struct builds_options run = {
        .output = options->output, .corpus = options->corpus, .quiet = true};
    if (!scenario) return error_set(error, "out of memory for the self-test");
    uint64_t begin = clock_now_ns();
    enum builds_status status = builds_run_scenario(scenario, &run, error);
    *seconds = (double)(clock_now_ns() - begin) / 1e9;
    json_decref(scenario);
    return status == BUILDS_MEASURED || error_set(error, "the self-test could not be measured");
}

/* Two short runs that differ in rounds alone tell what a round takes on this machine as it is; the
 * start of the processes is taken to be a third of the shorter one. */
bool self_test_estimate(const struct self_test_options *options, double *seconds,
                        struct error *error) {
    enum { FEW = 2, MORE = 12 };
    double few_s, more_s;
    if (!measure(options, FEW, 1, &few_s, error) || !measure(options, MORE, 1, &more_s, error))
        return false;
    double round_s = (more_s - few_s) / (MORE - FEW), rounds = rounds_of(options);
    if (round_s < 0) round_s = more_s / MORE;
    *seconds = more_s + rounds * round_s + rounds / ROUNDS_A_PROCESS * few_s / 3;
    return true;
}

bool self_test_run(const struct self_test_options *options, struct self_test_result *result,
                   struct error *error) {
    unsigned rounds = rounds_of(options);
    return measure(options, rounds, rounds / ROUNDS_A_PROCESS, &result->seconds, error) &&
           self_test_judge(options->output, options, result, error);
}
