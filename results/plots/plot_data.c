/* Series and summaries from records; see plot_data.h. */
#define _GNU_SOURCE
#include "results/plots/plot_data.h"

#include "results/pairs.h"
#include "results/statistics.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_OTHER_COLOR = 3 };

static const char *or_empty(const char *text) {
    return text ? text : "";
}

unsigned plot_threads(const struct arm_record *arm) {
    return arm->threads ? arm->threads : arm->workers;
}

static void block_key(const struct arm_record *arm, char *key, size_t size) {
    const char *group = json_string_value(json_object_get(arm->json, "group"));
    const char *parts[] = {arm->encoder, arm->entry, arm->cost, arm->cache, arm->storage};
    key[0] = 0;
    if (group) snprintf(key, size, "%s", group);
    for (size_t i = 0; !group && i < sizeof parts / sizeof parts[0]; i++) {
        size_t used = strlen(key);
        if (parts[i] && parts[i][0])
            snprintf(key + used, size - used, "%s%s", used ? ", " : "", parts[i]);
    }
}

/* Arms of the same role and label at different thread counts are one series. */
static void series_key(const struct arm_record *arm, char *key, size_t size) {
    snprintf(key, size, "%s %s", role_names[arm->role],
             arm->label ? arm->label : or_empty(arm->scheduler));
}

/* Labels may end in the thread count they are about, which is not part of the series' name. */
static void series_name(const struct arm_record *arm, char *name, size_t size) {
    const char *text = arm->label ? arm->label : arm->scheduler;
    snprintf(name, size, "%s", text ? text : role_names[arm->role]);
}

static int series_color(const struct plot_block *block, const struct arm_record *arm) {
    int others = 0;
    bool patched = false;
    for (size_t i = 0; i + 1 < block->series_count; i++) {
        others += block->series[i].color >= FIRST_OTHER_COLOR;
        patched |= block->series[i].color == 2;
    }
    if (arm->role == ROLE_BASELINE) return 1;
    if (arm->role == ROLE_PATCHED && !patched) return 2;
    return FIRST_OTHER_COLOR + others % 6;
}

static bool add_arm(struct plot_series *series, const struct arm_record *arm) {
    const struct arm_record **arms =
        reallocarray(series->arms, series->arm_count + 1, sizeof *arms);
    if (!arms) return false;
    series->arms = arms;
    size_t at = series->arm_count++;
    for (; at > 0 && plot_threads(arms[at - 1]) > plot_threads(arm); at--)
        arms[at] = arms[at - 1];
    arms[at] = arm;
    return true;
}

static bool add_to_block(struct plot_block *block, const struct arm_record *arm) {
    char key[sizeof block->series->key];
    series_key(arm, key, sizeof key);
    struct plot_series *series = NULL;
    for (size_t i = 0; i < block->series_count; i++)
        if (strcmp(block->series[i].key, key) == 0) series = &block->series[i];
    if (!series) {
        struct plot_series *grown =
            reallocarray(block->series, block->series_count + 1, sizeof *grown);
        if (!grown) return false;
        block->series = grown;
        series = &grown[block->series_count++];
        *series = (struct plot_series){0};
        snprintf(series->key, sizeof series->key, "%s", key);
        series_name(arm, series->name, sizeof series->name);
        series->color = series_color(block, arm);
    }
    return add_arm(series, arm);
}

bool plot_blocks(const struct record *record, struct plot_block **blocks, size_t *count,
                 struct error *error) {
    *blocks = NULL;
    *count = 0;
    for (size_t i = 0; i < record->arm_count; i++) {
        const struct arm_record *arm = &record->arms[i];
        if (arm->role == ROLE_CONTROL) continue;
        char key[sizeof(*blocks)->name];
        block_key(arm, key, sizeof key);
        size_t at = 0;
        while (at < *count && strcmp((*blocks)[at].name, key) != 0)
            at++;
        if (at == *count) {
            struct plot_block *grown = reallocarray(*blocks, *count + 1, sizeof *grown);
            if (!grown) goto out_of_memory;
            *blocks = grown;
            grown[at] = (struct plot_block){.record = record};
            snprintf(grown[at].name, sizeof grown[at].name, "%s", key);
            ++*count;
        }
        if (!add_to_block(&(*blocks)[at], arm)) goto out_of_memory;
    }
    if (*count == 1) (*blocks)[0].name[0] = 0;
    return true;
out_of_memory:
    plot_blocks_free(*blocks, *count);
    return error_set(error, "%s: out of memory", record->path);
}

