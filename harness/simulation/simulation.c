/* One arm on a simulated machine; see simulation.h. */
#define _GNU_SOURCE
#include "harness/simulation/simulation.h"

#include "harness/arms/arm_spec.h"
#include "harness/components.h"
#include "schedulers/schedulers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Everything the simulated caller and its items reach. */
struct simulation {
    const struct simulation_setup *setup;
    struct simulation_result *result;
    const struct grainbench_scheduler_operations *operations;
    const void *options;
    unsigned *groups;
    struct virtual_machine *machine;
    size_t start;      /* first line of the batch in progress */
    uint16_t *done_by; /* [batch_lines], the core that ran each item */
    char *results;     /* [batch_lines] slots that collecting runtimes move, or NULL */
    size_t result_size;
    unsigned caller; /* its core */
    struct error error;
    bool failed;
};

static uint64_t to_ps(double ns) {
    return (uint64_t)(ns * 1000 + 0.5);
}

/* Sections that are not known change nothing. */
static double factor_of(double section) {
    return section > 0 ? section : 1;
}

/* A scheduler that has started no thread leaves the process with one. */
static double lone_factor(double section) {
    return virtual_started() == 1 ? factor_of(section) : 1;
}

static void sleep_items(void *context, size_t begin, size_t end, unsigned worker) {
    struct simulation *simulation = context;
    double sleep_ns = simulation->setup->overshoot_ns[simulation->start + begin];
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        sleep_ns += simulation->setup->trace->encode_ns[simulation->start + i];
        simulation->done_by[i] = (uint16_t)virtual_core();
    }
    virtual_sleep(to_ps(sleep_ns));
}

static void run_items(void *context, size_t begin, size_t end, unsigned worker) {
    struct simulation *simulation = context;
    const struct cost_trace *trace = simulation->setup->trace;
    bool drop_here = simulation->setup->free_by == ARM_FREE_WORKER;
    unsigned core = virtual_core();
    /* Memory that another thread gives back is dearer to get again. */
    bool elsewhere = !drop_here && core != simulation->caller;
    double factor = elsewhere ? factor_of(trace->sections.remote_encode)
                              : lone_factor(trace->sections.lone_encode);
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        size_t line = simulation->start + i;
        double cost = trace->encode_ns[line] * factor;
        if (drop_here) cost += trace->drop_ns[line] * lone_factor(trace->sections.lone_drop);
        simulation->done_by[i] = (uint16_t)core;
        if (elsewhere) virtual_arena_touch(core, 0);
        virtual_work(to_ps(cost));
        if (simulation->results)
            virtual_own(simulation->results + i * simulation->result_size,
                        (size_t)trace->sections.written_bytes);
    }
}

static size_t batch_at(const struct simulation_setup *setup, size_t index) {
    return setup->first + index * (setup->stride ? setup->stride : 1);
}

/* How much dearer giving back is where another core encoded: as the trace measured it, or, where
 * the trace is not of this machine, as the profile has it for small blocks. */
static double remote_drop_factor(const struct simulation_setup *setup) {
    if (setup->trace->sections.remote_drop > 0) return setup->trace->sections.remote_drop;
    double free_ns = setup->costs->free_ns;
    return free_ns > 0 ? setup->costs->remote_free_ns / free_ns : 1;
}

/* The caller gives the results back, one after the other, each to the arena that it came from. */
static void drop_results(const struct simulation *simulation, size_t count) {
    const struct simulation_setup *setup = simulation->setup;
    double factor = remote_drop_factor(setup);
    for (size_t i = 0; i < count; i++) {
        double cost = setup->trace->drop_ns[simulation->start + i];
        cost *= lone_factor(setup->trace->sections.lone_drop);
        if (simulation->done_by[i] != virtual_core()) {
            cost *= factor;
            if (cost > 0) virtual_arena_touch(simulation->done_by[i], to_ps(cost));
        }
        virtual_spend(to_ps(cost));
    }
}

/* The caller makes the workers' scratches ready again. */
static void reset_scratches(const struct simulation *simulation) {
    const struct cost_sections *sections = &simulation->setup->trace->sections;
    bool own = simulation->operations->capabilities &
               (GRAINBENCH_CALLER_IS_WORKER | GRAINBENCH_CALLER_ONLY);
    bool only = simulation->operations->capabilities & GRAINBENCH_CALLER_ONLY;
    unsigned others = only ? 0 : simulation->setup->workers - own;
    virtual_spend(to_ps((own ? sections->reset_ns : 0) + others * sections->remote_reset_ns));
}

