/* `grainbench plot`: pictures from records. */
#include "results/plots/plot.h"
#include "base/draft.h"
#include "harness/command.h"
#include "harness/record_list.h"

#include <stdio.h>

struct plot_options {
    const char *output;
    int theme;
    bool png;
    bool terminal;
};

static const struct grainbench_option plot_option_table[] = {
    {"output", 'o', GRAINBENCH_OPTION_TEXT, offsetof(struct plot_options, output), "DIR", "plots",
     NULL, 0, 0, "folder for the pictures; made if it is not there"},
    {"theme", 0, GRAINBENCH_OPTION_CHOICE, offsetof(struct plot_options, theme), "THEME", "both",
     "light|dark|both", 0, 0, "colours of the pictures"},
    {"png", 0, GRAINBENCH_OPTION_FLAG, offsetof(struct plot_options, png), NULL, "1", NULL, 0, 0,
     "also write PNG at twice the size, beside the SVG"},
    {"terminal", 't', GRAINBENCH_OPTION_FLAG, offsetof(struct plot_options, terminal), NULL, "0",
     NULL, 0, 0, "draw with characters on standard output instead of writing files"},
    {0}};

static int print_charts(const struct plot_set *set) {
    struct error error;
    for (size_t i = 0; i < set->count; i++)
        if (!chart_print(&set->charts[i], stdout, &error))
            return command_fail("plot", "%s", error.message);
    return EXIT_OK;
}

static bool draw_charts(const struct plot_set *set, const struct plot_options *options,
                        struct error *error) {
    struct folder_draft draft;
    if (!folder_draft_open(&draft, options->output, error)) return false;
    struct chart_output output = {draft.path, (enum chart_theme)options->theme, options->png};
    for (size_t i = 0; i < set->count; i++)
        if (!chart_write(&set->charts[i], &output, error)) return folder_draft_fail(&draft, error);
    return folder_draft_publish(&draft, error);
}

static int write_charts(const struct plot_set *set, const struct plot_options *options) {
    struct error error;
    if (!draw_charts(set, options, &error)) return command_fail("plot", "%s", error.message);
    for (size_t i = 0; i < set->count; i++)
        printf("%s/%s: %s\n", options->output, set->charts[i].stem, set->charts[i].heading);
    if (!chart_can_draw(&error))
        printf("No pictures were drawn: %s. The .dat and .gp files were written; 'gnuplot NAME.gp' "
               "in %s draws them.\n",
               error.message, options->output);
    return EXIT_OK;
}

static int run_plot(const void *opaque, int operand_count, char **operands) {
    const struct plot_options *options = opaque;
    struct record_list list;
    struct plot_set set;
    struct error error;
    if (!record_list_read(&list, operand_count, operands, &error))
        return command_fail("plot", "%s", error.message);
    int code;
    if (!plot_make(list.records, list.count, &set, &error))
        code = command_fail("plot", "%s", error.message);
    else {
        if (set.count == 0)
            code = command_fail("plot",
                                "there is nothing to plot in %s: no samples of several "
                                "thread counts, phases, profiles or counts",
                                operands[0]);
        else
            code = options->terminal ? print_charts(&set) : write_charts(&set, options);
        plot_set_free(&set);
    }
    record_list_free(&list);
    return code;
}

const struct command command_plot = {
    .name = "plot",
    .summary = "draw charts from records with gnuplot",
    .operands = "RECORD...",
    .description =
        "Draws every chart that the records allow: throughput by threads with intervals, the "
        "boundary between cores and SMT siblings and the line of ideal scaling; change by threads "
        "with the noise floor; the phases of a batch; leaf sizes; atomic operations, counted "
        "events and the phases that they fall in; symbol shares; and, from several records, "
        "history and comparison across machines.\n\n"
        "Each picture is written as SVG and PNG, light and dark, with the numbers (.dat) and the "
        "gnuplot script (.gp) beside it, so that it can be changed and drawn again. Without "
        "gnuplot "
        "the numbers and scripts are still written.",
    .examples = "grainbench plot run.jsonl --output plots\n"
                "grainbench plot run.jsonl --terminal\n"
                "grainbench plot monday.jsonl tuesday.jsonl --theme dark",
    .options = plot_option_table,
    .options_size = sizeof(struct plot_options),
    .run = run_plot,
};
