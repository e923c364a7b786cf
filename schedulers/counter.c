/* `counter`: one shared word hands out windows of items by fetch-and-subtract.
 *
 * The claim word holds how many items are left, as a signed number, and nothing else. A claim that
 * finds a positive number owns the items from n - left on; one that does not owns nothing and
 * changes nothing that matters (the word only gets more negative). Batches complete on items done,
 * so a worker may still come late and claim from the next batch: it then owns items of that batch,
 * and because it reads n and the batch pointer after the claim, those of that batch. Such a claim
 * is adopted, never dropped; no generation is needed in the word.
 *
 * Orders: the caller's release store of the word publishes the batch; claims acquire it (later
 * claims read from a read-modify-write of that release sequence). Costs: n / window + workers
 * read-modify-writes of one line a batch. */
#include "schedulers/pool.h"

struct options {
    int64_t window;
    int64_t spin;
};

struct grainbench_scheduler {
    struct pool pool;
    size_t window;
    SYNC_ALIGNED sync_u64 left;
};

static const struct grainbench_option options[] = {{.name = "window",
                                                    .type = GRAINBENCH_OPTION_INTEGER,
                                                    .offset = offsetof(struct options, window),
                                                    .argument = "N",
                                                    .fallback = "1",
                                                    .minimum = 1,
                                                    .maximum = 1e9,
                                                    .help = "items a claim takes"},
                                                   POOL_SPIN_OPTION(offsetof(struct options, spin)),
                                                   {0}};

static void work(struct grainbench_scheduler *scheduler, struct pool_worker *worker) {
    struct pool *pool = &scheduler->pool;
    size_t window = scheduler->window, done = 0;
    for (;;) {
        int64_t left =
            (int64_t)sync_fetch_sub_u64(&scheduler->left, window, SYNC_ACQUIRE, SITE_COUNTER_CLAIM);
        if (left <= 0) break;
        size_t count = pool->batch->item_count, begin = count - (size_t)left;
        size_t end = (size_t)left > window ? begin + window : count;
        pool_body(worker, begin, end);
        done += end - begin;
    }
    if (done) pool_report(pool, done);
}

static void run(struct grainbench_scheduler *scheduler, const struct grainbench_batch *batch) {
    struct pool *pool = &scheduler->pool;
    if (pool_run_forked(pool, batch)) return;
    sync_enter(pool->domain, 0);
    pool_prepare(pool, batch, batch->item_count);
    sync_store_u64(&scheduler->left, batch->item_count, SYNC_RELEASE, SITE_COUNTER_CLAIM);
    pool_run(pool);
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
    scheduler->window = (size_t)values->window;
    sync_init_u64(&scheduler->left, 0);
    if (pool_create(&scheduler->pool, scheduler, setup, work, values->spin, message))
        return scheduler;
    free(scheduler);
    return NULL;
}

static void destroy(struct grainbench_scheduler *scheduler) {
    pool_destroy(&scheduler->pool);
    free(scheduler);
}

const struct grainbench_scheduler_operations SYNC_EXPORT(counter) = {
    POOL_SCHEDULER,
    .name = "counter",
    .summary = "one shared counter hands out windows of items",
    .capabilities = GRAINBENCH_CALLER_IS_WORKER,
    .options = options,
    .options_size = sizeof(struct options),
    .create = create,
    .run = run,
    .destroy = destroy,
};
