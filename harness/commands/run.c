/* `grainbench run`: plans a scenario's arms over this machine, measures them, prints the table. */
#define _GNU_SOURCE
#include "harness/command.h"
#include "harness/components.h"
#include "harness/experiment/experiment.h"
#include "harness/experiment/scenario.h"
#include "harness/fidelity/fidelity_request.h"
#include "harness/record_name.h"
#include "results/tables/table.h"
#include "results/tables/table_gaps.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run_options {
    const char *scenario, *schedulers, *threads, *corpus, *vocab, *merges, *encoder, *entry;
    const char *tokenizer, *cost, *cache, *storage, *free, *placement, *output, *dose_line, *events;
    int64_t batch, rounds, processes, seed, dose;
    double time_s, sample_ms, gap_us, precision, profile_s;
    bool oversubscribe, pin, table;
};

#define TEXT(name, letter, field, argument, help)                                                  \
    {                                                                                              \
        name, letter, GRAINBENCH_OPTION_TEXT, offsetof(struct run_options, field), argument, NULL, \
            NULL, 0, 0, help                                                                       \
    }
#define HEADING(text)                                                                              \
    { "", 0, GRAINBENCH_OPTION_HEADING, 0, NULL, NULL, NULL, 0, 0, text }

static const struct grainbench_option option_table[] = {
    HEADING("What is compared"),
    {"scenario", 'S', GRAINBENCH_OPTION_TEXT, offsetof(struct run_options, scenario), "NAME",
     "hf-2077", NULL, 0, 0, "a named experiment, or the path of a scenario file"},
    TEXT("schedulers", 's', schedulers, "LIST",
         "schedulers separated by commas, options after ':' (rayon,rayon-min-len:cap=4); the first "
         "is the baseline"),
    TEXT("threads", 't', threads, "LIST", "thread counts: numbers, physical, logical"),
    {"oversubscribe", 0, GRAINBENCH_OPTION_FLAG, offsetof(struct run_options, oversubscribe), NULL,
     "0", NULL, 0, 0, "allow more workers than processing units"},
    TEXT("placement", 'p', placement, "PLAN", "order of processing units: " PLACEMENT_PLANS),
    {"pin", 0, GRAINBENCH_OPTION_FLAG, offsetof(struct run_options, pin), NULL, "1", NULL, 0, 0,
     "bind every worker to its processing unit"},
    HEADING("The work"),
    TEXT("corpus", 'c', corpus, "FILE", "text to encode, one item a line [default: big.txt]"),
    {"batch", 'b', GRAINBENCH_OPTION_INTEGER, offsetof(struct run_options, batch), "N", "0", NULL,
     0, 100000000, "lines of a batch; 0: as the scenario has it"},
    TEXT("encoder", 'e', encoder, "NAME", "encoder with options (pcre2:cost=lean:storage=arena)"),
    TEXT("tokenizer", 0, tokenizer, "KIND",
         "plain GPT-2, or the original benchmark's: " ARM_TOKENIZERS),
    TEXT("entry", 0, entry, "POINT", "entry point of the encoder: " ARM_ENTRIES),
    TEXT("cost", 0, cost, "KIND",
         "what a line costs: lean, or reference (the original's allocations)"),
    TEXT("cache", 0, cache, "KIND", "word cache of the encoder: none, worker, shared, sharded"),
    TEXT("storage", 0, storage, "KIND", "where results live: heap, arena"),
    TEXT("free", 0, free, "WHO", "who gives results back, and whether it is timed: " ARM_FREES),
    TEXT("vocab", 0, vocab, "FILE", "vocab.json [default: the GPT-2 one of the data folder]"),
    TEXT("merges", 0, merges, "FILE", "merges.txt [default: the GPT-2 one of the data folder]"),
    {"gap", 0, GRAINBENCH_OPTION_REAL, offsetof(struct run_options, gap_us), "US", "0", NULL, 0,
     1e9, "idle microseconds of the caller between batches, outside the timed region"},
    {"dose", 0, GRAINBENCH_OPTION_INTEGER, offsetof(struct run_options, dose), "N", "0", NULL, 0,
     1e6, "dummy atomic additions an item, to see what atomics cost"},
    TEXT("dose-line", 0, dose_line, "LINE", "where they go: " ARM_DOSE_LINES),
    HEADING("The measurement"),
    {"rounds", 'r', GRAINBENCH_OPTION_INTEGER, offsetof(struct run_options, rounds), "N", "0", NULL,
     0, 1e6, "rounds to measure; each gives one pair a comparison"},
    {"time", 'T', GRAINBENCH_OPTION_REAL, offsetof(struct run_options, time_s), "S", "0", NULL, 0,
     1e6, "seconds to measure, instead of the scenario's"},
    {"precision", 0, GRAINBENCH_OPTION_REAL, offsetof(struct run_options, precision), "X", "0",
     NULL, 0, 1, "stop early once every interval is within +- X (0.005 is 0.5 %)"},
    {"sample", 0, GRAINBENCH_OPTION_REAL, offsetof(struct run_options, sample_ms), "MS", "0", NULL,
     0, 1e5, "milliseconds a sample should last [scenario: about 12]"},
    {"processes", 0, GRAINBENCH_OPTION_INTEGER, offsetof(struct run_options, processes), "N", "0",
     NULL, 0, 1000, "processes an arm, one after the other, with new memory layouts"},
    {"seed", 0, GRAINBENCH_OPTION_INTEGER, offsetof(struct run_options, seed), "N", "1", NULL, 0,
     9e15, "of the order of arms and of schedulers' random choices"},
    TEXT("events", 0, events, "LIST",
         "also count these events by phase and worker, in an untimed run at the end ('grainbench "
         "events' lists them)"),
    {"profile", 0, GRAINBENCH_OPTION_REAL, offsetof(struct run_options, profile_s), "S", "0", NULL,
     0, 600, "also sample every arm for S seconds, five times in turn, in untimed runs at the end"},
    HEADING("Output"),
    TEXT("output", 'o', output, "FILE",
         "the record [default: records/SCENARIO-DATE.jsonl, or the folder of $GRAINBENCH_RECORDS]"),
    {"table", 0, GRAINBENCH_OPTION_FLAG, offsetof(struct run_options, table), NULL, "1", NULL, 0, 0,
     "print the table at the end"},
    {0}};

