/* From the rounds of a calibration to the checks of its profile; see calibrate.h. */
#include "harness/simulation/calibrate.h"

#include <math.h>
#include <stdio.h>

#define FETCHED_SHARE 0.05 /* what is fetched costs at least so much more than what is held */

static const struct {
    enum steal_timing_kind kind;
    const char *how;
} rows[PROFILE_CHECK_COUNT] = {
    [PROFILE_CHECK_steal_probe_held_ns] = {STEAL_TIMING_PROBE_HELD, "each alone, again and again"},
    [PROFILE_CHECK_steal_probe_written_ns] = {STEAL_TIMING_PROBE_WRITTEN,
                                              "each alone, after a job was pushed and popped"},
    [PROFILE_CHECK_steal_probe_row_ns] = {STEAL_TIMING_PROBE_ROW,
                                          "in a row, after a job was pushed and popped"},
    [PROFILE_CHECK_steal_ns] = {STEAL_TIMING_STEAL, "each alone, after two jobs were pushed"},
};

static double value_of(const struct calibration_round *round, enum profile_check_kind check) {
    return round->steal.ns[rows[check].kind];
}

bool calibration_check_possible(const struct calibration_round *round,
                                enum profile_check_kind check) {
    double value = value_of(round, check), held = round->steal.ns[STEAL_TIMING_PROBE_HELD];
    /* In a row they may overlap, so that fetching hides behind the rest. */
    if (check == PROFILE_CHECK_steal_probe_held_ns || check == PROFILE_CHECK_steal_probe_row_ns)
        return value > 0;
    return held > 0 && value > (1 + FETCHED_SHARE) * held;
}

struct calibration_spread calibration_check_spread(const struct calibration_round *rounds,
                                                   unsigned count, enum profile_check_kind check) {
    double values[CALIBRATION_ROUNDS_MOST];
    bool possible[CALIBRATION_ROUNDS_MOST];
    for (unsigned r = 0; r < count; r++) {
        values[r] = value_of(&rounds[r], check);
        possible[r] = calibration_check_possible(&rounds[r], check);
    }
    return calibration_spread_from(values, possible, count);
}

static struct profile_check check_of(const struct calibration_spread *spread,
                                     enum profile_check_kind check, double model) {
    struct profile_check made = {spread->typical, spread->low, spread->high, model, ""};
    if (spread->refused)
        snprintf(made.source, sizeof made.source, "measured: %s; %u of %u rounds", rows[check].how,
                 spread->counted, spread->counted + spread->refused);
    else
        snprintf(made.source, sizeof made.source, "measured: %s; %u rounds", rows[check].how,
                 spread->counted);
    return made;
}

static struct profile_check no_check(const struct calibration_spread *spread) {
    struct profile_check made = {NAN, NAN, NAN, NAN, ""};
    if (spread->refused)
        snprintf(made.source, sizeof made.source, "not measured: no value of %u rounds can be",
                 spread->refused);
    else
        snprintf(made.source, sizeof made.source, "needs a second processing unit");
    return made;
}

bool calibration_checks(const struct placement *placement, const struct calibration_round *rounds,
                        unsigned count, struct machine_profile *profile, struct error *error) {
    struct virtual_costs costs =
        machine_profile_costs(profile, PROFILE_TYPICAL, -1, PROFILE_TYPICAL);
    struct steal_cost model = {{0}};
    if (placement_pu_count(placement) > 1 && !steal_cost_simulate(placement, &costs, &model, error))
        return false;
    for (int i = 0; i < PROFILE_CHECK_COUNT; i++) {
        enum profile_check_kind check = (enum profile_check_kind)i;
        struct calibration_spread spread = calibration_check_spread(rounds, count, check);
        profile->checks[i] =
            spread.counted ? check_of(&spread, check, model.ns[rows[i].kind]) : no_check(&spread);
    }
    return true;
}
