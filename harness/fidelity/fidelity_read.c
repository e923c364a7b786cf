/* The tables of a fidelity record, from the record alone; see fidelity.h. */
#include "harness/fidelity/fidelity.h"

#include <math.h>
#include <stdlib.h>

static double number_of(const json_t *object, const char *name, double missing) {
    const json_t *value = json_object_get(object, name);
    return json_is_number(value) ? json_number_value(value) : missing;
}

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "?";
}

static void read_figure(const json_t *line, struct fidelity_figure *figure) {
    *figure = (struct fidelity_figure){
        .workers = (unsigned)number_of(line, "workers", 0),
        .body = text_of(line, "body"),
        .metric = text_of(line, "metric"),
        .values = {number_of(line, "model", NAN), number_of(line, "real", NAN)},
        .ratio = number_of(line, "ratio", NAN),
        .low = number_of(line, "low", NAN),
        .high = number_of(line, "high", NAN),
        .limit_low = number_of(line, "limit_low", 0),
        .limit_high = number_of(line, "limit_high", 0),
    };
}

static void read_histogram(const json_t *line, struct fidelity_histogram *histogram) {
    static const char *const names[FIDELITY_SIDES] = {"model", "real"};
    *histogram = (struct fidelity_histogram){.workers = (unsigned)number_of(line, "workers", 0),
                                             .body = text_of(line, "body")};
    for (int which = 0; which < FIDELITY_SIDES; which++) {
        const json_t *buckets = json_object_get(line, names[which]);
        for (size_t b = 0; b < FIDELITY_BUCKETS; b++)
            histogram->leaves[which][b] = json_number_value(json_array_get(buckets, b));
    }
}

bool fidelity_is_record(const struct record *record) {
    return record_find_line(record, 0, "fidelity", -1) < record->line_count;
}

bool fidelity_print_record(const struct record *record, FILE *out, struct error *error) {
    struct fidelity_result result = {
        .figures = calloc(record->line_count + 1, sizeof *result.figures),
        .histograms = calloc(record->line_count + 1, sizeof *result.histograms)};
    if (!result.figures || !result.histograms) {
        fidelity_free(&result);
        return error_set(error, "out of memory");
    }
    size_t at = 0;
    for (; (at = record_find_line(record, at, "fidelity", -1)) < record->line_count; at++)
        read_figure(record->lines[at].json, &result.figures[result.figure_count++]);
    at = 0;
    for (; (at = record_find_line(record, at, "fidelity_leaves", -1)) < record->line_count; at++)
        read_histogram(record->lines[at].json, &result.histograms[result.histogram_count++]);
    const char *model = record_header_text(record, "plan.model");
    const char *real = record_header_text(record, "plan.real");
    const json_t *plan_object = record_header_member(record, "plan");
    struct fidelity_plan plan = {.schedulers = {model ? model : "?", real ? real : "?"},
                                 .items = (size_t)number_of(plan_object, "items", 0)};
    if (record->warning[0]) fprintf(out, "%s\n", record->warning);
    bool good = fidelity_print(&plan, &result, out, error);
    fidelity_free(&result);
    return good;
}
