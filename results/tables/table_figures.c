/* Figures that are not made of samples; see table_figures.h. */
#define _GNU_SOURCE
#include "results/tables/table_figures.h"

#include "results/tables/table.h"

#include <string.h>

enum { TEXT_SIZE = 256 };

static const char *figure_metric(const struct record_line *line) {
    const char *metric = json_string_value(json_object_get(line->json, "metric"));
    bool other = strcmp(line->kind, "figure") == 0 && line->arm >= 0 && metric &&
                 strcmp(metric, "throughput") != 0;
    return other ? metric : NULL;
}

/* The figure of the same metric that belongs to `arm`. */
static const struct record_line *find_figure(const struct record *record, const char *metric,
                                             int arm) {
    for (size_t i = 0; i < record->line_count; i++) {
        const char *other = figure_metric(&record->lines[i]);
        if (other && record->lines[i].arm == arm && strcmp(other, metric) == 0)
            return &record->lines[i];
    }
    return NULL;
}

static void add_value(struct grid *grid, const struct record_line *line) {
    json_t *value = line ? json_object_get(line->json, "value") : NULL;
    if (json_is_number(value))
        grid_add(grid, "%.6g", json_number_value(value));
    else
        grid_add(grid, "n/a");
}

static void add_figure(struct grid *grid, const struct record *record,
                       const struct record_line *line) {
    const struct arm_record *arm = &record->arms[line->arm];
    int baseline = arm_baseline(record, arm->arm);
    const char *metric = figure_metric(line);
    const char *unit = json_string_value(json_object_get(line->json, "unit"));
    char row[TEXT_SIZE];
    text_of_row(arm, row, sizeof row);
    grid_add(grid, "%s", row);
    grid_add(grid, "%s", metric);
    add_value(grid, baseline >= 0 ? find_figure(record, metric, baseline) : NULL);
    add_value(grid, line);
    grid_add(grid, "%s", unit ? unit : "");
}

bool table_print_figures(const struct record *record, enum grid_format format, FILE *out,
                         struct error *error) {
    const char *titles[] = {"<threads", "<figure", "baseline", "patched", "<unit", NULL};
    struct grid *grid = grid_create(titles);
    if (!grid) return error_set(error, "out of memory for a table");
    size_t count = 0;
    for (size_t i = 0; i < record->line_count; i++) {
        if (!figure_metric(&record->lines[i])) continue;
        if (record->arms[record->lines[i].arm].role == ROLE_BASELINE) continue;
        add_figure(grid, record, &record->lines[i]);
        count++;
    }
    bool printed = !count || grid_print(grid, format, out, error);
    if (printed && count) fputc('\n', out);
    grid_free(grid);
    return printed;
}
