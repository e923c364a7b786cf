/* Records in the formats of other tools. No format gets a NaN: what is not known is left out. */
#ifndef RESULTS_EXPORT_H
#define RESULTS_EXPORT_H

#include "results/record.h"
#include <stdio.h>

enum export_format {
    EXPORT_GO,             /* Go benchmark text, for benchstat */
    EXPORT_BMF,            /* Bencher Metric Format */
    EXPORT_GOOGLE,         /* Google Benchmark JSON, for compare.py */
    EXPORT_GITHUB_BIGGER,  /* github-action-benchmark, customBiggerIsBetter: throughput */
    EXPORT_GITHUB_SMALLER, /* ... customSmallerIsBetter: time of an item, counts */
    EXPORT_HYPERFINE,
    EXPORT_CSV, /* a line a sample */
    EXPORT_MARKDOWN,
    EXPORT_COUNT
};
#define EXPORT_FORMATS "go|bmf|google|github-bigger|github-smaller|hyperfine|csv|markdown"

/* False, with a sentence and nothing written, when the record holds nothing that the format can
 * say. */
bool export_record(const struct record *record, enum export_format format, FILE *out,
                   struct error *error);

/* For the formats' sources: "per-item/2", a name of the arm within its record; letters, digits and
 * "-_./=" only. */
void export_arm_name(const struct record *record, const struct arm_record *arm, char *name,
                     size_t size);
/* The totals of an arm's ledger line: calls `visit` with "shared_rmw" and the like. */
void export_visit_counts(const struct record *record, unsigned arm,
                         void (*visit)(void *context, const char *name, double value),
                         void *context);

/* Whether all ledgers of the record say that every run gives the same counts. */
bool export_counts_are_exact(const struct record *record);

/* Whether tainted samples are exported too: on a machine where most samples of an arm are tainted,
 * leaving them out would leave a selection, or nothing (as verdicts do; docs/method.md). */
bool export_keeps_tainted(const struct record *record);
/* Whether the sample belongs to the arm and into the export. */
bool export_has_sample(const struct sample *sample, unsigned arm, bool keeps_tainted);

bool export_go(const struct record *record, FILE *out, struct error *error);
bool export_csv(const struct record *record, FILE *out, struct error *error);
json_t *export_bmf(const struct record *record);
json_t *export_google(const struct record *record);
json_t *export_github(const struct record *record, bool bigger);
json_t *export_hyperfine(const struct record *record);

#endif
