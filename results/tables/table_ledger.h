/* Ledgers of a record as a table: what schedulers did and how many atomic operations it took. */
#ifndef RESULTS_TABLE_LEDGER_H
#define RESULTS_TABLE_LEDGER_H

#include "results/grid.h"
#include "results/record.h"

/* True if the record holds ledgers and no samples: then its table is this one. */
bool record_is_of_ledgers(const struct record *record);

/* One grid a thread count: a row a count, per batch; a column an arm, the baseline first. */
bool table_print_ledgers(const struct record *record, enum grid_format format, FILE *out,
                         struct error *error);

#endif
