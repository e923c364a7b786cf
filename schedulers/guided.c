/* `guided`: chunks that shrink as the batch runs out, in the manner of guided self-scheduling
 * (Polychronopoulos and Kuck, 1987) with half of an even share instead of all of it, because items
 * differ. Where item costs are known, shares are of cost.
 *
 * The sizes depend on the batch and the number of workers alone, so the caller writes them down
 * before the batch and a claim is one fetch-and-subtract: no compare-exchange loop, no retries. A
 * table is used again as long as batches have the same number of items and no costs.
 *
 * The claim word holds how many chunks are left, as a signed number, and nothing else. As in
 * counter.c a late worker may claim from the next batch; it then owns a chunk of that batch, reads
 * its bounds after the claim and so adopts it. The table and the batch pointer are written only
 * while no chunk is unclaimed or unfinished, and published by the release store of the word, which
 * claims acquire. */
#include "schedulers/chunks.h"
#include "schedulers/pool.h"

struct options {
    int64_t least;
    int64_t share;
    int64_t base;
    int64_t spin;
};

struct grainbench_scheduler {
    struct pool pool;
    size_t least;
    uint64_t share, base;
    struct chunks chunks;
    SYNC_ALIGNED sync_u64 left;
};

static const struct grainbench_option options[] = {
    {.name = "least",
     .type = GRAINBENCH_OPTION_INTEGER,
     .offset = offsetof(struct options, least),
     .argument = "N",
     .fallback = "1",
     .minimum = 1,
     .maximum = 1e9,
     .help = "fewest items of a chunk"},
    {.name = "share",
     .type = GRAINBENCH_OPTION_INTEGER,
     .offset = offsetof(struct options, share),
     .argument = "N",
     .fallback = "2",
     .minimum = 1,
     .maximum = 64,
     .help = "a chunk is one N-th of an even share of what is left"},
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

static void work(struct grainbench_scheduler *scheduler, struct pool_worker *worker) {
    struct pool *pool = &scheduler->pool;
    size_t done = 0;
    for (;;) {
        int64_t left =
            (int64_t)sync_fetch_sub_u64(&scheduler->left, 1, SYNC_ACQUIRE, SITE_COUNTER_CLAIM);
        if (left <= 0) break;
        size_t chunk = scheduler->chunks.count - (size_t)left;
        size_t begin = scheduler->chunks.bounds[chunk], end = scheduler->chunks.bounds[chunk + 1];
        pool_body(worker, begin, end);
        done += end - begin;
    }
    if (done) pool_report(pool, done);
}

static void run(struct grainbench_scheduler *scheduler, const struct grainbench_batch *batch) {
    struct pool *pool = &scheduler->pool;
    if (pool_run_forked(pool, batch)) return;
    sync_enter(pool->domain, 0);
    uint64_t divisor = scheduler->share * pool->worker_count;
    bool made =
        batch->item_costs
            ? chunks_by_cost(&scheduler->chunks, batch, scheduler->base, divisor, scheduler->least)
            : chunks_by_count(&scheduler->chunks, batch->item_count, divisor, scheduler->least);
    pool_prepare(pool, batch, batch->item_count);
    if (made) {
        sync_store_u64(&scheduler->left, scheduler->chunks.count, SYNC_RELEASE, SITE_COUNTER_CLAIM);
        pool_run(pool);
    } else /* no memory for the table */
        sync_body(batch, 0, batch->item_count, 0);
    sync_leave(pool->domain);
}

static struct grainbench_scheduler *create(const struct grainbench_setup *setup, const void *chosen,
                                           char *message) {
    const struct options *values = chosen;
    struct grainbench_scheduler *scheduler = aligned_alloc(SYNC_LINE, sizeof *scheduler);
    if (!scheduler) {
        error_write(message, "no memory for the scheduler");
        return NULL;
    }
    scheduler->least = (size_t)values->least;
    scheduler->share = (uint64_t)values->share;
    scheduler->base = (uint64_t)values->base;
    scheduler->chunks = (struct chunks){0};
    sync_init_u64(&scheduler->left, 0);
    if (pool_create(&scheduler->pool, scheduler, setup, work, values->spin, message))
        return scheduler;
    free(scheduler);
    return NULL;
}

static void destroy(struct grainbench_scheduler *scheduler) {
    pool_destroy(&scheduler->pool);
    free(scheduler->chunks.bounds);
    free(scheduler);
}

const struct grainbench_scheduler_operations SYNC_EXPORT(guided) = {
    POOL_SCHEDULER,
    .name = "guided",
    .summary = "shrinking chunks from a table, claimed by one shared counter",
    .capabilities = GRAINBENCH_CALLER_IS_WORKER | GRAINBENCH_USES_COSTS,
    .options = options,
    .options_size = sizeof(struct options),
    .create = create,
    .run = run,
    .destroy = destroy,
};
