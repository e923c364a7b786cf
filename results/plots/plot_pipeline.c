/* Chart: the stages of a prefetch pipeline, one bar a depth: reading, preprocessing, and the
 * prediction loop that prefetching shortens. */
#define _GNU_SOURCE
#include "results/plots/plot_parts.h"

#include <string.h>

enum { STAGE_COUNT = 3 };

static double median_of(const json_t *line, const char *name) {
    const json_t *value = json_object_get(json_object_get(line, "medians"), name);
    return json_is_number(value) ? json_number_value(value) : -1;
}

static size_t put_stages(FILE *out, const struct record *record, double *highest,
                         size_t *longest_name) {
    static const char *const members[STAGE_COUNT] = {"read_s", "preprocess_s", "predict_s"};
    size_t rows = 0;
    for (size_t i = 0; i < record->line_count; i++) {
        const struct record_line *line = &record->lines[i];
        double total = median_of(line->json, "total_s");
        if (line->arm < 0 || strcmp(line->kind, "observation") != 0 || total <= 0) continue;
        const struct arm_record *arm = &record->arms[line->arm];
        const char *name = arm->label ? arm->label : "arm";
        if (arm->role == ROLE_CONTROL) continue;
        fprintf(out, "%zu ", rows++);
        chart_put_word(out, name);
        for (int stage = 0; stage < STAGE_COUNT; stage++) {
            double seconds = median_of(line->json, members[stage]);
            fprintf(out, " %.6g", seconds > 0 ? 1000 * seconds : 0);
        }
        fprintf(out, " \"%.3g ms\"\n", 1000 * total);
        if (1000 * total > *highest) *highest = 1000 * total;
        if (strlen(name) > *longest_name) *longest_name = strlen(name);
    }
    return rows;
}

bool plot_add_pipeline(struct plot_set *set, const struct record *record, const char *stem,
                       struct error *error) {
    static const char *const names[STAGE_COUNT] = {"read", "preprocess", "predict"};
    static const int colors[STAGE_COUNT] = {5, 4, 2};
    char name[64], origin[256];
    double highest = 0;
    size_t longest = 8;
    struct chart_builder builder;
    struct chart *chart = plot_set_add(set, error);
    snprintf(name, sizeof name, "%spipeline", stem);
    if (!chart || !chart_begin(&builder, chart, "stacked", name, error)) return false;
    fputs("# row, name, ms in: read preprocess predict, total\n", builder.data);
    size_t rows = put_stages(builder.data, record, &highest, &longest);
    plot_origin(record, origin, sizeof origin);
    chart->height = 150 + 34 * (int)rows;
    snprintf(chart->heading, sizeof chart->heading, "Stages of the pipeline by prefetch depth");
    snprintf(chart->subheading, sizeof chart->subheading, "median of the rounds · %s", origin);
    snprintf(chart->caption, sizeof chart->caption,
             "Time of reading, preprocessing and predicting by depth of prefetching");
    fprintf(builder.values,
            "parts = %d\nrows = %zu\nhighest = %.6g\nleft_share = %.3f\nleft_characters = %zu\n",
            STAGE_COUNT, rows, highest > 0 ? highest : 1, 0.05 + 0.0092 * (double)longest,
            longest + 2);
    chart_put_text(builder.values, "x_title", "milliseconds a run");
    chart_put_texts(builder.values, "part_name", names, STAGE_COUNT);
    chart_put_integers(builder.values, "part_color", colors, STAGE_COUNT);
    if (!chart_end(&builder, error)) return false;
    if (!rows) plot_set_drop_last(set);
    return true;
}
