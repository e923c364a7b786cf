/* The kinds of charts; each adds its charts to a set. Used by plot.c alone. */
#ifndef RESULTS_PLOT_PARTS_H
#define RESULTS_PLOT_PARTS_H

#include "results/plots/plot.h"
#include "results/plots/plot_data.h"

/* Room for one more chart. The chart becomes the set's when the builder ended well. */
struct chart *plot_set_add(struct plot_set *set, struct error *error);
/* Takes the last chart back: there was nothing to show. */
void plot_set_drop_last(struct plot_set *set);

/* Rows of a change chart: see scripts/plots/change.gp. */
struct change_rows {
    FILE *out;
    size_t count, longest_label;
    double lowest, highest; /* of the intervals; 0 is always within */
};

struct comparison;

/* Writes a row; `color` shows a decided verdict, grey any other. Nothing if there is no change. */
void plot_put_change(struct change_rows *rows, const char *label,
                     const struct comparison *comparison, int color);
/* Finishes the chart's values and height. */
void plot_put_change_values(FILE *values, struct chart *chart, const struct change_rows *rows);

/* A chart of horizontal stacked bars: see scripts/plots/stacked.gp. */
struct stacked_chart {
    const char *name, *heading, *how, *caption, *x_title;
    const char *unit; /* of the parts, for the .dat */
    const char *const *part_names;
    const int *part_colors;
    size_t parts;
    bool is_share; /* the axis ends at 100 */
};

struct stacked_rows {
    const struct stacked_chart *what;
    struct chart_builder builder;
    FILE *out;
    size_t parts, count, longest_name;
    double highest; /* sum of a row's parts */
};

bool stacked_begin(struct stacked_rows *rows, struct plot_set *set, const char *stem,
                   const struct stacked_chart *what, struct error *error);
/* A row with its parts and the text at the bar's end. */
void __attribute__((format(printf, 4, 5)))
stacked_put(struct stacked_rows *rows, const char *name, const double *parts, const char *format,
            ...);
typedef void (*stacked_put_arm)(struct stacked_rows *rows, const struct record *record,
                                const struct arm_record *arm, const char *name,
                                const void *context);
/* Thread counts outside, series inside: baseline stands directly above patched. */
void stacked_put_arms(struct stacked_rows *rows, const struct plot_block *block,
                      stacked_put_arm put, const void *context);
/* Of the phases, and of what no phase covers. */
extern const int plot_phase_colors[PHASE_COUNT + 1];
/* Finishes the chart, or takes it back if it has no row. */
bool stacked_end(struct stacked_rows *rows, struct plot_set *set, const struct record *record,
                 const char *block_name, struct error *error);

/* `stem` is the beginning of file names, different for every record and block. */
bool plot_add_throughput(struct plot_set *set, const struct plot_block *block, const char *stem,
                         struct error *error);
bool plot_add_change(struct plot_set *set, const struct plot_block *block, const char *stem,
                     struct error *error);
bool plot_add_phases(struct plot_set *set, const struct plot_block *block, const char *stem,
                     struct error *error);
bool plot_add_workers(struct plot_set *set, const struct plot_block *block, const char *stem,
                      struct error *error);
bool plot_add_leaves(struct plot_set *set, const struct plot_block *block, const char *stem,
                     struct error *error);
bool plot_add_shares(struct plot_set *set, const struct plot_block *block, const char *stem,
                     struct error *error);
bool plot_add_counters(struct plot_set *set, const struct plot_block *block, const char *stem,
                       struct error *error);
bool plot_add_event_phases(struct plot_set *set, const struct plot_block *block, const char *stem,
                           struct error *error);
bool plot_add_atomics(struct plot_set *set, const struct plot_block *block, const char *stem,
                      struct error *error);

/* Of a whole record. */
bool plot_add_pipeline(struct plot_set *set, const struct record *record, const char *stem,
                       struct error *error);

/* Across records: the same arms on one machine over time, and on different machines. */
bool plot_add_history(struct plot_set *set, struct record *const *records, size_t count,
                      struct error *error);
bool plot_add_machines(struct plot_set *set, struct record *const *records, size_t count,
                       struct error *error);

#endif
