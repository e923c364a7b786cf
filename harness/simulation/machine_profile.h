/* A machine profile: what operations cost on a machine and how it is put together, as a JSON file
 * of data/machines or one that `grainbench calibrate` wrote. Every cost is a range with a source,
 * because published latencies differ and predictions must show it. A calibrated one also has checks
 * of the model ("checks", profile_check.h), which no simulation uses. docs/virtual.md describes it.
 */
#ifndef HARNESS_MACHINE_PROFILE_H
#define HARNESS_MACHINE_PROFILE_H

#include "base/error.h"
#include "harness/placement.h"
#include "harness/simulation/profile_check.h"
#include "schedulers/virtual_machine.h"
#include <jansson.h>

struct profile_value {
    double typical, low, high;
    char source[192];
};

/* One row a parameter: PARAMETER(name, least, greatest, meaning). All times are ns. */
#define PROFILE_PARAMETERS(PARAMETER)                                                              \
    PARAMETER(hit_ns, 0, 100, "load or store of a line the core holds")                            \
    PARAMETER(transfer_sibling_ns, 0, 1e5, "line from the other hardware thread of the core")      \
    PARAMETER(transfer_l3_ns, 0, 1e5, "line from a core under the same L3")                        \
    PARAMETER(transfer_package_ns, 0, 1e5, "line from another L3 of the package")                  \
    PARAMETER(transfer_remote_ns, 0, 1e5, "line from another package")                             \
    PARAMETER(share_ns, 0, 1e5, "how long one reader keeps a line from the next reader")           \
    PARAMETER(rmw_ns, 0, 1e5, "atomic read-modify-write of a line the core holds")                 \
    PARAMETER(fence_ns, 0, 1e5, "sequentially consistent fence")                                   \
    PARAMETER(pause_ns, 0, 1e5, "one spin hint")                                                   \
    PARAMETER(yield_ns, 0, 1e6, "one sched_yield with nobody else to run")                         \
    PARAMETER(futex_wait_ns, 0, 1e7, "going to sleep, until the core is free")                     \
    PARAMETER(futex_call_ns, 0, 1e7, "a wake call that finds nobody")                              \
    PARAMETER(futex_wake_ns, 0, 1e7, "what each woken thread adds to the call")                    \
    PARAMETER(wake_latency_ns, 0, 1e8, "from being woken to running, after a short sleep")         \
    PARAMETER(wake_long_ns, 0, 1e8, "the same after a sleep of 1.5 ms and more")                   \
    PARAMETER(leaf_ns, 0, 1e5, "calling the body for a range of items")                            \
    PARAMETER(allocate_ns, 0, 1e6, "one small allocation")                                         \
    PARAMETER(free_ns, 0, 1e6, "freeing it on the thread that made it")                            \
    PARAMETER(remote_free_ns, 0, 1e6, "freeing it on another thread")                              \
    PARAMETER(copy_ns, 0, 1e5, "copying one line of memory that the core holds")                   \
    PARAMETER(stream_ns, 0, 1e5, "a further line of a block that another core wrote")              \
    PARAMETER(upgrade_ns, 0, 1e5, "writing a line of a block that another core has read")          \
    PARAMETER(efficiency_speed, 0.05, 1, "speed of an efficiency core, of the other cores'")       \
    PARAMETER(smt_factor, 1, 4, "how much longer items take while the sibling runs items")         \
    PARAMETER(smt_spin_factor, 1, 4, "the same while the sibling spins")                           \
    PARAMETER(serial_mib_per_s, 0, 1e6, "throughput of one thread, reference cost; 0: unknown")    \
    PARAMETER(serial_section_us, 0, 1e6, "serial work a batch beside dropping its results")

enum profile_parameter {
#define PARAMETER(name, least, greatest, meaning) PROFILE_##name,
    PROFILE_PARAMETERS(PARAMETER)
#undef PARAMETER
        PROFILE_PARAMETER_COUNT
};

const char *profile_parameter_name(enum profile_parameter parameter);
const char *profile_parameter_meaning(enum profile_parameter parameter);

enum profile_end { PROFILE_TYPICAL, PROFILE_LOW, PROFILE_HIGH };

struct machine_profile {
    char name[64];
    char title[160];
    char *topology;     /* hwloc synthetic description, or NULL */
    char *topology_xml; /* hwloc XML, or NULL; one of the two is there */
    bool rmw_drains_stores;
    unsigned line_bytes;
    uint64_t efficiency_groups; /* bit g: placement group g has efficiency cores */
    struct profile_value values[PROFILE_PARAMETER_COUNT];
    struct profile_check checks[PROFILE_CHECK_COUNT];
};

/* `name` is one of data/machines without ".json", or a path (with '/' or ".json"). */
bool machine_profile_load(const char *name, struct machine_profile *profile, struct error *error);
bool machine_profile_save(const struct machine_profile *profile, const char *path,
                          struct error *error);
void machine_profile_free(struct machine_profile *profile);

double profile_value(const struct machine_profile *profile, enum profile_parameter parameter,
                     enum profile_end end);

/* The cost table with every parameter at `end`, except `one` (-1: none), which is at `one_end`. */
struct virtual_costs machine_profile_costs(const struct machine_profile *profile,
                                           enum profile_end end, int one, enum profile_end one_end);

/* A plan over the profile's topology. */
struct placement *machine_profile_placement(const struct machine_profile *profile,
                                            enum placement_plan plan, struct error *error);

#endif
