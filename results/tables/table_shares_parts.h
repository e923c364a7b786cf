/* What table_shares.c collects and table_shares_print.c prints. */
#ifndef RESULTS_TABLE_SHARES_PARTS_H
#define RESULTS_TABLE_SHARES_PARTS_H

#include "results/tables/table_shares.h"

enum { SHARES_TEXT = 256 };

struct column {
    size_t record;
    unsigned arm;       /* the first of its row */
    const char *source; /* of a profile: how it was sampled; else NULL */
};

struct entry {
    char figure[SHARES_TEXT],
        arm[SHARES_TEXT];           /* the row: "LSE atomics, share of samples", "patched" */
    const char *unit, *unavailable; /* why there is no value, or NULL */
    size_t column;
    unsigned about; /* the arm */
    double value, low, high;
};

struct shares {
    const struct record *const *records;
    size_t record_count, column_count, entry_count, column_room, entry_room;
    struct column *columns;
    struct entry *entries;
    unsigned content;
    bool out_of_memory;
};

#endif
