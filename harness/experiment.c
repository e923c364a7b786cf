/* Rounds of interleaved samples; see experiment.h. docs/method.md says why it is done this way. */
#define _GNU_SOURCE
#include "harness/experiment.h"

#include "base/clock.h"
#include "base/random.h"
#include "harness/components.h"
#include "harness/progress.h"
#include "results/verdict.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WARM_BATCHES = 24,
    GROUP_ARM_LIMIT = 64,
    SLICE_LIMIT = 64,
    SLICE_LEAST_NS = 250 * 1000,
    OBSERVE_NS = 250 * 1000 * 1000
};

static volatile sig_atomic_t interrupted;

static void note_interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

/* One experiment in progress. */
struct runner {
    struct experiment *experiment;
    struct record_writer *writer;
    struct arm_process **processes; /* [arm_count] */
    uint64_t *batch_ns;             /* [arm_count] estimate of one batch's time */
    size_t *batches;                /* [group_count] batches a slice: the same for all its arms */
    unsigned *slices;               /* [group_count] slices a sample */
    struct random random;
    unsigned process; /* which of the processes an arm is in use */
};

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

/* ---- setting up ---- */

static void stop_processes(struct runner *runner) {
    for (size_t i = 0; i < runner->experiment->arm_count; i++) {
        arm_process_stop(runner->processes[i]);
        runner->processes[i] = NULL;
    }
}

static bool is_null(const struct arm_spec *spec) {
    return strcmp(spec->encoder, "null") == 0 || strncmp(spec->encoder, "null:", 5) == 0;
}

/* Starts every arm and runs `count` batches of it: the outputs, the warm-up and a first estimate.
 */
static enum experiment_status start_processes(struct runner *runner, size_t count,
                                              struct error *error) {
    struct experiment *experiment = runner->experiment;
    uint64_t reference_digest = 0, reference_ids = 0;
    int reference = -1;
    for (size_t i = 0; i < experiment->arm_count; i++) {
        const struct arm_spec *spec = &experiment->arms[i].spec;
        uint64_t digest, ids, duration_ns;
        progress_show("setting up and comparing outputs",
                      (double)i / (double)experiment->arm_count);
        runner->processes[i] = arm_process_start(spec, &experiment->setup, error);
        if (!runner->processes[i] ||
            !arm_process_digest(runner->processes[i], 0, count, &digest, &ids, &duration_ns, error))
            return EXPERIMENT_FAILED;
        runner->batch_ns[i] = duration_ns / count + 1;
        if (interrupted) return EXPERIMENT_INTERRUPTED;
        if (is_null(spec)) continue;
        if (reference < 0) {
            reference = (int)i;
            reference_digest = digest;
            reference_ids = ids;
        } else if (digest != reference_digest) {
            error_set(error,
                      "the outputs differ: arm '%s' gives %" PRIu64 " ids, digest %016" PRIx64
                      ", arm '%s' %" PRIu64 ", %016" PRIx64,
                      experiment->arms[reference].spec.label, reference_ids, reference_digest,
                      spec->label, ids, digest);
            return EXPERIMENT_OUTPUTS_DIFFER;
        }
    }
    return EXPERIMENT_DONE;
}

static const char *facts_text(const json_t *facts, const char *component, const char *option) {
    return json_string_value(
        json_object_get(json_object_get(json_object_get(facts, component), "options"), option));
}

static bool record_arms(struct runner *runner, struct error *error) {
    struct experiment *experiment = runner->experiment;
    for (size_t i = 0; i < experiment->arm_count; i++) {
        const struct experiment_arm *arm = &experiment->arms[i];
        const json_t *facts = arm_process_facts(runner->processes[i]);
        char entry[32], free_by[32];
        json_t *more = json_pack("{s:s, s:i, s:o, s:O, s:O, s:O, s:O, s:O*}", "group",
                                 arm->group_name, "group_index", (int)arm->group, "spec",
                                 arm_spec_to_json(&arm->spec), "pus", json_object_get(facts, "pus"),
                                 "unbound_workers", json_object_get(facts, "unbound_workers"),
                                 "scheduler_facts", json_object_get(facts, "scheduler"),
                                 "encoder_facts", json_object_get(facts, "encoder"),
                                 "unbound_reason", json_object_get(facts, "unbound_reason"));
        struct arm_record record = {
            .arm = (unsigned)i,
            .role = arm->role,
            .control_of = arm->role == ROLE_CONTROL ? arm->control_of : -1,
            .compared_with = -1,
            .threads = arm->spec.workers,
            .row_name = arm->row_name,
            .label = arm->spec.label,
            .scheduler = arm->spec.scheduler,
            .encoder = arm->spec.encoder,
            .entry = arm_spec_choice(ARM_ENTRIES, arm->spec.entry, entry, sizeof entry),
            .cost = facts_text(facts, "encoder", "cost"),
            .cache = facts_text(facts, "encoder", "cache"),
            .storage = facts_text(facts, "encoder", "storage"),
            .free = arm_spec_choice(ARM_FREES, arm->spec.free_by, free_by, sizeof free_by),
            .workers = arm->spec.workers,
            .json = more,
        };
        bool ok = record_append_arm(runner->writer, &record, error);
        json_decref(more);
        if (!ok) return false;
    }
    return true;
}