/* Everything a run holds; freed in one place. */
struct run {
    const struct run_options *options;
    struct scenario scenario;
    struct scenario_overrides overrides;
    struct placement *placement;
    struct corpus *corpus;
    char vocab[PATH_MAX], merges[PATH_MAX], output[PATH_MAX];
    struct thread_count counts[THREAD_COUNT_LIMIT];
    struct experiment experiment;
};

static void read_overrides(const struct run_options *options, struct scenario_overrides *out) {
    *out = (struct scenario_overrides){
        .schedulers = options->schedulers,
        .threads = options->threads,
        .encoder = options->encoder,
        .entry = options->entry,
        .tokenizer = options->tokenizer,
        .cost = options->cost,
        .cache = options->cache,
        .storage = options->storage,
        .free = options->free,
        .placement = options->placement,
        .rounds = options->rounds,
        .processes = options->processes,
        .time_s = options->time_s,
        .sample_ms = options->sample_ms,
        .precision = options->precision,
        .oversubscribe = options->oversubscribe,
        .seed = (uint64_t)options->seed,
        .gap_ns = (uint64_t)(options->gap_us * 1000),
        .dose = (uint64_t)options->dose,
        .dose_line = options->dose_line,
        .events = options->events,
    };
}

static bool find_vocabulary(struct run *run, struct error *error) {
    const struct run_options *options = run->options;
    if (!options->vocab != !options->merges)
        return error_set(error, "give both --vocab and --merges, or neither");
    if (!options->vocab)
        return corpus_vocabulary_paths(run->corpus->built_in, run->vocab, run->merges,
                                       sizeof run->vocab, error);
    snprintf(run->vocab, sizeof run->vocab, "%s", options->vocab);
    snprintf(run->merges, sizeof run->merges, "%s", options->merges);
    return true;
}

/* Names and options of every arm, checked before anything is started or written. */
static bool check_components(const struct experiment *experiment, struct error *error) {
    for (size_t i = 0; i < experiment->arm_count; i++) {
        struct component component;
        if (!component_parse_scheduler(experiment->arms[i].spec.scheduler, &component, error))
            return false;
        component_free(&component);
        if (!component_parse_encoder(experiment->arms[i].spec.encoder, &component, error))
            return false;
        component_free(&component);
    }
    return true;
}

static bool plan_run(struct run *run, struct error *error) {
    const struct run_options *options = run->options;
    read_overrides(options, &run->overrides);
    if (!scenario_load(options->scenario, &run->scenario, error)) return false;
    int plan = scenario_placement(&run->scenario, &run->overrides, error);
    if (plan < 0) return false;
    run->placement = placement_create(NULL, (enum placement_plan)plan, error);
    if (!run->placement) return false;
    bool oversubscribe = options->oversubscribe ||
                         json_is_true(json_object_get(run->scenario.json, "oversubscribe"));
    int count =
        placement_parse_threads(run->placement, scenario_threads(&run->scenario, &run->overrides),
                                oversubscribe, run->counts, error);
    if (count < 0) return false;
    size_t lines = options->batch ? (size_t)options->batch : scenario_batch_lines(&run->scenario);
    run->corpus = corpus_load(options->corpus, lines, error);
    if (!run->corpus || !find_vocabulary(run, error)) return false;
    run->experiment.corpus = run->corpus;
    run->experiment.placement = run->placement;
    run->experiment.profile_s = options->profile_s;
    run->experiment.setup = (struct arm_process_setup){.corpus_path = run->corpus->path,
                                                       .vocab_path = run->vocab,
                                                       .merges_path = run->merges,
                                                       .batch_lines = lines,
                                                       .pin = options->pin};
    return scenario_plan(&run->scenario, &run->overrides, run->counts, count, &run->experiment,
                         error) &&
           check_components(&run->experiment, error) &&
           record_name(options->output, run->scenario.name, run->output, sizeof run->output, error);
}

