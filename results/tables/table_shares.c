/* Figures of several records beside each other; see table_shares.h. */
#define _GNU_SOURCE
#include "results/tables/table_shares_parts.h"

#include "results/pairs.h"
#include "results/tables/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_SIZE = SHARES_TEXT, SYMBOLS_SHOWN = 12, LONGEST_NAME = 72 };

static const char *const INLINE_ATOMICS =
    "x86-64 has no out-of-line atomics: their time is in the functions that use them; "
    "'grainbench ledger' counts them";

static bool has_room(struct shares *shares, void *array, size_t count, size_t *room, size_t size) {
    void **pointer = array;
    if (count < *room) return true;
    size_t wanted = *room ? 2 * *room : 32;
    void *grown = reallocarray(*pointer, wanted, size);
    if (!grown) {
        shares->out_of_memory = true;
        return false;
    }
    *pointer = grown;
    *room = wanted;
    return true;
}

/* ---- columns and rows ---- */

static bool same_column(const struct shares *shares, const struct column *column, size_t record,
                        unsigned arm) {
    const struct arm_record *arms = shares->records[record]->arms;
    if (column->record != record) return false;
    return shares->content & SHARES_BY_ARM ? column->arm == arm
                                           : arms_share_row(&arms[column->arm], &arms[arm]);
}

static size_t find_column(struct shares *shares, size_t record, unsigned arm, const char *source) {
    size_t i = 0;
    while (i < shares->column_count && !same_column(shares, &shares->columns[i], record, arm))
        i++;
    if (i < shares->column_count) {
        if (source) shares->columns[i].source = source;
        return i;
    }
    if (!has_room(shares, &shares->columns, i, &shares->column_room, sizeof *shares->columns))
        return 0;
    shares->columns[shares->column_count++] = (struct column){record, arm, source};
    return i;
}

/* "baseline", "patched" for the first of the arms compared with it, else the label: so that arms of
 * different records meet in a row. */
static void name_arm(const struct record *record, unsigned arm, char *text, size_t size) {
    const struct arm_record *about = &record->arms[arm];
    bool first = about->role == ROLE_PATCHED;
    for (unsigned i = 0; i < arm && first; i++)
        first = record->arms[i].role != ROLE_PATCHED || !arms_share_row(&record->arms[i], about);
    if (about->role == ROLE_BASELINE || first)
        snprintf(text, size, "%s", role_names[about->role]);
    else
        snprintf(text, size, "%s", arm_label(about));
}

static void add_entry(struct shares *shares, size_t record, unsigned arm, const char *source,
                      const struct entry *values, const char *figure) {
    if (!has_room(shares, &shares->entries, shares->entry_count, &shares->entry_room,
                  sizeof *shares->entries))
        return;
    size_t column = find_column(shares, record, arm, source);
    struct entry *entry = &shares->entries[shares->entry_count++];
    *entry = *values;
    entry->column = column;
    entry->about = arm;
    snprintf(entry->figure, sizeof entry->figure, "%s", figure);
    if (shares->content & SHARES_BY_ARM)
        entry->arm[0] = 0;
    else
        name_arm(shares->records[record], arm, entry->arm, sizeof entry->arm);
}

/* ---- what records hold ---- */

static const char *figure_metric(const struct record_line *line) {
    const char *metric = json_string_value(json_object_get(line->json, "metric"));
    bool other = strcmp(line->kind, "figure") == 0 && line->arm >= 0 && metric &&
                 strcmp(metric, "throughput") != 0;
    return other ? metric : NULL;
}