/* ---- calibration ---- */

/* Batches a sample of the group, so that the fastest arm's sample is long enough. */
static size_t wanted_batches(const struct runner *runner, unsigned group) {
    const struct experiment *experiment = runner->experiment;
    uint64_t fastest = UINT64_MAX;
    for (size_t i = 0; i < experiment->arm_count; i++)
        if (experiment->arms[i].group == group && runner->batch_ns[i] < fastest)
            fastest = runner->batch_ns[i];
    double batches = experiment->sample_ms * 1e6 / (double)fastest;
    return batches < 1 ? 1 : (size_t)(batches + 0.999);
}

/* As many slices as wanted, as long as each holds a batch and lasts a quarter of a millisecond. */
static void cut_into_slices(struct runner *runner, unsigned group) {
    size_t batches = wanted_batches(runner, group), slices = runner->experiment->slices;
    size_t by_time = (size_t)(runner->experiment->sample_ms * 1e6 / SLICE_LEAST_NS);
    if (slices > batches) slices = batches;
    if (slices > by_time) slices = by_time;
    if (slices > SLICE_LIMIT) slices = SLICE_LIMIT;
    if (slices < 1) slices = 1;
    runner->slices[group] = (unsigned)slices;
    runner->batches[group] = (batches + slices - 1) / slices;
}

/* Measures every arm with the present work size and sets it anew, twice: the first estimate comes
 * from a cold run. */
static bool calibrate(struct runner *runner, struct error *error) {
    struct experiment *experiment = runner->experiment;
    for (int pass = 0; pass < 2; pass++) {
        for (unsigned g = 0; g < experiment->group_count; g++)
            runner->batches[g] = wanted_batches(runner, g);
        for (size_t i = 0; i < experiment->arm_count; i++) {
            struct arm_sample sample;
            size_t count = runner->batches[experiment->arms[i].group];
            progress_show("calibrating",
                          ((double)pass + (double)i / (double)experiment->arm_count) / 2);
            if (!arm_process_measure(runner->processes[i], 0, count, &sample, error)) return false;
            runner->batch_ns[i] = sample.duration_ns / count + 1;
        }
    }
    for (unsigned g = 0; g < experiment->group_count; g++)
        cut_into_slices(runner, g);
    return true;
}

static bool record_calibration(struct runner *runner, struct error *error) {
    json_t *batches = json_array(), *slices = json_array();
    for (unsigned g = 0; g < runner->experiment->group_count; g++) {
        json_array_append_new(batches, json_integer((json_int_t)runner->batches[g]));
        json_array_append_new(slices, json_integer((json_int_t)runner->slices[g]));
    }
    return record_append(runner->writer,
                         json_pack("{s:s, s:o, s:o, s:f}", "kind", "calibration",
                                   "batches_per_slice", batches, "slices_per_sample", slices,
                                   "sample_ms", runner->experiment->sample_ms),
                         error);
}

/* ---- rounds ---- */

static void shuffle(struct random *random, unsigned *order, unsigned count) {
    for (unsigned i = count; i > 1; i--) {
        unsigned j = (unsigned)random_below(random, i), swap = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swap;
    }
}

/* The order of a group's arms: a random one in even rounds, its reverse in odd rounds, so that over
 * a pair of rounds every arm stands in the middle of the group (ABBA). */
static unsigned order_arms(struct runner *runner, unsigned group, uint64_t round, unsigned *order) {
    const struct experiment *experiment = runner->experiment;
    unsigned count = 0;
    for (size_t i = 0; i < experiment->arm_count && count < GROUP_ARM_LIMIT; i++)
        if (experiment->arms[i].group == group) order[count++] = (unsigned)i;
    struct random random = {experiment->seed + (round / 2) * 1000003u + group * 7919u};
    shuffle(&random, order, count);
    for (unsigned i = 0; round % 2 && i < count / 2; i++) {
        unsigned swap = order[i];
        order[i] = order[count - 1 - i];
        order[count - 1 - i] = swap;
    }
    return count;
}

