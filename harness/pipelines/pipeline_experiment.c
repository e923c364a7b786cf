/* Interleaved rounds of pipeline runs; see pipeline_experiment.h. */
#define _GNU_SOURCE
#include "harness/pipelines/pipeline_experiment.h"

#include "base/clock.h"
#include "base/random.h"
#include "harness/code_hash.h"
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

const struct pipeline_metric_text pipeline_metric_texts[PIPELINE_METRIC_COUNT] = {
#define METRIC(name, title, unit, decimals) {#name, title, unit, decimals},
    PIPELINE_METRICS(METRIC)
#undef METRIC
};

#define M(name) PIPELINE_METRIC_##name

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
    evidence_read(&load->evidence);
    load->time_ns = clock_now_ns();
}

/* Processors that others used between two readings; NAN if that is not known. */
static double foreign_processors(const struct load *before, const struct load *after) {
    double wall_s = (double)(after->time_ns - before->time_ns) / 1e9;
    if (before->machine_s < 0 || after->machine_s < 0 || wall_s <= 0) return NAN;
    double foreign_s = after->machine_s - before->machine_s - (after->own_s - before->own_s);
    return foreign_s > 0 ? foreign_s / wall_s : 0;
}

/* ---- from a run to its numbers */

static double *values_of(struct pipeline_experiment *experiment, unsigned round, unsigned arm) {
    return experiment->values +
           ((size_t)round * experiment->plan->arm_count + arm) * PIPELINE_METRIC_COUNT;
}

static double rate(double amount, double seconds) {
    return seconds > 0 ? amount / seconds : NAN;
}

static double stage_busy_ns(const struct pipeline_result *result, int stage) {
    double ns = 0;
    for (struct account *a = recorder_accounts(result->recorder); a; a = a->next)
        ns += (double)a->stages[stage].wall_ns[ACTIVITY_BUSY];
    return ns;
}

/* How many batches the consumer found ready, on average: the depth that was really there. */
static double mean_ready(const struct pipeline_result *result) {
    for (unsigned i = result->composition.count; i-- > 0;) {
        const struct executor_report *report = &result->reports[i];
        double calls = 0, ready = 0;
        if (!result->composition.nodes[i].depth) continue;
        for (unsigned k = 0; k < EXECUTOR_OCCUPANCY; k++) {
            calls += (double)report->occupancy[k];
            ready += (double)report->occupancy[k] * k;
        }
        return calls > 0 ? ready / calls : NAN;
    }
    return NAN;
}

static void note_times(const struct pipeline_setup *setup, const struct pipeline_result *result,
                       double *v) {
    bool phased = setup->mode == PIPELINE_PHASED;
    double rows = (double)result->rows;
    v[M(items)] = rows;
    v[M(read_s)] = phased ? (double)result->read_ns / 1e9 : stage_busy_ns(result, STAGE_READ) / 1e9;
    v[M(preprocess_s)] = phased ? (double)result->preprocess_ns / 1e9
                                : stage_busy_ns(result, STAGE_PREPROCESS) / 1e9;
    v[M(predict_s)] = phased ? (double)result->predict_ns / 1e9 : NAN;
    v[M(total_s)] = (double)result->total_ns / 1e9;
    v[M(read_rate)] = rate(rows, v[M(read_s)]);
    v[M(preprocess_rate)] = rate(rows, v[M(preprocess_s)]);
    v[M(predict_rate)] = rate(rows, v[M(predict_s)]);
    v[M(total_rate)] = rate(rows, v[M(total_s)]);
    v[M(first_ms)] = (double)result->first_batch_ns / 1e6;
    double overlapped_s = phased ? v[M(predict_s)] : v[M(total_s)];
    if (setup->path_count) {
        v[M(token_rate)] = rate((double)result->tokens / 1e3, overlapped_s);
        v[M(byte_rate)] = rate((double)result->text_bytes / 1e6, overlapped_s);
        v[M(padding)] =
            result->cells ? 100 - 100 * (double)result->kept_tokens / (double)result->cells : NAN;
    }
    if (result->requested_ns >= 0 && result->batches)
        v[M(requested_ms)] = result->requested_ns / 1e6 / (double)result->batches;
    if (result->batches)
        v[M(achieved_ms)] = stage_busy_ns(result, STAGE_CONSUME) / 1e6 / (double)result->batches;
    v[M(ready)] = mean_ready(result);
    v[M(live)] = result->live_maximum;
    v[M(bytes)] = (double)result->bytes_maximum / 1e6;
    v[M(pinned)] = (double)result->pinned_maximum / 1e6;
}

