/* The times that a cost trace is made from: measured in cost_trace_measure.c, turned into costs in
 * cost_trace_times.c. Nobody else includes this. */
#ifndef HARNESS_COST_TRACE_TIMES_H
#define HARNESS_COST_TRACE_TIMES_H

#include "harness/simulation/cost_trace.h"

/* What a batch took, ns, and how fast the processing units were then that encoded it and gave it
 * back: the slower of two readings, before and after (harness/experiment/speed_probe.h). */
struct batch_times {
    double encode, drop, reset;
    double encode_speed, drop_speed;
};

/* Alone: the caller encodes and gives back, the second thread sleeps. Lines: the same with clock
 * readings. Lone: the same in a process without a second thread. Remote: the second thread, which
 * sleeps between batches, encodes in the same memory on the same processing unit, the caller gives
 * back on another one; it sleeps meanwhile. Crowded: both encode, and nobody sleeps. */
enum pass_kind { PASS_ALONE, PASS_LINES, PASS_LONE, PASS_REMOTE, PASS_CROWDED, PASS_KINDS };

struct cost_times {
    const struct corpus *corpus;
    unsigned passes;
    bool two;                                /* there is a second processing unit */
    float *lines[2];                         /* [passes][line]: encode and drop */
    struct batch_times *batches[PASS_KINDS]; /* [passes][batch] */
    double slow_share; /* of the batches in `batches`, once concluded: the unit was slow */
};

/* A pass takes a block of batches of every kind at each step. */
size_t cost_times_blocks(const struct corpus *corpus);
/* The first batch of the block that a kind has at a step, and how many there are. */
size_t cost_times_block(const struct corpus *corpus, size_t step, enum pass_kind kind,
                        size_t *count);

/* Fills the costs and all sections but the bytes of a result. What was measured while a processing
 * unit was slow counts for costs only in batches that were never measured while it was not, or if
 * the unit was slow most of the time. */
bool cost_times_conclude(struct cost_times *times, struct cost_trace *trace, struct error *error);

#endif
