/* `grainbench simulate`: a scenario's arms on a machine that is not here. */
#define _GNU_SOURCE
#include "harness/command.h"
#include "harness/simulation/prediction.h"
#include "harness/simulation/prediction_against.h"
#include "harness/simulation/prediction_print.h"
#include "harness/progress.h"
#include "harness/experiment/scenario.h"
#include "harness/simulation/timeline.h"
#include "harness/simulation/validation.h"
#include "results/tables/table.h"
#include "schedulers/virtual_coroutine.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct simulate_options {
    const char *machine, *threads, *schedulers, *scenario, *costs, *corpus, *free, *placement;
    const char *output, *timeline, *chrome, *sleeping, *against;
    int64_t batch, batches, seed;
    double gap_us, serial_mib_per_s, section_us, validate_s, tolerance;
    bool validate, bands, sensitivity, states, atomics, table;
};

#define TEXT(name, letter, field, argument, fallback, help)                                        \
    {                                                                                              \
        name, letter, GRAINBENCH_OPTION_TEXT, offsetof(struct simulate_options, field), argument,  \
            fallback, NULL, 0, 0, help                                                             \
    }
#define FLAG(name, field, fallback, help)                                                          \
    {                                                                                              \
        name, 0, GRAINBENCH_OPTION_FLAG, offsetof(struct simulate_options, field), NULL, fallback, \
            NULL, 0, 0, help                                                                       \
    }
#define HEADING(text)                                                                              \
    { "", 0, GRAINBENCH_OPTION_HEADING, 0, NULL, NULL, NULL, 0, 0, text }

static const struct grainbench_option option_table[] = {
    HEADING("The machine"),
    TEXT("machine", 'm', machine, "NAME", "vera",
         "a profile of data/machines (vera, epyc-9124, xeon-8375c-2s, m3), or a file that "
         "'grainbench calibrate' wrote"),
    TEXT("threads", 't', threads, "LIST", "1,physical,logical",
         "thread counts: numbers, physical, logical (of the simulated machine)"),
    TEXT("placement", 'p', placement, "PLAN", NULL, "order of processing units: " PLACEMENT_PLANS),
    HEADING("What is compared"),
    TEXT("scenario", 'S', scenario, "NAME", "hf-2077", "a named experiment, or a scenario file"),
    TEXT("schedulers", 's', schedulers, "LIST", NULL,
         "schedulers separated by commas, options after ':'; the first is the baseline"),
    HEADING("The work"),
    TEXT("costs", 0, costs, "KIND", "model",
         "what items cost: model, or a file that 'grainbench trace' wrote"),
    {"serial-rate", 0, GRAINBENCH_OPTION_REAL, offsetof(struct simulate_options, serial_mib_per_s),
     "MIB/S", "0", NULL, 0, 1e6,
     "scale costs so that one thread has this throughput; 0: the profile's, and a trace as it is "
     "where the profile has none"},
    {"serial-section", 0, GRAINBENCH_OPTION_REAL, offsetof(struct simulate_options, section_us),
     "US", "-1", NULL, -1, 1e6,
     "serial work of the caller a batch beside giving results back; -1: the profile's"},
    TEXT("free", 0, free, "WHO", NULL, "who gives results back: " ARM_FREES),
    {"gap", 0, GRAINBENCH_OPTION_REAL, offsetof(struct simulate_options, gap_us), "US", "0", NULL,
     0, 1e9, "idle microseconds of the caller between batches; a long gap lets workers sleep"},
    TEXT("corpus", 'c', corpus, "FILE", NULL, "text to encode [default: big.txt]"),
    {"batch", 'b', GRAINBENCH_OPTION_INTEGER, offsetof(struct simulate_options, batch), "N", "0",
     NULL, 0, 100000000, "lines of a batch; 0: as the scenario has it"},
    {"batches", 'n', GRAINBENCH_OPTION_INTEGER, offsetof(struct simulate_options, batches), "N",
     "8", NULL, 0, 1e9, "batches to simulate, spread over the corpus; 0: all of it"},
    {"seed", 0, GRAINBENCH_OPTION_INTEGER, offsetof(struct simulate_options, seed), "N", "1", NULL,
     0, 9e15, "of schedulers' random choices"},
    HEADING("Validation"),
    FLAG("validate", validate, "0",
         "run the same arms for real and print predicted beside measured; needs a trace of this "
         "machine and the profile that 'grainbench calibrate' made of it"),
    {"validate-time", 0, GRAINBENCH_OPTION_REAL, offsetof(struct simulate_options, validate_s), "S",
     "20", NULL, 0, 1e5, "about how long to measure"},
    TEXT("sleeping", 0, sleeping, "LIST", NULL,
         "thread counts at which bodies sleep and leaves, joins and steals are compared (8,32,88)"),
    HEADING("Gate"),
    TEXT("against", 0, against, "RECORD", NULL,
         "compare with the same simulation of another build and exit with 1 if it got worse"),
    {"tolerance", 0, GRAINBENCH_OPTION_REAL, offsetof(struct simulate_options, tolerance), "X", "0",
     NULL, 0, 10, "how much worse is still allowed (0.01 is 1 %)"},
    HEADING("Output"),
    FLAG("bands", bands, "1", "simulate the ends of the profile's ranges too"),
    FLAG("sensitivity", sensitivity, "0", "say which parameters decide, arm by arm"),
    FLAG("states", states, "0", "print where workers' time goes"),
    FLAG("atomics", atomics, "0", "print operations a batch by site"),
    FLAG("table", table, "1", "print the table of the record"),
    TEXT("timeline", 0, timeline, "FOLDER", NULL,
         "draw one batch of every arm, worker by worker, into a folder"),
    TEXT("chrome", 0, chrome, "FILE", NULL, "write the same as a Chrome trace (JSON)"),
    TEXT("output", 'o', output, "FILE", NULL, "the record [default: none is kept]"),
    {0}};

