/* From the rounds of a calibration to a machine profile; see calibrate.h. */
#define _GNU_SOURCE
#include "harness/simulation/calibrate.h"

#include "results/statistics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define NO_PAIR     "this machine has no such pair; plain value"
#define NO_SECOND   "needs a second processing unit; plain value"
#define NO_SIBLING  "no hardware thread shares a core here"
#define MOVED_RATIO 1.5
/* A difference that is less than this share of what it was taken from is none. */
#define LEAST_SHARE 0.05

/* How each parameter is measured, and what stands for it where it is not: `why` there is nothing to
 * measure it on. Without `how` it is never measured. */
static const struct {
    const char *how;
    double typical, low, high;
    const char *why;
} rows[PROFILE_PARAMETER_COUNT] = {
    [PROFILE_hit_ns] = {.how = "dependent loads"},
    [PROFILE_transfer_sibling_ns] = {"dependent loads of what another thread wrote", 8, 4, 20,
                                     NO_PAIR},
    [PROFILE_transfer_l3_ns] = {"dependent loads of what another thread wrote", 45, 15, 80,
                                NO_PAIR},
    [PROFILE_transfer_package_ns] = {"dependent loads of what another thread wrote", 80, 40, 150,
                                     NO_PAIR},
    [PROFILE_transfer_remote_ns] = {"dependent loads of what another thread wrote", 150, 110, 260,
                                    NO_PAIR},
    [PROFILE_share_ns] = {NULL, 10, 3, 30, "needs three cores and more; plain value"},
    [PROFILE_rmw_ns] = {.how = "fetch-and-add of an owned line"},
    [PROFILE_fence_ns] = {.how = "store and fence"},
    [PROFILE_pause_ns] = {.how = "a row of spin hints"},
    [PROFILE_yield_ns] = {.how = "sched_yield"},
    [PROFILE_futex_wait_ns] = {.how = "half the sleeper's processor time of a wake"},
    [PROFILE_futex_call_ns] = {.how = "FUTEX_WAKE, no sleeper"},
    [PROFILE_futex_wake_ns] = {"FUTEX_WAKE of a sleeper, less the empty call", 1500, 500, 10000,
                               NO_SECOND},
    [PROFILE_wake_latency_ns] = {.how = "from the end of the wake call until it runs, "
                                        "0.15 ms asleep"},
    [PROFILE_wake_long_ns] = {.how = "the same after 1.5 ms asleep"},
    [PROFILE_leaf_ns] = {.how = "an empty body through a pointer"},
    [PROFILE_allocate_ns] = {.how = "malloc of 32 to 128 bytes"},
    [PROFILE_free_ns] = {.how = "free on the same thread"},
    [PROFILE_remote_free_ns] = {.how = "free of what another thread allocated"},
    [PROFILE_copy_ns] = {.how = "copying what the thread wrote, a line"},
    [PROFILE_stream_ns] = {"copying what another thread wrote, a line, less copy_ns", 12, 6, 24,
                           NO_SECOND},
    [PROFILE_upgrade_ns] = {"copying to where another thread has read, a line, less copy_ns", 12, 6,
                            24, NO_SECOND},
    [PROFILE_efficiency_speed] = {NULL, 1, 1, 1, "all cores are taken as alike"},
    [PROFILE_smt_factor] = {"integer loop on both hardware threads", 1, 1, 1, NO_SIBLING},
    [PROFILE_smt_spin_factor] = {"integer loop beside a spinning sibling", 1, 1, 1, NO_SIBLING},
    [PROFILE_serial_mib_per_s] = {NULL, 0, 0, 0, "traces are taken as they are"},
    [PROFILE_serial_section_us] = {NULL, 0, 0, 0,
                                   "measured parts are in the trace: giving back and making "
                                   "scratches ready"},
};

/* ---- the spread of rounds ---- */

bool calibration_possible(const struct calibration_round *round, enum profile_parameter parameter) {
    const double *values = round->values;
    switch (parameter) {
    /* What is fetched costs more than what is held, and what must be taken away first more than
     * what is owned. A guest whose two processors share a core for a while sees neither. */
    case PROFILE_transfer_sibling_ns:
    case PROFILE_transfer_l3_ns:
    case PROFILE_transfer_package_ns:
    case PROFILE_transfer_remote_ns:
        return values[parameter] > (1 + LEAST_SHARE) * values[PROFILE_hit_ns];
    case PROFILE_stream_ns:
    case PROFILE_upgrade_ns:
        return values[parameter] > LEAST_SHARE * values[PROFILE_copy_ns];
    /* A call that wakes costs more than one that finds nobody. */
    case PROFILE_futex_wake_ns:
        return values[parameter] > LEAST_SHARE * values[PROFILE_futex_call_ns];
    default:
        return values[parameter] >= 0;
    }
}

