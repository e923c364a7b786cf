/* How fast each processing unit is just now. On a machine that is shared, a unit computes for tens of
 * milliseconds at a time at half to nine tenths of its speed, presumably because it is one hardware
 * thread of a core whose other one somebody else uses then; nothing that an operating system counts
 * says so. A probe is a few microseconds of arithmetic; results/speeds.h says what it tells. */
#ifndef HARNESS_SPEED_PROBE_H
#define HARNESS_SPEED_PROBE_H

#include "base/error.h"
#include "harness/placement.h"

enum { SPEED_PROBE_UNITS = 64 };

/* Time of the piece of arithmetic on the unit that the calling thread is on: the least of a few
 * tries, so that an interrupt in one does not count. Takes about 20 us. */
double speed_probe_here(void);

struct speed_probe;

/* Starts a thread on each of the first `units` processing units of the placement; they sleep
 * between readings. */
struct speed_probe *speed_probe_create(const struct placement *placement, unsigned units,
                                       struct error *error);
void speed_probe_free(struct speed_probe *probe);

/* The same on each unit, ns[units], while all of them do it. Takes about 0.1 ms. */
void speed_probe_read(struct speed_probe *probe, double *ns);

#endif