void plot_blocks_free(struct plot_block *blocks, size_t count) {
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < blocks[i].series_count; k++)
            free(blocks[i].series[k].arms);
        free(blocks[i].series);
    }
    free(blocks);
}

struct plot_summary plot_summarise(const double *values, size_t count) {
    struct interval interval;
    if (count == 0) return (struct plot_summary){0};
    if (statistics_median_interval(values, count, 0.95, &interval))
        return (struct plot_summary){interval.estimate, interval.low, interval.high, count};
    /* Too few for an interval of 95 %: the whole range, which says less than it seems to. */
    struct plot_summary summary = {statistics_median(values, count), values[0], values[0], count};
    for (size_t i = 1; i < count; i++) {
        if (values[i] < summary.low) summary.low = values[i];
        if (values[i] > summary.high) summary.high = values[i];
    }
    return summary;
}

struct plot_summary plot_throughput_of(const struct record *record, const struct arm_record *arm) {
    double *values = NULL;
    size_t count = 0;
    struct plot_summary summary = {0};
    if (arm_throughputs(record, arm->arm, &values, &count, NULL))
        summary = plot_summarise(values, count);
    free(values);
    for (size_t i = 0; !count && i < record->line_count; i++) {
        const struct record_line *line = &record->lines[i];
        const char *metric = json_string_value(json_object_get(line->json, "metric"));
        json_t *value = json_object_get(line->json, "value");
        if (line->arm != (int)arm->arm || strcmp(line->kind, "figure") != 0 || !metric ||
            strncmp(metric, "throughput", 10) != 0 || !json_is_number(value))
            continue;
        json_t *low = json_object_get(line->json, "low"),
               *high = json_object_get(line->json, "high");
        double number = json_number_value(value);
        summary = (struct plot_summary){number, low ? json_number_value(low) : number,
                                        high ? json_number_value(high) : number, 1};
        break;
    }
    return summary;
}

void plot_row_name(const struct plot_series *series, const struct arm_record *arm, char *text,
                   size_t size) {
    unsigned threads = arm->threads ? arm->threads : arm->row_name ? 0 : arm->workers;
    if (threads)
        snprintf(text, size, "%u thread%s, %s", threads, threads == 1 ? "" : "s", series->name);
    else if (arm->row_name && strcmp(arm->row_name, series->name) != 0)
        snprintf(text, size, "%s, %s", arm->row_name, series->name);
    else
        snprintf(text, size, "%s", series->name);
}

const char *plot_machine(const struct record *record) {
    const char *name = record_header_text(record, "machine.name");
    if (!name) name = record_header_text(record, "machine.cpu");
    return name ? name : "unknown machine";
}

void plot_origin(const struct record *record, char *text, size_t size) {
    const char *provenance = record_header_text(record, "provenance");
    const char *scenario = record_header_text(record, "scenario");
    const char *created = record_header_text(record, "created");
    char kind[64] = "";
    bool siblings;
    int cores = plot_cores(record, &siblings);
    if (json_is_true(record_header_member(record, "machine.hypervisor")))
        snprintf(kind, sizeof kind, ", virtual machine with %d core%s", cores,
                 cores == 1 ? "" : "s");
    if (provenance && strcmp(provenance, "measured") == 0) provenance = NULL;
    if (provenance && strcmp(provenance, "demo") == 0) provenance = "demo data";
    snprintf(text, size, "%s%s%s%s%s%.10s%s%s%s", scenario ? scenario : "", scenario ? " · " : "",
             plot_machine(record), kind, created ? " · " : "", created ? created : "",
             provenance ? " (" : "", provenance ? provenance : "", provenance ? ")" : "");
}

static int header_integer(const struct record *record, const char *first, const char *second) {
    json_t *member = record_header_member(record, first);
    if (!json_is_integer(member)) member = record_header_member(record, second);
    return json_is_integer(member) ? (int)json_integer_value(member) : 0;
}

int plot_cores(const struct record *record, bool *siblings) {
    int cores = header_integer(record, "machine.physical", "machine.cores");
    *siblings = header_integer(record, "machine.logical", "machine.pus") > cores;
    return cores;
}

const json_t *plot_line_of(const struct record *record, const char *kind, unsigned arm) {
    size_t at = record_find_line(record, 0, kind, (int)arm);
    return at < record->line_count ? record->lines[at].json : NULL;
}
