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
    struct pool_options pool;
    double worth_us;
    double window_us;
    double margin;
    int64_t base;
    int64_t probe;
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
    POOL_OPTIONS,
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

static void work(struct grainbench_scheduler *scheduler, struct pool_worker *worker,
                 uint32_t generation) {
    (void)generation;
    chunks_work(&scheduler->chunks, &scheduler->left, worker);
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

static bool make_chunks(struct grainbench_scheduler *scheduler,
                        const struct grainbench_batch *batch, unsigned workers, double units) {
    double item_ns = units * scheduler->unit_ns / (double)batch->item_count;
    double least = item_ns > 0 ? scheduler->window_ns / item_ns : 1;
    double most = (double)batch->item_count / (4.0 * workers);
    if (least > most) least = most;
    size_t items = least > 1 ? (size_t)least : 1;
    return chunks_make(&scheduler->chunks, batch, scheduler->base, 2 * (uint64_t)workers, items);
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
        pool_set_active(pool, workers);
        pool_run(pool, batch);
    } else
        pool_run_alone(pool, batch);
    double took_ns = (double)(sync_now_ns() - start_ns);
    if (parallel) {
        double overhead_ns = took_ns - units * scheduler->unit_ns / workers;
        scheduler->overhead_ns = mix(scheduler->overhead_ns, overhead_ns > 1 ? overhead_ns : 1);
    } else if (units > 0)
        scheduler->unit_ns = mix(scheduler->unit_ns, took_ns / units);
    sync_leave(pool->domain);
}

static bool open(struct grainbench_scheduler *scheduler, const struct grainbench_batch *batch,
                 uint32_t generation) {
    (void)batch, (void)generation;
    sync_store_u64(&scheduler->left, scheduler->chunks.count, SYNC_RELEASE, SITE_COUNTER_CLAIM);
    return true;
}

static bool configure(struct grainbench_scheduler *scheduler, const struct grainbench_setup *setup,
                      const void *chosen, char *message) {
    const struct options *values = chosen;
    (void)setup, (void)message;
    scheduler->worth_ns = values->worth_us * 1000;
    scheduler->window_ns = values->window_us * 1000;
    scheduler->margin = values->margin;
    scheduler->base = (uint64_t)values->base;
    scheduler->probe = (uint64_t)values->probe;
    return true;
}

static void release(struct grainbench_scheduler *scheduler) {
    free(scheduler->chunks.bounds);
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

const struct grainbench_scheduler_operations SYNC_EXPORT(adaptive) = {
    POOL_SCHEDULER,
    .name = "adaptive",
    .summary = "as many workers as a batch is worth, from measured costs; one if none is",
    .capabilities = GRAINBENCH_CALLER_IS_WORKER | GRAINBENCH_USES_COSTS,
    .options = options,
    .options_size = sizeof(struct options),
    .create = create,
    .run = run,
};
