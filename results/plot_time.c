/* Chart: where a batch's time goes, as stacked bars of its phases. */
#define _GNU_SOURCE
#include "results/plot_parts.h"

#include <stdlib.h>
#include <string.h>

/* Mean time of each phase per 1,000 items in microseconds; the last is what no phase covers. */
struct phase_times {
    double us[PHASE_COUNT + 1];
    double total;
};

/* What remains of `duration` beyond the phases goes to the last part. */
static void scale_phases(struct phase_times *times, const double *sums, double duration,
                         double items) {
    double rest = duration;
    times->total = 0;
    for (int phase = 0; phase <= PHASE_COUNT; phase++) {
        double sum = phase < PHASE_COUNT ? sums[phase] : rest > 0 ? rest : 0;
        rest -= sum;
        times->us[phase] = sum / items; /* ns an item = us per 1,000 items */
        times->total += times->us[phase];
    }
}

/* From timed samples, if they tell the run phase from the others. */
static bool phases_of_samples(const struct record *record, const struct arm_record *arm,
                              struct phase_times *times) {
    double sums[PHASE_COUNT] = {0}, items = 0, duration = 0;
    for (size_t i = 0; i < record->sample_count; i++) {
        const struct sample *sample = &record->samples[i];
        if (sample->arm != arm->arm || sample->tainted || !sample->items ||
            sample->phases_ns[PHASE_RUN] == RECORD_UNAVAILABLE)
            continue;
        for (int phase = 0; phase < PHASE_COUNT; phase++)
            if (sample->phases_ns[phase] != RECORD_UNAVAILABLE)
                sums[phase] += (double)sample->phases_ns[phase];
        items += (double)sample->items;
        duration += (double)sample->duration_ns;
    }
    if (items > 0) scale_phases(times, sums, duration, items);
    return items > 0;
}

/* Items of an observation: all leaves together. */
static double items_of_leaves(const json_t *line) {
    json_t *sizes = json_object_get(line, "leaf_sizes"), *count;
    const char *key;
    double items = 0;
    json_object_foreach(sizes, key, count) items += strtod(key, NULL) * json_number_value(count);
    return items;
}

/* From an instrumented run that was not timed. */
static bool phases_of_observation(const struct record *record, const struct arm_record *arm,
                                  struct phase_times *times) {
    size_t at = record_find_line(record, 0, "observation", (int)arm->arm);
    if (at == record->line_count) return false;
    const json_t *line = record->lines[at].json;
    json_t *phases = json_object_get(line, "phases_ns");
    double sums[PHASE_COUNT] = {0}, items = items_of_leaves(line);
    double duration = json_number_value(json_object_get(line, "duration_ns"));
    if (!phases || items <= 0 || duration <= 0) return false;
    for (int phase = 0; phase < PHASE_COUNT; phase++)
        sums[phase] = json_number_value(json_object_get(phases, phase_names[phase]));
    scale_phases(times, sums, duration, items);
    return true;
}

static bool phase_times_of(const struct record *record, const struct arm_record *arm,
                           struct phase_times *times) {
    return phases_of_samples(record, arm, times) || phases_of_observation(record, arm, times);
}

static void put_row(FILE *out, size_t row, const char *name, const struct phase_times *times) {
    fprintf(out, "%zu ", row);
    chart_put_word(out, name);
    for (int phase = 0; phase <= PHASE_COUNT; phase++)
        fprintf(out, " %.5g", 100 * times->us[phase] / times->total);
    fprintf(out, " \"%.0f us\"\n", times->total);
}

static size_t put_rows(FILE *out, const struct plot_block *block, size_t *longest_name) {
    size_t rows = 0;
    /* Thread counts outside, series inside: baseline stands directly above patched. */
    for (size_t place = 0, any = 1; any; place++) {
        any = 0;
        for (size_t i = 0; i < block->series_count; i++) {
            if (place >= block->series[i].arm_count) continue;
            any = 1;
            struct phase_times times = {0};
            char name[128];
            const struct arm_record *arm = block->series[i].arms[place];
            if (!phase_times_of(block->record, arm, &times) || times.total <= 0) continue;
            plot_row_name(&block->series[i], arm, name, sizeof name);
            put_row(out, rows++, name, &times);
            if (strlen(name) > *longest_name) *longest_name = strlen(name);
        }
    }
    return rows;
}

