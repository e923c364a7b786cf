/* The table of a record as JSON; see table_json.h. */
#define _GNU_SOURCE
#include "results/tables/table_json.h"

#include "results/grid.h"
#include "results/tables/table.h"
#include "results/tables/table_shares.h"

#include <math.h>
#include <stdlib.h>

/* null where there is no finite number: NaN is no JSON. */
static json_t *real_or_null(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *percent_or_null(double log_ratio) {
    return real_or_null(100 * change_of_log(log_ratio));
}

static json_t *text_or_null(const char *text) {
    return text ? json_string(text) : json_null();
}

json_t *table_row_json(const struct record *record, const struct comparison *comparison) {
    const struct arm_record *patched = &record->arms[comparison->patched];
    const struct interval *change = &comparison->series.change;
    bool known = comparison->series.has_interval && comparison->verdict != VERDICT_IDENTICAL;
    char group[256];
    arm_group(patched, group, sizeof group);
    return json_pack(
        "{s:s, s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:I, s:I, s:o, s:o, s:o}",
        "group", group, "threads", patched->threads ? json_integer(patched->threads) : json_null(),
        "row", text_or_null(patched->row_name), "baseline",
        arm_label(&record->arms[comparison->baseline]), "patched", arm_label(patched),
        "baseline_throughput", real_or_null(comparison->baseline_rate), "patched_throughput",
        real_or_null(comparison->patched_rate), "change_percent",
        percent_or_null(comparison->verdict == VERDICT_IDENTICAL ? NAN : comparison->change),
        "low_percent", percent_or_null(known ? change->low : NAN), "high_percent",
        percent_or_null(known ? change->high : NAN), "verdict", verdict_names[comparison->verdict],
        "reason", comparison->reason, "pairs_used", (json_int_t)comparison->pairs.count,
        "pairs_dropped",
        (json_int_t)(comparison->pairs.tainted_kept ? 0 : comparison->pairs.dropped), "p",
        real_or_null(comparison->p), "p_adjusted", real_or_null(comparison->p_adjusted),
        "noise_floor_percent", percent_or_null(comparison->floor));
}

json_t *table_json(const struct record *record, const struct verdicts *verdicts) {
    char machine[256];
    text_of_machine(record, machine, sizeof machine);
    json_t *rows = json_array();
    struct error error;
    struct shares *shares = shares_collect(
        &record, 1, SHARES_FIGURES | SHARES_GROUPS | SHARES_SYMBOLS | SHARES_COUNTS | SHARES_BY_ARM,
        &error);
    json_t *figures = shares ? shares_json(shares) : json_array();
    shares_free(shares);
    for (size_t i = 0; i < verdicts->count; i++)
        json_array_append_new(rows, table_row_json(record, &verdicts->comparisons[i]));
    return json_pack("{s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "record", record->path,
                     "scenario", text_or_null(record_header_text(record, "scenario")), "unit",
                     record_unit(record), "machine", machine, "provenance",
                     text_or_null(record_header_text(record, "provenance")), "noise_floor_percent",
                     percent_or_null(verdicts->floor), "rows", rows, "figures", figures, "warning",
                     record->warning[0] ? json_string(record->warning) : json_null());
}

bool table_print_json(const struct record *record, const struct verdicts *verdicts, FILE *out,
                      struct error *error) {
    json_t *table = table_json(record, verdicts);
    char *text = table ? json_dumps(table, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) : NULL;
    json_decref(table);
    if (!text) return error_set(error, "the table cannot be made into JSON");
    fprintf(out, "%s\n", text);
    free(text);
    return true;
}

static const char *const csv_titles[] = {"group",
                                         "threads",
                                         "row",
                                         "baseline",
                                         "patched",
                                         "unit",
                                         "baseline_throughput",
                                         "patched_throughput",
                                         "change_percent",
                                         "low_percent",
                                         "high_percent",
                                         "verdict",
                                         "reason",
                                         "pairs_used",
                                         "pairs_dropped",
                                         "p",
                                         "p_adjusted",
                                         "noise_floor_percent",
                                         NULL};

static void add_csv_cell(struct grid *grid, json_t *value) {
    if (json_is_string(value))
        grid_add(grid, "%s", json_string_value(value));
    else if (json_is_integer(value))
        grid_add(grid, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        grid_add(grid, "%.6g", json_real_value(value));
    else
        grid_add(grid, "%s", "");
}

bool table_print_csv(const struct record *record, const struct verdicts *verdicts, FILE *out,
                     struct error *error) {
    json_t *table = table_json(record, verdicts);
    struct grid *grid = grid_create(csv_titles);
    size_t index;
    json_t *row;
    bool printed = table && grid;
    if (!printed) error_set(error, "out of memory for a table");
    json_array_foreach(json_object_get(table, "rows"), index, row) {
        for (size_t c = 0; printed && csv_titles[c]; c++) {
            json_t *cell = json_object_get(row, csv_titles[c]);
            add_csv_cell(grid, cell ? cell : json_object_get(table, csv_titles[c]));
        }
    }
    printed = printed && grid_print(grid, GRID_CSV, out, error);
    grid_free(grid);
    json_decref(table);
    return printed;
}
