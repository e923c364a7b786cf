/* Series and summaries from records; see plot_data.h. */
#define _GNU_SOURCE
#include "results/plot_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_OTHER_COLOR = 3, COLOR_COUNT = 8 };

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

/* Baseline and patched arms are one series each whatever their options; other arms are told apart
 * by what they are. */
static void series_key(const struct arm_record *arm, char *key, size_t size) {
    if (arm->role == ROLE_OTHER)
        snprintf(key, size, "other %s %s %s %s", or_empty(arm->scheduler), or_empty(arm->encoder),
                 or_empty(arm->storage), or_empty(arm->free));
    else
        snprintf(key, size, "%s", role_names[arm->role]);
}

static void series_name(const struct arm_record *arm, char *name, size_t size) {
    const char *text = arm->role == ROLE_OTHER && arm->scheduler ? arm->scheduler : arm->label;
    snprintf(name, size, "%s",
             arm->role == ROLE_OTHER ? (text ? text : "arm") : role_names[arm->role]);
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
    int other_colors = 0;
    for (size_t i = 0; i < block->series_count; i++) {
        if (strcmp(block->series[i].key, key) == 0) series = &block->series[i];
        other_colors += block->series[i].color >= FIRST_OTHER_COLOR;
    }
    if (!series) {
        struct plot_series *grown =
            reallocarray(block->series, block->series_count + 1, sizeof *grown);
        if (!grown) return false;
        block->series = grown;
        series = &grown[block->series_count++];
        *series = (struct plot_series){0};
        snprintf(series->key, sizeof series->key, "%s", key);
        series_name(arm, series->name, sizeof series->name);
        series->color = arm->role == ROLE_BASELINE  ? 1
                        : arm->role == ROLE_PATCHED ? 2
                                                    : FIRST_OTHER_COLOR + other_colors % 6;
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

static int compare_reals(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct plot_summary plot_summarise(double *values, size_t count) {
    if (count == 0) return (struct plot_summary){0};
    qsort(values, count, sizeof *values, compare_reals);
    struct plot_summary summary = {
        .median = (values[(count - 1) / 2] + values[count / 2]) / 2,
        .low = values[0],
        .high = values[count - 1],
        .count = count,
    };
    if (count >= 6) {
        /* Ranks of the distribution-free interval of a median, normal approximation. */
        double spread = 1.96 * sqrt((double)count) / 2;
        long low = lround(floor((double)count / 2 - spread));
        if (low < 0) low = 0;
        summary.low = values[low];
        summary.high = values[(long)count - 1 - low];
    }
    return summary;
}

const char *plot_unit(const struct record *record) {
    const char *unit = record_header_text(record, "unit");
    return unit ? unit : "MiB/s";
}

static double sample_throughput(const struct sample *sample, bool of_items) {
    double amount = of_items ? (double)sample->items : (double)sample->bytes / (1 << 20);
    return amount * 1e9 / (double)sample->duration_ns;
}

struct plot_summary plot_throughput_of(const struct record *record, const struct arm_record *arm) {
    bool of_items = strcmp(plot_unit(record), "items/s") == 0;
    double *values = calloc(record->sample_count + 1, sizeof *values);
    size_t count = 0;
    for (size_t i = 0; values && i < record->sample_count; i++) {
        const struct sample *sample = &record->samples[i];
        if (sample->arm == arm->arm && !sample->tainted && sample->duration_ns)
            values[count++] = sample_throughput(sample, of_items);
    }
    struct plot_summary summary = plot_summarise(values, count);
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
    unsigned threads = plot_threads(arm);
    if (threads)
        snprintf(text, size, "%u thread%s, %s", threads, threads == 1 ? "" : "s", series->name);
    else if (arm->row_name)
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
    bool measured = !provenance || strcmp(provenance, "measured") == 0;
    bool demo = provenance && strcmp(provenance, "demo") == 0;
    snprintf(text, size, "%s%s%s%s%.10s%s%s%s", scenario ? scenario : "", scenario ? " · " : "",
             plot_machine(record), created ? " · " : "", created ? created : "",
             measured ? "" : " (",
             measured ? ""
             : demo   ? "demo data"
                      : provenance,
             measured ? "" : ")");
}
