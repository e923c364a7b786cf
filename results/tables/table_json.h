/* The table of a record as JSON and CSV, for other programs. */
#ifndef RESULTS_TABLE_JSON_H
#define RESULTS_TABLE_JSON_H

#include "results/verdict.h"
#include <stdio.h>

/* One row: arms, throughputs, change with its interval, verdict, pairs. */
json_t *table_row_json(const struct record *record, const struct comparison *comparison);
/* {"record", "scenario", "unit", "machine", "noise_floor_percent", "rows": [...], "figures":
 * [...]}; what is not known is null. */
bool table_print_json(const struct record *record, const struct verdicts *verdicts, FILE *out,
                      struct error *error);
/* The same rows as CSV with a header line: full digits, fields empty where something is not known.
 */
bool table_print_csv(const struct record *record, const struct verdicts *verdicts, FILE *out,
                     struct error *error);
json_t *table_json(const struct record *record, const struct verdicts *verdicts);

#endif
