/* Probes and steals, measured and simulated; see calibrate_steal.h. */
#include "harness/simulation/calibrate_steal.h"

#include "results/statistics.h"

static struct steal_cost medians(const struct steal_timing *timing) {
    struct steal_cost cost;
    for (int k = 0; k < STEAL_TIMING_KINDS; k++)
        cost.ns[k] = statistics_median(timing->ns[k], STEAL_TIMING_BLOCKS);
    return cost;
}

/* ---- on this machine ---- */

static void bind(void *placement, unsigned worker) {
    placement_bind(placement, worker, NULL);
}

bool steal_cost_measure(const struct placement *placement, struct steal_cost *cost,
                        struct error *error) {
    struct steal_timing timing;
    struct grainbench_setup setup = {.struct_size = sizeof setup,
                                     .workers = 2,
                                     .worker_start = bind,
                                     .context = (void *)(uintptr_t)placement};
    if (!scheduler_native_steal_timing(&setup, &timing, error)) return false;
    *cost = medians(&timing);
    return true;
}

/* ---- in the model ---- */

struct simulated {
    struct grainbench_setup setup;
    struct steal_timing timing;
    bool done;
    struct error error;
};

static void simulate(void *argument) {
    struct simulated *simulated = argument;
    simulated->done =
        scheduler_virtual_steal_timing(&simulated->setup, &simulated->timing, &simulated->error);
}

bool steal_cost_simulate(const struct placement *placement, const struct virtual_costs *costs,
                         struct steal_cost *cost, struct error *error) {
    struct virtual_place places[2];
    for (unsigned i = 0; i < 2; i++)
        places[i] = (struct virtual_place){.core = (uint16_t)placement_core(placement, i),
                                           .l3 = (uint16_t)placement_group(placement, i),
                                           .package = (uint16_t)placement_package(placement, i)};
    struct virtual_setup setup = {.costs = costs, .places = places, .place_count = 2};
    struct simulated simulated = {.setup = {.struct_size = sizeof simulated.setup, .workers = 2}};
    struct virtual_machine *machine = virtual_machine_create(&setup, error);
    if (!machine) return false;
    bool ran = virtual_machine_run(machine, 0, simulate, &simulated, error);
    virtual_machine_destroy(machine);
    if (ran && !simulated.done) *error = simulated.error;
    if (!ran || !simulated.done) return false;
    *cost = medians(&simulated.timing);
    return true;
}