static double number_or_nan(json_t *object, const char *key) {
    json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static void add_figure(struct shares *shares, size_t record, const struct record_line *line) {
    const char *unit = json_string_value(json_object_get(line->json, "unit"));
    struct entry entry = {.unit = unit ? unit : "",
                          .value = number_or_nan(line->json, "value"),
                          .low = number_or_nan(line->json, "low"),
                          .high = number_or_nan(line->json, "high")};
    add_entry(shares, record, (unsigned)line->arm, NULL, &entry, figure_metric(line));
}

static struct entry share_of(json_t *row) {
    return (struct entry){.unit = "%",
                          .value = 100 * number_or_nan(row, "share"),
                          .low = 100 * number_or_nan(row, "low"),
                          .high = 100 * number_or_nan(row, "high")};
}

/* Of a group without a single sample on a machine that has no such functions at all. */
static void mind_inline_atomics(const struct record *record, const char *group,
                                struct entry *entry) {
    const char *architecture = record_header_text(record, "machine.architecture");
    if (!group || strcmp(group, "atomics") != 0 || entry->value > 0 || !architecture) return;
    if (strcmp(architecture, "x86_64") == 0) entry->unavailable = INLINE_ATOMICS;
}

static bool is_wanted(json_t *symbols, const char *name) {
    size_t index;
    json_t *part;
    json_array_foreach(symbols, index, part) {
        if (name && json_is_string(part) && strstr(name, json_string_value(part))) return true;
    }
    return false;
}

/* The symbols whose names hold one of the texts, together. Bounds of a sum are the sums of bounds,
 * which is wider than need be; of none at all, Wilson's for no sample of n. */
static struct entry share_of_symbols(json_t *profile, json_t *wanted) {
    struct entry sum = {.unit = "%"};
    size_t index, found = 0;
    json_t *symbol;
    json_array_foreach(json_object_get(profile, "symbols"), index, symbol) {
        if (!is_wanted(wanted, json_string_value(json_object_get(symbol, "name")))) continue;
        struct entry share = share_of(symbol);
        sum.value += share.value;
        sum.low += share.low;
        sum.high += share.high;
        found++;
    }
    double samples = number_or_nan(profile, "samples"), z2 = 1.96 * 1.96;
    if (!found) sum.high = 100 * z2 / (samples + z2);
    if (sum.high > 100) sum.high = 100;
    return sum;
}

static json_t *find_group(json_t *profile, const char *name) {
    size_t index;
    json_t *group;
    json_array_foreach(json_object_get(profile, "groups"), index, group) {
        const char *other = json_string_value(json_object_get(group, "name"));
        if (name && other && strcmp(name, other) == 0) return group;
    }
    return NULL;
}

/* What the profile says to a published figure that names its group or symbols. */
static void add_match(struct shares *shares, size_t record, const struct record_line *profile,
                      const struct record_line *published) {
    json_t *matches = json_object_get(published->json, "matches");
    json_t *symbols = json_object_get(matches, "symbols");
    const char *name = json_string_value(json_object_get(matches, "group"));
    json_t *group = find_group(profile->json, name);
    if (!group && !symbols) return;
    struct entry entry = group ? share_of(group) : share_of_symbols(profile->json, symbols);
    mind_inline_atomics(shares->records[record], name, &entry);
    add_entry(shares, record, (unsigned)profile->arm,
              json_string_value(json_object_get(profile->json, "source")), &entry,
              figure_metric(published));
}

static bool is_matched(const struct shares *shares, const char *group) {
    for (size_t r = 0; shares->content & SHARES_FIGURES && r < shares->record_count; r++)
        for (size_t i = 0; i < shares->records[r]->line_count; i++) {
            const struct record_line *line = &shares->records[r]->lines[i];
            const char *other = json_string_value(json_path(line->json, "matches.group"));
            if (figure_metric(line) && group && other && strcmp(group, other) == 0) return true;
        }
    return false;
}

/* The published figures that name what they are about, each metric once. */
static void add_matches(struct shares *shares, size_t record, const struct record_line *profile) {
    size_t begin = shares->entry_count;
    for (size_t r = 0; r < shares->record_count; r++)
        for (size_t i = 0; i < shares->records[r]->line_count; i++) {
            const struct record_line *line = &shares->records[r]->lines[i];
            bool known = !figure_metric(line) || !json_object_get(line->json, "matches");
            for (size_t e = begin; e < shares->entry_count && !known; e++)
                known = strcmp(shares->entries[e].figure, figure_metric(line)) == 0;
            if (!known) add_match(shares, record, profile, line);
        }
}

static void add_profile(struct shares *shares, size_t record, const struct record_line *line) {
    const char *source = json_string_value(json_object_get(line->json, "source"));
    char figure[TEXT_SIZE];
    size_t index;
    json_t *row;
    if (shares->content & SHARES_FIGURES) add_matches(shares, record, line);
    json_array_foreach(json_object_get(line->json, "groups"), index, row) {
        const char *name = json_string_value(json_object_get(row, "name"));
        if (!(shares->content & SHARES_GROUPS) || !name || is_matched(shares, name)) continue;
        struct entry entry = share_of(row);
        mind_inline_atomics(shares->records[record], name, &entry);
        snprintf(figure, sizeof figure, "%s, share of samples", name);
        add_entry(shares, record, (unsigned)line->arm, source, &entry, figure);
    }
    json_array_foreach(json_object_get(line->json, "symbols"), index, row) {
        const char *name = json_string_value(json_object_get(row, "name"));
        const char *object = json_string_value(json_object_get(row, "object"));
        if (!(shares->content & SHARES_SYMBOLS) || !name || index >= SYMBOLS_SHOWN) continue;
        struct entry entry = share_of(row);
        snprintf(figure, sizeof figure, "%.*s%s%s", LONGEST_NAME, name, object ? " of " : "",
                 object ? object : "");
        add_entry(shares, record, (unsigned)line->arm, source, &entry, figure);
    }
}

static void add_ledger(struct shares *shares, size_t record, const struct record_line *line) {
    double batches = number_or_nan(line->json, "batches");
    double items = batches * number_or_nan(line->json, "items");
    double count = number_or_nan(json_object_get(line->json, "totals"), "rmw");
    if (!(items > 0) || !isfinite(count)) return;
    struct entry entry = {
        .unit = "operations an item", .value = count / items, .low = NAN, .high = NAN};
    add_entry(shares, record, (unsigned)line->arm, NULL, &entry,
              "atomic read-modify-writes of the scheduler");
}

struct shares *shares_collect(const struct record *const *records, size_t count, unsigned content,
                              struct error *error) {
    struct shares *shares = calloc(1, sizeof *shares);
    if (shares) *shares = (struct shares){records, count, .content = content};
    for (size_t r = 0; shares && r < count; r++)
        for (size_t i = 0; i < records[r]->line_count; i++) {
            const struct record_line *line = &records[r]->lines[i];
            if (line->arm < 0) continue;
            if (content & SHARES_FIGURES && figure_metric(line)) add_figure(shares, r, line);
            if (strcmp(line->kind, "profile") == 0) add_profile(shares, r, line);
            if (content & SHARES_COUNTS && strcmp(line->kind, "ledger") == 0)
                add_ledger(shares, r, line);
        }
    if (shares && !shares->out_of_memory) return shares;
    error_set(error, "out of memory for a table");
    shares_free(shares);
    return NULL;
}

void shares_free(struct shares *shares) {
    if (!shares) return;
    free(shares->columns);
    free(shares->entries);
    free(shares);
}

size_t shares_count(const struct shares *shares) {
    return shares->entry_count;
}
