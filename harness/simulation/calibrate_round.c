/* One round of a calibration; see calibrate_round.h. */
#include "harness/simulation/calibrate_round.h"

#include "harness/simulation/calibrate_alone.h"
#include "harness/simulation/calibrate_pair.h"
#include "results/statistics.h"

#include <math.h>

enum { PARTNERS = 3 };

struct trials {
    double values[CALIBRATION_TRIALS_MOST * PARTNERS];
    unsigned count;
};

struct collected {
    const struct placement *placement;
    struct trials parameters[PROFILE_PARAMETER_COUNT], contended_rmw;
    struct trials steals[STEAL_TIMING_KINDS];
    unsigned pairs;
};

static void add(struct trials *trials, double value) {
    trials->values[trials->count++] = value;
}

static enum virtual_distance distance_of(const struct placement *p, unsigned a, unsigned b) {
    if (placement_core(p, a) == placement_core(p, b)) return VIRTUAL_SIBLING;
    if (placement_group(p, a) == placement_group(p, b)) return VIRTUAL_L3;
    return placement_package(p, a) == placement_package(p, b) ? VIRTUAL_PACKAGE : VIRTUAL_REMOTE;
}

/* The worker whose distance from worker 0 this is, and that is the `nth` such; 0: there is none. */
static unsigned partner(const struct placement *p, enum virtual_distance distance, unsigned nth) {
    for (unsigned b = 1; b < placement_pu_count(p); b++)
        if (distance_of(p, 0, b) == distance && nth-- == 0) return b;
    return 0;
}

static bool try_transfers(struct collected *to) {
    static const enum profile_parameter parameters[VIRTUAL_DISTANCES] = {
        [VIRTUAL_SIBLING] = PROFILE_transfer_sibling_ns,
        [VIRTUAL_L3] = PROFILE_transfer_l3_ns,
        [VIRTUAL_PACKAGE] = PROFILE_transfer_package_ns,
        [VIRTUAL_REMOTE] = PROFILE_transfer_remote_ns,
    };
    to->pairs = 0;
    for (int d = VIRTUAL_SIBLING; d < VIRTUAL_DISTANCES; d++)
        for (unsigned n = 0; n < PARTNERS; n++) {
            unsigned other = partner(to->placement, (enum virtual_distance)d, n);
            double ns;
            if (!other) break;
            if (!pair_line_transfer(to->placement, 0, other, &ns)) return false;
            add(&to->parameters[parameters[d]], ns);
            to->pairs++;
        }
    return true;
}

static bool try_sleeping(struct collected *to, unsigned other, double empty_call_ns) {
    struct trials *p = to->parameters;
    struct pair_wake deep, light;
    if (!pair_wake(to->placement, 0, other, VIRTUAL_LONG_SLEEP_NS, &deep) ||
        !pair_wake(to->placement, 0, other, VIRTUAL_SHORT_SLEEP_NS, &light))
        return false;
    /* In the model the latency counts from the end of the waker's call. */
    double latency = fmax(0, light.latency_ns - light.call_ns);
    add(&p[PROFILE_futex_wake_ns], light.call_ns - empty_call_ns);
    add(&p[PROFILE_wake_latency_ns], latency);
    add(&p[PROFILE_wake_long_ns], fmax(latency, deep.latency_ns - light.call_ns));
    add(&p[PROFILE_futex_wait_ns], light.sleeper_ns / 2);
    return true;
}

static bool try_siblings(struct collected *to) {
    unsigned sibling = partner(to->placement, VIRTUAL_SIBLING, 0);
    double working, spinning;
    if (!sibling) return true;
    if (!pair_slowdown(to->placement, 0, sibling, &working, &spinning)) return false;
    add(&to->parameters[PROFILE_smt_factor], working);
    add(&to->parameters[PROFILE_smt_spin_factor], spinning);
    return true;
}

static bool try_memory(struct collected *to, unsigned other, struct error *error) {
    struct memory_copy copy;
    double remote;
    if (!pair_remote_free(to->placement, 0, other, &remote))
        return error_set(error, "a second thread cannot be started");
    if (!memory_copy_measure(to->placement, other != 0, &copy, error)) return false;
    add(&to->parameters[PROFILE_remote_free_ns], remote);
    add(&to->parameters[PROFILE_copy_ns], copy.held_ns);
    if (!other) return true;
    add(&to->parameters[PROFILE_stream_ns], copy.remote_ns - copy.held_ns);
    add(&to->parameters[PROFILE_upgrade_ns], copy.read_ns - copy.held_ns);
    return true;
}

static bool try_steals(struct collected *to, struct error *error) {
    struct steal_cost cost;
    if (!steal_cost_measure(to->placement, &cost, error)) return false;
    for (int k = 0; k < STEAL_TIMING_KINDS; k++)
        add(&to->steals[k], cost.ns[k]);
    return true;
}

static bool try_all(struct collected *to, struct error *error) {
    unsigned other = placement_pu_count(to->placement) > 1 ? 1 : 0;
    double empty_call_ns = 0, contended;
    placement_bind(to->placement, 0, NULL);
    for (size_t i = 0; i < ALONE_MEASURES; i++) {
        double ns = alone_measure_best(&alone_measures[i]);
        if (alone_measures[i].parameter == PROFILE_futex_call_ns) empty_call_ns = ns;
        add(&to->parameters[alone_measures[i].parameter], ns);
    }
    if (!try_transfers(to) || !try_sleeping(to, other, empty_call_ns) || !try_siblings(to) ||
        (other && !pair_contended_rmw(to->placement, 0, other, &contended)))
        return error_set(error, "a second thread cannot be started");
    if (other) add(&to->contended_rmw, contended);
    return try_memory(to, other, error) && (!other || try_steals(to, error));
}

static double median(const struct trials *trials) {
    return statistics_median(trials->values, trials->count);
}

void calibration_round_measure(const struct placement *placement, unsigned trials,
                               struct calibration_round *round) {
    static struct collected collected; /* too big for a stack */
    collected = (struct collected){.placement = placement};
    *round = (struct calibration_round){0};
    /* First: later there are arenas of threads that have ended, which new threads would take. */
    round->measured = placement_pu_count(placement) < 2 ||
                      memory_contention_measure(placement, &round->contention, &round->error);
    for (unsigned t = 0; round->measured && t < trials && t < CALIBRATION_TRIALS_MOST; t++)
        round->measured = try_all(&collected, &round->error);
    for (int i = 0; i < PROFILE_PARAMETER_COUNT; i++)
        round->values[i] = median(&collected.parameters[i]);
    for (int k = 0; k < STEAL_TIMING_KINDS; k++)
        round->steal.ns[k] = median(&collected.steals[k]);
    round->contended_rmw_ns = median(&collected.contended_rmw);
    round->pairs = collected.pairs;
}
