/* The table of idle gaps; see table_gaps.h. */
#define _GNU_SOURCE
#include "results/tables/table_gaps.h"

#include "results/plots/plot_data.h"
#include "results/tables/table.h"

#include <math.h>
#include <string.h>

static double gap_us(const struct arm_record *arm) {
    const json_t *gap = json_object_get(json_object_get(arm->json, "spec"), "gap_ns");
    return json_is_number(gap) ? json_number_value(gap) / 1000 : 0;
}

static const char *text_or_empty(const char *text) {
    return text ? text : "";
}

/* One arm of a block with several gaps. */
static bool differ_in_gap(const struct arm_record *a, const struct arm_record *b) {
    char group[256], other[256];
    arm_group(a, group, sizeof group);
    arm_group(b, other, sizeof other);
    return gap_us(a) != gap_us(b) && a->workers == b->workers && strcmp(group, other) == 0 &&
           strcmp(text_or_empty(a->scheduler), text_or_empty(b->scheduler)) == 0;
}

bool record_has_gaps(const struct record *record) {
    for (size_t i = 0; record->sample_count && i < record->arm_count; i++)
        for (size_t j = 0; j < i; j++)
            if (differ_in_gap(&record->arms[i], &record->arms[j])) return true;
    return false;
}

/* CPU time of the whole process per 1,000 items in microseconds, idle polling included; NAN if it
 * is not known. */
static double cpu_us_of(const struct record *record, const struct arm_record *arm) {
    double cpu = 0, items = 0;
    for (size_t i = 0; i < record->sample_count; i++) {
        const struct sample *sample = &record->samples[i];
        if (sample->arm != arm->arm || sample->cpu_ns == RECORD_UNAVAILABLE) continue;
        cpu += (double)sample->cpu_ns;
        items += (double)sample->items;
    }
    return items > 0 ? cpu / items : NAN;
}

static bool is_same_arm(const struct arm_record *a, const struct arm_record *b) {
    return strcmp(text_or_empty(a->label), text_or_empty(b->label)) == 0 &&
           strcmp(text_or_empty(a->scheduler), text_or_empty(b->scheduler)) == 0 &&
           a->workers == b->workers;
}

/* The idle group of the arm's profile in a record, or NULL. */
static const json_t *idle_in(const struct record *record, const struct arm_record *arm) {
    for (size_t i = 0; i < record->line_count; i++) {
        const struct record_line *line = &record->lines[i];
        if (strcmp(line->kind, "profile") != 0 || line->arm < 0 ||
            !is_same_arm(&record->arms[line->arm], arm))
            continue;
        const json_t *groups = json_object_get(line->json, "groups");
        for (size_t g = 0; g < json_array_size(groups); g++) {
            const json_t *group = json_array_get(groups, g);
            if (strcmp(text_or_empty(json_string_value(json_object_get(group, "name"))), "idle") ==
                0)
                return group;
        }
    }
    return NULL;
}

static void add_idle(struct grid *grid, const struct record *record, struct record *const *records,
                     size_t count, const struct arm_record *arm) {
    const json_t *idle = idle_in(record, arm);
    for (size_t i = 0; i < count && !idle; i++)
        idle = idle_in(records[i], arm);
    if (!idle) {
        grid_add(grid, "n/a");
        grid_add(grid, "n/a");
        return;
    }
    grid_add(grid, "%.1f %%", 100 * json_number_value(json_object_get(idle, "share")));
    grid_add(grid, "[%.1f, %.1f]", 100 * json_number_value(json_object_get(idle, "low")),
             100 * json_number_value(json_object_get(idle, "high")));
}

static void add_change(struct grid *grid, const struct verdicts *verdicts,
                       const struct arm_record *arm) {
    char change[64], interval[64];
    for (size_t i = 0; i < verdicts->count; i++) {
        const struct comparison *comparison = &verdicts->comparisons[i];
        if (comparison->patched != arm->arm) continue;
        text_of_change(comparison->change, change, sizeof change);
        text_of_interval(&comparison->series, interval, sizeof interval);
        grid_add(grid, "%s", change);
        grid_add(grid, "%s", interval);
        grid_add(grid, "%s", verdict_names[comparison->verdict]);
        return;
    }
    grid_add(grid, "-");
    grid_add(grid, "-");
    grid_add(grid, "%s", role_names[arm->role]);
}

static void add_arm(struct grid *grid, const struct record *record, struct record *const *records,
                    size_t count, const struct verdicts *verdicts, const struct arm_record *arm,
                    const struct plot_summary *throughput) {
    double cpu = cpu_us_of(record, arm);
    grid_add(grid, "%.0f", gap_us(arm));
    grid_add(grid, "%u", plot_threads(arm));
    grid_add(grid, "%.2f", throughput->median);
    grid_add(grid, "[%.2f, %.2f]", throughput->low, throughput->high);
    add_change(grid, verdicts, arm);
    if (isfinite(cpu))
        grid_add(grid, "%.0f", cpu);
    else
        grid_add(grid, "n/a");
    add_idle(grid, record, records, count, arm);
}

bool table_print_gaps(const struct record *record, struct record *const *records, size_t count,
                      bool markdown, FILE *out, struct error *error) {
    static const char *const titles[] = {"gap us",     "threads",       "MiB/s",    "95 % interval",
                                         "change",     "95 % interval", "<verdict", "CPU us",
                                         "idle share", "95 % interval", NULL};
    struct verdicts verdicts;
    if (!verdicts_decide(record, &verdict_defaults, &verdicts, error)) return false;
    struct grid *grid = grid_create(titles);
    bool ok = grid || error_set(error, "out of memory for a table");
    for (size_t i = 0; ok && i < record->arm_count; i++) {
        const struct arm_record *arm = &record->arms[i];
        struct plot_summary throughput = plot_throughput_of(record, arm);
        if (arm->role != ROLE_CONTROL && throughput.count)
            add_arm(grid, record, records, count, &verdicts, arm, &throughput);
    }
    if (ok) {
        fprintf(out, "%sIdle gaps of the caller between batches\n\n", markdown ? "### " : "");
        ok = grid_print(grid, markdown ? GRID_MARKDOWN : GRID_TEXT, out, error);
        fputs(
            "\nThe gap is outside the timed region: MiB/s is of the time from handing a batch over "
            "until its\nresults are given back. CPU us is of the whole process per 1,000 items, "
            "gaps "
            "included. The idle\nshare is of all samples of the arm, gaps included, in untimed "
            "runs.\n",
            out);
    }
    if (grid) grid_free(grid);
    verdicts_free(&verdicts);
    return ok;
}
