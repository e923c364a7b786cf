/* Events that were counted by phase and worker, as tables. From records alone. */
#ifndef RESULTS_TABLE_EVENTS_H
#define RESULTS_TABLE_EVENTS_H

#include "results/grid.h"
#include "results/record.h"

/* True if the record holds events counted by phase, or says why they are missing. */
bool record_has_events(const struct record *record);

/* Headings, a row an arm and event with a column a phase, a row a worker, and how to read them. */
bool table_print_events(const struct record *record, bool markdown, FILE *out, struct error *error);

#endif
