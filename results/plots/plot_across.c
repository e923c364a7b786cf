/* Charts across records: throughput of each arm over time on one machine, and the change of each
 * patched arm on different machines. Absolute figures of different machines never share a line. */
#define _GNU_SOURCE
#include "results/pairs.h"
#include "results/plots/plot_parts.h"
#include "results/verdict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- history ---- */

struct history_point {
    const struct record *record;
    const char *created;
};

static int compare_points(const void *a, const void *b) {
    const struct history_point *x = a, *y = b;
    return strcmp(x->created, y->created);
}

static const char *fingerprint(const struct record *record) {
    const char *text = record_header_text(record, "machine.fingerprint");
    return text ? text : "";
}

/* The records of the first record's machine, by time. */
static size_t records_over_time(struct record *const *records, size_t count,
                                struct history_point *points) {
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const char *created = record_header_text(records[i], "created");
        if (!created || !records[i]->sample_count ||
            strcmp(fingerprint(records[i]), fingerprint(records[0])) != 0)
            continue;
        points[used++] = (struct history_point){records[i], created};
    }
    qsort(points, used, sizeof *points, compare_points);
    return used;
}

static bool same_arm(const struct arm_record *a, const struct arm_record *b) {
    char group_a[256], group_b[256];
    arm_group(a, group_a, sizeof group_a);
    arm_group(b, group_b, sizeof group_b);
    return a->role == b->role && plot_threads(a) == plot_threads(b) && a->label && b->label &&
           strcmp(a->label, b->label) == 0 && strcmp(group_a, group_b) == 0;
}

/* In how many of the records an arm has a throughput. */
static size_t appearances(const struct history_point *points, size_t count,
                          const struct arm_record *arm) {
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < points[i].record->arm_count; k++) {
            const struct arm_record *other = &points[i].record->arms[k];
            if (!same_arm(arm, other) || !plot_throughput_of(points[i].record, other).count)
                continue;
            found++;
            break;
        }
    return found;
}

/* One series: an arm of the first record, looked up in all. */
static void put_history(FILE *out, const struct history_point *points, size_t count,
                        const struct arm_record *arm, double *last, double *highest) {
    fprintf(out, "# %s, %u threads: record, median, low, high\n", arm->label, plot_threads(arm));
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < points[i].record->arm_count; k++) {
            const struct arm_record *other = &points[i].record->arms[k];
            if (!same_arm(arm, other)) continue;
            struct plot_summary summary = plot_throughput_of(points[i].record, other);
            if (!summary.count) continue;
            fprintf(out, "%zu %.6g %.6g %.6g\n", i + 1, summary.median, summary.low, summary.high);
            *last = summary.median;
            if (summary.high > *highest) *highest = summary.high;
        }
    fputs("\n\n", out);
}

static void put_dates(FILE *out, const struct history_point *points, size_t count) {
    size_t step = count > 8 ? (count + 7) / 8 : 1;
    fputs("ticks = '", out);
    for (size_t i = 0; i < count; i++) /* "2026-11-21T21:00" gives "11-21 21:00" */
        fprintf(out, "%s\"%.5s %.5s\" %zu", i ? "," : "", i % step ? "" : points[i].created + 5,
                i % step || strlen(points[i].created) < 16 ? "" : points[i].created + 11, i + 1);
    fputs("'\n", out);
}

static bool write_history(struct chart_builder *builder, const struct history_point *points,
                          size_t count) {
    const struct record *first = points[0].record;
    const char *names[CHART_SERIES_LIMIT];
    char name_texts[CHART_SERIES_LIMIT][64];
    int colors[CHART_SERIES_LIMIT];
    double labels[CHART_SERIES_LIMIT] = {0}, highest = 0;
    size_t series = 0;
    for (size_t i = 0; i < first->arm_count && series < CHART_SERIES_LIMIT; i++) {
        const struct arm_record *arm = &first->arms[i];
        if (arm->role == ROLE_CONTROL || !arm->label || appearances(points, count, arm) < 2)
            continue;
        put_history(builder->data, points, count, arm, &labels[series], &highest);
        snprintf(name_texts[series], sizeof name_texts[series], "%.40s, %u", arm->label,
                 plot_threads(arm));
        names[series] = name_texts[series];
        colors[series] = (int)series + 1;
        series++;
    }
    for (size_t i = 0; i < series; i++) /* labels apart from each other, lowest first */
        for (size_t k = 0; k < series; k++)
            if (k != i && labels[k] >= labels[i] && labels[k] < labels[i] + highest * 0.05 &&
                (labels[k] > labels[i] || k > i))
                labels[k] = labels[i] + highest * 0.05;
    fprintf(builder->values, "series = %zu\ncores = 0\nlast_x = %zu\nideal = 0\nhighest = %.6g\n",
            series, count, highest);
    chart_put_texts(builder->values, "series_name", names, series);
    chart_put_integers(builder->values, "series_color", colors, series);
    chart_put_reals(builder->values, "series_label_y", labels, series);
    chart_put_text(builder->values, "cores_text", "");
    chart_put_text(builder->values, "beyond_text", "");
    chart_put_text(builder->values, "x_title", "record, by time of measurement");
    chart_put_text(builder->values, "y_title", record_unit(first));
    put_dates(builder->values, points, count);
    return series > 0 && highest > 0;
}

