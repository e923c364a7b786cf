/* The gate's self-test; see self_test.h.
 *
 * One run measures five equal arms and a sixth with a planted slowdown. Every 20 rounds give ten
 * A/A trials (each pair of the equal arms, with a third as the control), every 50 rounds five
 * planted ones. Trials of the same rounds are not independent of each other, which widens the
 * spread of the shares but does not move them. Processes change every four rounds, so that a trial
 * meets several memory layouts, as a run of the gate does. */
#define _GNU_SOURCE
#include "harness/experiment/self_test.h"

#include "base/clock.h"
#include "harness/arms/builds.h"
#include "results/verdict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    EQUAL_ARMS = 5,
    PLANTED_ARM = EQUAL_ARMS,
    EQUAL_PAIRS = 20,
    PLANTED_PAIRS = 50,
    TRIALS_A_BLOCK = EQUAL_ARMS * (EQUAL_ARMS - 1) / 2,
    ROUNDS_A_PROCESS = 4
};
/* The noise of a round falls with its slices: as many as a sample may have. */
enum { SLICES = 64 };
static const double SAMPLE_MS = 16;

/* A baseline, an equal arm, and the baseline's control. */
struct trial_arms {
    unsigned baseline, patched, control;
};

/* The pairs of the equal arms by number. The control is the next arm that is neither. */
static struct trial_arms equal_trial(unsigned number) {
    struct trial_arms arms = {0, 1, 0};
    while (number--)
        if (++arms.patched == EQUAL_ARMS) arms.patched = ++arms.baseline + 1;
    arms.control = arms.patched;
    do
        arms.control = (arms.control + 1) % EQUAL_ARMS;
    while (arms.control == arms.baseline || arms.control == arms.patched);
    return arms;
}

static unsigned rounds_of(const struct self_test_options *options) {
    unsigned blocks = (options->trials + TRIALS_A_BLOCK - 1) / TRIALS_A_BLOCK;
    unsigned rounds = blocks * EQUAL_PAIRS;
    return rounds < PLANTED_PAIRS ? PLANTED_PAIRS : rounds;
}

static json_t *plan(const struct self_test_options *options, unsigned rounds, double time_s) {
    unsigned processes = (rounds + ROUNDS_A_PROCESS - 1) / ROUNDS_A_PROCESS;
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
    return json_pack("{s:s, s:s, s:f, s:s, s:s, s:i, s:s, s:i, s:f, s:i, s:i, s:[{s:s, s:o}]}",
                     "name", "gate-self-test", "summary",
                     "equal arms and one with a planted slowdown", "time_s", time_s, "tokenizer",
                     "plain", "entry", "ids", "batch_lines", 250, "threads", options->threads,
                     "rounds", (int)rounds, "sample_ms", SAMPLE_MS, "slices", SLICES, "processes",
                     (int)processes, "groups", "name", options->encoder, "arms", arms);
}

/* The record with nothing but one trial in it: two arms and a control, some rounds. */
static enum verdict judge_trial(const struct record *whole, struct trial_arms arms, unsigned first,
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
    roles[arms.baseline].role = ROLE_BASELINE;
    roles[arms.patched].role = ROLE_PATCHED;
    roles[arms.patched].compared_with = (int)arms.baseline;
    roles[arms.control].control_of = (int)arms.baseline;
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
    for (unsigned i = 0; i < TRIALS_A_BLOCK && result->equal_trials < limit; i++) {
        bool unfit = false;
        enum verdict verdict =
            judge_trial(record, equal_trial(i), first, EQUAL_PAIRS, options, &unfit, error);
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
        struct trial_arms arms = {i, PLANTED_ARM, (i + 1) % EQUAL_ARMS};
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

static bool measure(const struct self_test_options *options, unsigned rounds, double time_s,
                    double *seconds, struct error *error) {
    json_t *scenario = plan(options, rounds, time_s);
    struct builds_options run = {
        .output = options->output, .corpus = options->corpus, .quiet = true};
    if (!scenario) return error_set(error, "out of memory for the self-test");
    uint64_t begin = clock_now_ns();
    enum builds_status status = builds_run_scenario(scenario, &run, error);
    *seconds = (double)(clock_now_ns() - begin) / 1e9;
    json_decref(scenario);
    return status == BUILDS_MEASURED || error_set(error, "the self-test could not be measured");
}

struct self_test_time self_test_predict(unsigned trials, double one_s, double several_s,
                                        unsigned several) {
    struct self_test_options options = {.trials = trials};
    double processes = ceil((double)rounds_of(&options) / ROUNDS_A_PROCESS);
    double each_s = (several_s - one_s) / (several - 1);
    if (each_s < several_s / several / 4) each_s = several_s / several / 4;
    double about_s = one_s + (processes - 1) * each_s;
    return (struct self_test_time){.about_s = about_s, .at_most_s = 2 * about_s, .around_s = one_s};
}

/* Two short runs, of one process an arm and of several, tell what a process with its rounds takes
 * on this machine as it is now. The load of the next minutes nobody knows; so the time is limited
 * to twice that, and what is not measured by then is left out. */
bool self_test_estimate(const struct self_test_options *options, struct self_test_time *time,
                        struct error *error) {
    enum { SEVERAL = 5 };
    double one_s, several_s;
    if (!measure(options, ROUNDS_A_PROCESS, 0, &one_s, error) ||
        !measure(options, SEVERAL * ROUNDS_A_PROCESS, 0, &several_s, error))
        return false;
    *time = self_test_predict(options->trials, one_s, several_s, SEVERAL);
    if (options->time_s > 0) time->at_most_s = options->time_s;
    return true;
}

bool self_test_run(const struct self_test_options *options, const struct self_test_time *time,
                   struct self_test_result *result, struct error *error) {
    double limit_s = fmax(time->at_most_s - time->around_s, 1);
    return measure(options, rounds_of(options), limit_s, &result->seconds, error) &&
           self_test_judge(options->output, options, result, error);
}
