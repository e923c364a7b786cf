/* Charts: where a batch's time goes and what workers do, as stacked bars. */
#define _GNU_SOURCE
#include "results/plots/plot_parts.h"
#include "results/time_shares.h"

const int plot_phase_colors[PHASE_COUNT + 1] = {5, 2, 4, 3, 1, 7};

static void put_phases(struct stacked_rows *rows, const struct record *record,
                       const struct arm_record *arm, const char *name, const void *context) {
    (void)context;
    struct time_phases times = {0};
    double shares[PHASE_COUNT + 1];
    if (!time_phases_of(record, arm, &times) || times.total <= 0) return;
    for (int phase = 0; phase <= PHASE_COUNT; phase++)
        shares[phase] = 100 * times.us[phase] / times.total;
    stacked_put(rows, name, shares, "%.0f us", times.total);
}

bool plot_add_phases(struct plot_set *set, const struct plot_block *block, const char *stem,
                     struct error *error) {
    const char *names[PHASE_COUNT + 1];
    for (int phase = 0; phase < PHASE_COUNT; phase++)
        names[phase] = phase_names[phase];
    names[PHASE_COUNT] = "other";
    const struct stacked_chart what = {
        .name = "phases",
        .heading = "Where a batch's time goes",
        .how = "share of the caller's wall time",
        .caption = "Time per 1,000 items in fork, run, join, collect and drop",
        .x_title = "share of wall time (%), and microseconds per 1,000 items",
        .unit = "per cent of wall time in",
        .part_names = names,
        .part_colors = plot_phase_colors,
        .parts = PHASE_COUNT + 1,
        .is_share = true,
    };
    struct stacked_rows rows;
    if (!stacked_begin(&rows, set, stem, &what, error)) return false;
    stacked_put_arms(&rows, block, put_phases, NULL);
    return stacked_end(&rows, set, block->record, block->name, error);
}

static void put_workers(struct stacked_rows *rows, const struct record *record,
                        const struct arm_record *arm, const char *name, const void *context) {
    (void)context;
    double shares[WORKER_STATES];
    if (worker_states_of(record, arm, shares))
        stacked_put(rows, name, shares, "%.0f %% useful", shares[0]);
}

bool plot_add_workers(struct plot_set *set, const struct plot_block *block, const char *stem,
                      struct error *error) {
    static const int colors[WORKER_STATES] = {2, 3, 5, 6, 4, 7};
    const struct stacked_chart what = {
        .name = "workers",
        .heading = "What workers do",
        .how = "share of workers x wall time in an instrumented run",
        .caption = "Share of time that workers spend in items, stealing, spinning, parked and "
                   "waking",
        .x_title = "share of workers x wall time (%)",
        .unit = "per cent of workers x wall time",
        .part_names = worker_state_names,
        .part_colors = colors,
        .parts = WORKER_STATES,
        .is_share = true,
    };
    struct stacked_rows rows;
    if (!stacked_begin(&rows, set, stem, &what, error)) return false;
    stacked_put_arms(&rows, block, put_workers, NULL);
    return stacked_end(&rows, set, block->record, block->name, error);
}
