/* Rounds of interleaved samples; see experiment.h. docs/method.md says why it is done this way. */
#define _GNU_SOURCE
#include "harness/experiment/experiment_internal.h"

#include "base/clock.h"
#include "base/random.h"
#include "harness/components.h"
#include "harness/progress.h"
#include "results/verdict.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMPARED_BATCHES = 24, ROUNDS_A_PROCESS = 4, OBSERVE_NS = 250 * 1000 * 1000 };

static const double CHANGING_SHARE = 1.0 / 3; /* of the time, at most, from four processes on */

volatile sig_atomic_t runner_interrupted;

static void note_interrupt(int signal_number) {
    (void)signal_number;
    runner_interrupted = 1;
}

int experiment_add(struct experiment *experiment, const struct experiment_arm *arm) {
    size_t count = experiment->arm_count;
    struct experiment_arm *larger =
        realloc(experiment->arms, (count + 1) * sizeof *experiment->arms);
    if (!larger) return -1;
    experiment->arms = larger;
    larger[count] = *arm;
    experiment->arm_count = count + 1;
    if (arm->group >= experiment->group_count) experiment->group_count = arm->group + 1;
    return (int)count;
}

void experiment_free(struct experiment *experiment) {
    free(experiment->arms);
    experiment->arms = NULL;
    experiment->arm_count = 0;
}

/* How far the experiment is, 0 .. 1, by whichever limit is nearer. */
static double share_done(const struct experiment *experiment, uint64_t round, double elapsed_s) {
    double by_rounds = experiment->rounds ? (double)round / (double)experiment->rounds : 0;
    double by_time = experiment->time_s > 0 ? elapsed_s / experiment->time_s : 0;
    return by_rounds > by_time ? by_rounds : by_time;
}

static double seconds_since(uint64_t begin_ns) {
    return (double)(clock_now_ns() - begin_ns) / 1e9;
}

/* The outputs of fresh processes are compared once more, on a few batches. */
static bool change_processes(struct runner *runner, struct error *error) {
    uint64_t begin = clock_now_ns();
    size_t count = runner->experiment->corpus->batch_count;
    if (count > COMPARED_BATCHES) count = COMPARED_BATCHES;
    runner_stop_processes(runner);
    runner->process++;
    bool done = runner_start_processes(runner, count, error) == EXPERIMENT_DONE &&
                runner_warm_up(runner, count, error) && !runner_interrupted;
    runner->changing_s += seconds_since(begin);
    return done;
}

/* The record as far as it is written decides; it is read at a few rounds fixed beforehand. */
static bool is_precise_enough(const struct runner *runner, uint64_t round) {
    const struct experiment *experiment = runner->experiment;
    struct stop_rule rule = {.half_width = experiment->precision, .confidence = 0.95, .least = 20};
    if (!stop_rule_looks(&rule, round)) return false;
    struct record *record = record_read(record_writer_path(runner->writer), NULL);
    bool precise = record && verdict_precise_enough(record, &rule, round);
    record_free(record);
    return precise;
}

/* Shares the time that is left evenly among this and the coming processes. Where arms take long to
 * set up there are fewer: changing them must not eat the time that rounds are to have, and a
 * process of two rounds says as much in a verdict as one of twenty. */
static void plan_change(struct runner *runner, double elapsed_s) {
    const struct experiment *experiment = runner->experiment;
    double change_s = runner->process ? runner->changing_s / runner->process : 0;
    double coming = experiment->processes - runner->process - 1;
    double affordable =
        change_s > 0 ? floor(CHANGING_SHARE * experiment->time_s / change_s) - runner->process
                     : coming;
    if (affordable < coming) coming = affordable;
    double left_s = experiment->time_s - elapsed_s - coming * change_s;
    runner->change_at_s =
        coming < 1 ? HUGE_VAL : elapsed_s - runner->changing_s + left_s / (coming + 1);
}

/* Processes share the run evenly. A run that may stop early at a look cannot know its length: it
 * changes them every few rounds, so that each look meets several. */
static bool is_time_to_change(const struct runner *runner, uint64_t round, double done,
                              double elapsed_s) {
    const struct experiment *experiment = runner->experiment;
    if (experiment->processes < 2) return false;
    if (experiment->precision > 0) {
        bool often = experiment->time_s > 0 && runner->process + 1 >= SERIES_LEAST_PROCESSES &&
                     runner->changing_s > CHANGING_SHARE * elapsed_s;
        uint64_t pace = 20 / experiment->processes / 2 * 2;
        if (pace < ROUNDS_A_PROCESS) pace = ROUNDS_A_PROCESS;
        return round && round % pace == 0 && !often;
    }
    if (!experiment->rounds && experiment->time_s > 0)
        return elapsed_s - runner->changing_s >= runner->change_at_s;
    return runner->process + 1 < experiment->processes &&
           done >= (double)(runner->process + 1) / experiment->processes;
}

