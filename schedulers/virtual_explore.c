/* Disturbed runs with checks; see virtual_explore.h. */
#include "schedulers/virtual_explore.h"

#include "base/random.h"
#include "schedulers/virtual_machine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Costs are small and alike, so that many orders are likely. */
static const struct virtual_costs exploration_costs = {
    .hit_ns = 1,
    .transfer_ns = {1, 4, 8, 12, 16},
    .share_ns = 2,
    .rmw_ns = 2,
    .fence_ns = 2,
    .pause_ns = 5,
    .yield_ns = 10,
    .futex_wait_ns = 20,
    .futex_call_ns = 10,
    .futex_wake_ns = 10,
    .wake_latency_ns = 50,
    .leaf_ns = 1,
    .allocate_ns = 2,
    .free_ns = 2,
    .remote_free_ns = 4,
    .smt_factor = 1,
    .smt_spin_factor = 1,
    .rmw_drains_stores = 1,
    .line_bytes = 64,
};

enum { OPERATION_LIMIT = 2000000, CHANGE_POINTS_MOST = 6 };

/* One batch; kept until the run is over, so that a late item is seen. */
struct explored_batch {
    size_t number, count;
    bool returned;
    uint8_t *runs;     /* [count] */
    uint32_t *costs;   /* [count] */
    uint64_t *results; /* [count] */
    unsigned workers;
};

struct exploration {
    const struct explore_setup *setup;
    struct explore_summary *summary;
    struct random random;
    struct explored_batch *batches; /* [setup->batches] */
};

static uint64_t result_of(const struct explored_batch *batch, size_t item) {
    return ((uint64_t)batch->number << 32 | item) * 0x9E3779B97F4A7C15u;
}

static void run_items(void *context, size_t begin, size_t end, unsigned worker) {
    struct explored_batch *batch = context;
    if (begin >= end || end > batch->count)
        virtual_fail("batch %zu of %zu items: the body was called for [%zu, %zu)", batch->number,
                     batch->count, begin, end);
    if (worker >= batch->workers)
        virtual_fail("batch %zu: the body was called as worker %u of %u", batch->number, worker,
                     batch->workers);
    for (size_t item = begin; item < end; item++) {
        virtual_work(batch->costs[item] * UINT64_C(1000));
        /* The result appears when the item's time is over, not when it began. */
        virtual_touch(&batch->results[item], VIRTUAL_STORE, 0, 0);
        if (batch->returned)
            virtual_fail("item %zu of batch %zu ran after the batch had returned", item,
                         batch->number);
        if (++batch->runs[item] > 1)
            virtual_fail("item %zu of batch %zu ran twice", item, batch->number);
        batch->results[item] = result_of(batch, item);
    }
}

static void check_batch(struct explored_batch *batch) {
    batch->returned = true;
    for (size_t item = 0; item < batch->count; item++) {
        if (batch->runs[item] != 1)
            virtual_fail("batch %zu returned before item %zu had run", batch->number, item);
        if (batch->results[item] != result_of(batch, item))
            virtual_fail("the result of item %zu of batch %zu is not in its place", item,
                         batch->number);
    }
}

static bool make_batch(struct exploration *exploration, size_t number) {
    const struct explore_setup *setup = exploration->setup;
    struct explored_batch *batch = &exploration->batches[number];
    struct random *random = &exploration->random;
    batch->number = number;
    batch->workers = setup->workers;
    batch->count = random_below(random, 8) ? 1 + random_below(random, setup->items) : 0;
    batch->runs = calloc(batch->count + 1, sizeof *batch->runs);
    batch->costs = calloc(batch->count + 1, sizeof *batch->costs);
    /* Aligned, so that results share lines in the same way in every run. */
    size_t size = (batch->count * sizeof *batch->results / 128 + 1) * 128;
    batch->results = aligned_alloc(128, size);
    if (!batch->runs || !batch->costs || !batch->results) return false;
    memset(batch->results, 0, size);
    for (size_t i = 0; i < batch->count; i++)
        batch->costs[i] = (uint32_t)random_below(random, random_below(random, 4) ? 20 : 400);
    return true;
}

