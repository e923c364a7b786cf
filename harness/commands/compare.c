/* `grainbench compare`: two builds measured against each other, or two records side by side. */
#define _GNU_SOURCE
#include "results/compare.h"
#include "harness/command.h"
#include "harness/commands/measure_builds.h"
#include "results/tables/table.h"

#include <stdio.h>

#define TEXT(name, letter, field, argument, fallback, help)                                        \
    {                                                                                              \
        name, letter, GRAINBENCH_OPTION_TEXT, offsetof(struct builds_options, field), argument,    \
            fallback, NULL, 0, 0, help                                                             \
    }

static const struct grainbench_option option_table[] = {
    TEXT("baseline-build", 0, baseline, "DIR", NULL, "build folder (or program) of the baseline"),
    TEXT("candidate-build", 0, candidate, "DIR", NULL, "build folder (or program) to compare"),
    TEXT("scenario", 'S', scenario, "NAME", "gate", "what to measure with both"),
    TEXT("threads", 't', threads, "LIST", NULL, "thread counts instead of the scenario's"),
    TEXT("corpus", 'c', corpus, "FILE", NULL, "text to encode, one item a line [default: big.txt]"),
    {"time", 'T', GRAINBENCH_OPTION_REAL, offsetof(struct builds_options, time_s), "S", "0", NULL,
     0, 1e6, "seconds to measure instead of the scenario's"},
    {"rounds", 0, GRAINBENCH_OPTION_INTEGER, offsetof(struct builds_options, rounds), "N", "0",
     NULL, 0, 1e6, "rounds to measure instead"},
    TEXT("output", 'o', output, "FILE", "compare.jsonl", "the record of two builds"),
    {0}};

static int print_record(const char *path) {
    struct error error;
    struct record *record = record_read(path, &error);
    if (!record) return command_fail("compare", "%s", error.message);
    bool printed = table_print(record, &table_defaults, stdout, &error);
    record_free(record);
    return printed ? EXIT_OK : command_fail("compare", "%s", error.message);
}

static int compare_builds(const struct builds_options *builds) {
    int code;
    return measure_builds("compare", builds, &code) == BUILDS_MEASURED
               ? print_record(builds->output)
               : code;
}

static int compare_records(char **paths) {
    struct error error;
    struct record *a = record_read(paths[0], &error), *b = a ? record_read(paths[1], &error) : NULL;
    if (b && a->warning[0]) fprintf(stderr, "grainbench compare: %s\n", a->warning);
    if (b && b->warning[0]) fprintf(stderr, "grainbench compare: %s\n", b->warning);
    bool printed = b && records_compare(a, b, stdout, &error);
    record_free(a);
    record_free(b);
    return printed ? EXIT_OK : command_fail("compare", "%s", error.message);
}

static int run_compare(const void *options, int operand_count, char **operands) {
    const struct builds_options *arguments = options;
    bool builds = arguments->baseline || arguments->candidate;
    if (builds && operand_count == 0) return compare_builds(arguments);
    if (builds || operand_count != 2)
        return command_fail("compare", "name two records, or two builds");
    return compare_records(operands);
}

const struct command command_compare = {
    .name = "compare",
    .summary = "compare two builds in lockstep, or two records",
    .operands = "[RECORD RECORD]",
    .description =
        "Two builds are measured interleaved, every arm of the scenario with each of them and once "
        "more with the baseline as the A/A control, and the table is printed; builds that are the "
        "same program are called identical.\n\n"
        "Two records were measured one after the other, perhaps on different machines, so their "
        "absolute speeds prove nothing about each other, and none is called faster. What can be "
        "compared is the change that each found within itself: both are shown with their "
        "intervals, "
        "and whether they differ.",
    .examples = "grainbench compare --baseline-build main/build --candidate-build pr/build\n"
                "grainbench compare before.jsonl after.jsonl",
    .options = option_table,
    .options_size = sizeof(struct builds_options),
    .run = run_compare,
};
