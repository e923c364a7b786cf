/* `grainbench report`: a page and Markdown from records. */
#include "harness/command.h"
#include "harness/record_list.h"
#include "results/plots/plot_chart.h"
#include "results/reports/report.h"

#include <stdio.h>

struct report_options {
    const char *output;
};

static const struct grainbench_option report_option_table[] = {
    {"output", 'o', GRAINBENCH_OPTION_TEXT, offsetof(struct report_options, output), "DIR",
     "report", NULL, 0, 0, "folder for the page, the Markdown and the pictures"},
    {0}};

static int run_report(const void *opaque, int operand_count, char **operands) {
    const struct report_options *options = opaque;
    struct record_list list;
    struct error error;
    if (!record_list_read(&list, operand_count, operands, &error))
        return command_fail("report", "%s", error.message);
    bool ok = report_write(list.records, list.count, options->output, &error);
    record_list_free(&list);
    if (!ok) return command_fail("report", "%s", error.message);
    printf("%s/report.html: open it in a browser, or send it: it needs nothing else\n"
           "%s/report.md: for a pull request, with the pictures beside it\n",
           options->output, options->output);
    if (!chart_can_draw(&error)) printf("Without pictures: %s.\n", error.message);
    return EXIT_OK;
}

const struct command command_report = {
    .name = "report",
    .summary = "make a page and Markdown for a pull request from records",
    .operands = "RECORD...",
    .description =
        "Writes report.html, one page that needs no network and can be read on a phone, with "
        "findings, tables, environment, how to reproduce, and pictures for light and dark; and "
        "report.md, the same for a pull request, with its pictures as files beside it.\n\n"
        "Everything comes from the records alone. Without gnuplot the reports have no pictures "
        "and say so.",
    .examples = "grainbench report run.jsonl --output report\n"
                "grainbench report run.jsonl profile.jsonl --output report",
    .options = report_option_table,
    .options_size = sizeof(struct report_options),
    .run = run_report,
};
