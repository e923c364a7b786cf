/* Several records side by side; see table.h. Changes within a machine may be compared; absolute
 * numbers of different machines may not, so they are listed in the order given. */
#define _GNU_SOURCE
#include "results/tables/table.h"

#include "results/grid.h"
#include "results/tables/table_json.h"
#include "results/tables/table_shares.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_SIZE = 256 };

struct across {
    const struct record *const *records;
    const struct verdicts *verdicts; /* of each record */
    size_t count;
    const struct table_options *options;
    FILE *out;
    struct error *error;
};

/* What rows of different machines have in common: "physical", not how many that is. */
static const char *row_key(const struct arm_record *arm, char *text, size_t size) {
    const char *name = arm->row_name ? arm->row_name : "";
    if (arm->threads == 1) return "1 thread";
    if (strstr(name, "physical")) return "all cores";
    if (strstr(name, "logical")) return "all processing units";
    snprintf(text, size, "%u threads", arm->threads);
    return text;
}

static void comparison_key(const struct across *across, size_t r, size_t i, char *text,
                           size_t size) {
    const struct arm_record *arm =
        &across->records[r]->arms[across->verdicts[r].comparisons[i].patched];
    char row[64];
    snprintf(text, size, "%s\n%s", row_key(arm, row, sizeof row), arm_label(arm));
}

/* Records of profiles and ledgers pair arms too, without a speed to compare. */
static bool is_of_speeds(const struct across *across, size_t r, size_t i) {
    const struct comparison *comparison = &across->verdicts[r].comparisons[i];
    return isfinite(comparison->baseline_rate) || isfinite(comparison->patched_rate);
}

static bool is_new_key(const struct across *across, size_t r, size_t i, const char *key) {
    char other[TEXT_SIZE * 2];
    for (size_t s = 0; s <= r; s++) {
        size_t end = s == r ? i : across->verdicts[s].count;
        for (size_t j = 0; j < end; j++) {
            comparison_key(across, s, j, other, sizeof other);
            if (strcmp(key, other) == 0 && is_of_speeds(across, s, j)) return false;
        }
    }
    return true;
}

static void machine_name(const struct record *record, size_t index, char *text, size_t size) {
    const char *name = record_header_text(record, "machine.name");
    if (!name) name = record_header_text(record, "machine.cpu");
    if (name)
        snprintf(text, size, "%s", name);
    else
        snprintf(text, size, "record %zu", index + 1);
}

static bool has_many_groups(const struct record *record) {
    char first[TEXT_SIZE] = "", other[TEXT_SIZE];
    for (size_t i = 0; i < record->arm_count; i++) {
        arm_group(&record->arms[i], other, sizeof other);
        if (i == 0) memcpy(first, other, sizeof first);
        if (strcmp(first, other) != 0) return true;
    }
    return false;
}

/* "NVIDIA Vera", or "NVIDIA Vera: lean cost" where the record has several groups. */
static void add_machine(const struct across *across, size_t r, const struct arm_record *arm,
                        struct grid *grid) {
    char name[TEXT_SIZE], group[TEXT_SIZE];
    machine_name(across->records[r], r, name, sizeof name);
    arm_group(arm, group, sizeof group);
    bool many = has_many_groups(across->records[r]);
    grid_add(grid, "%s%s%s", name, many ? ": " : "", many ? group : "");
}

static void add_change(const struct across *across, size_t r, const struct comparison *comparison,
                       struct grid *grid) {
    const struct arm_record *arm = &across->records[r]->arms[comparison->patched];
    char text[TEXT_SIZE];
    text_of_row(arm, text, sizeof text);
    grid_add(grid, "%s", text);
    grid_add(grid, "%s", arm_label(arm));
    add_machine(across, r, arm, grid);
    text_of_change(comparison->change, text, sizeof text);
    grid_add(grid, "%s", text);
    text_of_interval(&comparison->series, text, sizeof text);
    grid_add(grid, "%s", text);
    grid_add(grid, "%s", verdict_names[comparison->verdict]);
}

/* All comparisons of one row and patched arm, machine below machine. */
static void add_key(const struct across *across, const char *key, struct grid *grid) {
    char other[TEXT_SIZE * 2];
    grid_gap(grid);
    for (size_t r = 0; r < across->count; r++)
        for (size_t i = 0; i < across->verdicts[r].count; i++) {
            comparison_key(across, r, i, other, sizeof other);
            if (strcmp(key, other) == 0 && is_of_speeds(across, r, i))
                add_change(across, r, &across->verdicts[r].comparisons[i], grid);
        }
}

static bool print_changes(const struct across *across) {
    const char *titles[] = {"<threads", "<patched", "<machine", "change",
                            "interval", "<verdict", NULL};
    struct grid *grid = grid_create(titles);
    if (!grid) return error_set(across->error, "out of memory for a table");
    for (size_t r = 0; r < across->count; r++)
        for (size_t i = 0; i < across->verdicts[r].count; i++) {
            char key[TEXT_SIZE * 2];
            comparison_key(across, r, i, key, sizeof key);
            if (is_of_speeds(across, r, i) && is_new_key(across, r, i, key))
                add_key(across, key, grid);
        }
    bool printed =
        grid_print(grid, (enum grid_format)across->options->format, across->out, across->error);
    grid_free(grid);
    return printed;
}

