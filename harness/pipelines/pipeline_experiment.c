/* Interleaved rounds of pipeline runs; see pipeline_experiment.h. */
#define _GNU_SOURCE
#include "harness/pipelines/pipeline_experiment.h"
#include "harness/pipelines/pipeline_record.h"

#include "base/clock.h"
#include "base/random.h"
#include "harness/experiment/evidence.h"
#include "harness/progress.h"
#include "pipeline/trace.h"
#include "results/statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- what the rest of the machine did meanwhile */

struct load {
    uint64_t time_ns;
    double machine_s, own_s; /* processor time so far; machine_s < 0: not known */
    struct evidence evidence;
};

static void read_load(struct load *load) {
    double user, nice, system, idle, wait, irq, soft, steal;
    FILE *file = fopen("/proc/stat", "re");
    load->machine_s = -1;
    if (file) {
        if (fscanf(file, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &user, &nice, &system, &idle, &wait,
                   &irq, &soft, &steal) == 8)
            load->machine_s =
                (user + nice + system + irq + soft + steal) / (double)sysconf(_SC_CLK_TCK);
        fclose(file);
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    load->own_s = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
                  (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    evidence_read(&load->evidence, false);
    load->time_ns = clock_now_ns();
}

/* Processors that others used between two readings; NAN if that is not known. */
static double foreign_processors(const struct load *before, const struct load *after) {
    double wall_s = (double)(after->time_ns - before->time_ns) / 1e9;
    if (before->machine_s < 0 || after->machine_s < 0 || wall_s <= 0) return NAN;
    double foreign_s = after->machine_s - before->machine_s - (after->own_s - before->own_s);
    return foreign_s > 0 ? foreign_s / wall_s : 0;
}

/* ---- the numbers and facts of every run */

static double *values_of(struct pipeline_experiment *experiment, unsigned round, unsigned arm) {
    return experiment->values +
           ((size_t)round * experiment->plan->arm_count + arm) * PIPELINE_METRIC_COUNT;
}

static struct diagnosis_facts *facts_of(struct pipeline_experiment *experiment, unsigned round,
                                        unsigned arm) {
    return experiment->facts + (size_t)round * experiment->plan->arm_count + arm;
}

/* ---- rounds */

static bool check_output(struct pipeline_experiment *experiment, const struct pipeline_arm *arm,
                         const struct pipeline_result *result, struct error *error) {
    uint64_t digest = result->digest.value ^ result->rows;
    if (!experiment->digest) experiment->digest = digest;
    if (experiment->digest == digest) return true;
    return error_set(error, "%s delivers other ids than %s", arm->label,
                     experiment->plan->arms[0].label);
}

/* Random in even rounds, the same backwards in odd ones: each arm is early as often as late. */
static void choose_order(struct random *random, unsigned round, unsigned count, unsigned *order) {
    if (round % 2) {
        for (unsigned i = 0; i < count / 2; i++) {
            unsigned other = order[i];
            order[i] = order[count - 1 - i];
            order[count - 1 - i] = other;
        }
        return;
    }
    for (unsigned i = 0; i < count; i++)
        order[i] = i;
    for (unsigned i = count; i > 1; i--) {
        unsigned j = (unsigned)random_below(random, i), other = order[i - 1];
        order[i - 1] = order[j];
        order[j] = other;
    }
}

struct round_run { /* of one arm in one round */
    struct pipeline_result result;
    struct load before, after;
};

static enum pipeline_outcome run_arms(struct pipeline_experiment *experiment, const unsigned *order,
                                      struct round_run *runs, struct error *error) {
    struct pipeline_plan *plan = experiment->plan;
    for (unsigned position = 0; position < plan->arm_count; position++) {
        unsigned arm = order[position];
        struct round_run *run = &runs[arm];
        pipeline_result_free(&run->result);
        read_load(&run->before);
        bool done = pipeline_run(&plan->arms[arm].setup, &run->result, error);
        read_load(&run->after);
        if (!done) return PIPELINE_FAILED;
        if (!run->result.rows) {
            error_set(error, "the input has no rows: there is nothing to measure");
            return PIPELINE_FAILED;
        }
        if (!check_output(experiment, &plan->arms[arm], &run->result, error))
            return PIPELINE_OUTPUTS_DIFFER;
    }
    return PIPELINE_DONE;
}

static bool note_round(struct pipeline_experiment *experiment, unsigned round,
                       const unsigned *order, struct round_run *runs, struct record_writer *writer,
                       struct error *error) {
    struct pipeline_plan *plan = experiment->plan;
    struct durations serial;
    bool has_serial = plan->arms[0].depth == 0 && plan->options.intervals > 0 &&
                      durations_from_result(&runs[0].result, &serial, NULL);
    bool noted = true;
    for (unsigned position = 0; position < plan->arm_count && noted; position++) {
        unsigned arm = order[position];
        const struct round_run *run = &runs[arm];
        const struct pipeline_setup *setup = &plan->arms[arm].setup;
        double *v = values_of(experiment, round, arm);
        const struct durations *durations = has_serial ? &serial : NULL;
        struct diagnosis_facts *facts = facts_of(experiment, round, arm);
        diagnosis_gather(setup, &run->result, durations, facts);
        pipeline_metrics_take(setup, &run->result, durations, facts, v);
        v[PIPELINE_METRIC_foreign] = foreign_processors(&run->before, &run->after);
        struct evidence evidence = evidence_difference(&run->before.evidence, &run->after.evidence);
        noted = pipeline_append_samples(plan, arm, round, position, &run->result, &evidence, writer,
                                        error);
    }
    if (has_serial) durations_free(&serial);
    return noted;
}

static void take_medians(struct pipeline_experiment *experiment) {
    double *column = calloc(experiment->rounds, sizeof *column);
    for (unsigned arm = 0; arm < experiment->plan->arm_count; arm++)
        for (int metric = 0; metric < PIPELINE_METRIC_COUNT; metric++) {
            size_t count = 0;
            for (unsigned round = 0; column && round < experiment->rounds; round++) {
                double value = values_of(experiment, round, arm)[metric];
                if (!isnan(value)) column[count++] = value;
            }
            experiment->arms[arm].medians[metric] = count ? statistics_median(column, count) : NAN;
        }
    free(column);
}

/* Each arm is diagnosed from the round whose time is nearest to the median. */
static void diagnose_arms(struct pipeline_experiment *experiment) {
    double *times = calloc(experiment->rounds, sizeof *times);
    for (unsigned arm = 0; times && arm < experiment->plan->arm_count; arm++) {
        struct pipeline_arm_result *result = &experiment->arms[arm];
        double nearest = INFINITY;
        for (unsigned round = 0; round < experiment->rounds; round++)
            times[round] = facts_of(experiment, round, arm)->time_ns;
        double median = statistics_median(times, experiment->rounds);
        for (unsigned round = 0; round < experiment->rounds; round++) {
            const struct diagnosis_facts *facts = facts_of(experiment, round, arm);
            double distance = fabs(facts->time_ns - median);
            if (distance >= nearest) continue;
            nearest = distance;
            result->facts = *facts;
        }
        diagnosis_decide(&result->facts, &result->diagnosis);
    }
    free(times);
}

static bool write_trace(const struct pipeline_experiment *experiment, struct trace *trace,
                        struct error *error) {
    for (unsigned arm = 0; arm < experiment->plan->arm_count; arm++)
        trace_add(trace, experiment->arms[arm].last.recorder, experiment->plan->arms[arm].label);
    return trace_finish(trace, error);
}

static enum pipeline_outcome run_rounds(struct pipeline_experiment *experiment,
                                        struct round_run *runs, struct record_writer *writer,
                                        struct error *error) {
    struct pipeline_plan *plan = experiment->plan;
    unsigned order[PIPELINE_ARMS], warmup = (unsigned)plan->options.warmup;
    struct random random = {(uint64_t)plan->options.seed};
    for (unsigned i = 0; i < plan->arm_count; i++)
        order[i] = i;
    for (unsigned round = 0; round < warmup + experiment->rounds; round++) {
        progress_show(round < warmup ? "warming up" : "measuring",
                      (double)round / (warmup + experiment->rounds));
        if (round >= warmup) choose_order(&random, round - warmup, plan->arm_count, order);
        enum pipeline_outcome outcome = run_arms(experiment, order, runs, error);
        if (outcome != PIPELINE_DONE) return outcome;
        if (round >= warmup && !note_round(experiment, round - warmup, order, runs, writer, error))
            return PIPELINE_FAILED;
    }
    return PIPELINE_DONE;
}

enum pipeline_outcome pipeline_experiment_run(struct pipeline_experiment *experiment,
                                              struct record_writer *writer, const char *trace_path,
                                              struct error *error) {
    struct pipeline_plan *plan = experiment->plan;
    experiment->rounds = (unsigned)plan->options.rounds;
    experiment->has_text = !plan->options.synthetic;
    experiment->values =
        calloc((size_t)experiment->rounds * plan->arm_count * PIPELINE_METRIC_COUNT,
               sizeof *experiment->values);
    experiment->facts =
        calloc((size_t)experiment->rounds * plan->arm_count, sizeof *experiment->facts);
    struct round_run *runs = calloc(plan->arm_count, sizeof *runs);
    struct trace *trace = NULL;
    enum pipeline_outcome outcome = PIPELINE_FAILED;
    if (!experiment->values || !experiment->facts || !runs)
        error_set(error, "out of memory for %u rounds", experiment->rounds);
    /* The trace's file is made before anything is measured, or a wrong path would cost it all. */
    else if ((!trace_path || (trace = trace_create(trace_path, error))) &&
             pipeline_append_arms(plan, writer, error))
        outcome = run_rounds(experiment, runs, writer, error);
    progress_clear();
    for (unsigned arm = 0; runs && arm < plan->arm_count; arm++)
        experiment->arms[arm].last = runs[arm].result;
    free(runs);
    if (outcome != PIPELINE_DONE) {
        trace_abandon(trace);
        return outcome;
    }
    take_medians(experiment);
    diagnose_arms(experiment);
    if (trace && !write_trace(experiment, trace, error)) return PIPELINE_FAILED;
    for (unsigned arm = 0; arm < plan->arm_count; arm++)
        if (!pipeline_append_observation(experiment, arm, writer, error)) return PIPELINE_FAILED;
    return PIPELINE_DONE;
}

void pipeline_experiment_free(struct pipeline_experiment *experiment) {
    for (unsigned arm = 0; arm < experiment->plan->arm_count; arm++)
        pipeline_result_free(&experiment->arms[arm].last);
    free(experiment->values);
    free(experiment->facts);
}
