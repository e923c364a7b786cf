/* Where the time goes, as tables: phases of a batch, states of the workers, idle gaps, what a dose
 * of atomics costs. From records alone. */
#ifndef RESULTS_EXPLAIN_H
#define RESULTS_EXPLAIN_H

#include "results/grid.h"
#include "results/record.h"

/* Prints every table that the records allow; *tables counts them. `markdown` gives headings and
 * grids as Markdown. */
bool explain_print(struct record *const *records, size_t count, bool markdown, FILE *out,
                   unsigned *tables, struct error *error);

#endif