bool plot_add_phases(struct plot_set *set, const struct plot_block *block, const char *stem,
                     struct error *error) {
    static const int colors[PHASE_COUNT + 1] = {5, 2, 4, 3, 1, 7};
    const char *names[PHASE_COUNT + 1];
    char name[64], origin[256];
    size_t longest = 0;
    struct chart_builder builder;
    struct chart *chart = plot_set_add(set, error);
    snprintf(name, sizeof name, "%sphases", stem);
    if (!chart || !chart_begin(&builder, chart, "stacked", name, error)) return false;
    fputs("# row, name, per cent of wall time in: fork run join collect drop other, us per 1,000 "
          "items\n",
          builder.data);
    size_t rows = put_rows(builder.data, block, &longest);
    for (int phase = 0; phase < PHASE_COUNT; phase++)
        names[phase] = phase_names[phase];
    names[PHASE_COUNT] = "other";
    plot_origin(block->record, origin, sizeof origin);
    chart->height = 150 + 34 * (int)rows;
    snprintf(chart->heading, sizeof chart->heading, "Where a batch's time goes");
    snprintf(chart->subheading, sizeof chart->subheading,
             "share of the caller's wall time%s%s · %s", block->name[0] ? " · " : "", block->name,
             origin);
    snprintf(chart->caption, sizeof chart->caption,
             "Time per 1,000 items in fork, run, join, collect and drop");
    fprintf(builder.values,
            "parts = %d\nrows = %zu\nhighest = 100\nleft_share = %.3f\nleft_characters = %zu\n",
            PHASE_COUNT + 1, rows, 0.05 + 0.0092 * (double)longest, longest + 2);
    chart_put_text(builder.values, "x_title",
                   "share of wall time (%), and microseconds per 1,000 items");
    chart_put_texts(builder.values, "part_name", names, PHASE_COUNT + 1);
    chart_put_integers(builder.values, "part_color", colors, PHASE_COUNT + 1);
    if (!chart_end(&builder, error)) return false;
    if (!rows) plot_set_drop_last(set);
    return true;
}

/* ---- what workers do ---- */

enum { STATE_COUNT = 6 };

/* Shares of workers x wall time in each state, the last for what no state covers; the useful share
 * comes from the harness itself, whatever the scheduler tells. */
static bool worker_states_of(const struct record *record, const struct arm_record *arm,
                             double shares[STATE_COUNT]) {
    static const char *const keys[STATE_COUNT - 1] = {"run_ns", "steal_ns", "spin_ns", "park_ns",
                                                      "wake_ns"};
    size_t at = record_find_line(record, 0, "observation", (int)arm->arm);
    if (at == record->line_count || !arm->workers) return false;
    const json_t *line = record->lines[at].json;
    double wall = json_number_value(json_object_get(line, "duration_ns")) * arm->workers;
    double useful = json_number_value(json_object_get(line, "useful_ns"));
    json_t *times = json_object_get(line, "worker_times");
    if (wall <= 0 || useful <= 0) return false;
    double sum = 0;
    for (int state = 0; state < STATE_COUNT - 1; state++) {
        double total = 0;
        for (size_t i = 0; i < json_array_size(times); i++)
            total += json_number_value(json_object_get(json_array_get(times, i), keys[state]));
        if (state == 0) total = useful;
        shares[state] = 100 * total / wall;
        sum += shares[state];
    }
    shares[STATE_COUNT - 1] = sum < 100 ? 100 - sum : 0;
    return true;
}

static size_t put_worker_rows(FILE *out, const struct plot_block *block, size_t *longest_name) {
    size_t rows = 0;
    for (size_t place = 0, any = 1; any; place++) {
        any = 0;
        for (size_t i = 0; i < block->series_count; i++) {
            double shares[STATE_COUNT];
            char name[128];
            if (place >= block->series[i].arm_count) continue;
            any = 1;
            const struct arm_record *arm = block->series[i].arms[place];
            if (!worker_states_of(block->record, arm, shares)) continue;
            plot_row_name(&block->series[i], arm, name, sizeof name);
            fprintf(out, "%zu ", rows++);
            chart_put_word(out, name);
            for (int state = 0; state < STATE_COUNT; state++)
                fprintf(out, " %.5g", shares[state]);
            fprintf(out, " \"%.0f %% useful\"\n", shares[0]);
            if (strlen(name) > *longest_name) *longest_name = strlen(name);
        }
    }
    return rows;
}

bool plot_add_workers(struct plot_set *set, const struct plot_block *block, const char *stem,
                      struct error *error) {
    static const int colors[STATE_COUNT] = {2, 3, 5, 6, 4, 7};
    static const char *const names[STATE_COUNT] = {"in items", "steal", "spin",
                                                   "park",     "wake",  "not told"};
    char name[64], origin[256];
    size_t longest = 0;
    struct chart_builder builder;
    struct chart *chart = plot_set_add(set, error);
    snprintf(name, sizeof name, "%sworkers", stem);
    if (!chart || !chart_begin(&builder, chart, "stacked", name, error)) return false;
    fputs("# row, name, per cent of workers x wall time: in items, steal, spin, park, wake, not "
          "told\n",
          builder.data);
    size_t rows = put_worker_rows(builder.data, block, &longest);
    plot_origin(block->record, origin, sizeof origin);
    chart->height = 150 + 34 * (int)rows;
    snprintf(chart->heading, sizeof chart->heading, "What workers do");
    snprintf(chart->subheading, sizeof chart->subheading,
             "share of workers x wall time in an instrumented run%s%s · %s",
             block->name[0] ? " · " : "", block->name, origin);
    snprintf(chart->caption, sizeof chart->caption,
             "Share of time that workers spend in items, stealing, spinning, parked and waking");
    fprintf(builder.values,
            "parts = %d\nrows = %zu\nhighest = 100\nleft_share = %.3f\nleft_characters = %zu\n",
            STATE_COUNT, rows, 0.05 + 0.0092 * (double)longest, longest + 2);
    chart_put_text(builder.values, "x_title", "share of workers x wall time (%)");
    chart_put_texts(builder.values, "part_name", names, STATE_COUNT);
    chart_put_integers(builder.values, "part_color", colors, STATE_COUNT);
    if (!chart_end(&builder, error)) return false;
    if (!rows) plot_set_drop_last(set);
    return true;
}
