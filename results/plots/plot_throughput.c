/* Chart: throughput by threads, with intervals, the boundary between physical cores and SMT
 * siblings and the line of ideal scaling. */
#define _GNU_SOURCE
#include "results/pairs.h"
#include "results/plots/plot_parts.h"

#include <stdlib.h>
#include <string.h>

/* Labels at the lines' ends, moved apart by at least `gap` where they would overlap. */
static void spread_labels(double *at, size_t count, double gap) {
    size_t order[CHART_SERIES_LIMIT];
    for (size_t i = 0; i < count; i++) {
        size_t k = i;
        for (; k > 0 && at[order[k - 1]] > at[i]; k--)
            order[k] = order[k - 1];
        order[k] = i;
    }
    for (size_t i = 1; i < count; i++)
        if (at[order[i]] < at[order[i - 1]] + gap) at[order[i]] = at[order[i - 1]] + gap;
}

static void put_ticks(FILE *out, const struct plot_block *block, unsigned last) {
    unsigned previous = 0;
    fputs("ticks = '", out);
    for (unsigned next; previous < last; previous = next) {
        next = last;
        for (size_t i = 0; i < block->series_count; i++)
            for (size_t k = 0; k < block->series[i].arm_count; k++) {
                unsigned threads = plot_threads(block->series[i].arms[k]);
                if (threads > previous && threads < next) next = threads;
            }
        /* Labels closer than a thirtieth of the axis would run into each other. */
        bool crowded = previous && next != last && (next - previous) * 30 < last;
        bool before_last = next != last && (last - next) * 30 < last;
        fprintf(out, "%s\"%.0d\" %u", previous ? "," : "", crowded || before_last ? 0 : (int)next,
                next);
    }
    fputs("'\n", out);
}

static void put_boundary(FILE *out, const struct record *record, unsigned last) {
    bool siblings;
    int cores = plot_cores(record, &siblings);
    char text[64];
    snprintf(text, sizeof text, "%d physical core%s", cores, cores == 1 ? "" : "s");
    fprintf(out, "cores = %d\nlast_x = %u\n", cores, last);
    chart_put_text(out, "cores_text", text);
    chart_put_text(out, "beyond_text", siblings ? "SMT siblings" : "more threads than cores");
}

/* Writes the blocks of the .dat; gives each series' last value, the highest value and the best
 * throughput at the fewest threads over those threads (the slope of ideal scaling). */
static size_t put_data(FILE *out, const struct plot_block *block, double *last_values,
                       double *highest, double *ideal, size_t *samples) {
    size_t points = 0;
    for (size_t i = 0; i < block->series_count && i < CHART_SERIES_LIMIT; i++) {
        const struct plot_series *series = &block->series[i];
        fprintf(out, "# %s: threads, median, low, high in %s\n", series->name,
                record_unit(block->record));
        for (size_t k = 0; k < series->arm_count; k++) {
            struct plot_summary summary = plot_throughput_of(block->record, series->arms[k]);
            unsigned threads = plot_threads(series->arms[k]);
            if (!summary.count || !threads) continue;
            fprintf(out, "%u %.6g %.6g %.6g\n", threads, summary.median, summary.low, summary.high);
            points++;
            last_values[i] = summary.median;
            if (summary.high > *highest) *highest = summary.high;
            if (threads == 1 && series->color == 1) *ideal = summary.median;
            if (summary.count > *samples) *samples = summary.count;
        }
        fputs("\n\n", out);
    }
    return points;
}

static unsigned last_threads(const struct plot_block *block) {
    unsigned last = 0;
    for (size_t i = 0; i < block->series_count; i++)
        for (size_t k = 0; k < block->series[i].arm_count; k++)
            if (plot_threads(block->series[i].arms[k]) > last)
                last = plot_threads(block->series[i].arms[k]);
    return last;
}

static void put_series(FILE *out, const struct plot_block *block, double *labels, double highest) {
    const char *names[CHART_SERIES_LIMIT];
    int colors[CHART_SERIES_LIMIT];
    size_t count =
        block->series_count < CHART_SERIES_LIMIT ? block->series_count : CHART_SERIES_LIMIT;
    for (size_t i = 0; i < count; i++) {
        names[i] = block->series[i].name;
        colors[i] = block->series[i].color;
    }
    spread_labels(labels, count, highest * 0.052);
    fprintf(out, "series = %zu\n", count);
    chart_put_texts(out, "series_name", names, count);
    chart_put_integers(out, "series_color", colors, count);
    chart_put_reals(out, "series_label_y", labels, count);
}

bool plot_add_throughput(struct plot_set *set, const struct plot_block *block, const char *stem,
                         struct error *error) {
    char name[64], origin[256];
    unsigned last = last_threads(block);
    double labels[CHART_SERIES_LIMIT] = {0}, highest = 0, ideal = 0;
    size_t samples = 0;
    struct chart_builder builder;
    struct chart *chart = plot_set_add(set, error);
    snprintf(name, sizeof name, "%sthroughput", stem);
    if (!chart || !chart_begin(&builder, chart, "lines", name, error)) return false;
    size_t points = put_data(builder.data, block, labels, &highest, &ideal, &samples);
    plot_origin(block->record, origin, sizeof origin);
    snprintf(chart->heading, sizeof chart->heading, "Throughput by thread count");
    if (samples > 1)
        snprintf(chart->subheading, sizeof chart->subheading,
                 "median of %zu samples, bars: 95 %% interval%s%s · %s", samples,
                 block->name[0] ? " · " : "", block->name, origin);
    else
        snprintf(chart->subheading, sizeof chart->subheading, "%s%s%s", block->name,
                 block->name[0] ? " · " : "", origin);
    snprintf(chart->caption, sizeof chart->caption, "Throughput in %s for 1 to %u threads",
             record_unit(block->record), last);
    put_series(builder.values, block, labels, highest);
    put_boundary(builder.values, block->record, last);
    put_ticks(builder.values, block, last);
    /* The ideal line may leave the picture; its label sits at 70 % of the height it reaches. */
    double leaves_at = ideal > 0 ? highest * 1.08 / ideal : 0;
    fprintf(builder.values, "highest = %.6g\nideal = %.6g\nideal_label_x = %.6g\n", highest, ideal,
            (leaves_at < last ? leaves_at : last) * 0.9);
    chart_put_text(builder.values, "x_title", "threads, one per physical core first");
    chart_put_text(builder.values, "y_title", record_unit(block->record));
    if (!chart_end(&builder, error)) return false;
    if (points < 2 || last < 2) plot_set_drop_last(set);
    return true;
}
