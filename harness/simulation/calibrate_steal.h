/* What probing another worker's deque and stealing from it costs, on this machine and in the model:
 * the same program (steal_timing.h) on two pinned threads and on two simulated cores. */
#ifndef HARNESS_CALIBRATE_STEAL_H
#define HARNESS_CALIBRATE_STEAL_H

#include "base/error.h"
#include "harness/placement.h"
#include "schedulers/steal_timing.h"
#include "schedulers/virtual_machine.h"

/* The median over the program's blocks, ns. */
struct steal_cost {
    double ns[STEAL_TIMING_KINDS];
};

/* Both need two processing units: the thief is worker 0, the owner worker 1. This one pins the
 * calling thread to worker 0's. */
bool steal_cost_measure(const struct placement *placement, struct steal_cost *cost,
                        struct error *error);
/* With two cores as far apart as the two workers. */
bool steal_cost_simulate(const struct placement *placement, const struct virtual_costs *costs,
                         struct steal_cost *cost, struct error *error);

#endif