/* Shares of the time in which stages may overlap. */
static void note_shares(const struct pipeline_setup *setup, const struct pipeline_result *result,
                        double *v) {
    bool phased = setup->mode == PIPELINE_PHASED;
    double time_ns = phased ? (double)result->predict_ns : (double)result->total_ns;
    for (int s = 0; s < PIPELINE_STAGES; s++) {
        bool before = phased && (s == STAGE_READ || s == STAGE_PREPROCESS);
        double ns = stage_busy_ns(result, s);
        if (!before && ns > 0) v[M(busy_read) + s] = 100 * ns / time_ns;
    }
    double workers = 0, slot_ns = 0, in_ns = 0, other = 0, delay_ns = 0;
    for (struct account *a = recorder_accounts(result->recorder); a; a = a->next) {
        double wall_ns = (double)(a->end_ns - a->start_ns);
        bool consumer = strcmp(a->name, "consumer") == 0;
        double share = 100 * (double)account_activity_ns(a, ACTIVITY_OTHER) / wall_ns;
        if (share > other) other = share;
        if (a->run_delay_ns != UINT64_MAX) delay_ns += (double)a->run_delay_ns;
        if (consumer) {
            v[M(wait_in)] = 100 * (double)account_activity_ns(a, ACTIVITY_WAIT_IN) / time_ns;
            continue;
        }
        workers++;
        slot_ns += (double)account_activity_ns(a, ACTIVITY_WAIT_SLOT);
        in_ns += (double)account_activity_ns(a, ACTIVITY_WAIT_IN);
    }
    v[M(other)] = other;
    v[M(delay)] = 100 * delay_ns / (double)result->total_ns / (workers + 1);
    if (workers > 0) v[M(wait_slot)] = 100 * slot_ns / time_ns / workers;
    if (workers > 0) v[M(worker_wait_in)] = 100 * in_ns / time_ns / workers;
}

/* What needs the run without threads of the same round. */
static void note_against_serial(const struct pipeline_setup *setup,
                                const struct pipeline_result *result,
                                const struct durations *serial, double *v) {
    double format_ns = 0, consume_ns = 0;
    for (size_t i = 0; i < serial->batches; i++) {
        if (i < serial->count[STAGE_FORMAT]) format_ns += serial->ns[STAGE_FORMAT][i];
        if (i < serial->count[STAGE_CONSUME]) consume_ns += serial->ns[STAGE_CONSUME][i];
    }
    double model_ns = model_predict(serial, &result->composition, NULL);
    double time_s = setup->mode == PIPELINE_PHASED ? v[M(predict_s)] : v[M(total_s)];
    if (model_ns > 0) {
        v[M(model_s)] = model_ns / 1e9;
        v[M(efficiency)] = model_ns / 1e9 / time_s;
    }
    if (format_ns > 0) v[M(format_inflation)] = stage_busy_ns(result, STAGE_FORMAT) / format_ns;
    if (consume_ns > 0) v[M(consume_inflation)] = stage_busy_ns(result, STAGE_CONSUME) / consume_ns;
}

/* ---- the record */

static bool has_phases(const struct pipeline_plan *plan) {
    return plan->options.mode == 0;
}

unsigned pipeline_record_arm(const struct pipeline_plan *plan, unsigned arm, bool total) {
    return arm + (total && has_phases(plan) ? plan->arm_count : 0);
}

static bool append_arm(const struct pipeline_plan *plan, unsigned index, bool total,
                       struct record_writer *writer, struct error *error) {
    const struct pipeline_arm *arm = &plan->arms[index];
    char composition[COMPOSE_TEXT];
    pipeline_composition(&arm->setup, composition, sizeof composition);
    unsigned baseline = pipeline_record_arm(plan, 0, total);
    struct arm_record line = {
        .arm = pipeline_record_arm(plan, index, total),
        .role = index == 0        ? ROLE_BASELINE
                : arm->is_control ? ROLE_CONTROL
                                  : ROLE_PATCHED,
        .control_of = arm->is_control ? (int)baseline : -1,
        .compared_with = index && !arm->is_control ? (int)baseline : -1,
        .row_name = arm->label,
        .label = arm->label,
        .encoder = plan->options.synthetic ? NULL : plan->options.encoder,
        .workers = arm->setup.workers,
        .json =
            json_pack("{s:s, s:s, s:i, s:i, s:i, s:f, s:s}", "group",
                      has_phases(plan) && !total ? "predict" : "total", "composition",
                      arm->setup.composition ? arm->setup.composition : composition,
                      "prefetch_batches", (int)arm->depth, "batch_rows", (int)plan->options.batch,
                      "sequence_length", (int)plan->options.sequence, "spin_us",
                      (double)arm->setup.spin_ns / 1e3, "consumer", plan->device.spec),
    };
    code_hash_describe(NULL, line.encoder, line.json);
    bool appended = record_append_arm(writer, &line, error);
    json_decref(line.json);
    return appended;
}

