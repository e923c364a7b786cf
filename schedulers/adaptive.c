/* `adaptive`: measures what items cost and what going parallel costs, and chooses for every batch
 * how many workers to wake and how many items a claim takes; one worker when waking others would
 * not pay. Claims are as in guided.c: chunks from a table by number, late claims adopted.
 *
 * What it knows: `unit_ns`, the time of a unit of cost (a byte of a line; an item without costs),
 * and `overhead_ns`, what a parallel batch took beyond its items' time spread evenly. Both are
 * moving averages over batches, read by the caller alone. A batch runs in parallel if its expected
 * time, spread over the workers that each get at least `worth` of it, plus the overhead is clearly
 * less than its time on one worker. Now and then a batch is run the other way round, so that an
 * estimate that was spoiled once does not stay for ever; one in `probe`, which bounds the loss.
 *
 * Two clock readings a batch; none on other workers. */
#include "schedulers/chunks.h"
#include "schedulers/pool.h"

struct options {
    double worth_us;
    double window_us;
    double margin;
    int64_t base;
    int64_t probe;
    int64_t spin;
};

struct grainbench_scheduler {
    struct pool pool;
    double worth_ns, window_ns, margin;
    uint64_t base;
    uint64_t probe;
    double unit_ns;     /* 0: not known yet */
    double overhead_ns; /* of a parallel batch; 0: not known yet */
    uint64_t batches;   /* since the scheduler was made */
    struct chunks chunks;
    SYNC_ALIGNED sync_u64 left;
};

static const struct grainbench_option options[] = {
    {.name = "worth",
     .type = GRAINBENCH_OPTION_REAL,
     .offset = offsetof(struct options, worth_us),
     .argument = "US",
     .fallback = "5",
     .minimum = 0,
     .maximum = 1e6,
     .help = "least work a worker is woken for"},
    {.name = "window",
     .type = GRAINBENCH_OPTION_REAL,
     .offset = offsetof(struct options, window_us),
     .argument = "US",
     .fallback = "2",
     .minimum = 0,
     .maximum = 1e6,
     .help = "work a claim should take, if the batch is large enough"},
    {.name = "margin",
     .type = GRAINBENCH_OPTION_REAL,
     .offset = offsetof(struct options, margin),
     .argument = "X",
     .fallback = "0.9",
     .minimum = 0.01,
     .maximum = 1,
     .help = "go parallel if that is expected to take less than X of one worker's time"},
    {.name = "base",
     .type = GRAINBENCH_OPTION_INTEGER,
     .offset = offsetof(struct options, base),
     .argument = "BYTES",
     .fallback = "3",
     .minimum = 0,
     .maximum = 1e6,
     .help = "cost of an item beside its bytes, in bytes"},
    {.name = "probe",
     .type = GRAINBENCH_OPTION_INTEGER,
     .offset = offsetof(struct options, probe),
     .argument = "N",
     .fallback = "256",
     .minimum = 2,
     .maximum = 1e9,
     .help = "one batch in N is run the other way round, to keep the estimates fresh"},
    POOL_SPIN_OPTION(offsetof(struct options, spin)),
    {0}};

static double mix(double old, double fresh) {
    return old > 0 ? old + (fresh - old) / 8 : fresh;
}

static double units_of(const struct grainbench_scheduler *scheduler,
                       const struct grainbench_batch *batch) {
    if (!batch->item_costs) return (double)batch->item_count;
    uint64_t units = batch->item_count * scheduler->base;
    for (size_t i = 0; i < batch->item_count; i++)
        units += batch->item_costs[i];
    return (double)units;
}