/* Everything a run holds; freed in one place. */
struct simulate {
    const struct simulate_options *options;
    struct machine_profile profile;
    struct scenario scenario;
    struct placement *placement;
    struct corpus *corpus;
    struct cost_trace *trace;
    struct experiment experiment;
    struct record_writer *writer;
    struct validation *validation;
    char record_path[PATH_MAX];
    unsigned arms_done;
    bool worse; /* than the record of --against */
};

static struct scenario_overrides overrides_of(const struct simulate_options *options) {
    return (struct scenario_overrides){.schedulers = options->schedulers,
                                       .threads = options->threads,
                                       .free = options->free,
                                       .placement = options->placement,
                                       .seed = (uint64_t)options->seed,
                                       .gap_ns = (uint64_t)(options->gap_us * 1000)};
}

static bool load_costs(struct simulate *simulate, struct error *error) {
    const struct simulate_options *options = simulate->options;
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
    const struct simulate_options *options = simulate->options;
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
    const struct simulate_options *options = simulate->options;
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
    const struct simulate_options *options = simulate->options;
    struct prediction_setup setup = setup_of(simulate, arm);
    struct prediction prediction;
    if (!prediction_make(&setup, &prediction, error)) return false;
    struct sensitivity rows[PROFILE_PARAMETER_COUNT];
    int row_count = 0;
    if (options->sensitivity)
        row_count = prediction_sensitivity(&setup, prediction.figures[PREDICTION_throughput].value,
                                           rows, error);
    bool done = row_count >= 0 && record_arm(simulate, arm, &prediction, error);
    if (done) prediction_print_add(print, arm, &prediction, rows, row_count);
    if (done && simulate->options->validate)
        done = validation_add(simulate->validation, &arm->spec, &prediction,
                              simulate->arms_done - 1 - (arm->role == ROLE_BASELINE), error);
    if (done && (options->timeline || options->chrome))
        done = timeline_add(timeline, arm->spec.label, &setup, error);
    prediction_free(&prediction);
    return done;
}

static bool open_record(struct simulate *simulate, struct error *error) {
    const struct simulate_options *options = simulate->options;
    const char *folder = getenv("TMPDIR");
    if (options->output)
        snprintf(simulate->record_path, sizeof simulate->record_path, "%s", options->output);
    else {
        snprintf(simulate->record_path, sizeof simulate->record_path,
                 "%s/grainbench-simulate-XXXXXX", folder ? folder : "/tmp");
        int file = mkstemp(simulate->record_path);
        if (file < 0) return error_set_errno(error, "%s: cannot be made", simulate->record_path);
        fclose(fdopen(file, "w"));
    }
    json_t *header =
        prediction_header(&simulate->profile, simulate->placement, simulate->corpus,
                          simulate->trace, simulate->scenario.name, (uint64_t)options->seed);
    simulate->writer = record_create(simulate->record_path, header, error);
    return simulate->writer != NULL;
}

static bool compare(struct simulate *simulate, const struct record *now, struct error *error) {
    if (!simulate->options->against) return true;
    struct record *before = record_read(simulate->options->against, error);
    if (before && before->warning[0])
        fprintf(stderr, "grainbench simulate: %s\n", before->warning);
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

/* Runs for real what was simulated, before the record ends. */
static bool validate(struct simulate *simulate, struct error *error) {
    const struct simulate_options *options = simulate->options;
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
            !validation_sleep(simulate->validation, arm->spec.scheduler, counts, count,
                              &simulate->profile, error))
            return false;
    }
    return true;
}