static bool append_arms(const struct pipeline_plan *plan, struct record_writer *writer,
                        struct error *error) {
    for (unsigned i = 0; has_phases(plan) && i < plan->arm_count; i++)
        if (!append_arm(plan, i, false, writer, error)) return false;
    for (unsigned i = 0; i < plan->arm_count; i++)
        if (!append_arm(plan, i, true, writer, error)) return false;
    return true;
}

static bool append_samples(const struct pipeline_plan *plan, unsigned arm, unsigned round,
                           unsigned position, const struct pipeline_result *result,
                           const struct evidence *evidence, struct record_writer *writer,
                           struct error *error) {
    char why[160];
    unsigned threads = compose_threads(&result->composition) + 1;
    struct sample sample = {
        .arm = pipeline_record_arm(plan, arm, true),
        .round = round,
        .position = position,
        .duration_ns = result->total_ns,
        .bytes = result->text_bytes,
        .items = result->rows,
        .cpu_ns = RECORD_UNAVAILABLE,
        .tainted = evidence_taint(evidence, result->total_ns, threads, why, sizeof why)};
    for (int i = 0; i < PHASE_COUNT; i++)
        sample.phases_ns[i] = RECORD_UNAVAILABLE;
    sample.evidence = evidence_to_json(evidence);
    bool appended = record_append_sample(writer, &sample, error);
    if (appended && has_phases(plan)) {
        sample.arm = arm;
        sample.duration_ns = result->predict_ns;
        appended = record_append_sample(writer, &sample, error);
    }
    json_decref(sample.evidence);
    return appended;
}

static bool append_observation(const struct pipeline_experiment *experiment, unsigned arm,
                               struct record_writer *writer, struct error *error) {
    const struct pipeline_arm_result *result = &experiment->arms[arm];
    const struct pipeline_plan *plan = experiment->plan;
    json_t *line =
        json_pack("{s:s, s:i, s:s, s:s, s:s}", "kind", "observation", "arm",
                  (int)pipeline_record_arm(plan, arm, true), "what", "pipeline", "composition",
                  result->last.composition.text, "diagnosis", result->diagnosis.sentence);
    char digest[24];
    snprintf(digest, sizeof digest, "%016llx", (unsigned long long)result->last.digest.value);
    json_object_set_new(line, "ids_digest", json_string(digest));
    json_t *medians = json_object();
    for (int i = 0; i < PIPELINE_METRIC_COUNT; i++)
        if (!isnan(result->medians[i]))
            record_set_real(medians, pipeline_metric_texts[i].name, result->medians[i],
                            "not taken");
    json_object_set_new(line, "medians", medians);
    return record_append(writer, line, error);
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
        for (int i = 0; i < PIPELINE_METRIC_COUNT; i++)
            v[i] = NAN;
        note_times(setup, &run->result, v);
        note_shares(setup, &run->result, v);
        v[M(foreign)] = foreign_processors(&run->before, &run->after);
        if (has_serial) note_against_serial(setup, &run->result, &serial, v);
        struct evidence evidence = evidence_difference(&run->before.evidence, &run->after.evidence);
        noted = append_samples(plan, arm, round, position, &run->result, &evidence, writer, error);
        if (round + 1 == experiment->rounds)
            diagnose(setup, &run->result, has_serial ? &serial : NULL,
                     &experiment->arms[arm].diagnosis);
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

static bool write_trace(const struct pipeline_experiment *experiment, const char *path,
                        struct error *error) {
    struct trace *trace = trace_create(path, error);
    if (!trace) return false;
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
    struct round_run *runs = calloc(plan->arm_count, sizeof *runs);
    enum pipeline_outcome outcome = PIPELINE_FAILED;
    if (!experiment->values || !runs)
        error_set(error, "out of memory for %u rounds", experiment->rounds);
    else if (append_arms(plan, writer, error))
        outcome = run_rounds(experiment, runs, writer, error);
    progress_clear();
    for (unsigned arm = 0; runs && arm < plan->arm_count; arm++)
        experiment->arms[arm].last = runs[arm].result;
    free(runs);
    if (outcome != PIPELINE_DONE) return outcome;
    take_medians(experiment);
    for (unsigned arm = 0; arm < plan->arm_count; arm++)
        if (!append_observation(experiment, arm, writer, error)) return PIPELINE_FAILED;
    return trace_path && !write_trace(experiment, trace_path, error) ? PIPELINE_FAILED
                                                                     : PIPELINE_DONE;
}

void pipeline_experiment_free(struct pipeline_experiment *experiment) {
    for (unsigned arm = 0; arm < experiment->plan->arm_count; arm++)
        pipeline_result_free(&experiment->arms[arm].last);
    free(experiment->values);
}
