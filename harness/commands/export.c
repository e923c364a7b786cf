/* `grainbench export`: a record in another tool's format. */
#include "harness/command.h"
#include "results/exports/export.h"

#include <stddef.h>
#include <stdio.h>

struct export_arguments {
    int format;
};

static const struct grainbench_option option_table[] = {
    {"to", 't', GRAINBENCH_OPTION_CHOICE, offsetof(struct export_arguments, format), "FORMAT",
     "csv", EXPORT_FORMATS, 0, 0, "the format"},
    {0}};

static int run_export(const void *options, int operand_count, char **operands) {
    const struct export_arguments *arguments = options;
    struct error error;
    if (operand_count != 1) return command_fail("export", "name one record");
    struct record *record = record_read(operands[0], &error);
    if (!record) return command_fail("export", "%s", error.message);
    if (record->warning[0]) fprintf(stderr, "grainbench export: %s\n", record->warning);
    bool done = export_record(record, (enum export_format)arguments->format, stdout, &error);
    record_free(record);
    return done ? EXIT_OK : command_fail("export", "%s", error.message);
}

const struct command command_export = {
    .name = "export",
    .summary = "write a record in the format of another tool",
    .operands = "RECORD",
    .description =
        "Writes a record to standard output in another tool's format: Go benchmark text for "
        "benchstat (exact counts marked as such), Bencher Metric Format with intervals, Google "
        "Benchmark JSON for compare.py (a row a sample), github-action-benchmark (throughput in "
        "github-bigger, time and counts in github-smaller: that tool takes one direction a file), "
        "hyperfine JSON, CSV (a line a sample), Markdown.\n\n"
        "Tainted samples are left out except in CSV, which marks them; where most samples of an arm "
        "are tainted, as on a machine that is always busy, they are kept, as verdicts keep them. "
        "Numbers that are not known are left out, never NaN. A format that could say nothing about "
        "the record is refused.",
    .examples = "grainbench export --to go run.jsonl | benchstat -col /arm -\n"
                "grainbench export --to bmf run.jsonl >bencher.json",
    .options = option_table,
    .options_size = sizeof(struct export_arguments),
    .run = run_export,
};