static bool print_absolutes(const struct across *across) {
    const char *titles[] = {"<machine", "<threads", "<patched", "baseline",
                            "patched",  "<unit",    NULL};
    struct grid *grid = grid_create(titles);
    if (!grid) return error_set(across->error, "out of memory for a table");
    for (size_t r = 0; r < across->count; r++) {
        const struct record *record = across->records[r];
        char text[TEXT_SIZE];
        grid_gap(grid);
        for (size_t i = 0; i < across->verdicts[r].count; i++) {
            const struct comparison *comparison = &across->verdicts[r].comparisons[i];
            if (!is_of_speeds(across, r, i)) continue;
            add_machine(across, r, &record->arms[comparison->patched], grid);
            text_of_row(&record->arms[comparison->patched], text, sizeof text);
            grid_add(grid, "%s", text);
            grid_add(grid, "%s", arm_label(&record->arms[comparison->patched]));
            text_of_rate(comparison->baseline_rate, text, sizeof text);
            grid_add(grid, "%s", text);
            text_of_rate(comparison->patched_rate, text, sizeof text);
            grid_add(grid, "%s", text);
            grid_add(grid, "%s", record_unit(record));
        }
    }
    bool printed =
        grid_print(grid, (enum grid_format)across->options->format, across->out, across->error);
    grid_free(grid);
    return printed;
}

/* {"changes": rows of all machines, "figures": ...}: the rows of one machine are those of its own
 * table, with machine and record; rows that tell of the same threads and arm share a "key". */
static json_t *across_json(const struct across *across, const struct shares *shares) {
    json_t *changes = json_array();
    for (size_t r = 0; r < across->count; r++) {
        char machine[TEXT_SIZE], key[TEXT_SIZE * 2];
        machine_name(across->records[r], r, machine, sizeof machine);
        for (size_t i = 0; i < across->verdicts[r].count; i++) {
            if (!is_of_speeds(across, r, i)) continue;
            json_t *row = table_row_json(across->records[r], &across->verdicts[r].comparisons[i]);
            comparison_key(across, r, i, key, sizeof key);
            *strchr(key, '\n') = '/';
            json_object_set_new(row, "key", json_string(key));
            json_object_set_new(row, "machine", json_string(machine));
            json_object_set_new(row, "record", json_string(across->records[r]->path));
            json_object_set_new(row, "unit", json_string(record_unit(across->records[r])));
            json_array_append_new(changes, row);
        }
    }
    return json_pack("{s:s, s:o, s:o}", "about",
                     "changes within each machine; throughputs are not to be compared between "
                     "machines",
                     "changes", changes, "figures", shares_json(shares));
}

static bool print_json(const struct across *across, const struct shares *shares) {
    json_t *table = across_json(across, shares);
    char *text = table ? json_dumps(table, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) : NULL;
    json_decref(table);
    if (!text) return error_set(across->error, "the table cannot be made into JSON");
    fprintf(across->out, "%s\n", text);
    free(text);
    return true;
}

static bool print_text(const struct across *across, const struct shares *shares) {
    bool csv = across->options->format == TABLE_CSV, any = false;
    enum grid_format format = (enum grid_format)across->options->format;
    for (size_t r = 0; r < across->count; r++)
        for (size_t i = 0; i < across->verdicts[r].count; i++)
            any |= is_of_speeds(across, r, i);
    if (any || csv) {
        if (!csv) fputs("Change of patched over baseline, within each machine\n\n", across->out);
        if (!print_changes(across)) return false;
        if (csv) return true;
        fputs("\nAbsolute numbers, not to be compared between machines\n\n", across->out);
        if (!print_absolutes(across)) return false;
    }
    if (!shares_count(shares)) return true;
    fprintf(across->out, "%sOther figures: published, measured and counted\n\n", any ? "\n" : "");
    return shares_print(shares, format, across->out, across->error);
}

static bool print_all(const struct across *across) {
    struct shares *shares =
        shares_collect(across->records, across->count,
                       SHARES_FIGURES | SHARES_GROUPS | SHARES_COUNTS, across->error);
    if (!shares) return false;
    bool printed = across->options->format == TABLE_JSON ? print_json(across, shares)
                                                         : print_text(across, shares);
    shares_free(shares);
    return printed;
}

bool table_print_across(const struct record *const *records, size_t count,
                        const struct table_options *options, FILE *out, struct error *error) {
    struct verdicts *verdicts = calloc(count + 1, sizeof *verdicts);
    if (!verdicts) return error_set(error, "out of memory for a table");
    bool done = true;
    size_t decided = 0;
    for (; done && decided < count; decided += done)
        done = verdicts_decide(records[decided], &options->verdict, &verdicts[decided], error);
    struct across across = {records, verdicts, count, options, out, error};
    done = done && print_all(&across);
    for (size_t i = 0; i < decided; i++)
        verdicts_free(&verdicts[i]);
    free(verdicts);
    return done;
}
