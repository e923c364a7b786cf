/* Chart: where a batch's time goes, as stacked bars of its phases. */
#define _GNU_SOURCE
#include "results/plots/plot_parts.h"
#include "results/time_shares.h"

#include <stdlib.h>
#include <string.h>

static void put_row(FILE *out, size_t row, const char *name, const struct time_phases *times) {
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
            struct time_phases times = {0};
            char name[128];
            const struct arm_record *arm = block->series[i].arms[place];
            if (!time_phases_of(block->record, arm, &times) || times.total <= 0) continue;
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

static size_t put_worker_rows(FILE *out, const struct plot_block *block, size_t *longest_name) {
    size_t rows = 0;
    for (size_t place = 0, any = 1; any; place++) {
        any = 0;
        for (size_t i = 0; i < block->series_count; i++) {
            double shares[WORKER_STATES];
            char name[128];
            if (place >= block->series[i].arm_count) continue;
            any = 1;
            const struct arm_record *arm = block->series[i].arms[place];
            if (!worker_states_of(block->record, arm, shares)) continue;
            plot_row_name(&block->series[i], arm, name, sizeof name);
            fprintf(out, "%zu ", rows++);
            chart_put_word(out, name);
            for (int state = 0; state < WORKER_STATES; state++)
                fprintf(out, " %.5g", shares[state]);
            fprintf(out, " \"%.0f %% useful\"\n", shares[0]);
            if (strlen(name) > *longest_name) *longest_name = strlen(name);
        }
    }
    return rows;
}

bool plot_add_workers(struct plot_set *set, const struct plot_block *block, const char *stem,
                      struct error *error) {
    static const int colors[WORKER_STATES] = {2, 3, 5, 6, 4, 7};
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
            WORKER_STATES, rows, 0.05 + 0.0092 * (double)longest, longest + 2);
    chart_put_text(builder.values, "x_title", "share of workers x wall time (%)");
    chart_put_texts(builder.values, "part_name", worker_state_names, WORKER_STATES);
    chart_put_integers(builder.values, "part_color", colors, WORKER_STATES);
    if (!chart_end(&builder, error)) return false;
    if (!rows) plot_set_drop_last(set);
    return true;
}
