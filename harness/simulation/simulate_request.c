/* A simulation from its request to what is printed; see simulate_request.h. */
#define _GNU_SOURCE
#include "harness/simulation/simulate_request.h"

#include "base/scratch.h"
#include "harness/command.h"
#include "harness/experiment/scenario.h"
#include "harness/progress.h"
#include "harness/simulation/prediction.h"
#include "harness/simulation/prediction_against.h"
#include "harness/simulation/prediction_print.h"
#include "harness/simulation/timeline.h"
#include "harness/simulation/validation.h"
#include "harness/simulation/validation_sleep.h"
#include "results/tables/table.h"
#include "schedulers/virtual_coroutine.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Everything a run holds; freed in one place. */
struct simulate {
    const struct simulate_request *options;
    struct machine_profile profile;
    struct scenario scenario;
    struct placement *placement;
    struct corpus *corpus;
    struct cost_trace *trace;
    struct experiment experiment;
    struct record_writer *writer;
    struct validation *validation;
    struct sleep_validation *sleeping;
    struct published *published;
    char record_path[PATH_MAX];
    int scratch; /* what a record that is not kept is written to, or -1 */
    unsigned arms_done;
    bool worse; /* than the record of --against */
};

static struct scenario_overrides overrides_of(const struct simulate_request *options) {
    return (struct scenario_overrides){.schedulers = options->schedulers,
                                       .threads = options->threads,
                                       .free = options->free,
                                       .placement = options->placement,
                                       .seed = (uint64_t)options->seed,
                                       .gap_ns = (uint64_t)(options->gap_us * 1000)};
}

static bool load_costs(struct simulate *simulate, struct error *error) {
    const struct simulate_request *options = simulate->options;
    bool model = strcmp(options->costs, "model") == 0;
    simulate->trace = model ? cost_trace_model(simulate->corpus, error)
                            : cost_trace_read(options->costs, simulate->corpus, error);
    if (!simulate->trace) return false;
    double rate = options->serial_mib_per_s;
    if (rate <= 0)
        rate = profile_value(&simulate->profile, PROFILE_serial_mib_per_s, PROFILE_TYPICAL);
    bool as_measured = !model && options->validate;
    if (as_measured && options->serial_mib_per_s > 0)
        return error_set(error, "--validate takes the trace as it is: leave --serial-rate out");
    if (options->validate && model)
        return error_set(error, "--validate needs costs that were measured here: make them with "
                                "'grainbench trace' and give them with --costs");
    if (rate > 0 && !as_measured) cost_trace_scale(simulate->trace, simulate->corpus, rate);
    return true;
}

static bool plan(struct simulate *simulate, struct error *error) {
    const struct simulate_request *options = simulate->options;
    struct scenario_overrides overrides = overrides_of(options);
    struct thread_count counts[THREAD_COUNT_LIMIT];
    if (!machine_profile_load(options->machine, &simulate->profile, error) ||
        !scenario_load(options->scenario, &simulate->scenario, error))
        return false;
    int order = scenario_placement(&simulate->scenario, &overrides, error);
    if (order < 0) return false;
    simulate->placement =
        machine_profile_placement(&simulate->profile, (enum placement_plan)order, error);
    if (!simulate->placement) return false;
    int count =
        placement_parse_threads(simulate->placement, options->threads, false, counts, error);
    if (count < 0) return false;
    size_t lines =
        options->batch ? (size_t)options->batch : scenario_batch_lines(&simulate->scenario);
    simulate->corpus = corpus_load(options->corpus, lines, error);
    if (!simulate->corpus || !load_costs(simulate, error)) return false;
    simulate->experiment.corpus = simulate->corpus;
    simulate->experiment.placement = simulate->placement;
    return scenario_plan(&simulate->scenario, &overrides, counts, count, &simulate->experiment,
                         error);
}

/* Simulated arms have one cost mode, the trace's: the scenario's first group; and no noise. */
static bool is_simulated(const struct simulate *simulate, const struct experiment_arm *arm) {
    return arm->role != ROLE_CONTROL &&
           strcmp(arm->group_name, simulate->experiment.arms[0].group_name) == 0;
}

static struct prediction_setup setup_of(const struct simulate *simulate,
                                        const struct experiment_arm *arm) {
    const struct simulate_request *options = simulate->options;
    return (struct prediction_setup){
        .profile = &simulate->profile,
        .placement = simulate->placement,
        .corpus = simulate->corpus,
        .trace = simulate->trace,
        .spec = &arm->spec,
        .batches = options->batches ? (size_t)options->batches : simulate->corpus->batch_count,
        .seed = (uint64_t)options->seed,
        .bands = options->bands,
        .serial_section_us = options->section_us,
    };
}

