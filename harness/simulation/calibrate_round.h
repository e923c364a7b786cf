/* One round of a calibration: everything measured once over, in this process. */
#ifndef HARNESS_CALIBRATE_ROUND_H
#define HARNESS_CALIBRATE_ROUND_H

#include "harness/simulation/calibrate_memory.h"
#include "harness/simulation/calibrate_steal.h"
#include "harness/simulation/machine_profile.h"

enum { CALIBRATION_TRIALS_MOST = 100 };

struct calibration_round {
    bool measured;
    struct error error; /* why not */
    /* As it came out, even if it cannot be; NAN: this machine has nothing to measure it on. */
    double values[PROFILE_PARAMETER_COUNT];
    double
        contended_rmw_ns; /* one fetch-and-add while a second core does the same; NAN: one core */
    struct memory_contention contention; /* all 0: one processing unit */
    struct steal_cost steal;             /* NAN: one processing unit */
    unsigned pairs;                      /* pairs of processing units between which lines went */
};

/* Takes every measurement `trials` times, one after the other in turns, and keeps the medians.
 * Starts threads and pins them; about `trials` x 0.1 s. */
void calibration_round_measure(const struct placement *placement, unsigned trials,
                               struct calibration_round *round);

#endif