bool plot_add_history(struct plot_set *set, struct record *const *records, size_t count,
                      struct error *error) {
    struct history_point *points = calloc(count, sizeof *points);
    if (!points) return error_set(error, "out of memory for charts");
    size_t used = records_over_time(records, count, points);
    if (used < 2) {
        free(points);
        return true;
    }
    char origin[256];
    struct chart_builder builder;
    struct chart *chart = plot_set_add(set, error);
    if (!chart || !chart_begin(&builder, chart, "lines", "history", error)) {
        free(points);
        return false;
    }
    bool anything = write_history(&builder, points, used);
    plot_origin(points[used - 1].record, origin, sizeof origin);
    snprintf(chart->heading, sizeof chart->heading, "History on one machine");
    snprintf(chart->subheading, sizeof chart->subheading,
             "median throughput of each record, bars: 95 %% interval · %s", origin);
    snprintf(chart->caption, sizeof chart->caption, "Throughput of %zu records over time", used);
    free(points);
    if (!chart_end(&builder, error)) return false;
    if (!anything) plot_set_drop_last(set);
    return true;
}

/* ---- machines ---- */

static void put_machine_changes(struct change_rows *rows, const struct record *record,
                                const struct verdicts *verdicts) {
    const char *scenario = record_header_text(record, "scenario");
    for (size_t i = 0; i < verdicts->count; i++) {
        const struct comparison *comparison = &verdicts->comparisons[i];
        const struct arm_record *arm = &record->arms[comparison->patched];
        char label[200];
        if (!plot_threads(arm) || comparison->verdict == VERDICT_IDENTICAL) continue;
        snprintf(label, sizeof label, "%s%s%.20s, %u", scenario ? scenario : "",
                 scenario ? ", " : "", plot_machine(record), plot_threads(arm));
        plot_put_change(rows, label, comparison, arm->role == ROLE_PATCHED ? 2 : 3);
    }
}

bool plot_add_machines(struct plot_set *set, struct record *const *records, size_t count,
                       struct error *error) {
    bool differ = false;
    for (size_t i = 1; i < count; i++)
        differ |= strcmp(plot_machine(records[i]), plot_machine(records[0])) != 0;
    if (!differ) return true;
    struct chart_builder builder;
    struct chart *chart = plot_set_add(set, error);
    if (!chart || !chart_begin(&builder, chart, "change", "machines", error)) return false;
    fputs("# row, machine and threads, change, low, high, noise floor (all %), colour, text\n",
          builder.data);
    struct change_rows rows = {.out = builder.data};
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        struct verdicts verdicts;
        ok = verdicts_decide(records[i], &verdict_defaults, &verdicts, error);
        if (!ok) break;
        put_machine_changes(&rows, records[i], &verdicts);
        verdicts_free(&verdicts);
    }
    snprintf(chart->heading, sizeof chart->heading, "Change across machines");
    snprintf(chart->subheading, sizeof chart->subheading,
             "change over the baseline of the same machine; figures without interval are "
             "published, not measured here");
    snprintf(chart->caption, sizeof chart->caption, "Change in per cent by machine and threads");
    plot_put_change_values(builder.values, chart, &rows);
    chart_put_text(builder.values, "floor_text", "");
    ok = chart_end(&builder, error) && ok;
    if (ok && !rows.count) plot_set_drop_last(set);
    return ok;
}
