/* Figures that are not speeds, of several records beside each other: published shares of symbols
 * and of atomics, measured profiles, counted ledgers. A row a figure and arm, a column a machine
 * (and thread count), so that a published share and the one measured here stand side by side. */
#ifndef RESULTS_TABLE_SHARES_H
#define RESULTS_TABLE_SHARES_H

#include "results/grid.h"
#include "results/record.h"

enum shares_content {
    SHARES_FIGURES = 1, /* `figure` lines other than throughput, and what profiles say to those that
                         * name the symbols or the group they are about (`matches`) */
    SHARES_GROUPS = 2,  /* groups of profiles */
    SHARES_SYMBOLS = 4, /* the greatest symbols of profiles */
    SHARES_COUNTS = 8,  /* atomic read-modify-writes an item, of ledgers */
    SHARES_BY_ARM = 16, /* a column an arm, for one record */
};

struct shares;

/* Keeps `records` for as long as it lives. */
struct shares *shares_collect(const struct record *const *records, size_t count, unsigned content,
                              struct error *error);
void shares_free(struct shares *shares);
size_t shares_count(const struct shares *shares);

/* Nothing where there is nothing. One table for the figures that are known of the same columns;
 * below, a line a column about its source. */
bool shares_print(const struct shares *shares, enum grid_format format, FILE *out,
                  struct error *error);
/* The profiles of one record: groups, then the greatest symbols, a column an arm. */
bool shares_print_profiles(const struct record *record, enum grid_format format, FILE *out,
                           struct error *error);
/* An array of {figure, unit, machine, record, provenance, threads, row, arm, label, value, low,
 * high, unavailable}; what is not known is null. */
json_t *shares_json(const struct shares *shares);

#endif
