/* `static` and `static-bytes`: every worker has one range, fixed before the batch begins: the same
 * number of items each, or as near as items allow the same sum of costs (line bytes).
 *
 * Nothing is claimed, so nothing is contended: one report a worker. Completion counts workers, not
 * items; a straggler or a late waker is waited for, and that is what these schedulers show. Since
 * every worker reports every batch, none can meet the next batch late. */
#include "schedulers/pool.h"

struct options {
    int64_t base;
    int64_t spin;
};

struct grainbench_scheduler {
    struct pool pool;
    bool by_cost;
    uint64_t base;   /* cost of an item beside its bytes */
    size_t bounds[]; /* worker w has [bounds[w], bounds[w + 1]) */
};

static const struct grainbench_option count_options[] = {
    POOL_SPIN_OPTION(offsetof(struct options, spin)), {0}};

static const struct grainbench_option cost_options[] = {
    {.name = "base",
     .type = GRAINBENCH_OPTION_INTEGER,
     .offset = offsetof(struct options, base),
     .argument = "BYTES",
     .fallback = "3",
     .minimum = 0,
     .maximum = 1e6,
     .help = "cost of an item beside its bytes, in bytes"},
    POOL_SPIN_OPTION(offsetof(struct options, spin)),
    {0}};

static void divide_by_count(struct grainbench_scheduler *scheduler, size_t item_count) {
    unsigned workers = scheduler->pool.worker_count;
    for (unsigned w = 0; w <= workers; w++)
        scheduler->bounds[w] = item_count * w / workers;
}

/* Worker w's range ends behind the last item whose middle lies before (w + 1) / workers of the
 * total cost. */
static void divide_by_cost(struct grainbench_scheduler *scheduler,
                           const struct grainbench_batch *batch) {
    unsigned workers = scheduler->pool.worker_count;
    uint64_t total = 0, passed = 0;
    for (size_t i = 0; i < batch->item_count; i++)
        total += batch->item_costs[i] + scheduler->base;
    size_t item = 0;
    scheduler->bounds[0] = 0;
    for (unsigned w = 1; w < workers; w++) {
        uint64_t limit = total / workers * w + total % workers * w / workers;
        while (item < batch->item_count) {
            uint64_t cost = batch->item_costs[item] + scheduler->base;
            if (passed + cost / 2 >= limit) break;
            passed += cost;
            item++;
        }
        scheduler->bounds[w] = item;
    }
    scheduler->bounds[workers] = batch->item_count;
}

static void work(struct grainbench_scheduler *scheduler, struct pool_worker *worker) {
    size_t begin = scheduler->bounds[worker->index], end = scheduler->bounds[worker->index + 1];
    if (begin < end) pool_body(worker, begin, end);
    pool_report(&scheduler->pool, 1);
}

static void run(struct grainbench_scheduler *scheduler, const struct grainbench_batch *batch) {
    struct pool *pool = &scheduler->pool;
    if (pool_run_forked(pool, batch)) return;
    sync_enter(pool->domain, 0);
    if (scheduler->by_cost && batch->item_costs)
        divide_by_cost(scheduler, batch);
    else
        divide_by_count(scheduler, batch->item_count);
    pool_prepare(pool, batch, pool->worker_count);
    pool_run(pool);
    sync_leave(pool->domain);
}

static struct grainbench_scheduler *create(const struct grainbench_setup *setup,
                                           const struct options *values, bool by_cost,
                                           char *message) {
    size_t size = sizeof(struct grainbench_scheduler) + (setup->workers + 1) * sizeof(size_t);
    size = (size + SYNC_LINE - 1) / SYNC_LINE * SYNC_LINE;
    struct grainbench_scheduler *scheduler = aligned_alloc(SYNC_LINE, size);
    if (!scheduler) {
        error_write(message, "no memory for the scheduler");
        return NULL;
    }
    scheduler->by_cost = by_cost;
    scheduler->base = by_cost ? (uint64_t)values->base : 0;
    if (pool_create(&scheduler->pool, scheduler, setup, work, values->spin, message))
        return scheduler;
    free(scheduler);
    return NULL;
}

static struct grainbench_scheduler *create_by_count(const struct grainbench_setup *setup,
                                                    const void *values, char *message) {
    return create(setup, values, false, message);
}

static struct grainbench_scheduler *create_by_cost(const struct grainbench_setup *setup,
                                                   const void *values, char *message) {
    return create(setup, values, true, message);
}

static void destroy(struct grainbench_scheduler *scheduler) {
    pool_destroy(&scheduler->pool);
    free(scheduler);
}

const struct grainbench_scheduler_operations SYNC_EXPORT(static_) = {
    POOL_SCHEDULER,
    .name = "static",
    .summary = "one range a worker, the same number of items each",
    .capabilities = GRAINBENCH_CALLER_IS_WORKER,
    .options = count_options,
    .options_size = sizeof(struct options),
    .create = create_by_count,
    .run = run,
    .destroy = destroy,
};

const struct grainbench_scheduler_operations SYNC_EXPORT(static_bytes) = {
    POOL_SCHEDULER,
    .name = "static-bytes",
    .summary = "one range a worker, the same number of bytes each",
    .capabilities = GRAINBENCH_CALLER_IS_WORKER | GRAINBENCH_USES_COSTS,
    .options = cost_options,
    .options_size = sizeof(struct options),
    .create = create_by_cost,
    .run = run,
    .destroy = destroy,
};
