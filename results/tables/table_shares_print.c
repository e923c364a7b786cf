/* Prints figures of several records beside each other; see table_shares.h. */
#define _GNU_SOURCE
#include "results/tables/table_shares_parts.h"

#include "results/tables/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_SIZE = SHARES_TEXT };

static const char *machine_of(const struct record *record) {
    const char *name = record_header_text(record, "machine.name");
    if (!name) name = record_header_text(record, "machine.cpu");
    return name ? name : "not named";
}

static const char *provenance_of(const struct shares *shares, const struct column *column) {
    const char *provenance = record_header_text(shares->records[column->record], "provenance");
    return provenance ? provenance : "not known";
}

static void title_of(const struct shares *shares, const struct column *column, char *text,
                     size_t size) {
    const struct record *record = shares->records[column->record];
    char row[64];
    if (shares->content & SHARES_BY_ARM) {
        snprintf(text, size, "%s", arm_label(&record->arms[column->arm]));
        return;
    }
    text_of_row(&record->arms[column->arm], row, sizeof row);
    snprintf(text, size, "%s, %s, %s", machine_of(record), row, provenance_of(shares, column));
}

static void add_cell(struct grid *grid, const struct entry *entry) {
    if (!entry)
        grid_add(grid, "-");
    else if (entry->unavailable || !isfinite(entry->value))
        grid_add(grid, "n/a");
    else if (isfinite(entry->low) && isfinite(entry->high))
        grid_add(grid, "%.2f [%.2f, %.2f]", entry->value, entry->low, entry->high);
    else
        grid_add(grid, "%.6g", entry->value);
}

static const struct entry *find_entry(const struct shares *shares, const struct entry *row,
                                      size_t column) {
    for (size_t i = 0; i < shares->entry_count; i++) {
        const struct entry *entry = &shares->entries[i];
        if (entry->column == column && strcmp(entry->figure, row->figure) == 0 &&
            strcmp(entry->arm, row->arm) == 0 && strcmp(entry->unit, row->unit) == 0)
            return entry;
    }
    return NULL;
}

static bool is_new_row(const struct shares *shares, size_t i) {
    for (size_t j = 0; j < i; j++)
        if (strcmp(shares->entries[j].figure, shares->entries[i].figure) == 0 &&
            strcmp(shares->entries[j].arm, shares->entries[i].arm) == 0 &&
            strcmp(shares->entries[j].unit, shares->entries[i].unit) == 0)
            return false;
    return true;
}

static bool is_new_figure(const struct shares *shares, size_t i) {
    for (size_t j = 0; j < i; j++)
        if (strcmp(shares->entries[j].figure, shares->entries[i].figure) == 0) return false;
    return true;
}

/* Whether any row of the figure has something to show in the column. */
static bool has_column(const struct shares *shares, const char *figure, size_t column) {
    for (size_t i = 0; i < shares->entry_count; i++)
        if (shares->entries[i].column == column && strcmp(shares->entries[i].figure, figure) == 0)
            return true;
    return false;
}

/* Figures that are known of the same machines make a table; so none has columns full of holes. */
static bool share_columns(const struct shares *shares, const char *figure, const char *other) {
    for (size_t c = 0; c < shares->column_count; c++)
        if (has_column(shares, figure, c) != has_column(shares, other, c)) return false;
    return true;
}

static bool is_first_of_its_columns(const struct shares *shares, size_t i) {
    for (size_t j = 0; j < i; j++)
        if (share_columns(shares, shares->entries[j].figure, shares->entries[i].figure))
            return false;
    return true;
}

static void add_row(const struct shares *shares, struct grid *grid, const struct entry *row,
                    bool first) {
    grid_add(grid, "%s", first || shares->content & SHARES_BY_ARM ? row->figure : "");
    if (!(shares->content & SHARES_BY_ARM)) grid_add(grid, "%s", row->arm);
    for (size_t c = 0; c < shares->column_count; c++)
        if (has_column(shares, row->figure, c)) add_cell(grid, find_entry(shares, row, c));
    grid_add(grid, "%s", row->unit);
}

static void add_rows(const struct shares *shares, const char *first, struct grid *grid,
                     bool repeat_names) {
    for (size_t i = 0; i < shares->entry_count; i++) {
        const char *figure = shares->entries[i].figure;
        if (!is_new_figure(shares, i) || !share_columns(shares, first, figure)) continue;
        if (!(shares->content & SHARES_BY_ARM)) grid_gap(grid);
        for (size_t j = i; j < shares->entry_count; j++)
            if (strcmp(shares->entries[j].figure, figure) == 0 && is_new_row(shares, j))
                add_row(shares, grid, &shares->entries[j], j == i || repeat_names);
    }
}

