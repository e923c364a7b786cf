/* How often processing units were slow while a record was made: from its `speeds` lines, readings
 * of the same small piece of arithmetic (harness/experiment/speed_probe.h). */
#ifndef RESULTS_SPEEDS_H
#define RESULTS_SPEEDS_H

#include "results/record.h"

/* A unit is slow from so many times its fast time on. What somebody on the core's other hardware
 * thread costs was seen to be 1.3 to 2 (docs/virtual.md). */
#define SPEEDS_SLOW 1.12
/* From this share of slow readings on, errors of some per cent may be the machine's. */
#define SPEEDS_OFTEN 0.25

struct speeds {
    size_t readings;   /* of all units together; 0: the record has none */
    double slow_share; /* of them */
};

/* A unit's fast time: what a tenth of its readings are below. Sorts them; NAN without any. */
double speeds_fast_time(double *readings, size_t count);

/* False without memory. */
bool speeds_of(const struct record *record, struct speeds *speeds);

#endif
