/* Sets up an experiment's arms, compares their outputs, and sizes their work; see experiment.h. */
#define _GNU_SOURCE
#include "harness/experiment/experiment_internal.h"
#include "harness/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLICE_LEAST_NS = 250 * 1000, WARM_NS = 100 * 1000 * 1000 };

void runner_stop_processes(struct runner *runner) {
    for (size_t i = 0; i < runner->experiment->arm_count; i++) {
        arm_process_stop(runner->processes[i]);
        runner->processes[i] = NULL;
    }
}

static bool is_null(const struct arm_spec *spec) {
    return strcmp(spec->encoder, "null") == 0 || strncmp(spec->encoder, "null:", 5) == 0;
}

/* Starts the processes of all arms, in random order, and waits for them: they set themselves up
 * side by side, which takes a fraction of the time on several processors. */
static bool start_all(struct runner *runner, struct error *error) {
    struct experiment *experiment = runner->experiment;
    size_t count = experiment->arm_count;
    unsigned *order = malloc((count + 1) * sizeof *order);
    bool done = order || error_set(error, "out of memory");
    for (unsigned i = 0; order && i < count; i++)
        order[i] = i;
    if (order) runner_shuffle(&runner->random, order, (unsigned)count);
    for (size_t i = 0; done && i < count; i++) {
        unsigned arm = order[i];
        runner->processes[arm] =
            arm_process_begin(&experiment->arms[arm].spec, &experiment->setup,
                              random_below(&runner->random, UINT32_MAX), error);
        done = runner->processes[arm] != NULL;
    }
    for (size_t i = 0; done && i < count; i++) {
        progress_show("setting up", (double)i / (double)count);
        done = arm_process_await(runner->processes[i], error);
    }
    free(order);
    return done;
}

/* How many batches of an arm are the same lines as `count` batches of the scenario. */
static size_t batches_of(const struct arm_spec *spec, const struct corpus *corpus, size_t count) {
    size_t lines = count * corpus->batch_lines;
    if (!spec->batch_lines) return count;
    if (lines > corpus->line_count) lines = corpus->line_count;
    return (lines + spec->batch_lines - 1) / spec->batch_lines;
}

/* Starts every arm and runs `count` batches of it: the outputs, the warm-up and a first estimate.
 */
enum experiment_status runner_start_processes(struct runner *runner, size_t count,
                                              struct error *error) {
    struct experiment *experiment = runner->experiment;
    uint64_t reference_digest = 0, reference_ids = 0;
    int reference = -1;
    if (!start_all(runner, error)) return EXPERIMENT_FAILED;
    for (size_t i = 0; i < experiment->arm_count; i++) {
        const struct arm_spec *spec = &experiment->arms[i].spec;
        size_t lines = experiment->corpus->batch_lines;
        size_t batches = batches_of(spec, experiment->corpus, count);
        uint64_t digest, ids, duration_ns;
        progress_show("comparing outputs", (double)i / (double)experiment->arm_count);
        if (spec->batch_lines && lines % spec->batch_lines) {
            error_set(error, "%s: batch_lines %" PRIu64 " does not divide the scenario's %zu",
                      spec->label, spec->batch_lines, lines);
            return EXPERIMENT_FAILED;
        }
        if (!arm_process_digest(runner->processes[i], 0, batches, &digest, &ids, &duration_ns,
                                error))
            return EXPERIMENT_FAILED;
        if (!runner->batch_ns[i]) runner->batch_ns[i] = duration_ns / batches + 1;
        if (runner_interrupted) return EXPERIMENT_INTERRUPTED;
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

static uint64_t fastest_batch_ns(const struct runner *runner, unsigned group) {
    const struct experiment *experiment = runner->experiment;
    uint64_t fastest = UINT64_MAX;
    for (size_t i = 0; i < experiment->arm_count; i++)
        if (experiment->arms[i].group == group && runner->batch_ns[i] < fastest)
            fastest = runner->batch_ns[i];
    return fastest;
}

/* Words that an encoder has met are cheaper the next time: before a fresh process is measured it
 * sees the corpus once, or as much of it as the fastest arm of its group does in WARM_NS. All arms
 * of a group must have seen the same, or the lines that one has met and another has not decide. */
bool runner_warm_up(struct runner *runner, size_t seen, struct error *error) {
    const struct experiment *experiment = runner->experiment;
    size_t all = experiment->corpus->batch_count;
    for (size_t i = 0; i < experiment->arm_count && !runner_interrupted; i++) {
        struct arm_sample sample;
        size_t count = WARM_NS / fastest_batch_ns(runner, experiment->arms[i].group);
        if (count > all - seen) count = all - seen;
        progress_show("warming up", (double)i / (double)experiment->arm_count);
        if (count && !arm_process_measure(runner->processes[i], seen, count, &sample, error))
            return false;
    }
    return true;
}

static const char *facts_text(const json_t *facts, const char *component, const char *option) {
    return json_string_value(
        json_object_get(json_object_get(json_object_get(facts, component), "options"), option));
}

bool runner_record_arms(struct runner *runner, struct error *error) {
    struct experiment *experiment = runner->experiment;
    for (size_t i = 0; i < experiment->arm_count; i++) {
        const struct experiment_arm *arm = &experiment->arms[i];
        const json_t *facts = arm_process_facts(runner->processes[i]);
        char entry[32], free_by[32];
        json_t *more = json_pack(
            "{s:s, s:i, s:o, s:O, s:O, s:O, s:O, s:O*, s:O*, s:O*, s:O*}", "group", arm->group_name,
            "group_index", (int)arm->group, "spec", arm_spec_to_json(&arm->spec), "pus",
            json_object_get(facts, "pus"), "unbound_workers",
            json_object_get(facts, "unbound_workers"), "scheduler_facts",
            json_object_get(facts, "scheduler"), "encoder_facts", json_object_get(facts, "encoder"),
            "unbound_reason", json_object_get(facts, "unbound_reason"), "code_hash",
            json_object_get(facts, "code_hash"), "code", json_object_get(facts, "code"),
            "code_hash_unavailable", json_object_get(facts, "code_hash_unavailable"));
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

/* Batches a sample of the group, so that the fastest arm's sample is long enough. */
static size_t wanted_batches(const struct runner *runner, unsigned group) {
    const struct experiment *experiment = runner->experiment;
    double batches = experiment->sample_ms * 1e6 / (double)fastest_batch_ns(runner, group);
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
bool runner_calibrate(struct runner *runner, struct error *error) {
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

bool runner_record_calibration(struct runner *runner, struct error *error) {
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
