/* `grainbench pipeline`: depths of prefetching, side by side. */
#define _GNU_SOURCE
#include "base/scratch.h"
#include "harness/command.h"
#include "harness/pipelines/pipeline_once.h"
#include "harness/pipelines/pipeline_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct command_options {
    struct pipeline_texts texts;
    const char *scenario, *output, *trace, *resume, *cursor;
    int64_t stop_after;
    double stall_s;
    int format;
    bool force;
};

#define FIELD(name) offsetof(struct command_options, name)

static const struct grainbench_option option_table[] = {
    {"scenario", 'S', GRAINBENCH_OPTION_TEXT, FIELD(scenario), "NAME", NULL, NULL, 0, 0,
     "a named experiment such as ray-30190, or the path of a scenario file"},
/* As texts: what is not given is the scenario's. pipeline_plan.c converts and checks. */
#define OPTION(name, letter, type, field, argument, fallback, choices, minimum, maximum, help)     \
    {name, letter, GRAINBENCH_OPTION_TEXT, FIELD(texts.field), argument, fallback, NULL, 0,        \
     0,    help},
#define HEADING(text) {"", 0, GRAINBENCH_OPTION_HEADING, 0, NULL, NULL, NULL, 0, 0, text},
#include "harness/pipelines/pipeline_options.def"
#undef OPTION
    HEADING("One run instead of an experiment"){
        "stop-after", 0, GRAINBENCH_OPTION_INTEGER, FIELD(stop_after), "BATCHES", "0", NULL, 0,
        1e15,
        "run the first depth once and stop after so many batches; 0: at the end of the input"},
    {"cursor", 0, GRAINBENCH_OPTION_TEXT, FIELD(cursor), "FILE", NULL, NULL, 0, 0,
     "run the first depth once and write here which rows were delivered"},
    {"resume", 0, GRAINBENCH_OPTION_TEXT, FIELD(resume), "FILE", NULL, NULL, 0, 0,
     "run the first depth once and go on behind the rows that this cursor says were delivered"},
    HEADING("Output"){"output", 'o', GRAINBENCH_OPTION_TEXT, FIELD(output), "RECORD", NULL, NULL, 0,
                      0, "the record; without it none is kept"},
    {"trace", 0, GRAINBENCH_OPTION_TEXT, FIELD(trace), "FILE", NULL, NULL, 0, 0,
     "a Chrome trace of the last round, for ui.perfetto.dev"},
    {"format", 'f', GRAINBENCH_OPTION_CHOICE, FIELD(format), "FORMAT", "text", "text|markdown|csv",
     0, 0, "how to print tables"},
    {"report-stalls", 0, GRAINBENCH_OPTION_REAL, FIELD(stall_s), "S", "0", NULL, 0, 1e6,
     "when nothing was delivered for S seconds, say who waits for what; 0: never"},
    {"force", 0, GRAINBENCH_OPTION_FLAG, FIELD(force), NULL, "0", NULL, 0, 0,
     "measure even where nothing can overlap"},
#undef HEADING
    {0}};

/* A text that still is its row's default was not given. */
static struct pipeline_texts given_texts(const struct command_options *options) {
    struct command_options given = *options;
    for (const struct grainbench_option *row = option_table; row->type; row++) {
        const char **text = (const char **)((char *)&given + row->offset);
        if (row->type == GRAINBENCH_OPTION_TEXT && *text == row->fallback) *text = NULL;
    }
    return given.texts;
}

static int read_command_line(char *text, size_t size, char **arguments, int limit) {
    FILE *file = fopen("/proc/self/cmdline", "re");
    size_t length = file ? fread(text, 1, size - 1, file) : 0;
    int count = 0;
    if (file) fclose(file);
    text[length] = 0;
    for (size_t at = 0; at < length && count < limit; at += strlen(text + at) + 1)
        arguments[count++] = text + at;
    return count;
}

static int report(const struct command_options *options,
                  const struct pipeline_experiment *experiment, const char *path) {
    struct error error;
    struct record *record = record_read(path, &error);
    if (!record) return command_fail("pipeline", "%s", error.message);
    bool printed =
        pipeline_table_print(experiment, record, (enum grid_format)options->format, stdout, &error);
    record_free(record);
    if (!printed) return command_fail("pipeline", "%s", error.message);
    if (options->output) printf("record       %s\n", options->output);
    if (options->trace) printf("trace        %s\n", options->trace);
    return EXIT_OK;
}