static void work(struct grainbench_scheduler *scheduler, struct pool_worker *worker) {
    struct pool *pool = &scheduler->pool;
    size_t done = 0;
    for (;;) {
        /* Workers that were not woken for this batch but are awake see it as well and help. */
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

/* How many workers the batch is worth; 1: run it here. */
static unsigned choose_workers(const struct grainbench_scheduler *scheduler, double units) {
    const struct pool *pool = &scheduler->pool;
    if (pool->worker_count == 1 || scheduler->unit_ns <= 0) return 1;
    double alone_ns = units * scheduler->unit_ns;
    double worth = scheduler->worth_ns > 0 ? alone_ns / scheduler->worth_ns : pool->worker_count;
    unsigned workers = worth < pool->worker_count ? (unsigned)worth : pool->worker_count;
    if (workers < 2) return 1;
    double together_ns = alone_ns / workers + scheduler->overhead_ns;
    bool pays = together_ns < scheduler->margin * alone_ns;
    if (scheduler->batches % scheduler->probe == 0) pays = !pays;
    return pays ? workers : 1;
}

static void run_alone(struct grainbench_scheduler *scheduler,
                      const struct grainbench_batch *batch) {
    struct pool_worker *self = &scheduler->pool.workers[0];
    scheduler->pool.batch = batch;
    if (batch->item_count) pool_body(self, 0, batch->item_count);
    scheduler->pool.batches++;
}

static bool make_chunks(struct grainbench_scheduler *scheduler,
                        const struct grainbench_batch *batch, unsigned workers, double units) {
    double item_ns = units * scheduler->unit_ns / (double)batch->item_count;
    double least = item_ns > 0 ? scheduler->window_ns / item_ns : 1;
    double most = (double)batch->item_count / (4.0 * workers);
    if (least > most) least = most;
    size_t items = least > 1 ? (size_t)least : 1;
    return batch->item_costs ? chunks_by_cost(&scheduler->chunks, batch, scheduler->base,
                                              2 * (uint64_t)workers, items)
                             : chunks_by_count(&scheduler->chunks, batch->item_count,
                                               2 * (uint64_t)workers, items);
}

static void run(struct grainbench_scheduler *scheduler, const struct grainbench_batch *batch) {
    struct pool *pool = &scheduler->pool;
    if (pool_run_forked(pool, batch)) return;
    sync_enter(pool->domain, 0);
    uint64_t start_ns = sync_now_ns();
    double units = units_of(scheduler, batch);
    unsigned workers = batch->item_count ? choose_workers(scheduler, units) : 1;
    bool parallel = workers > 1 && make_chunks(scheduler, batch, workers, units);
    scheduler->batches++;
    if (parallel) {
        pool_prepare(pool, batch, batch->item_count);
        pool_set_active(pool, workers);
        sync_store_u64(&scheduler->left, scheduler->chunks.count, SYNC_RELEASE, SITE_COUNTER_CLAIM);
        pool_run(pool);
    } else
        run_alone(scheduler, batch);
    double took_ns = (double)(sync_now_ns() - start_ns);
    if (parallel) {
        double overhead_ns = took_ns - units * scheduler->unit_ns / workers;
        scheduler->overhead_ns = mix(scheduler->overhead_ns, overhead_ns > 1 ? overhead_ns : 1);
    } else if (units > 0)
        scheduler->unit_ns = mix(scheduler->unit_ns, took_ns / units);
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
    scheduler->worth_ns = values->worth_us * 1000;
    scheduler->window_ns = values->window_us * 1000;
    scheduler->margin = values->margin;
    scheduler->base = (uint64_t)values->base;
    scheduler->probe = (uint64_t)values->probe;
    scheduler->unit_ns = scheduler->overhead_ns = 0;
    scheduler->batches = 0;
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

const struct grainbench_scheduler_operations SYNC_EXPORT(adaptive) = {
    POOL_SCHEDULER,
    .name = "adaptive",
    .summary = "as many workers as a batch is worth, from measured costs; one if none is",
    .capabilities = GRAINBENCH_CALLER_IS_WORKER | GRAINBENCH_USES_COSTS,
    .options = options,
    .options_size = sizeof(struct options),
    .create = create,
    .run = run,
    .destroy = destroy,
};