/* A sample under way: what its slices gave so far. */
struct gathering {
    struct arm_sample sum;
    json_t *slices_ns, *slices_tainted;
    char taint[160]; /* of the first tainted slice, or "" */
};

static void add_count(uint64_t *sum, uint64_t more) {
    *sum = *sum == EVIDENCE_UNAVAILABLE || more == EVIDENCE_UNAVAILABLE ? EVIDENCE_UNAVAILABLE
                                                                        : *sum + more;
}

static void gather(struct gathering *gathering, const struct arm_sample *slice, unsigned index,
                   unsigned workers) {
    struct arm_sample *sum = &gathering->sum;
    sum->duration_ns += slice->duration_ns;
    sum->parallel_ns += slice->parallel_ns;
    sum->drop_ns += slice->drop_ns;
    sum->cpu_ns += slice->cpu_ns;
    sum->bytes += slice->bytes;
    sum->items += slice->items;
    add_count(&sum->evidence.run_queue_wait_ns, slice->evidence.run_queue_wait_ns);
    add_count(&sum->evidence.involuntary_switches, slice->evidence.involuntary_switches);
    add_count(&sum->evidence.voluntary_switches, slice->evidence.voluntary_switches);
    add_count(&sum->evidence.steal_ns, slice->evidence.steal_ns);
    add_count(&sum->evidence.throttled, slice->evidence.throttled);
    json_array_append_new(gathering->slices_ns, json_integer((json_int_t)slice->duration_ns));
    char taint[sizeof gathering->taint];
    if (!evidence_taint(&slice->evidence, slice->duration_ns, workers, taint, sizeof taint)) return;
    json_array_append_new(gathering->slices_tainted, json_integer(index));
    if (!gathering->taint[0]) snprintf(gathering->taint, sizeof gathering->taint, "%s", taint);
}

/* A sample of which more than half of the slices are tainted is tainted itself. */
static bool record_one(struct runner *runner, unsigned arm, uint64_t round, unsigned position,
                       const struct gathering *gathering, struct error *error) {
    const struct arm_sample *measured = &gathering->sum;
    size_t slices = json_array_size(gathering->slices_ns);
    size_t tainted = json_array_size(gathering->slices_tainted);
    struct sample sample = {
        .arm = arm,
        .round = (unsigned)round,
        .position = position,
        .process = runner->process,
        .duration_ns = measured->duration_ns,
        .bytes = measured->bytes,
        .items = measured->items,
        .cpu_ns = measured->cpu_ns,
        .evidence = evidence_to_json(&measured->evidence),
        .slices_ns = slices > 1 ? gathering->slices_ns : NULL,
        .slices_tainted = slices > 1 && tainted ? gathering->slices_tainted : NULL,
        .tainted = 2 * tainted > slices ? gathering->taint : NULL,
    };
    for (int p = 0; p < PHASE_COUNT; p++)
        sample.phases_ns[p] = RECORD_UNAVAILABLE;
    sample.phases_ns[PHASE_DROP] = measured->drop_ns;
    bool ok = record_append_sample(runner->writer, &sample, error);
    json_decref(sample.evidence);
    runner->experiment->samples += ok;
    return ok;
}

/* One sample of every arm of the group, slice by slice: forth through the arms, then back (ABBA).
 */
static bool measure_slices(struct runner *runner, unsigned group, uint64_t round,
                           const unsigned *order, unsigned count, struct gathering *gatherings,
                           struct error *error) {
    const struct experiment *experiment = runner->experiment;
    size_t batches = runner->batches[group];
    for (unsigned slice = 0; slice < runner->slices[group]; slice++) {
        size_t first = (size_t)(((round * runner->slices[group] + slice) * batches) %
                                experiment->corpus->batch_count);
        for (unsigned i = 0; i < count; i++) {
            unsigned position = slice % 2 ? count - 1 - i : i;
            struct arm_sample sample;
            if (!arm_process_measure(runner->processes[order[position]], first, batches, &sample,
                                     error))
                return false;
            gather(&gatherings[position], &sample, slice,
                   experiment->arms[order[position]].spec.workers);
        }
    }
    return true;
}

static bool measure_group(struct runner *runner, unsigned group, uint64_t round,
                          struct error *error) {
    unsigned order[GROUP_ARM_LIMIT];
    struct gathering gatherings[GROUP_ARM_LIMIT];
    unsigned count = order_arms(runner, group, round, order);
    for (unsigned i = 0; i < count; i++)
        gatherings[i] =
            (struct gathering){.slices_ns = json_array(), .slices_tainted = json_array()};
    bool done = measure_slices(runner, group, round, order, count, gatherings, error);
    for (unsigned i = 0; i < count; i++) {
        done = done && record_one(runner, order[i], round, i, &gatherings[i], error);
        json_decref(gatherings[i].slices_ns);
        json_decref(gatherings[i].slices_tainted);
    }
    return done;
}

