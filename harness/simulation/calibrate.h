/* Measures on this machine what a simulated one needs to know (machine_profile.h). */
#ifndef HARNESS_CALIBRATE_H
#define HARNESS_CALIBRATE_H

#include "harness/simulation/calibrate_memory.h"
#include "harness/simulation/machine_profile.h"

struct calibration_extra {
    double contended_rmw_ns; /* one fetch-and-add while a second core does the same; 0: one core */
    struct memory_contention contention; /* all 0: one processing unit */
    unsigned pairs; /* pairs of processing units between which a line was bounced */
};

/* Fills the profile: each value the median of `trials`, low and high their tenth and ninetieth
 * percentile. What this machine does not have (an SMT sibling, a second L3, a third core) gets a
 * plain value and a source that says so. Takes about `trials` x 0.1 s; the process should be alone.
 */
bool calibrate_machine(const struct placement *placement, unsigned trials,
                       struct machine_profile *profile, struct calibration_extra *extra,
                       struct error *error);

#endif
