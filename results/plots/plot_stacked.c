/* Charts of stacked bars, a row an arm: what they share; see plot_parts.h. */
#define _GNU_SOURCE
#include "results/plots/plot_parts.h"

#include <stdarg.h>
#include <string.h>

void stacked_put(struct stacked_rows *rows, const char *name, const double *parts,
                 const char *format, ...) {
    char text[64];
    double total = 0;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(rows->out, "%zu ", rows->count++);
    chart_put_word(rows->out, name);
    for (size_t i = 0; i < rows->parts; i++) {
        fprintf(rows->out, " %.6g", parts[i]);
        total += parts[i];
    }
    fprintf(rows->out, " \"%s\"\n", text);
    if (total > rows->highest) rows->highest = total;
    if (strlen(name) > rows->longest_name) rows->longest_name = strlen(name);
}

void stacked_put_arms(struct stacked_rows *rows, const struct plot_block *block,
                      stacked_put_arm put, const void *context) {
    for (size_t place = 0, any = 1; any; place++) {
        any = 0;
        for (size_t i = 0; i < block->series_count; i++) {
            const struct plot_series *series = &block->series[i];
            char name[128];
            if (place >= series->arm_count) continue;
            any = 1;
            plot_row_name(series, series->arms[place], name, sizeof name);
            put(rows, block->record, series->arms[place], name, context);
        }
    }
}

bool stacked_begin(struct stacked_rows *rows, struct plot_set *set, const char *stem,
                   const struct stacked_chart *what, struct error *error) {
    char file[64];
    struct chart *chart = plot_set_add(set, error);
    snprintf(file, sizeof file, "%s%s", stem, what->name);
    if (!chart || !chart_begin(&rows->builder, chart, "stacked", file, error)) return false;
    rows->what = what;
    rows->out = rows->builder.data;
    rows->parts = what->parts;
    rows->count = 0;
    rows->longest_name = 8;
    rows->highest = 0;
    fprintf(rows->out, "# row, name, %s:", what->unit);
    for (size_t i = 0; i < what->parts; i++)
        fprintf(rows->out, " %s", what->part_names[i]);
    fputs(", text\n", rows->out);
    return true;
}

bool stacked_end(struct stacked_rows *rows, struct plot_set *set, const struct record *record,
                 const char *block_name, struct error *error) {
    const struct stacked_chart *what = rows->what;
    struct chart *chart = rows->builder.chart;
    FILE *values = rows->builder.values;
    char origin[256];
    plot_origin(record, origin, sizeof origin);
    chart->height = 150 + 34 * (int)rows->count;
    snprintf(chart->heading, sizeof chart->heading, "%s", what->heading);
    snprintf(chart->subheading, sizeof chart->subheading, "%s%s%s · %s", what->how,
             block_name[0] ? " · " : "", block_name, origin);
    snprintf(chart->caption, sizeof chart->caption, "%s", what->caption);
    fprintf(values,
            "parts = %zu\nrows = %zu\nhighest = %.6g\nleft_share = %.3f\nleft_characters = %zu\n",
            what->parts, rows->count,
            what->is_share      ? 100
            : rows->highest > 0 ? rows->highest
                                : 1,
            0.05 + 0.0092 * (double)rows->longest_name, rows->longest_name + 2);
    chart_put_text(values, "x_title", what->x_title);
    chart_put_texts(values, "part_name", what->part_names, what->parts);
    chart_put_integers(values, "part_color", what->part_colors, what->parts);
    if (!chart_end(&rows->builder, error)) return false;
    if (!rows->count) plot_set_drop_last(set);
    return true;
}
