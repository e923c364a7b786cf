/* What machine and environment an experiment ran in, for the header of its record. Nothing is ever
 * changed; what cannot be read is said to be unavailable. */
#ifndef HARNESS_MACHINE_H
#define HARNESS_MACHINE_H

#include "harness/placement.h"
#include <jansson.h>

/* {"cpu", "architecture", "cores", "pus", "packages", "topology", "memory_bytes", "os", "kernel",
 * "libc", "hypervisor", "fingerprint"}; the fingerprint is a hash of what decides absolute speed.
 */
json_t *machine_describe(const struct placement *);

/* Governor, frequency limits, boost, SMT, NUMA balancing, huge pages, ASLR, cgroup quota, load, ...
 */
json_t *machine_environment(void);

/* One line a circumstance that makes measurements worse, or an empty array. */
json_t *machine_warnings(const json_t *environment, const struct placement *);

#endif
