/* Two pinned threads and what they measure of each other; used by calibrate.c alone. */
#ifndef HARNESS_CALIBRATE_PAIR_H
#define HARNESS_CALIBRATE_PAIR_H

#include "harness/placement.h"
#include <stdint.h>

struct pair_wake {
    double call_ns;    /* the wake call */
    double latency_ns; /* from the call's begin until the sleeper runs */
    double sleeper_ns; /* processor time of the sleeper for one round */
};

/* All pin the calling thread to worker a's processing unit and a second thread to worker b's. False
 * if there can be no second thread. */

/* Loading a line that the other has just written, ns. Each load needs what the last one read. */
bool pair_line_transfer(const struct placement *placement, unsigned a, unsigned b, double *ns);
/* One fetch-and-add of a line that the other uses at the same time, ns. */
bool pair_contended_rmw(const struct placement *placement, unsigned a, unsigned b, double *ns);
/* The sleeper sleeps for `sleep_ns` before each wake; the waker is busy meanwhile. */
bool pair_wake(const struct placement *placement, unsigned a, unsigned b, uint64_t sleep_ns,
               struct pair_wake *wake);
/* How much longer a fixed loop takes while the other runs it too, and while it spins. */
bool pair_slowdown(const struct placement *placement, unsigned a, unsigned b, double *working,
                   double *spinning);
/* Freeing a small block that the other allocated, ns. */
bool pair_remote_free(const struct placement *placement, unsigned a, unsigned b, double *ns);

#endif
