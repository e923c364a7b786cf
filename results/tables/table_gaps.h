/* Idle gaps of the caller between batches: throughput by gap, with the verdict against no gap,
 * beside the share of samples that idle workers take. From records alone. */
#ifndef RESULTS_TABLE_GAPS_H
#define RESULTS_TABLE_GAPS_H

#include "results/grid.h"
#include "results/record.h"

/* True if the record measured an arm with several gaps, all else alike. */
bool record_has_gaps(const struct record *record);

/* Idle shares come from the record's own profiles, else from those of `records` that are of the
 * same label, scheduler and workers. */
bool table_print_gaps(const struct record *record, struct record *const *records, size_t count,
                      bool markdown, FILE *out, struct error *error);

#endif
