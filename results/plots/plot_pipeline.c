/* Chart: the stages of a prefetch pipeline, one bar a depth: reading, preprocessing, and the
 * prediction loop that prefetching shortens. */
#define _GNU_SOURCE
#include "results/plots/plot_parts.h"

#include <math.h>
#include <string.h>

enum { STAGE_COUNT = 3 };

static double median_of(const json_t *line, const char *name) {
    const json_t *value = json_object_get(json_object_get(line, "medians"), name);
    return json_is_number(value) ? json_number_value(value) : -1;
}

static void put_stages(struct stacked_rows *rows, const struct record *record) {
    static const char *const members[STAGE_COUNT] = {"read_s", "preprocess_s", "predict_s"};
    for (size_t i = 0; i < record->line_count; i++) {
        const struct record_line *line = &record->lines[i];
        double total = median_of(line->json, "total_s"), stages[STAGE_COUNT];
        if (line->arm < 0 || strcmp(line->kind, "observation") != 0 || total <= 0) continue;
        const struct arm_record *arm = &record->arms[line->arm];
        if (arm->role == ROLE_CONTROL) continue;
        for (int stage = 0; stage < STAGE_COUNT; stage++)
            stages[stage] = 1000 * fmax(median_of(line->json, members[stage]), 0);
        stacked_put(rows, arm->label ? arm->label : "arm", stages, "%.3g ms", 1000 * total);
    }
}

bool plot_add_pipeline(struct plot_set *set, const struct record *record, const char *stem,
                       struct error *error) {
    static const char *const names[STAGE_COUNT] = {"read", "preprocess", "predict"};
    static const int colors[STAGE_COUNT] = {5, 4, 2};
    const struct stacked_chart what = {
        .name = "pipeline",
        .heading = "Stages of the pipeline by prefetch depth",
        .how = "median of the rounds",
        .caption = "Time of reading, preprocessing and predicting by depth of prefetching",
        .x_title = "milliseconds a run",
        .unit = "ms in",
        .part_names = names,
        .part_colors = colors,
        .parts = STAGE_COUNT,
    };
    struct stacked_rows rows;
    if (!stacked_begin(&rows, set, stem, &what, error)) return false;
    put_stages(&rows, record);
    return stacked_end(&rows, set, record, "", error);
}