static bool record_arm(struct simulate *simulate, const struct experiment_arm *arm,
                       const struct prediction *prediction, struct error *error) {
    char free_by[32];
    struct arm_record record = {
        .arm = simulate->arms_done,
        .role = arm->role,
        .control_of = -1,
        .compared_with = -1,
        .threads = arm->spec.workers,
        .row_name = arm->row_name,
        .label = arm->spec.label,
        .scheduler = arm->spec.scheduler,
        .encoder = simulate->trace->encoder,
        .free = arm_spec_choice(ARM_FREES, arm->spec.free_by, free_by, sizeof free_by),
        .workers = arm->spec.workers,
    };
    unsigned number = simulate->arms_done++;
    if (!record_append_arm(simulate->writer, &record, error) ||
        !prediction_record(prediction, number, simulate->writer, error))
        return false;
    if (arm->role != ROLE_BASELINE) return true;
    /* The A/A control of a simulation is the simulation again. */
    record.arm = simulate->arms_done++;
    record.role = ROLE_CONTROL;
    record.control_of = (int)number;
    record.label = "A/A";
    return record_append_arm(simulate->writer, &record, error) &&
           prediction_record_samples(prediction, record.arm, simulate->writer, error);
}

static bool run_arm(struct simulate *simulate, const struct experiment_arm *arm,
                    struct prediction_print *print, struct timeline *timeline,
                    struct error *error) {
    const struct simulate_request *options = simulate->options;
    struct prediction_setup setup = setup_of(simulate, arm);
    struct prediction prediction;
    if (!prediction_make(&setup, &prediction, error)) return false;
    struct sensitivity sensitivity;
    double typical = prediction.figures[PREDICTION_throughput].value;
    bool done =
        (!options->sensitivity || prediction_sensitivity(&setup, typical, &sensitivity, error)) &&
        record_arm(simulate, arm, &prediction, error);
    if (done) prediction_print_add(print, arm, &prediction, &sensitivity);
    if (done && simulate->options->validate)
        done = validation_add(simulate->validation, &setup, &prediction,
                              simulate->arms_done - 1 - (arm->role == ROLE_BASELINE), error);
    if (done && (options->timeline || options->chrome))
        done = timeline_add(timeline, arm->spec.label, &setup, error);
    prediction_free(&prediction);
    return done;
}

static bool open_record(struct simulate *simulate, struct error *error) {
    const struct simulate_request *options = simulate->options;
    if (options->output)
        snprintf(simulate->record_path, sizeof simulate->record_path, "%s", options->output);
    else if ((simulate->scratch = scratch_open(simulate->record_path, error)) < 0)
        return false;
    json_t *header =
        prediction_header(&simulate->profile, simulate->placement, simulate->corpus,
                          simulate->trace, simulate->scenario.name, (uint64_t)options->seed);
    simulate->writer = record_create(simulate->record_path, header, error);
    return simulate->writer != NULL;
}

static bool compare(struct simulate *simulate, const struct record *now, struct error *error) {
    if (!simulate->options->against) return true;
    struct record *before = record_read(simulate->options->against, error);
    if (before && before->warning[0]) fprintf(stderr, "grainbench simulate: %s\n", before->warning);
    bool done = before && prediction_compare(before, now, simulate->options->tolerance, stdout,
                                             &simulate->worse, error);
    record_free(before);
    return done;
}

static bool print_results(struct simulate *simulate, struct prediction_print *print,
                          struct error *error) {
    if (!record_end(simulate->writer, error)) {
        simulate->writer = NULL;
        return false;
    }
    simulate->writer = NULL;
    struct record *record = record_read(simulate->record_path, error);
    if (!record) return false;
    size_t lines = record->line_count;
    char *path = record->path, not_kept[] = "not kept; --output keeps it";
    if (!simulate->options->output) record->path = not_kept;
    record->line_count = 0; /* the figures are printed below, with their bands */
    bool done = !simulate->options->table || table_print(record, &table_defaults, stdout, error);
    record->line_count = lines;
    record->path = path;
    done = done && prediction_print_out(print, stdout, error) && compare(simulate, record, error);
    record_free(record);
    return done;
}

