/* Exports: choosing the format, and what formats share; see export.h. */
#define _GNU_SOURCE
#include "results/exports/export.h"

#include "results/pairs.h"
#include "results/tables/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Puts `text` into `name` from `used` on, other characters as '-', and returns the new length. */
static size_t append_plain(char *name, size_t size, size_t used, const char *text) {
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.";
    for (; *text && used + 1 < size; text++) {
        char c = strchr(allowed, *text) ? *text : '-';
        if (c == '-' && used && strchr("-/=", name[used - 1])) continue;
        name[used++] = c;
    }
    while (used && name[used - 1] == '-')
        used--;
    name[used] = 0;
    return used;
}

static size_t append_part(char *name, size_t size, size_t used, const char *part) {
    int length = snprintf(name + used, size - used, "%s", part);
    return used + (size_t)length < size ? used + (size_t)length : size - 1;
}

static bool name_is_taken(const struct record *record, const struct arm_record *arm) {
    for (unsigned i = 0; i < arm->arm; i++) {
        const struct arm_record *other = &record->arms[i];
        char group[256], other_group[256];
        arm_group(arm, group, sizeof group);
        arm_group(other, other_group, sizeof other_group);
        if (arms_share_row(arm, other) && strcmp(group, other_group) == 0 &&
            strcmp(arm_label(arm), arm_label(other)) == 0)
            return true;
    }
    return false;
}

void export_arm_name(const struct record *record, const struct arm_record *arm, char *name,
                     size_t size) {
    char group[256], threads[32];
    const char *scenario = record_header_text(record, "scenario");
    size_t used = append_plain(name, size, 0, scenario ? scenario : "grainbench");
    arm_group(arm, group, sizeof group);
    if (group[0]) {
        used = append_part(name, size, used, "/work=");
        used = append_plain(name, size, used, group);
    }
    used = append_part(name, size, used, "/arm=");
    used = append_plain(name, size, used, arm_label(arm));
    snprintf(threads, sizeof threads, "/threads=%u", arm->threads ? arm->threads : arm->workers);
    used = append_part(name, size, used, threads);
    if (name_is_taken(record, arm)) snprintf(name + used, size - used, "/index=%u", arm->arm);
}

void export_visit_counts(const struct record *record, unsigned arm,
                         void (*visit)(void *context, const char *name, double value),
                         void *context) {
    size_t line = record_find_line(record, 0, "ledger", (int)arm);
    if (line == record->line_count) return;
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(record->lines[line].json, "totals"), key, value) {
        if (json_is_number(value)) visit(context, key, json_number_value(value));
    }
}

bool export_counts_are_exact(const struct record *record) {
    bool any = false;
    for (size_t i = 0; i < record->line_count; i++) {
        if (strcmp(record->lines[i].kind, "ledger") != 0) continue;
        if (!json_is_true(json_object_get(record->lines[i].json, "exact"))) return false;
        any = true;
    }
    return any;
}

bool export_keeps_tainted(const struct record *record) {
    for (unsigned arm = 0; arm < record->arm_count; arm++) {
        size_t clean = 0, all = 0;
        for (size_t i = 0; i < record->sample_count; i++) {
            all += record->samples[i].arm == arm;
            clean += record->samples[i].arm == arm && !record->samples[i].tainted;
        }
        if (2 * clean < all) return true;
    }
    return false;
}

bool export_has_sample(const struct sample *sample, unsigned arm, bool keeps_tainted) {
    return sample->arm == arm && (keeps_tainted || !sample->tainted);
}

/* Why the format would come out empty; NULL if it would not. A file that says nothing passes every
 * later check, so it is not written. */
static const char *reason_to_refuse(const struct record *record, enum export_format format) {
    bool of_samples = format == EXPORT_GOOGLE || format == EXPORT_HYPERFINE || format == EXPORT_CSV;
    bool rates = false, counts = false;
    for (unsigned arm = 0; arm < record->arm_count; arm++) {
        rates |= isfinite(arm_throughput(record, arm));
        counts |= record_find_line(record, 0, "ledger", (int)arm) < record->line_count;
    }
    if (format == EXPORT_MARKDOWN || record->sample_count) return NULL;
    if (of_samples)
        return "holds no samples, which this format is made of; bmf, github-bigger, go and "
               "markdown can say more";
    if (format == EXPORT_GITHUB_SMALLER && !counts)
        return "holds neither samples nor counts; published throughput goes into github-bigger";
    if (format == EXPORT_GITHUB_BIGGER && !rates)
        return "holds no throughput; counts go into github-smaller";
    return rates || counts ? NULL
                           : "holds neither samples nor throughput nor counts; 'grainbench table' "
                             "shows what it holds";
}

static bool print_json(json_t *json, FILE *out, struct error *error) {
    char *text = json ? json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) : NULL;
    json_decref(json);
    if (!text) return error_set(error, "out of memory for an export");
    fprintf(out, "%s\n", text);
    free(text);
    return true;
}

bool export_record(const struct record *record, enum export_format format, FILE *out,
                   struct error *error) {
    struct table_options markdown = table_defaults;
    markdown.format = TABLE_MARKDOWN;
    const char *refused = reason_to_refuse(record, format);
    if (refused) return error_set(error, "%s: the record %s", record->path, refused);
    switch (format) {
    case EXPORT_GO:
        return export_go(record, out, error);
    case EXPORT_BMF:
        return print_json(export_bmf(record), out, error);
    case EXPORT_GOOGLE:
        return print_json(export_google(record), out, error);
    case EXPORT_GITHUB_BIGGER:
        return print_json(export_github(record, true), out, error);
    case EXPORT_GITHUB_SMALLER:
        return print_json(export_github(record, false), out, error);
    case EXPORT_HYPERFINE:
        return print_json(export_hyperfine(record), out, error);
    case EXPORT_CSV:
        return export_csv(record, out, error);
    case EXPORT_MARKDOWN:
        return table_print(record, &markdown, out, error);
    case EXPORT_COUNT:
        break;
    }
    return error_set(error, "no such export format");
}
