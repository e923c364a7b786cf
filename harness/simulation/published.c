/* Published figures beside predictions; see published.h. */
#define _GNU_SOURCE
#include "harness/simulation/published.h"

#include "base/datafile.h"
#include "harness/components.h"
#include "results/record.h"

#include <glob.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORDS_MOST = 32 };

struct published {
    struct record *records[RECORDS_MOST];
    size_t count;
};

static bool is_about(const struct record *record, const struct corpus *corpus) {
    const json_t *bytes = record_header_member(record, "corpus.bytes");
    return (size_t)json_integer_value(bytes) == corpus->size_bytes;
}

struct published *published_load(const char *machine, const struct corpus *corpus,
                                 struct error *error) {
    char folder[PATH_MAX - 128], pattern[PATH_MAX];
    struct error missing;
    struct published *published = calloc(1, sizeof *published);
    if (!published) {
        error_set(error, "out of memory");
        return NULL;
    }
    if (strchr(machine, '/') || !datafile_find("published", folder, sizeof folder, &missing))
        return published;
    snprintf(pattern, sizeof pattern, "%s/*-%.100s.jsonl", folder, machine);
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0) return published;
    bool good = true;
    for (size_t i = 0; good && i < found.gl_pathc && published->count < RECORDS_MOST; i++) {
        struct record *record = record_read(found.gl_pathv[i], error);
        good = record != NULL;
        if (good && is_about(record, corpus))
            published->records[published->count++] = record;
        else
            record_free(record);
    }
    globfree(&found);
    if (good) return published;
    published_free(published);
    return NULL;
}

void published_free(struct published *published) {
    if (!published) return;
    for (size_t i = 0; i < published->count; i++)
        record_free(published->records[i]);
    free(published);
}

bool published_any(const struct published *published) {
    return published->count > 0;
}

/* The same scheduler with the same options, however they are written. */
static bool same_scheduler(const char *a, const char *b) {
    struct component one, two;
    struct error error;
    if (!component_parse_scheduler(a, &one, &error)) return false;
    bool same = component_parse_scheduler(b, &two, &error);
    if (same) {
        same = one.scheduler == two.scheduler &&
               (!one.scheduler->options_size ||
                memcmp(one.options, two.options, one.scheduler->options_size) == 0);
        component_free(&two);
    }
    component_free(&one);
    return same;
}

static double throughput_of(const struct record *record, unsigned arm) {
    for (size_t i = 0; (i = record_find_line(record, i, "figure", (int)arm)) < record->line_count;
         i++) {
        const json_t *json = record->lines[i].json;
        const char *metric = json_string_value(json_object_get(json, "metric"));
        if (metric && strcmp(metric, "throughput") == 0)
            return json_number_value(json_object_get(json, "value"));
    }
    return NAN;
}

static double baseline_of(const struct record *record, unsigned threads) {
    for (size_t i = 0; i < record->arm_count; i++)
        if (record->arms[i].role == ROLE_BASELINE && record->arms[i].threads == threads)
            return throughput_of(record, record->arms[i].arm);
    return NAN;
}

void published_text(const struct published *published, const struct arm_spec *spec, char *text,
                    size_t size) {
    size_t length = 0;
    text[0] = 0;
    if (spec->free_by != ARM_FREE_CALLER) return; /* all publications freed on the caller */
    for (size_t r = 0; r < published->count; r++) {
        const struct record *record = published->records[r];
        const char *scenario = record_header_text(record, "scenario");
        for (size_t i = 0; i < record->arm_count && length < size; i++) {
            const struct arm_record *arm = &record->arms[i];
            if (!arm->scheduler || !arm->scheduler[0] || arm->threads != spec->workers ||
                !same_scheduler(arm->scheduler, spec->scheduler))
                continue;
            double value = throughput_of(record, arm->arm);
            double baseline = baseline_of(record, arm->threads);
            if (!isfinite(value)) continue;
            length +=
                (size_t)snprintf(text + length, size - length, "%s%.2f", length ? ", " : "", value);
            if (arm->role != ROLE_BASELINE && isfinite(baseline) && length < size)
                length += (size_t)snprintf(text + length, size - length, " %+.1f %%",
                                           100 * (value / baseline - 1));
            if (length < size)
                length += (size_t)snprintf(text + length, size - length, " (%s)",
                                           scenario ? scenario : record->path);
        }
    }
}
