/* `grainbench explain`: where the time goes, from records. */
#include "harness/command.h"
#include "harness/record_list.h"
#include "results/explain.h"

#include <stdio.h>

struct explain_options {
    int format;
};

static const struct grainbench_option explain_option_table[] = {
    {"format", 'f', GRAINBENCH_OPTION_CHOICE, offsetof(struct explain_options, format), "FORMAT",
     "text", "text|markdown", 0, 0, "how to print"},
    {0}};

static int run_explain(const void *opaque, int operand_count, char **operands) {
    const struct explain_options *options = opaque;
    struct record_list list;
    struct error error;
    unsigned tables = 0;
    if (!record_list_read(&list, operand_count, operands, &error))
        return command_fail("explain", "%s", error.message);
    bool ok =
        explain_print(list.records, list.count, options->format == 1, stdout, &tables, &error);
    record_list_free(&list);
    if (!ok) return command_fail("explain", "%s", error.message);
    if (!tables)
        return command_fail("explain",
                            "%s holds no observations, gaps or doses; 'grainbench run' "
                            "writes observations",
                            operands[0]);
    return EXIT_OK;
}

const struct command command_explain = {
    .name = "explain",
    .summary = "show where the time goes: phases, workers, idle gaps, the cost of atomics",
    .operands = "RECORD...",
    .description =
        "Prints, from records alone, the phases of a batch (fork, run, join, collect, drop), what "
        "workers do (in items, stealing, spinning, parked), and the useful share: time inside "
        "items "
        "over workers times wall time.\n\n"
        "For records of the scenario serial-gap it shows throughput and idle CPU time by the gap "
        "between batches: whether idle polling is a ceiling or only looks busy. Give a record of "
        "'grainbench profile --scenario serial-gap' too, and the idle share of samples stands "
        "beside.\n\n"
        "For records of the scenario dose it shows what one more atomic operation an item costs on "
        "a shared and on a private line, by regression, and how much of a patched arm's gain the "
        "atomics that it saves explain; the numbers saved come from a record of 'grainbench "
        "ledger'.",
    .examples = "grainbench explain run.jsonl\n"
                "grainbench run --scenario serial-gap --output gap.jsonl && grainbench explain "
                "gap.jsonl\n"
                "grainbench explain dose.jsonl ledger.jsonl",
    .options = explain_option_table,
    .options_size = sizeof(struct explain_options),
    .run = run_explain,
};
