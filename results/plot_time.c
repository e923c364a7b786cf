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

static bool phase_times_of(const struct record *record, const struct arm_record *arm,
                           struct phase_times *times) {
    double sums[PHASE_COUNT + 1] = {0}, items = 0, duration = 0;
    for (size_t i = 0; i < record->sample_count; i++) {
        const struct sample *sample = &record->samples[i];
        if (sample->arm != arm->arm || sample->tainted || !sample->items) continue;
        bool any = false;
        for (int phase = 0; phase < PHASE_COUNT; phase++)
            if (sample->phases_ns[phase] != RECORD_UNAVAILABLE) {
                sums[phase] += (double)sample->phases_ns[phase];
                any = true;
            }
        if (!any) continue;
        items += (double)sample->items;
        duration += (double)sample->duration_ns;
    }
    if (items <= 0) return false;
    double rest = duration;
    for (int phase = 0; phase < PHASE_COUNT; phase++)
        rest -= sums[phase];
    sums[PHASE_COUNT] = rest > 0 ? rest : 0;
    times->total = 0;
    for (int phase = 0; phase <= PHASE_COUNT; phase++) {
        times->us[phase] = sums[phase] / items; /* ns an item = us per 1,000 items */
        times->total += times->us[phase];
    }
    return true;
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
            struct phase_times times;
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
             "mean wall time on the caller per 1,000 items%s%s · %s", block->name[0] ? " · " : "",
             block->name, origin);
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
