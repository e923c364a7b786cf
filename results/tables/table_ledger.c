/* See table_ledger.h. The lines are written by `grainbench ledger`; docs/record.md has their
 * members. */
#define _GNU_SOURCE
#include "results/tables/table_ledger.h"

#include "results/tables/table.h"

#include <string.h>

enum { COLUMN_LIMIT = 16, TEXT_SIZE = 256 };

/* Arms of one thread count that have a ledger, the baseline first. */
struct columns {
    const struct record_line *lines[COLUMN_LIMIT];
    size_t count;
};

bool record_is_of_ledgers(const struct record *record) {
    return record->sample_count == 0 &&
           record_find_line(record, 0, "ledger", -1) < record->line_count;
}

static void find_columns(const struct record *record, unsigned threads, struct columns *columns) {
    columns->count = 0;
    for (size_t i = 0; i < record->line_count && columns->count < COLUMN_LIMIT; i++) {
        const struct record_line *line = &record->lines[i];
        if (strcmp(line->kind, "ledger") == 0 && line->arm >= 0 &&
            record->arms[line->arm].threads == threads)
            columns->lines[columns->count++] = line;
    }
}

/* A count of a line, per batch; negative when the line does not have it. */
static double per_batch(const struct record_line *line, const char *section, const char *key) {
    json_t *value = json_object_get(json_object_get(line->json, section), key);
    double batches = json_number_value(json_object_get(line->json, "batches"));
    return json_is_number(value) && batches > 0 ? json_number_value(value) / batches : -1;
}

static void add_section(const struct columns *columns, const char *section, struct grid *grid) {
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(columns->lines[0]->json, section), key, value) {
        char name[TEXT_SIZE];
        bool any = false;
        for (size_t c = 0; c < columns->count; c++)
            any |= per_batch(columns->lines[c], section, key) > 0;
        if (!any) continue;
        snprintf(name, sizeof name, "%s", key);
        for (char *at = name; *at; at++)
            if (*at == '_') *at = ' ';
        grid_add(grid, "%s", name);
        double baseline = per_batch(columns->lines[0], section, key);
        for (size_t c = 0; c < columns->count; c++) {
            double count = per_batch(columns->lines[c], section, key);
            if (count < 0)
                grid_add(grid, "n/a");
            else
                grid_add(grid, "%.1f", count);
            if (c == 0) continue;
            if (count > 0 && baseline > 0)
                grid_add(grid, "%.2f", baseline / count);
            else
                grid_add(grid, "-");
        }
    }
}

static bool print_columns(const struct record *record, const struct columns *columns,
                          enum grid_format format, FILE *out, struct error *error) {
    const char *titles[2 * COLUMN_LIMIT + 2] = {"<per batch"};
    const struct record_line *first = columns->lines[0];
    size_t count = 1;
    bool exact = true;
    for (size_t c = 0; c < columns->count; c++) {
        titles[count++] = arm_label(&record->arms[columns->lines[c]->arm]);
        if (c) titles[count++] = "baseline / this";
        exact &= json_is_true(json_object_get(columns->lines[c]->json, "exact"));
    }
    struct grid *grid = grid_create(titles);
    if (!grid) return error_set(error, "out of memory for a table");
    add_section(columns, "statistics", grid);
    grid_gap(grid);
    add_section(columns, "totals", grid);
    char row[TEXT_SIZE];
    text_of_row(&record->arms[first->arm], row, sizeof row);
    fprintf(out, "threads %s, %.6g items a batch, counted, %s\n\n", row,
            json_number_value(json_object_get(first->json, "items")),
            exact ? "exact" : "not the same in every run");
    bool printed = grid_print(grid, format, out, error);
    grid_free(grid);
    fputc('\n', out);
    return printed;
}

bool table_print_ledgers(const struct record *record, enum grid_format format, FILE *out,
                         struct error *error) {
    for (size_t i = 0; i < record->arm_count; i++) {
        unsigned threads = record->arms[i].threads;
        bool seen = false;
        for (size_t before = 0; before < i; before++)
            seen |= record->arms[before].threads == threads;
        struct columns columns;
        find_columns(record, threads, &columns);
        if (!seen && columns.count && !print_columns(record, &columns, format, out, error))
            return false;
    }
    return true;
}