/* How far the experiment is, 0 .. 1, by whichever limit is nearer. */
static double share_done(const struct experiment *experiment, uint64_t round, double elapsed_s) {
    double by_rounds = experiment->rounds ? (double)round / (double)experiment->rounds : 0;
    double by_time = experiment->time_s > 0 ? elapsed_s / experiment->time_s : 0;
    return by_rounds > by_time ? by_rounds : by_time;
}

static bool change_processes(struct runner *runner, struct error *error) {
    stop_processes(runner);
    runner->process++;
    size_t count = runner->experiment->corpus->batch_count;
    return start_processes(runner, count < WARM_BATCHES ? count : WARM_BATCHES, error) ==
           EXPERIMENT_DONE;
}

/* The record as far as it is written decides; it is read at a few rounds fixed beforehand. A run of
 * several processes an arm goes through all of them first. */
static bool is_precise_enough(const struct runner *runner, uint64_t round) {
    const struct experiment *experiment = runner->experiment;
    struct stop_rule rule = {.half_width = experiment->precision, .confidence = 0.95, .least = 20};
    if (!stop_rule_looks(&rule, round) || runner->process + 1 < experiment->processes) return false;
    struct record *record = record_read(record_writer_path(runner->writer), NULL);
    bool precise = record && verdict_precise_enough(record, &rule, round);
    record_free(record);
    return precise;
}

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
    double elapsed_s = 0;
    for (uint64_t round = 0;; round++) {
        double done = share_done(experiment, round, elapsed_s);
        /* Rounds come in twos, so that the orders balance. */
        if (round % 2 == 0 && (done >= 1 || is_precise_enough(runner, round)))
            return EXPERIMENT_DONE;
        if (interrupted) return EXPERIMENT_INTERRUPTED;
        bool change = round % 2 == 0 && runner->process + 1 < experiment->processes &&
                      done >= (double)(runner->process + 1) / experiment->processes;
        if (change && !change_processes(runner, error))
            return interrupted ? EXPERIMENT_INTERRUPTED : EXPERIMENT_FAILED;
        uint64_t begin = clock_now_ns();
        shuffle(&runner->random, groups, group_count);
        for (unsigned g = 0; g < group_count; g++) {
            progress_show("measuring", done);
            if (!measure_group(runner, groups[g], round, error)) return EXPERIMENT_FAILED;
        }
        elapsed_s += (double)(clock_now_ns() - begin) / 1e9;
    }
}

static bool observe_arms(struct runner *runner, struct error *error) {
    struct experiment *experiment = runner->experiment;
    for (size_t i = 0; i < experiment->arm_count && !interrupted; i++) {
        if (experiment->arms[i].role == ROLE_CONTROL) continue;
        size_t count = OBSERVE_NS / runner->batch_ns[i] + 1;
        if (count > experiment->corpus->batch_count) count = experiment->corpus->batch_count;
        progress_show("looking into the arms", (double)i / (double)experiment->arm_count);
        struct error reason;
        json_t *seen = arm_process_observe(runner->processes[i], 0, count, &reason);
        if (!seen) seen = json_pack("{s:s}", "unavailable", reason.message);
        json_t *line = json_pack("{s:s, s:i}", "kind", "observation", "arm", (int)i);
        json_object_update(line, seen);
        json_decref(seen);
        if (!record_append(runner->writer, line, error)) return false;
    }
    return true;
}

static enum experiment_status run_all(struct runner *runner, struct error *error) {
    enum experiment_status status =
        start_processes(runner, runner->experiment->corpus->batch_count, error);
    if (status != EXPERIMENT_DONE) return status;
    if (!record_arms(runner, error) || !calibrate(runner, error) ||
        !record_calibration(runner, error))
        return EXPERIMENT_FAILED;
    status = run_rounds(runner, error);
    if (status == EXPERIMENT_DONE && runner->experiment->observe && !observe_arms(runner, error))
        return EXPERIMENT_FAILED;
    return status;
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
    interrupted = 0;
    sigaction(SIGINT, &note, &old_int);
    sigaction(SIGTERM, &note, &old_term);
    if (runner.processes && runner.batch_ns && runner.batches && runner.slices)
        status = run_all(&runner, error);
    else
        error_set(error, "out of memory");
    progress_clear();
    if (runner.processes) stop_processes(&runner);
    sigaction(SIGINT, &old_int, NULL);
    sigaction(SIGTERM, &old_term, NULL);
    free(runner.processes);
    free(runner.batch_ns);
    free(runner.batches);
    free(runner.slices);
    return status;
}