static void caller(void *context) {
    struct exploration *exploration = context;
    const struct explore_setup *setup = exploration->setup;
    char message[GRAINBENCH_MESSAGE_SIZE] = "no reason given";
    struct grainbench_setup scheduler_setup = {.struct_size = sizeof scheduler_setup,
                                               .workers = setup->workers,
                                               .seed = exploration->random.state};
    struct grainbench_scheduler *scheduler =
        setup->operations->create(&scheduler_setup, setup->options, message);
    if (!scheduler) virtual_fail("%s: %s", setup->operations->name, message);
    for (size_t b = 0; b < setup->batches; b++) {
        struct explored_batch *explored = &exploration->batches[b];
        struct grainbench_batch batch = {.struct_size = sizeof batch,
                                         .item_count = explored->count,
                                         .item_costs = setup->with_costs ? explored->costs : NULL,
                                         .body = run_items,
                                         .context = explored,
                                         .results = setup->with_results ? explored->results : NULL,
                                         .result_size =
                                             setup->with_results ? sizeof explored->results[0] : 0};
        if (random_below(&exploration->random, 3) == 0)
            virtual_spend(random_below(&exploration->random, 200000)); /* workers may sleep */
        setup->operations->run(scheduler, &batch);
        check_batch(explored);
        exploration->summary->items += explored->count;
    }
    setup->operations->destroy(scheduler);
}

static struct virtual_disturbance disturbance_of(uint64_t seed, struct random *random) {
    struct virtual_disturbance disturbance = {.seed = random_next(random)};
    if (seed % 2) {
        disturbance.change_points = 1 + (unsigned)random_below(random, CHANGE_POINTS_MOST);
        disturbance.horizon = 200 + random_below(random, 4000);
    } else {
        disturbance.delay_probability = 0.02 + 0.2 * random_unit(random);
        disturbance.delay_max_ns = 20 + (double)random_below(random, 2000);
    }
    return disturbance;
}

static void free_batches(struct exploration *exploration) {
    for (size_t b = 0; exploration->batches && b < exploration->setup->batches; b++) {
        free(exploration->batches[b].runs);
        free(exploration->batches[b].costs);
        free(exploration->batches[b].results);
    }
    free(exploration->batches);
}

bool explore_run(const struct explore_setup *setup, uint64_t seed, struct explore_summary *summary,
                 struct error *error) {
    *summary = (struct explore_summary){0};
    struct exploration exploration = {.setup = setup, .summary = summary, .random = {seed}};
    struct virtual_place places[VIRTUAL_CORES_MAX];
    if (setup->workers + 1 > VIRTUAL_CORES_MAX)
        return error_set(error, "at most %d workers can be explored", VIRTUAL_CORES_MAX - 1);
    for (unsigned i = 0; i <= setup->workers; i++)
        places[i] = (struct virtual_place){.core = (uint16_t)i, .l3 = (uint16_t)(i / 2)};
    struct virtual_setup machine_setup = {
        .costs = &exploration_costs,
        .places = places,
        .place_count = setup->workers + 1,
        .disturbance = disturbance_of(seed, &exploration.random),
        .operation_limit = OPERATION_LIMIT,
    };
    exploration.batches = calloc(setup->batches + 1, sizeof *exploration.batches);
    bool good = exploration.batches != NULL;
    for (size_t b = 0; good && b < setup->batches; b++)
        good = make_batch(&exploration, b);
    struct virtual_machine *machine = NULL;
    if (!good)
        error_set(error, "out of memory");
    else
        machine = virtual_machine_create(&machine_setup, error);
    bool caller_works =
        setup->operations->capabilities & (GRAINBENCH_CALLER_IS_WORKER | GRAINBENCH_CALLER_ONLY);
    good = machine && virtual_machine_run(machine, caller_works ? 0 : setup->workers, caller,
                                          &exploration, error);
    if (machine) summary->operations = virtual_machine_totals(machine)->operations;
    virtual_machine_destroy(machine);
    free_batches(&exploration);
    return good;
}
