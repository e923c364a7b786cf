/* `static` and `static-bytes`: every worker has one range, fixed before the batch begins: the same
 * number of items each, or as near as items allow the same sum of costs (line bytes).
 *
 * Nothing is claimed, so nothing is contended: one report a worker. Completion counts workers, not
 * items; a straggler or a late waker is waited for, and that is what these schedulers show. Since
 * every worker reports every batch, none can meet the next batch late. */
#include "schedulers/costs.h"
#include "schedulers/pool.h"

struct options {
    struct pool_options pool;
    int64_t base;
};

struct grainbench_scheduler {
    struct pool pool;
    uint64_t base; /* cost of an item beside its bytes */
    struct costs costs;
    size_t *bounds; /* worker w has [bounds[w], bounds[w + 1]); NULL: equal counts */
};

static const struct grainbench_option count_options[] = {POOL_OPTIONS, {0}};

static const struct grainbench_option cost_options[] = {
    {.name = "base",
     .type = GRAINBENCH_OPTION_INTEGER,
     .offset = offsetof(struct options, base),
     .argument = "BYTES",
     .fallback = "3",
     .minimum = 0,
     .maximum = 1e6,
     .help = "cost of an item beside its bytes, in bytes"},
    POOL_OPTIONS,
    {0}};

/* Worker w's range ends behind the last item whose middle lies before (w + 1) / workers of the
 * total cost. False without memory. */
static bool divide_by_cost(struct grainbench_scheduler *scheduler,
                           const struct grainbench_batch *batch) {
    unsigned workers = scheduler->pool.worker_count;
    struct costs *costs = &scheduler->costs;
    if (!costs_add(costs, batch, scheduler->base)) return false;
    struct costs_place at = {0};
    scheduler->bounds[0] = 0;
    for (unsigned w = 1; w < workers; w++) {
        at = costs_middle(costs, at, costs_share(costs, w, workers));
        scheduler->bounds[w] = at.item;
    }
    scheduler->bounds[workers] = batch->item_count;
    return true;
}

static void work(struct grainbench_scheduler *scheduler, struct pool_worker *worker,
                 uint32_t generation) {
    struct pool *pool = &scheduler->pool;
    size_t count = pool->batch.item_count, w = worker->index;
    bool unequal = scheduler->bounds && pool->batch.item_costs;
    size_t begin = unequal ? scheduler->bounds[w] : count * w / pool->worker_count;
    size_t end = unequal ? scheduler->bounds[w + 1] : count * (w + 1) / pool->worker_count;
    (void)generation;
    if (begin < end) pool_body(worker, begin, end);
    pool_report(pool, worker, 1);
}

static bool open(struct grainbench_scheduler *scheduler, const struct grainbench_batch *batch,
                 uint32_t generation) {
    (void)generation;
    return !batch->item_costs || divide_by_cost(scheduler, batch);
}

static bool configure(struct grainbench_scheduler *scheduler, const struct grainbench_setup *setup,
                      const void *chosen, char *message) {
    (void)message;
    scheduler->base = (uint64_t)((const struct options *)chosen)->base;
    scheduler->bounds = calloc(setup->workers + 1, sizeof *scheduler->bounds);
    return scheduler->bounds != NULL;
}

static void release(struct grainbench_scheduler *scheduler) {
    free(scheduler->bounds);
    costs_free(&scheduler->costs);
}

static const struct pool_kind by_count = {
    .size = sizeof(struct grainbench_scheduler), .work = work, .counts_workers = true};

static const struct pool_kind by_cost = {.size = sizeof(struct grainbench_scheduler),
                                         .configure = configure,
                                         .release = release,
                                         .open = open,
                                         .work = work,
                                         .counts_workers = true};

static struct grainbench_scheduler *create_by_count(const struct grainbench_setup *setup,
                                                    const void *values, char *message) {
    return pool_create(&by_count, setup, values, message);
}

static struct grainbench_scheduler *create_by_cost(const struct grainbench_setup *setup,
                                                   const void *values, char *message) {
    return pool_create(&by_cost, setup, values, message);
}

const struct grainbench_scheduler_operations SYNC_EXPORT(static_) = {
    POOL_SCHEDULER,
    .run = pool_hook_run,
    .name = "static",
    .summary = "one range a worker, the same number of items each",
    .capabilities = GRAINBENCH_CALLER_IS_WORKER,
    .options = count_options,
    .options_size = sizeof(struct options),
    .create = create_by_count,
};

const struct grainbench_scheduler_operations SYNC_EXPORT(static_bytes) = {
    POOL_SCHEDULER,
    .run = pool_hook_run,
    .name = "static-bytes",
    .summary = "one range a worker, the same number of bytes each",
    .capabilities = GRAINBENCH_CALLER_IS_WORKER | GRAINBENCH_USES_COSTS,
    .options = cost_options,
    .options_size = sizeof(struct options),
    .create = create_by_cost,
};