static int print_table(const struct run *run) {
    struct error error;
    struct record *record = record_read(run->output, &error);
    if (!record) return command_fail("run", "%s", error.message);
    struct table_options options = table_defaults;
    bool ok = table_print(record, &options, stdout, &error);
    if (ok && record_has_gaps(record)) {
        putchar('\n');
        ok = table_print_gaps(record, NULL, 0, false, stdout, &error);
    }
    record_free(record);
    if (!ok) return command_fail("run", "%s", error.message);
    printf("record: %s\n", run->output);
    return EXIT_OK;
}

static int measure(struct run *run) {
    struct error error;
    /* Read back from this process, so that the record tells how to run it again. */
    static char command_line[4096];
    static char *arguments[256];
    int count = 0;
    FILE *file = fopen("/proc/self/cmdline", "re");
    size_t length = file ? fread(command_line, 1, sizeof command_line - 1, file) : 0;
    if (file) fclose(file);
    for (size_t at = 0; at < length && count < 255; at += strlen(command_line + at) + 1)
        arguments[count++] = command_line + at;
    json_t *header = experiment_header(&run->experiment, count, arguments, run->scenario.name);
    json_object_set(header, "scenario_file", run->scenario.json);
    struct record_writer *writer = record_create(run->output, header, &error);
    if (!writer) return command_fail("run", "%s", error.message);
    enum experiment_status status = experiment_run(&run->experiment, writer, &error);
    if (status == EXPERIMENT_DONE) {
        if (!record_end(writer, &error)) return command_fail("run", "%s", error.message);
    } else {
        record_abandon(writer);
    }
    if (status == EXPERIMENT_FAILED && run->experiment.samples)
        return command_fail("run", "%s; %s holds what was measured until then", error.message,
                            run->output);
    if (status == EXPERIMENT_FAILED) return command_fail("run", "%s", error.message);
    if (status == EXPERIMENT_OUTPUTS_DIFFER) {
        command_fail("run", "%s; nothing was measured", error.message);
        return EXIT_OUTPUTS_DIFFER;
    }
    if (!run->experiment.samples) return command_fail("run", "interrupted before the first sample");
    if (status == EXPERIMENT_INTERRUPTED)
        fprintf(stderr, "grainbench run: interrupted; %s holds what was measured\n", run->output);
    if (run->options->table) return print_table(run);
    printf("record: %s\n", run->output);
    return EXIT_OK;
}

/* Scenarios that compare a model with the real thing have a runner of their own. False for others,
 * and for one that cannot be read, which is said later. */
static bool run_fidelity(const struct run_options *options, int *code) {
    struct scenario scenario;
    struct fidelity_request request;
    if (!scenario_load(options->scenario, &scenario, NULL)) return false;
    bool is_fidelity = fidelity_request_from_scenario(scenario.json, &request);
    if (is_fidelity) {
        if (options->threads) request.threads = options->threads;
        if (options->rounds > 1) request.rounds = options->rounds < 1000 ? options->rounds : 1000;
        request.seed = options->seed;
        request.pin = options->pin;
        request.output = options->output;
        *code = fidelity_request_run("run", &request);
    }
    scenario_free(&scenario);
    return is_fidelity;
}

static int run_run(const void *values, int operand_count, char **operands) {
    if (operand_count) return command_fail("run", "'%s' is not expected here", operands[0]);
    int fidelity_code;
    if (run_fidelity(values, &fidelity_code)) return fidelity_code;
    struct run *run = calloc(1, sizeof *run);
    if (!run) return command_fail("run", "out of memory");
    run->options = values;
    struct error error;
    int code = plan_run(run, &error) ? measure(run) : command_fail("run", "%s", error.message);
    experiment_free(&run->experiment);
    corpus_destroy(run->corpus);
    placement_destroy(run->placement);
    scenario_free(&run->scenario);
    free(run);
    return code;
}

const struct command command_run = {
    .name = "run",
    .summary = "measure schedulers against each other and print the table",
    .operands = "",
    .description =
        "Measures the arms of a scenario, interleaved round by round in balanced random order, "
        "each "
        "in a process of its own, with an A/A control; writes a record as it goes and prints the "
        "baseline-versus-patched table.\n\nThe outputs of all arms are compared before anything is "
        "timed; if they differ, the exit code is 5. Samples that the environment disturbed are "
        "kept "
        "in the record but left out of the table, which says how many. A run that is interrupted "
        "keeps what it measured.",
    .examples = "grainbench run\n"
                "grainbench run --threads 2 --time 20\n"
                "grainbench run --schedulers rayon,rayon-min-len:cap=4,static --cost lean\n"
                "grainbench run --corpus my.txt --tokenizer plain --encoder fast --output my.jsonl",
    .options = option_table,
    .options_size = sizeof(struct run_options),
    .run = run_run,
};
