/* The other figures of a record (symbol shares, atomics shares, memory): a row a figure and thread
 * count, baseline and patched beside each other. */
#ifndef RESULTS_TABLE_FIGURES_H
#define RESULTS_TABLE_FIGURES_H

#include "results/grid.h"
#include "results/record.h"

/* Prints nothing for a record that has no such figures. */
bool table_print_figures(const struct record *record, enum grid_format format, FILE *out,
                         struct error *error);

#endif
