/* The kinds of charts; each adds its charts to a set. Used by plot.c alone. */
#ifndef RESULTS_PLOT_PARTS_H
#define RESULTS_PLOT_PARTS_H

#include "results/plot.h"
#include "results/plot_data.h"

/* Room for one more chart. The chart becomes the set's when the builder ended well. */
struct chart *plot_set_add(struct plot_set *set, struct error *error);
/* Takes the last chart back: there was nothing to show. */
void plot_set_drop_last(struct plot_set *set);

/* `stem` is the beginning of file names, different for every record and block. */
bool plot_add_throughput(struct plot_set *set, const struct plot_block *block, const char *stem,
                         struct error *error);
bool plot_add_phases(struct plot_set *set, const struct plot_block *block, const char *stem,
                     struct error *error);

#endif
