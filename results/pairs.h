/* Pairs: the samples of two arms that were taken in one round of one process, as log ratios. */
#ifndef RESULTS_PAIRS_H
#define RESULTS_PAIRS_H

#include "results/record.h"

/* What is divided by time. */
enum metric {
    METRIC_THROUGHPUT, /* bytes (or items, where the record's unit says so) per wall second */
    METRIC_CPU,        /* the same per second of CPU time of all workers */
    METRIC_COUNT
};
extern const char *const metric_names[METRIC_COUNT];

/* Log ratios of `patched` over `baseline`: above 0 means that patched is faster. In the order in
 * which they were measured. */
struct pairs {
    double *ratios;
    unsigned *processes; /* of each ratio */
    size_t count;
    size_t dropped; /* for a tainted sample on either side: both go */
    size_t waited;  /* tainted for nothing but waiting for a processor, dropped or not */
    size_t alone;   /* samples whose other half is missing */
    size_t ties;    /* equal to the nanosecond */
    size_t processes_seen;
    bool busy;         /* most pairs waited for a processor: those are in `ratios` too */
    bool tainted_kept; /* too few pairs left: all tainted ones are in `ratios` too */
    char cause[128];   /* the first reason of taint, without figures, or "" */
    /* Mean share of worker time spent waiting for a processor, of each side; NAN if not known. */
    double baseline_waits, patched_waits;
};

/* Builds the pairs of two arms. Pairs with a tainted sample are dropped. Waiting for a processor is
 * told apart from the other taints: where most pairs waited it is the machine's normal state, meets
 * both sides alike, and dropping would leave a selection; such pairs are kept then. With fewer than
 * `least` clean pairs the tainted ones are kept and tainted_kept is set. False only without memory.
 * Free with pairs_free. */
bool pairs_build(const struct record *record, unsigned baseline, unsigned patched,
                 enum metric metric, size_t least, struct pairs *pairs, struct error *error);
void pairs_free(struct pairs *pairs);

/* Throughputs of an arm's clean samples (of all, if most are not clean), in MiB/s, or in items/s where the
 * record's header says `unit`: "items/s". The caller frees *values. */
bool arm_throughputs(const struct record *record, unsigned arm, double **values, size_t *count,
                     struct error *error);
/* What an arm typically does: the trimmed geometric mean over all of its samples (batches differ, and
 * every arm had the same ones), or its published figure; NAN if there is neither. */
double arm_throughput(const struct record *record, unsigned arm);

/* The unit of throughput: "MiB/s", or what the header says. */
const char *record_unit(const struct record *record);
bool record_counts_items(const struct record *record);

/* A sample's amount of work per second, in the record's unit. */
double sample_throughput(const struct record *record, const struct sample *sample);

#endif