static void run_batch(struct simulation *simulation, struct grainbench_scheduler *scheduler,
                      size_t number, struct simulation_batch *out) {
    const struct simulation_setup *setup = simulation->setup;
    const struct corpus *corpus = setup->corpus;
    size_t batch_number = number % corpus->batch_count;
    simulation->start = corpus_batch_start(corpus, batch_number);
    struct grainbench_batch batch = {
        .struct_size = sizeof batch,
        .item_count = corpus_batch_size(corpus, batch_number),
        .item_costs = corpus->costs + simulation->start,
        .body = setup->overshoot_ns ? sleep_items : run_items,
        .context = simulation,
        .results = simulation->results,
        .result_size = simulation->result_size,
    };
    virtual_spend(to_ps(setup->gap_ns));
    uint64_t begin = virtual_now_ps();
    simulation->operations->run(scheduler, &batch);
    uint64_t done = virtual_now_ps();
    virtual_spend(to_ps(setup->serial_section_ns));
    if (setup->free_by == ARM_FREE_CALLER) drop_results(simulation, batch.item_count);
    if (setup->free_by != ARM_FREE_UNTIMED) reset_scratches(simulation);
    uint64_t end = virtual_now_ps();
    if (setup->trace_batch && out) setup->trace_batch(setup->trace_context, begin, done, end);
    if (setup->free_by == ARM_FREE_UNTIMED) {
        drop_results(simulation, batch.item_count);
        reset_scratches(simulation);
    }
    if (!out) return;
    *out = (struct simulation_batch){.duration_ns = (end - begin) / 1000,
                                     .parallel_ns = (done - begin) / 1000,
                                     .drop_ns = (end - done) / 1000,
                                     .bytes = corpus_batch_bytes(corpus, batch_number),
                                     .items = batch.item_count};
}

static void collect(struct simulation *simulation, struct grainbench_scheduler *scheduler) {
    struct simulation_result *result = simulation->result;
    double run_ps = 0, ideal_ns = 0;
    *result->statistics = (struct grainbench_statistics){.struct_size = sizeof *result->statistics};
    if (simulation->operations->statistics)
        simulation->operations->statistics(scheduler, result->statistics);
    for (unsigned i = 0; i <= result->workers; i++) {
        result->accounts[i] = *virtual_machine_account(simulation->machine, i);
        run_ps += (double)result->accounts[i].run_ps;
    }
    result->totals = *virtual_machine_totals(simulation->machine);
    memcpy(result->sites, virtual_machine_sites(simulation->machine), sizeof result->sites);
    for (size_t b = 0; b < result->count; b++) {
        const struct corpus *corpus = simulation->setup->corpus;
        size_t number = batch_at(simulation->setup, b) % corpus->batch_count;
        size_t start = corpus_batch_start(corpus, number);
        double sum = 0, longest = 0;
        for (size_t i = 0; i < corpus_batch_size(corpus, number); i++) {
            const struct cost_trace *trace = simulation->setup->trace;
            double cost = trace->encode_ns[start + i];
            if (simulation->setup->free_by == ARM_FREE_WORKER) cost += trace->drop_ns[start + i];
            sum += cost;
            longest = fmax(longest, cost);
        }
        ideal_ns += fmax(sum / result->workers, longest);
        result->duration_ns += result->batches[b].duration_ns;
        result->bytes += result->batches[b].bytes;
    }
    result->ideal_ns = ideal_ns;
    double available = (double)result->duration_ns * 1000 * result->workers;
    result->useful_share = available > 0 ? run_ps / available : 0;
}

/* The first core of the simulated machine: makes the scheduler, runs the batches, ends it. */
static void caller(void *context) {
    struct simulation *simulation = context;
    const struct simulation_setup *setup = simulation->setup;
    char message[GRAINBENCH_MESSAGE_SIZE] = "cannot be created";
    simulation->caller = virtual_core();
    simulation->result_size = (size_t)setup->trace->sections.result_bytes;
    if (simulation->result_size)
        simulation->results =
            virtual_allocate_free_of_charge(setup->corpus->batch_lines * simulation->result_size);
    struct grainbench_setup scheduler_setup = {.struct_size = sizeof scheduler_setup,
                                               .workers = setup->workers,
                                               .worker_groups = simulation->groups,
                                               .seed = setup->seed};
    struct grainbench_scheduler *scheduler =
        simulation->operations->create(&scheduler_setup, simulation->options, message);
    if (!scheduler) virtual_fail("scheduler %s: %s", simulation->operations->name, message);
    for (size_t i = 0; i < setup->warm_batches; i++)
        run_batch(simulation, scheduler, batch_at(setup, i), NULL);
    if (simulation->operations->reset_statistics)
        simulation->operations->reset_statistics(scheduler);
    simulation->result->operations = virtual_machine_totals(simulation->machine)->operations;
    virtual_machine_reset_counts(simulation->machine);
    for (size_t i = 0; i < setup->count; i++)
        run_batch(simulation, scheduler, batch_at(setup, i), &simulation->result->batches[i]);
    collect(simulation, scheduler);
    simulation->operations->destroy(scheduler);
}

/* Groups of efficiency cores run at a part of the others' speed. */
static double slowness_of(const struct simulation_setup *setup, unsigned worker) {
    unsigned group = placement_group(setup->placement, worker);
    bool slow = group < 64 && setup->efficiency_groups >> group & 1;
    return slow && setup->efficiency_speed > 0 ? 1 / setup->efficiency_speed : 1;
}

