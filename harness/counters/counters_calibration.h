/* Does an event count what its table says? Runs loops of a known number of atomic operations under
 * it and compares. What fails is not shown as a figure; the vector is. */
#ifndef HARNESS_COUNTERS_CALIBRATION_H
#define HARNESS_COUNTERS_CALIBRATION_H

#include "harness/counters/counters.h"

struct calibration {
    double per_operation[CALIBRATE_COUNT]; /* counts of the event an operation */
    uint64_t config;                       /* the encoding that this is about */
    bool accepted;
};

/* True if each known expectation is met within 2 % of an operation. */
bool calibration_judge(const double expected[CALIBRATE_COUNT],
                       const double per_operation[CALIBRATE_COUNT]);

/* Counts the event on the calling thread over `operations` of each kind, with its encoding and, if
 * that is rejected and it has others, with those: an accepted one is left in `event`. False with
 * the reason if it cannot be counted at all. */
bool calibration_run(struct counter_event *event, unsigned operations, struct calibration *result,
                     struct error *error);

/* "fetch_add 1.00, exchange 1.00, ..." */
void calibration_describe(const struct calibration *calibration, char *text, size_t size);

#endif
