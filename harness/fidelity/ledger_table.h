/* Ledgers as a table, baseline beside the others, and as lines of a record. */
#ifndef HARNESS_LEDGER_TABLE_H
#define HARNESS_LEDGER_TABLE_H

#include "schedulers/ledger_run.h"
#include <jansson.h>
#include <stdio.h>

/* One scheduler's column. */
struct ledger_column {
    const char *label;
    struct ledger_plan plan;
    struct ledger_result *result;
    struct ledger_result *twice; /* of twice as many items a batch, or NULL */
};

/* Prints what `count` columns of the same work did, the first one as the baseline: what the
 * scheduler did, sums by group, and (with `sites`) every site and kind. */
void ledger_table_print(const struct ledger_column *columns, size_t count, bool sites, FILE *out);

/* The record's line of one column: {"kind": "ledger", "arm": ..., ...}. */
json_t *ledger_table_json(const struct ledger_column *column, unsigned arm);

#endif
