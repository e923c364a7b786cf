/* Events by phase and worker: what a group of events of each thread moved between the borders of a
 * batch's phases. Readings come from whoever made it: the kernel's groups, or a test.
 *
 * A lane is a thread that is counted: the workers by their number and, if it is none of them, the
 * calling thread after them. Borders of a worker are its own: fork ends with its first item, run
 * with its last one, join when all workers are done. A worker that had no item of a batch never got
 * beyond fork; a caller that is no worker waits from the start, in join. */
#ifndef HARNESS_PHASE_COUNTS_H
#define HARNESS_PHASE_COUNTS_H

#include "base/error.h"
#include "harness/counters/counters.h"
#include "results/record.h"

struct phase_counts;

/* Fills `raw` with what the lane's group has counted so far; `own` if called on its thread. */
typedef bool phase_counts_reader(void *context, unsigned lane, bool own, struct counter_raw *raw);

struct phase_counts_setup {
    unsigned workers;
    bool caller_lane; /* the calling thread is lane `workers` */
    size_t event_count;
    phase_counts_reader *read;
    void *context;
};

struct phase_counts *phase_counts_create(const struct phase_counts_setup *setup,
                                         struct error *error);
void phase_counts_destroy(struct phase_counts *);

/* Forgets what was counted so far; between batches. */
void phase_counts_reset(struct phase_counts *);

/* On the calling thread, in this order for every batch. `joined` may be left out: then collecting
 * is a part of joining. */
void phase_counts_begin(struct phase_counts *);    /* the batch is handed over */
void phase_counts_joined(struct phase_counts *);   /* all workers are done */
void phase_counts_returned(struct phase_counts *); /* results are collected */
void phase_counts_dropped(struct phase_counts *);  /* results are given back; may be left out */

/* On the worker's thread, around every call of the body. */
void phase_counts_enter(struct phase_counts *, unsigned worker);
void phase_counts_leave(struct phase_counts *, unsigned worker);

/* Sums over batches of one lane in one phase. */
struct phase_cell {
    uint64_t batches; /* that had this phase; 0: it was not told apart */
    uint64_t wall_ns, enabled_ns, running_ns;
    uint64_t values[COUNTER_GROUP_LIMIT]; /* not scaled */
};

enum phase_standing {
    PHASE_COUNTED,   /* the group counted all the time that its thread ran */
    PHASE_ESTIMATED, /* it took turns: values are scaled by enabled over running time */
    PHASE_REFUSED    /* it counted less than a tenth of that time: no figure */
};

/* Of one lane, or of all lanes together (PHASE_ALL_LANES). */
enum { PHASE_ALL_LANES = -1 };
struct phase_cell phase_counts_cell(const struct phase_counts *, int lane, enum phase phase);
/* Of all lanes: the worst of theirs. */
enum phase_standing phase_counts_standing(const struct phase_counts *, int lane, enum phase phase);
/* Scaled lane by lane; nothing to be used where the standing is PHASE_REFUSED. */
double phase_counts_value(const struct phase_counts *, int lane, enum phase phase, size_t event);

unsigned phase_counts_lanes(const struct phase_counts *);
uint64_t phase_counts_batches(const struct phase_counts *);
/* Readings by workers themselves inside run, all batches together. */
uint64_t phase_counts_worker_reads(const struct phase_counts *);
/* The least wall time that the calling thread took to read a border of all lanes. */
uint64_t phase_counts_border_ns(const struct phase_counts *);
/* False if a reading failed: the figures are not to be used. */
bool phase_counts_complete(const struct phase_counts *);

#endif