/* Measures into `path` and prints the table. */
static int measure(const struct command_options *options, struct pipeline_plan *plan,
                   const char *path) {
    static char command_line[8192];
    char *arguments[256];
    int count = read_command_line(command_line, sizeof command_line, arguments, 256);
    struct error error;
    struct record_writer *writer =
        record_create(path, pipeline_experiment_header(plan, count, arguments), &error);
    if (!writer) return command_fail("pipeline", "%s", error.message);
    struct pipeline_experiment *experiment = calloc(1, sizeof *experiment);
    if (!experiment) return record_abandon(writer), command_fail("pipeline", "out of memory");
    experiment->plan = plan;
    enum pipeline_outcome outcome =
        pipeline_experiment_run(experiment, writer, options->trace, &error);
    int code = EXIT_OK;
    if (outcome != PIPELINE_DONE) {
        record_abandon(writer);
        command_fail("pipeline", "%s", error.message);
        code = outcome == PIPELINE_OUTPUTS_DIFFER ? EXIT_OUTPUTS_DIFFER : EXIT_USAGE;
    } else if (!record_end(writer, &error)) {
        code = command_fail("pipeline", "%s", error.message);
    } else {
        code = report(options, experiment, path);
    }
    pipeline_experiment_free(experiment);
    free(experiment);
    return code;
}

/* Without --output the record, which the verdicts are made from, lives in memory. */
static int measure_somewhere(const struct command_options *options, struct pipeline_plan *plan) {
    if (options->output) return measure(options, plan, options->output);
    char path[SCRATCH_PATH_SIZE];
    struct error error;
    int descriptor = scratch_open(path, &error);
    if (descriptor < 0) return command_fail("pipeline", "%s; give --output", error.message);
    int code = measure(options, plan, path);
    close(descriptor);
    return code;
}

static int run_once(const struct command_options *options, const struct pipeline_plan *plan) {
    struct error error;
    struct pipeline_once once = {options->resume, options->cursor, (uint64_t)options->stop_after};
    if (pipeline_once_run(plan, &once, stdout, &error)) return EXIT_OK;
    return command_fail("pipeline", "%s", error.message);
}

static int run_pipeline(const void *values, int operand_count, char **operands) {
    const struct command_options *options = values;
    struct pipeline_texts texts = given_texts(options);
    struct pipeline_plan *plan = calloc(1, sizeof *plan);
    struct error error;
    if (!plan) return command_fail("pipeline", "out of memory");
    int code = EXIT_USAGE;
    if (!pipeline_plan(options->scenario, &texts, operand_count, operands, options->force, plan,
                       &error)) {
        command_fail("pipeline", "%s", error.message);
    } else {
        for (unsigned i = 0; i < plan->arm_count; i++)
            plan->arms[i].setup.stall_seconds = options->stall_s;
        bool once = options->stop_after || options->cursor || options->resume;
        bool stream = plan->path_count && strcmp(plan->paths[0], "-") == 0;
        if (stream && !once)
            code =
                command_fail("pipeline", "standard input can be read once only: use --stop-after, "
                                         "--cursor or --resume, or name a file");
        else
            code = once ? run_once(options, plan) : measure_somewhere(options, plan);
    }
    pipeline_plan_free(plan);
    free(plan);
    return code;
}

const struct command command_pipeline = {
    .name = "pipeline",
    .summary = "measure what preparing batches ahead gives, and say what limits it",
    .operands = "[FILE...]",
    .description =
        "Runs text through read, preprocess, batch, format (BPE encoding into a tensor) and a "
        "consumer, "
        "with several depths of prefetching, interleaved round by round, and prints them side by "
        "side: "
        "seconds and items per second of every stage, the change with its interval and verdict, "
        "the "
        "time a model of the recorded durations predicts, where every thread spent its time, and "
        "what "
        "limits each depth.\n\n"
        "Without FILE it reads big.txt; '-' is standard input (for a single run). With --synthetic "
        "stages take chosen times instead. The scenario ray-30190 re-enacts Ray PR #30190 at 1/100 "
        "of "
        "its times.\n\n"
        "A depth of N means at most N batches in preparation or ready besides the one in use; "
        "depth 0 "
        "has no thread and no queue. The ids that are delivered are compared across all depths; if "
        "they differ, the exit code is 5. docs/pipeline.md tells what each consumer may be used to "
        "claim.",
    .examples = "grainbench pipeline --scenario ray-30190\n"
                "grainbench pipeline --prefetch-batches 0,1,2 --consumer mlp:us=1000 --rounds 7\n"
                "grainbench pipeline --mode streaming --prefetch-batches 0,4 --workers 2 my.txt\n"
                "grainbench pipeline --trace trace.json --output pipeline.jsonl\n"
                "grainbench pipeline --stop-after 100 --cursor here.json my.txt",
    .options = option_table,
    .options_size = sizeof(struct command_options),
    .run = run_pipeline,
};
