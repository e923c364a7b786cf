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
    struct pool_options pool;
    int64_t window;
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
                                                   POOL_OPTIONS,
                                                   {0}};

static void work(struct grainbench_scheduler *scheduler, struct pool_worker *worker,
                 uint32_t generation) {
    struct pool *pool = &scheduler->pool;
    size_t window = scheduler->window, done = 0;
    (void)generation;
    for (;;) {
        int64_t left =
            (int64_t)sync_fetch_sub_u64(&scheduler->left, window, SYNC_ACQUIRE, SITE_COUNTER_CLAIM);
        if (left <= 0) break;
        size_t count = pool->batch.item_count, begin = count - (size_t)left;
        size_t end = (size_t)left > window ? begin + window : count;
        pool_body(worker, begin, end);
        done += end - begin;
    }
    if (done) pool_report(pool, worker, done);
}

static bool open(struct grainbench_scheduler *scheduler, const struct grainbench_batch *batch,
                 uint32_t generation) {
    (void)generation;
    sync_store_u64(&scheduler->left, batch->item_count, SYNC_RELEASE, SITE_COUNTER_CLAIM);
    return true;
}

static bool configure(struct grainbench_scheduler *scheduler, const struct grainbench_setup *setup,
                      const void *chosen, char *message) {
    (void)setup, (void)message;
    scheduler->window = (size_t)((const struct options *)chosen)->window;
    return true;
}

static const struct pool_kind kind = {.size = sizeof(struct grainbench_scheduler),
                                      .configure = configure,
                                      .open = open,
                                      .work = work};

static struct grainbench_scheduler *create(const struct grainbench_setup *setup, const void *chosen,
                                           char *message) {
    return pool_create(&kind, setup, chosen, message);
}

const struct grainbench_scheduler_operations SYNC_EXPORT(counter) = {
    POOL_SCHEDULER,
    .run = pool_hook_run,
    .name = "counter",
    .summary = "one shared counter hands out windows of items",
    .capabilities = GRAINBENCH_CALLER_IS_WORKER,
    .options = options,
    .options_size = sizeof(struct options),
    .create = create,
};
