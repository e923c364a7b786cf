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
    struct pool_options pool;
    int64_t least;
    int64_t share;
    int64_t base;
};

struct grainbench_scheduler {
    struct pool pool;
    size_t least;
    uint64_t share, base;
    struct costs costs;
    SYNC_ALIGNED sync_u64 left;
    struct chunks chunks; /* beside the word, so that a claim brings it */
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
    POOL_OPTIONS,
    {0}};

static void work(struct grainbench_scheduler *scheduler, struct pool_worker *worker,
                 uint32_t generation) {
    (void)generation;
    chunks_work(&scheduler->chunks, &scheduler->left, worker);
}

static bool open(struct grainbench_scheduler *scheduler, const struct grainbench_batch *batch,
                 uint32_t generation) {
    (void)generation;
    uint64_t divisor = scheduler->share * scheduler->pool.worker_count;
    if (batch->item_costs && !costs_add(&scheduler->costs, batch, scheduler->base)) return false;
    if (!chunks_make(&scheduler->chunks, batch, &scheduler->costs, divisor, scheduler->least))
        return false;
    sync_store_u64(&scheduler->left, scheduler->chunks.count, SYNC_RELEASE, SITE_COUNTER_CLAIM);
    return true;
}

static bool configure(struct grainbench_scheduler *scheduler, const struct grainbench_setup *setup,
                      const void *chosen, char *message) {
    const struct options *values = chosen;
    (void)setup, (void)message;
    scheduler->least = (size_t)values->least;
    scheduler->share = (uint64_t)values->share;
    scheduler->base = (uint64_t)values->base;
    return true;
}

static void release(struct grainbench_scheduler *scheduler) {
    free(scheduler->chunks.bounds);
    costs_free(&scheduler->costs);
}

static const struct pool_kind kind = {.size = sizeof(struct grainbench_scheduler),
                                      .configure = configure,
                                      .release = release,
                                      .open = open,
                                      .work = work};

static struct grainbench_scheduler *create(const struct grainbench_setup *setup, const void *chosen,
                                           char *message) {
    return pool_create(&kind, setup, chosen, message);
}

const struct grainbench_scheduler_operations SYNC_EXPORT(guided) = {
    POOL_SCHEDULER,
    .run = pool_hook_run,
    .name = "guided",
    .summary = "shrinking chunks from a table, claimed by one shared counter",
    .capabilities = GRAINBENCH_CALLER_IS_WORKER | GRAINBENCH_USES_COSTS,
    .options = options,
    .options_size = sizeof(struct options),
    .create = create,
};