struct calibration_spread calibration_spread_from(double *values, const bool *possible,
                                                  unsigned count) {
    struct calibration_spread spread = {0};
    for (unsigned r = 0; r < count; r++)
        if (possible[r])
            values[spread.counted++] = values[r];
        else
            spread.refused += !isnan(values[r]);
    if (!spread.counted) return spread;
    statistics_sort(values, spread.counted);
    spread.least = values[0];
    spread.low = statistics_quantile(values, spread.counted, 0.1);
    spread.typical = statistics_quantile(values, spread.counted, 0.5);
    spread.high = statistics_quantile(values, spread.counted, 0.9);
    spread.greatest = values[spread.counted - 1];
    return spread;
}

struct calibration_spread calibration_spread_of(const struct calibration_round *rounds,
                                                unsigned count, enum profile_parameter parameter) {
    double values[CALIBRATION_ROUNDS_MOST];
    bool possible[CALIBRATION_ROUNDS_MOST];
    for (unsigned r = 0; r < count; r++) {
        values[r] = rounds[r].values[parameter];
        possible[r] = calibration_possible(&rounds[r], parameter);
    }
    return calibration_spread_from(values, possible, count);
}

bool calibration_moved(const struct calibration_spread *spread, enum profile_parameter parameter) {
    bool distance =
        parameter == PROFILE_transfer_sibling_ns || parameter == PROFILE_transfer_l3_ns ||
        parameter == PROFILE_transfer_package_ns || parameter == PROFILE_transfer_remote_ns ||
        parameter == PROFILE_stream_ns || parameter == PROFILE_upgrade_ns;
    return distance && spread->greatest > MOVED_RATIO * spread->least;
}

/* ---- the profile ---- */

static struct profile_value value_of(const struct calibration_spread *spread,
                                     enum profile_parameter parameter) {
    struct profile_value value = {spread->typical, spread->low, spread->high, ""};
    unsigned all = spread->counted + spread->refused;
    char rounds[32], moved[64] = "";
    snprintf(rounds, sizeof rounds, spread->refused ? "%u of %u rounds" : "%u rounds",
             spread->counted, all);
    if (calibration_moved(spread, parameter))
        snprintf(moved, sizeof moved, ", moved between them, %.3g to %.3g", spread->least,
                 spread->greatest);
    snprintf(value.source, sizeof value.source, "measured: %s; %s%s", rows[parameter].how, rounds,
             moved);
    return value;
}

static struct profile_value plain_value(const struct calibration_spread *spread,
                                        enum profile_parameter parameter) {
    struct profile_value value = {rows[parameter].typical, rows[parameter].low,
                                  rows[parameter].high, ""};
    if (spread->refused)
        snprintf(value.source, sizeof value.source,
                 "not measured: no value of %u rounds can be; plain value", spread->refused);
    else
        snprintf(value.source, sizeof value.source, "%s",
                 rows[parameter].why ? rows[parameter].why : "not measured");
    return value;
}

bool calibration_profile(const struct placement *placement, const struct calibration_round *rounds,
                         unsigned count, struct machine_profile *profile, struct error *error) {
    *profile = (struct machine_profile){.line_bytes = 64};
#if defined(__x86_64__) || defined(__i386__)
    profile->rmw_drains_stores = true;
#endif
    snprintf(profile->name, sizeof profile->name, "this-machine");
    profile->topology_xml = placement_topology_xml(placement);
    if (!profile->topology_xml) return error_set(error, "hwloc cannot export the topology");
    for (int i = 0; i < PROFILE_PARAMETER_COUNT; i++) {
        enum profile_parameter parameter = (enum profile_parameter)i;
        struct calibration_spread spread = calibration_spread_of(rounds, count, parameter);
        profile->values[i] =
            spread.counted ? value_of(&spread, parameter) : plain_value(&spread, parameter);
    }
    return calibration_checks(placement, rounds, count, profile, error);
}