/* The table of the figures that are known of the same columns as `first`. */
static bool print_block(const struct shares *shares, const char *first, enum grid_format format,
                        FILE *out, struct error *error) {
    const char **titles = calloc(shares->column_count + 4, sizeof *titles);
    char(*texts)[TEXT_SIZE] = calloc(shares->column_count + 1, sizeof *texts);
    struct grid *grid = NULL;
    if (titles && texts) {
        size_t count = 0;
        titles[count++] = "<figure";
        if (!(shares->content & SHARES_BY_ARM)) titles[count++] = "<arm";
        for (size_t c = 0; c < shares->column_count; c++) {
            if (!has_column(shares, first, c)) continue;
            title_of(shares, &shares->columns[c], texts[c], sizeof texts[c]);
            titles[count++] = texts[c];
        }
        titles[count] = "<unit";
        grid = grid_create(titles);
    }
    bool printed = grid || error_set(error, "out of memory for a table");
    if (printed) {
        add_rows(shares, first, grid, format != GRID_TEXT);
        printed = grid_print(grid, format, out, error);
        fputc('\n', out);
    }
    grid_free(grid);
    free(texts);
    free(titles);
    return printed;
}

static void print_sources(const struct shares *shares, bool markdown, FILE *out) {
    const char *told = NULL;
    for (size_t c = 0; c < shares->column_count; c++) {
        const struct column *column = &shares->columns[c];
        const struct record *record = shares->records[column->record];
        const char *source = record_header_text(record, "source");
        char row[TEXT_SIZE];
        if (c && shares->content & SHARES_BY_ARM) break;
        text_of_row(&record->arms[column->arm], row, sizeof row);
        fprintf(out, "%s%s, threads %s: %s%s%s%s%s, %s\n", markdown ? "- " : "", machine_of(record),
                row, provenance_of(shares, column), column->source ? ", " : "",
                column->source ? column->source : "", source ? "; " : "", source ? source : "",
                record->path);
    }
    for (size_t i = 0; i < shares->entry_count; i++) {
        const char *reason = shares->entries[i].unavailable;
        if (!reason || reason == told) continue;
        fprintf(out, "%sn/a: %s\n", markdown ? "- " : "", reason);
        told = reason;
    }
}

bool shares_print(const struct shares *shares, enum grid_format format, FILE *out,
                  struct error *error) {
    bool printed = true;
    for (size_t i = 0; printed && i < shares->entry_count; i++)
        if (is_first_of_its_columns(shares, i))
            printed = print_block(shares, shares->entries[i].figure, format, out, error);
    if (printed && shares->entry_count && format != GRID_CSV)
        print_sources(shares, format == GRID_MARKDOWN, out);
    return printed;
}

bool shares_print_profiles(const struct record *record, enum grid_format format, FILE *out,
                           struct error *error) {
    struct shares *shares =
        shares_collect(&record, 1, SHARES_GROUPS | SHARES_SYMBOLS | SHARES_BY_ARM, error);
    if (!shares) return false;
    bool printed = shares_print(shares, format, out, error);
    if (shares_count(shares)) fputc('\n', out);
    shares_free(shares);
    return printed;
}

static json_t *real_or_null(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *shares_json(const struct shares *shares) {
    json_t *rows = json_array();
    for (size_t i = 0; i < shares->entry_count; i++) {
        const struct entry *entry = &shares->entries[i];
        const struct column *column = &shares->columns[entry->column];
        const struct record *record = shares->records[column->record];
        const struct arm_record *arm = &record->arms[entry->about];
        double value = entry->unavailable ? NAN : entry->value;
        json_array_append_new(
            rows,
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o}", "figure",
                      entry->figure, "unit", entry->unit, "machine", machine_of(record), "record",
                      record->path, "provenance", provenance_of(shares, column), "threads",
                      arm->threads ? json_integer(arm->threads) : json_null(), "row",
                      arm->row_name ? json_string(arm->row_name) : json_null(), "role",
                      role_names[arm->role], "label", arm_label(arm), "value", real_or_null(value),
                      "low", real_or_null(entry->unavailable ? NAN : entry->low), "high",
                      real_or_null(entry->unavailable ? NAN : entry->high), "unavailable",
                      entry->unavailable ? json_string(entry->unavailable) : json_null()));
    }
    return rows;
}