static bool simulate_all(struct simulate *simulate, struct prediction_print *print,
                         struct timeline *timeline, struct error *error) {
    const struct simulate_options *options = simulate->options;
    struct validation_setup setup = {simulate->corpus, simulate->trace, options->validate_s};
    if (!open_record(simulate, error)) return false;
    if (options->validate || options->sleeping) {
        simulate->validation = validation_create(&setup, error);
        if (!simulate->validation) return false;
    }
    for (size_t i = 0; i < simulate->experiment.arm_count; i++) {
        const struct experiment_arm *arm = &simulate->experiment.arms[i];
        if (!is_simulated(simulate, arm)) continue;
        progress_show("simulating", (double)i / (double)simulate->experiment.arm_count);
        if (!run_arm(simulate, arm, print, timeline, error)) return false;
    }
    bool validated = !simulate->validation || validate(simulate, error);
    progress_clear();
    return validated && print_results(simulate, print, error) &&
           (!simulate->validation || validation_print(simulate->validation, stdout, error)) &&
           (!options->timeline || timeline_draw(timeline, options->timeline, error)) &&
           (!options->chrome || timeline_write_chrome(timeline, options->chrome, error));
}

static int run_simulate(const void *values, int operand_count, char **operands) {
    if (operand_count) return command_fail("simulate", "'%s' is not expected here", operands[0]);
    const struct simulate_options *options = values;
    struct simulate simulate = {.options = options};
    struct prediction_print *print =
        prediction_print_create(options->states, options->atomics, options->sensitivity);
    struct timeline *timeline = timeline_create();
    struct error error = {"out of memory"};
    bool done = print && timeline && plan(&simulate, &error) &&
                simulate_all(&simulate, print, timeline, &error);
    progress_clear();
    record_abandon(simulate.writer);
    if (!options->output && simulate.record_path[0]) remove(simulate.record_path);
    if (done && options->output) printf("record: %s\n", options->output);
    validation_free(simulate.validation);
    timeline_free(timeline);
    prediction_print_free(print);
    experiment_free(&simulate.experiment);
    cost_trace_free(simulate.trace);
    corpus_destroy(simulate.corpus);
    placement_destroy(simulate.placement);
    scenario_free(&simulate.scenario);
    machine_profile_free(&simulate.profile);
    coroutine_release_stacks();
    if (!done) return command_fail("simulate", "%s", error.message);
    return simulate.worse ? EXIT_REGRESSION : EXIT_OK;
}

const struct command command_simulate = {
    .name = "simulate",
    .summary = "predict schedulers on a machine that is not here",
    .operands = "",
    .description =
        "Runs the same scheduler sources as 'grainbench run' on simulated cores in virtual time: "
        "every atomic operation, fence, cache-line transfer, pause, sleep and wake costs what the "
        "machine's profile says, and items cost what a trace says. Nothing is measured, and two "
        "runs give the same figures to the last digit.\n\n"
        "Predictions are only as good as the profile. Its parameters are ranges with a source; "
        "every figure is given with the band that the ends of the ranges span, and --sensitivity "
        "says which parameters decide. --threads may go up to the processing units of the machine. "
        "Memory is sequentially consistent in the simulation, and caches hold shared words only: "
        "what is not modelled is listed in docs/virtual.md.\n\n"
        "--validate runs the arms for real at thread counts that this machine has and prints "
        "predicted beside measured; the error goes into the record. Nothing else of this command "
        "is measured.\n\n"
        "--against makes a gate of it: figures are exact, so the same simulation by two builds "
        "differs only by what the scheduler does, and a regression at 88 cores shows on a machine "
        "with two. The exit code is 1 if something got worse.\n\n"
        "Without a trace, items cost what a plain model says, scaled to the throughput that was "
        "published for one thread of the machine.",
    .examples =
        "grainbench simulate\n"
        "grainbench simulate --machine epyc-9124 --threads 16,32 --sensitivity\n"
        "grainbench simulate --schedulers rayon,bytes-steal,adaptive --threads 88 --gap 2000\n"
        "grainbench simulate --machine my-machine.json --costs big.trace --threads 1,2 --states\n"
        "grainbench simulate --threads 88 --schedulers bytes-steal --batches 8 --output "
        "main.jsonl\n"
        "grainbench simulate --threads 88 --schedulers bytes-steal --batches 8 --against "
        "main.jsonl\n"
        "grainbench simulate --machine my-machine.json --costs big.trace --threads 1,2 --validate "
        "--sleeping 8,32,88",
    .options = option_table,
    .options_size = sizeof(struct simulate_options),
    .run = run_simulate,
};
