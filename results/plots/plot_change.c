/* Chart: the change of each patched arm by thread count, with its interval, the noise floor of the
 * A/A control behind it and the verdict beside it. */
#define _GNU_SOURCE
#include "results/plots/plot_parts.h"
#include "results/verdict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NEUTRAL_COLOR = 7 };

void plot_put_change(struct change_rows *rows, const char *label,
                     const struct comparison *comparison, int color) {
    char text[200];
    if (!isfinite(comparison->change)) return;
    double change = 100 * change_of_log(comparison->change);
    bool interval = comparison->series.has_interval;
    double low = interval ? 100 * change_of_log(comparison->series.change.low) : change;
    double high = interval ? 100 * change_of_log(comparison->series.change.high) : change;
    double floor = isfinite(comparison->floor) ? 100 * change_of_log(comparison->floor) : 0;
    bool decided = comparison->verdict == VERDICT_FASTER || comparison->verdict == VERDICT_SLOWER ||
                   comparison->verdict == VERDICT_PUBLISHED;
    snprintf(text, sizeof text, "%+.1f %% %s", change, verdict_names[comparison->verdict]);
    fprintf(rows->out, "%zu ", rows->count++);
    chart_put_word(rows->out, label);
    fprintf(rows->out, " %.5g %.5g %.5g %.5g %d ", change, low, high, floor,
            decided ? color : NEUTRAL_COLOR);
    chart_put_word(rows->out, text);
    fputc('\n', rows->out);
    if (strlen(label) > rows->longest_label) rows->longest_label = strlen(label);
    if (low < rows->lowest) rows->lowest = low;
    if (high > rows->highest) rows->highest = high;
    if (-floor < rows->lowest) rows->lowest = -floor;
    if (floor > rows->highest) rows->highest = floor;
}

void plot_put_change_values(FILE *values, struct chart *chart, const struct change_rows *rows) {
    chart->height = 150 + 26 * (int)rows->count;
    fprintf(values,
            "rows = %zu\nlowest = %.6g\nhighest = %.6g\nleft_share = %.3f\nleft_characters = "
            "%zu\n",
            rows->count, rows->lowest, rows->highest > rows->lowest ? rows->highest : 1,
            0.03 + 0.0095 * (double)rows->longest_label, rows->longest_label + 2);
    chart_put_text(values, "x_title", "change in throughput (%)");
}

static void put_changes(struct change_rows *rows, const struct plot_block *block,
                        const struct verdicts *verdicts) {
    /* Series one after the other, each by thread count. */
    for (size_t s = 0; s < block->series_count; s++)
        for (size_t k = 0; k < block->series[s].arm_count; k++)
            for (size_t i = 0; i < verdicts->count; i++) {
                const struct comparison *comparison = &verdicts->comparisons[i];
                char label[128];
                if (comparison->patched != block->series[s].arms[k]->arm ||
                    comparison->verdict == VERDICT_IDENTICAL)
                    continue;
                plot_row_name(&block->series[s], block->series[s].arms[k], label, sizeof label);
                plot_put_change(rows, label, comparison, block->series[s].color);
            }
}

bool plot_add_change(struct plot_set *set, const struct plot_block *block, const char *stem,
                     struct error *error) {
    char name[64], origin[256];
    struct verdicts verdicts;
    struct chart_builder builder;
    if (!verdicts_decide(block->record, &verdict_defaults, &verdicts, error)) return false;
    struct chart *chart = plot_set_add(set, error);
    snprintf(name, sizeof name, "%schange", stem);
    if (!chart || !chart_begin(&builder, chart, "change", name, error)) {
        verdicts_free(&verdicts);
        return false;
    }
    fputs("# row, arm, change, low, high, noise floor (all %), colour, text\n", builder.data);
    struct change_rows rows = {.out = builder.data};
    put_changes(&rows, block, &verdicts);
    plot_origin(block->record, origin, sizeof origin);
    snprintf(chart->heading, sizeof chart->heading, "Change in throughput over the baseline");
    snprintf(chart->subheading, sizeof chart->subheading,
             "paired changes over the baseline, 95 %% intervals%s%s · %s",
             block->name[0] ? " · " : "", block->name, origin);
    snprintf(chart->caption, sizeof chart->caption,
             "Change of throughput against the baseline in per cent, with the noise floor");
    plot_put_change_values(builder.values, chart, &rows);
    chart_put_text(builder.values, "floor_text",
                   isfinite(verdicts.floor) ? "grey: noise floor (A/A)" : "no A/A control");
    verdicts_free(&verdicts);
    if (!chart_end(&builder, error)) return false;
    if (!rows.count) plot_set_drop_last(set);
    return true;
}