static bool run_sleeping(struct simulate *simulate, const char *scheduler, const unsigned *counts,
                         size_t count, struct error *error) {
    for (size_t i = 0; i < count; i++) {
        progress_show("running with sleeping bodies", (double)i / (double)count);
        if (!sleep_validation_run(simulate->sleeping, scheduler, counts[i], &simulate->profile,
                                  error))
            return false;
    }
    return true;
}

/* Runs for real what was simulated, before the record ends. */
static bool validate(struct simulate *simulate, struct error *error) {
    const struct simulate_request *options = simulate->options;
    if (options->validate && !validation_measure(simulate->validation, simulate->writer, error))
        return false;
    unsigned counts[THREAD_COUNT_LIMIT];
    size_t count = 0;
    for (const char *at = options->sleeping; at && *at;) {
        char *end;
        long number = strtol(at, &end, 10);
        if (end == at || (*end && *end != ',') || number < 1 || number > 512 ||
            count == THREAD_COUNT_LIMIT)
            return error_set(error, "--sleeping: numbers from 1 to 512 with commas are expected");
        counts[count++] = (unsigned)number;
        at = *end ? end + 1 : end;
    }
    for (size_t i = 0; count && i < simulate->experiment.arm_count; i++) {
        const struct experiment_arm *arm = &simulate->experiment.arms[i];
        bool first_row = arm->spec.workers == simulate->experiment.arms[0].spec.workers;
        if (first_row && is_simulated(simulate, arm) &&
            !run_sleeping(simulate, arm->spec.scheduler, counts, count, error))
            return false;
    }
    return !count || sleep_validation_record(simulate->sleeping, simulate->writer, error);
}

static bool simulate_all(struct simulate *simulate, struct prediction_print *print,
                         struct timeline *timeline, struct error *error) {
    const struct simulate_request *options = simulate->options;
    struct validation_setup setup = {simulate->corpus, simulate->trace, options->validate_s,
                                     (unsigned)options->processes};
    if (!open_record(simulate, error)) return false;
    if (options->validate) {
        simulate->validation = validation_create(&setup, error);
        if (!simulate->validation) return false;
    }
    if (options->sleeping) {
        simulate->sleeping = sleep_validation_create(error);
        if (!simulate->sleeping) return false;
    }
    for (size_t i = 0; i < simulate->experiment.arm_count; i++) {
        const struct experiment_arm *arm = &simulate->experiment.arms[i];
        if (!is_simulated(simulate, arm)) continue;
        progress_show("simulating", (double)i / (double)simulate->experiment.arm_count);
        if (!run_arm(simulate, arm, print, timeline, error)) return false;
    }
    bool validated = validate(simulate, error);
    progress_clear();
    return validated && print_results(simulate, print, error) &&
           (!simulate->validation || validation_print(simulate->validation, stdout, error)) &&
           (!simulate->sleeping || sleep_validation_print(simulate->sleeping, stdout, error)) &&
           (!options->timeline || timeline_draw(timeline, options->timeline, error)) &&
           (!options->chrome || timeline_write_chrome(timeline, options->chrome, error));
}

int simulate_request_run(const char *command, const struct simulate_request *options) {
    struct simulate simulate = {.options = options, .scratch = -1};
    struct prediction_print *print = NULL;
    struct timeline *timeline = timeline_create();
    struct error error = {"out of memory"};
    bool done = timeline && plan(&simulate, &error);
    if (done) {
        simulate.published = published_load(options->machine, simulate.corpus, &error);
        if (simulate.published)
            print = prediction_print_create(options->states, options->atomics, options->sensitivity,
                                            simulate.published);
    }
    done = done && print && simulate_all(&simulate, print, timeline, &error);
    progress_clear();
    record_abandon(simulate.writer);
    if (simulate.scratch >= 0) close(simulate.scratch);
    if (done && options->output) printf("record: %s\n", options->output);
    validation_free(simulate.validation);
    sleep_validation_free(simulate.sleeping);
    timeline_free(timeline);
    prediction_print_free(print);
    published_free(simulate.published);
    experiment_free(&simulate.experiment);
    cost_trace_free(simulate.trace);
    corpus_destroy(simulate.corpus);
    placement_destroy(simulate.placement);
    scenario_free(&simulate.scenario);
    machine_profile_free(&simulate.profile);
    coroutine_release_stacks();
    if (!done) return command_fail(command, "%s", error.message);
    return simulate.worse ? EXIT_REGRESSION : EXIT_OK;
}
