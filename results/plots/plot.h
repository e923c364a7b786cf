/* Every chart that records allow, made from records alone. */
#ifndef RESULTS_PLOT_H
#define RESULTS_PLOT_H

#include "results/plots/plot_chart.h"
#include "results/record.h"

struct plot_set {
    struct chart *charts;
    size_t count;
};

/* The charts of each record and, where there are several records, those across them. A record that
 * lacks what a chart shows has no such chart. False on bad data or when out of memory. */
bool plot_make(struct record *const *records, size_t count, struct plot_set *set,
               struct error *error);
void plot_set_free(struct plot_set *set);

#endif
