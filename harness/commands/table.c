/* `grainbench table`: the tables of records. */
#include "results/tables/table.h"
#include "harness/command.h"
#include "harness/fidelity/fidelity.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct table_arguments {
    int format;
    int metric;
    bool across;
    double confidence, threshold, same_margin;
};

static const struct grainbench_option table_rows[] = {
    {"format", 'f', GRAINBENCH_OPTION_CHOICE, offsetof(struct table_arguments, format), "FORMAT",
     "text", "text|markdown|csv|json", 0, 0, "how to print"},
    {"across", 'a', GRAINBENCH_OPTION_FLAG, offsetof(struct table_arguments, across), NULL, NULL,
     NULL, 0, 0, "put the records side by side: the change on each machine"},
    {"metric", 'm', GRAINBENCH_OPTION_CHOICE, offsetof(struct table_arguments, metric), "METRIC",
     "throughput", "throughput|cpu", 0, 0,
     "what changes are of: work per wall second, or per second of CPU time"},
    {"confidence", 0, GRAINBENCH_OPTION_REAL, offsetof(struct table_arguments, confidence), "X",
     "0.95", NULL, 0.5, 0.9999, "confidence of the intervals"},
    {"threshold", 0, GRAINBENCH_OPTION_REAL, offsetof(struct table_arguments, threshold), "X", "0",
     NULL, 0, 10, "call nothing faster or slower that changed by less (0.02 is 2 %)"},
    {"same-margin", 0, GRAINBENCH_OPTION_REAL, offsetof(struct table_arguments, same_margin), "X",
     "0.01", NULL, 0, 10, "call the same what surely changed by less than this"},
    {0}};

/* Where the table itself has no place to say it. */
static void warn(const struct record *record) {
    if (record->warning[0]) fprintf(stderr, "grainbench table: %s\n", record->warning);
}

static int print_one(const char *path, const struct table_options *options, bool separate) {
    struct error error;
    struct record *record = record_read(path, &error);
    if (!record) return command_fail("table", "%s", error.message);
    if (options->format == TABLE_CSV || options->format == TABLE_JSON) warn(record);
    if (separate) fputc('\n', stdout);
    bool printed = fidelity_is_record(record) ? fidelity_print_record(record, stdout, &error)
                                              : table_print(record, options, stdout, &error);
    record_free(record);
    return printed ? EXIT_OK : command_fail("table", "%s", error.message);
}

static int print_across(const struct table_options *options, int count, char **paths) {
    struct error error;
    struct record **records = calloc((size_t)count, sizeof(struct record *));
    if (!records) return command_fail("table", "out of memory");
    bool done = true;
    for (int i = 0; i < count && done; i++) {
        done = (records[i] = record_read(paths[i], &error)) != NULL;
        if (done) warn(records[i]);
    }
    done = done && table_print_across((const struct record *const *)records, (size_t)count, options,
                                      stdout, &error);
    for (int i = 0; i < count; i++)
        record_free(records[i]);
    free(records);
    return done ? EXIT_OK : command_fail("table", "%s", error.message);
}

static int run_table(const void *options, int operand_count, char **operands) {
    const struct table_arguments *arguments = options;
    if (operand_count == 0)
        return command_fail("table", "name a record, such as one that 'grainbench run' wrote");
    struct table_options table = {.format = (enum table_format)arguments->format,
                                  .verdict = {.confidence = arguments->confidence,
                                              .threshold = arguments->threshold,
                                              .same_margin = arguments->same_margin,
                                              .metric = (enum metric)arguments->metric}};
    if (arguments->across) return print_across(&table, operand_count, operands);
    for (int i = 0; i < operand_count; i++) {
        int code = print_one(operands[i], &table, i > 0);
        if (code != EXIT_OK) return code;
    }
    return EXIT_OK;
}

const struct command command_table = {
    .name = "table",
    .summary = "print the tables of records",
    .operands = "RECORD...",
    .description =
        "Prints what a record says: threads, baseline, patched, the change with its interval, and "
        "the verdict (faster, slower, same, inconclusive); then the noise floor of the run, the "
        "pairs used, and what was measured where.\n\n"
        "Verdicts are decided from the samples each time: paired log ratios, the exact interval of "
        "their median, a threshold that the run's own A/A noise floor bounds from below, and "
        "Holm's "
        "correction over the rows. docs/method.md tells all of it.\n\n"
        "With --across several records stand side by side. Only changes within a machine are "
        "compared; absolute numbers are shown but not ranked. Below stand the other figures of all "
        "of them, a column a machine: shares of symbols and of atomics that were published, beside "
        "what profiles ('grainbench profile --output') and ledgers ('grainbench ledger --output') "
        "measured and counted here.",
    .examples = "grainbench table run.jsonl\n"
                "grainbench table --format markdown run.jsonl\n"
                "grainbench table --across data/published/hf-2077*.jsonl run.jsonl profile.jsonl\n"
                "grainbench table --across --format json data/published/*.jsonl run.jsonl",
    .options = table_rows,
    .options_size = sizeof(struct table_arguments),
    .run = run_table,
};