static void set_places(const struct simulation_setup *setup, struct virtual_place *places) {
    const struct placement *placement = setup->placement;
    unsigned workers = setup->workers;
    for (unsigned i = 0; i < workers; i++)
        places[i] = (struct virtual_place){.core = (uint16_t)placement_core(placement, i),
                                           .l3 = (uint16_t)placement_group(placement, i),
                                           .package = (uint16_t)placement_package(placement, i),
                                           .slowness = slowness_of(setup, i)};
    /* A caller that is no worker sleeps while workers run; it is beside the first one, but takes
     * nothing from it. */
    places[workers] = places[0];
    places[workers].core = UINT16_MAX;
}

/* Where every processing unit has a worker, a caller that is none shares one with it: what the
 * setup does not say otherwise. */
static struct virtual_sharing sharing_of(const struct simulation_setup *setup, bool caller_works) {
    if (setup->sharing.units || caller_works ||
        setup->workers < placement_pu_count(setup->placement))
        return setup->sharing;
    struct virtual_sharing sharing = VIRTUAL_SHARING_LINUX;
    sharing.units = sharing.bound = setup->workers;
    return sharing;
}

static bool run_machine(struct simulation *simulation, struct error *error) {
    const struct simulation_setup *setup = simulation->setup;
    bool caller_works = simulation->operations->capabilities &
                        (GRAINBENCH_CALLER_IS_WORKER | GRAINBENCH_CALLER_ONLY);
    struct virtual_place places[VIRTUAL_CORES_MAX];
    set_places(setup, places);
    struct virtual_costs costs = *setup->costs;
    costs.crowd_factor = setup->trace->sections.crowd;
    struct virtual_setup machine_setup = {.costs = &costs,
                                          .places = places,
                                          .place_count = setup->workers + 1,
                                          .sharing = sharing_of(setup, caller_works),
                                          .speeds = setup->speeds,
                                          .disturbance = setup->disturbance,
                                          .trace = setup->trace_stretch,
                                          .trace_context = setup->trace_context};
    simulation->machine = virtual_machine_create(&machine_setup, error);
    if (!simulation->machine) return false;
    bool done = virtual_machine_run(simulation->machine, caller_works ? 0 : setup->workers, caller,
                                    simulation, error);
    simulation->result->operations += virtual_machine_totals(simulation->machine)->operations;
    virtual_machine_destroy(simulation->machine);
    return done;
}

static bool check(const struct simulation_setup *setup, struct error *error) {
    if (setup->workers >= VIRTUAL_CORES_MAX)
        return error_set(error, "at most %d workers can be simulated", VIRTUAL_CORES_MAX - 1);
    if (setup->workers > placement_pu_count(setup->placement))
        return error_set(error, "%u workers do not fit on the %u processing units of the machine",
                         setup->workers, placement_pu_count(setup->placement));
    return true;
}

bool simulation_run(const struct simulation_setup *setup, struct simulation_result *result,
                    struct error *error) {
    *result = (struct simulation_result){.count = setup->count, .workers = setup->workers};
    struct component component;
    if (!check(setup, error) || !component_parse_scheduler(setup->scheduler, &component, error))
        return false;
    struct simulation simulation = {.setup = setup, .result = result, .options = component.options};
    simulation.operations = schedulers_find(SCHEDULERS_VIRTUAL, component.scheduler->name);
    bool done = false;
    simulation.groups = calloc(setup->workers, sizeof *simulation.groups);
    simulation.done_by = calloc(setup->corpus->batch_lines + 1, sizeof *simulation.done_by);
    result->batches = calloc(setup->count, sizeof *result->batches);
    result->accounts = calloc(setup->workers + 1, sizeof *result->accounts);
    result->statistics = calloc(1, sizeof *result->statistics);
    if (!simulation.operations)
        error_set(error, "scheduler %s is a module and cannot be simulated; built-in ones can",
                  component.scheduler->name);
    else if (!simulation.groups || !simulation.done_by || !result->batches || !result->accounts ||
             !result->statistics)
        error_set(error, "out of memory for a simulation of %u workers", setup->workers);
    else {
        for (unsigned i = 0; i < setup->workers; i++)
            simulation.groups[i] = placement_group(setup->placement, i);
        done = run_machine(&simulation, error);
    }
    free(simulation.groups);
    free(simulation.done_by);
    component_free(&component);
    if (!done) simulation_free(result);
    return done;
}

void simulation_free(struct simulation_result *result) {
    free(result->batches);
    free(result->accounts);
    free(result->statistics);
    *result = (struct simulation_result){0};
}

double simulation_mib_per_s(const struct simulation_result *result) {
    if (!result->duration_ns) return NAN;
    return (double)result->bytes / 0x1p20 / ((double)result->duration_ns / 1e9);
}

double simulation_rmws_per_batch(const struct simulation_result *result) {
    return result->count ? (double)result->totals.rmws / (double)result->count : NAN;
}
