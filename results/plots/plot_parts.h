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
