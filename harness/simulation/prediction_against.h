/* Two simulated records side by side: figures are exact, so any difference is the program's. */
#ifndef HARNESS_PREDICTION_AGAINST_H
#define HARNESS_PREDICTION_AGAINST_H

#include "results/record.h"
#include <stdio.h>

/* Prints what differs between the arms of `now` and the same arms (label and workers) of `before`,
 * and sets *worse if throughput fell, or atomic operations, line transfers, sleeps or wakes rose,
 * by more than `tolerance` (0.01 is 1 %). False with a sentence when the two cannot be compared:
 * another profile, corpus, costs or seed, or an arm that `before` lacks. */
bool prediction_compare(const struct record *before, const struct record *now, double tolerance,
                        FILE *out, bool *worse, struct error *error);

#endif