/* The time to change processes is part of the budget. */
static enum experiment_status run_rounds(struct runner *runner, struct error *error) {
    struct experiment *experiment = runner->experiment;
    unsigned groups[THREAD_COUNT_LIMIT * 8];
    unsigned group_count = experiment->group_count;
    if (group_count > sizeof groups / sizeof groups[0]) {
        error_set(error, "more than %zu groups of arms", sizeof groups / sizeof groups[0]);
        return EXPERIMENT_FAILED;
    }
    for (unsigned g = 0; g < group_count; g++)
        groups[g] = g;
    uint64_t begin = clock_now_ns();
    plan_change(runner, 0);
    for (uint64_t round = 0;; round++) {
        double elapsed_s = seconds_since(begin), done = share_done(experiment, round, elapsed_s);
        /* Rounds come in twos, so that the orders balance. */
        if (round % 2 == 0 && (done >= 1 || is_precise_enough(runner, round)))
            return EXPERIMENT_DONE;
        if (runner_interrupted) return EXPERIMENT_INTERRUPTED;
        if (round % 2 == 0 && is_time_to_change(runner, round, done, elapsed_s)) {
            if (!change_processes(runner, error))
                return runner_interrupted ? EXPERIMENT_INTERRUPTED : EXPERIMENT_FAILED;
            plan_change(runner, seconds_since(begin));
        }
        runner_shuffle(&runner->random, groups, group_count);
        for (unsigned g = 0; g < group_count; g++) {
            progress_show("measuring", done);
            if (!runner_measure_group(runner, groups[g], round, error)) return EXPERIMENT_FAILED;
        }
    }
}

/* The same batches for all arms of a group: what is counted in them is compared. */
static size_t observed_batches(const struct runner *runner, size_t arm) {
    const struct experiment *experiment = runner->experiment;
    uint64_t slowest_ns = 1;
    for (size_t i = 0; i < experiment->arm_count; i++)
        if (experiment->arms[i].group == experiment->arms[arm].group &&
            runner->batch_ns[i] > slowest_ns)
            slowest_ns = runner->batch_ns[i];
    size_t count = OBSERVE_NS / slowest_ns + 1;
    return count < experiment->corpus->batch_count ? count : experiment->corpus->batch_count;
}

static json_t *look_into(struct runner *runner, size_t arm, const char *kind,
                         struct error *reason) {
    size_t count = observed_batches(runner, arm);
    return strcmp(kind, "observation") == 0
               ? arm_process_observe(runner->processes[arm], 0, count, reason)
               : arm_process_count(runner->processes[arm], 0, count, runner->experiment->events,
                                   reason);
}

/* One untimed line of this kind about every arm. */
static bool look_into_arms(struct runner *runner, const char *kind, struct error *error) {
    struct experiment *experiment = runner->experiment;
    for (size_t i = 0; i < experiment->arm_count && !runner_interrupted; i++) {
        if (experiment->arms[i].role == ROLE_CONTROL) continue;
        progress_show("looking into the arms", (double)i / (double)experiment->arm_count);
        struct error reason;
        json_t *seen = look_into(runner, i, kind, &reason);
        if (!seen) seen = json_pack("{s:s}", "unavailable", reason.message);
        json_t *line = json_pack("{s:s, s:i}", "kind", kind, "arm", (int)i);
        json_object_update(line, seen);
        json_decref(seen);
        if (!record_append(runner->writer, line, error)) return false;
    }
    return true;
}

static enum experiment_status run_all(struct runner *runner, struct error *error) {
    enum experiment_status status =
        runner_start_processes(runner, runner->experiment->corpus->batch_count, error);
    if (status != EXPERIMENT_DONE) return status;
    if (!runner_record_arms(runner, error) || !runner_calibrate(runner, error) ||
        !runner_record_calibration(runner, error))
        return EXPERIMENT_FAILED;
    status = run_rounds(runner, error);
    if (status != EXPERIMENT_DONE) return status;
    if (runner->experiment->observe && !look_into_arms(runner, "observation", error))
        return EXPERIMENT_FAILED;
    if (runner->experiment->events && !look_into_arms(runner, "counter", error))
        return EXPERIMENT_FAILED;
    if (runner->experiment->profile_s > 0 && !runner_profile_arms(runner, error))
        return EXPERIMENT_FAILED;
    return EXPERIMENT_DONE;
}

/* Where threads can be bound, the speed of the units that workers use is looked at. */
static void start_probe(struct runner *runner) {
    const struct experiment *experiment = runner->experiment;
    if (!experiment->setup.pin || placement_unbound_reason(experiment->placement)) return;
    unsigned units = 1, most = placement_pu_count(experiment->placement);
    for (size_t i = 0; i < experiment->arm_count; i++)
        if (experiment->arms[i].spec.workers > units) units = experiment->arms[i].spec.workers;
    if (units > most) units = most;
    runner->probed_units = units < SPEED_PROBE_UNITS ? units : SPEED_PROBE_UNITS;
    struct error ignored; /* a run without looks is one, too */
    runner->probe = speed_probe_create(experiment->placement, runner->probed_units, &ignored);
}

enum experiment_status experiment_run(struct experiment *experiment, struct record_writer *writer,
                                      struct error *error) {
    struct runner runner = {.experiment = experiment,
                            .writer = writer,
                            .random = {experiment->seed},
                            .processes = calloc(experiment->arm_count, sizeof(void *)),
                            .batch_ns = calloc(experiment->arm_count, sizeof(uint64_t)),
                            .batches = calloc(experiment->group_count, sizeof(size_t)),
                            .slices = calloc(experiment->group_count, sizeof(unsigned))};
    enum experiment_status status = EXPERIMENT_FAILED;
    struct sigaction note = {.sa_handler = note_interrupt}, old_int, old_term;
    runner_interrupted = 0;
    sigaction(SIGINT, &note, &old_int);
    sigaction(SIGTERM, &note, &old_term);
    start_probe(&runner);
    if (runner.processes && runner.batch_ns && runner.batches && runner.slices)
        status = run_all(&runner, error);
    else
        error_set(error, "out of memory");
    progress_clear();
    if (runner.processes) runner_stop_processes(&runner);
    speed_probe_free(runner.probe);
    sigaction(SIGINT, &old_int, NULL);
    sigaction(SIGTERM, &old_term, NULL);
    free(runner.processes);
    free(runner.batch_ns);
    free(runner.batches);
    free(runner.slices);
    return status;
}
