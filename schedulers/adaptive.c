/* `adaptive`: measures what items cost and what going parallel costs, and chooses for every batch
 * how many workers to wake and how many items a claim takes; one worker when waking others would
 * not pay. Claims are as in guided.c: chunks from a table by number, late claims adopted.
 *
 * What it knows, as moving averages that the caller alone reads and writes: `unit_ns`, the time of
 * a unit of cost (a byte of a line; an item without costs), from batches run alone and from the
 * caller's own part of the others; and `overhead_ns`, what a parallel batch took beyond its items'
 * time spread evenly, once for workers that were awake when it began and once for sleeping ones. A
 * batch runs in parallel if its expected time, spread over the workers that each get at least
 * `worth` of it, plus the overhead is clearly less than its time on one worker.
 *
 * Sleeping workers are looked at as if they were awake where they would be after one parallel
 * batch: where they were still awake when the last parallel batch was followed by another
 * (`stays_awake`).
 *
 * Now and then a batch is run the other way round, so that an estimate that was spoiled once does
 * not stay for ever: one in `probe` is run in parallel, if that is not expected to take twice as
 * long, which bounds the loss; an estimate that is worse fades slowly. What is far too small to
 * share is run without a look at anything else, but for once in CLOCKED_NS. */
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

/* Batches run alone are measured once in so many ns of their time, or so many batches, once so many
 * were: clocks and what is worked out then take some 0.1 us. */
enum { CLOCKED_NS = 128 * 1024, CLOCKED_MOST = 1024, SETTLED = 8 };

struct grainbench_scheduler {
    struct pool pool;
    size_t tiny;           /* batches of up to so many items are not worth a look, */
    uint64_t unclocked;    /* and so many of these go by before the next is measured */
    uint64_t clocked;      /* batches measured alone */
    double unit_ns;        /* 0: not known yet */
    double overhead_ns[2]; /* of a parallel batch, by whether workers slept; 0: not known yet */
    bool was_parallel;     /* the last batch that was worth a look */
    bool stays_awake;
    uint64_t own_ns;  /* what the caller's part of a parallel batch took */
    size_t own_items; /* and how many items that was */
    double worth_ns, window_ns, margin;
    uint64_t base;
    uint64_t probe;
    struct costs costs;
    SYNC_ALIGNED sync_u64 left;
    struct chunks chunks; /* beside the word, so that a claim brings it */
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
     .help = "one batch in N (16 N) that is not (is) worth sharing is run the other way round"},
    POOL_OPTIONS,
    {0}};

/* A moving average; no sample counts as more than `most`. */
static double mix(double old, double fresh, double most) {
    if (fresh > most) fresh = most;
    return old > 0 ? old + (fresh - old) / 8 : fresh;
}

/* 0 without memory, as for a batch of no items: run alone, and nothing is learned from it. */
static double units_of(struct grainbench_scheduler *scheduler,
                       const struct grainbench_batch *batch) {
    if (!batch->item_costs) return (double)batch->item_count;
    if (!costs_add(&scheduler->costs, batch, scheduler->base)) return 0;
    return (double)scheduler->costs.total;
}

static void learn_unit(struct grainbench_scheduler *scheduler, double took_ns, double units,
                       size_t items) {
    if (units <= 0 || took_ns <= 0) return;
    /* One that was disturbed, by an interrupt or another process, says little about items. */
    double fresh_ns = took_ns / units, old_ns = scheduler->unit_ns;
    scheduler->unit_ns = mix(old_ns, fresh_ns, old_ns > 0 ? 2 * old_ns : fresh_ns);
    double item_ns = scheduler->unit_ns * units / (double)items;
    scheduler->tiny = (size_t)(1.9 * scheduler->worth_ns / item_ns); /* two workers: from 2.0 on */
}

static void work(struct grainbench_scheduler *scheduler, struct pool_worker *worker,
                 uint32_t generation) {
    struct pool *pool = &scheduler->pool;
    (void)generation;
    /* Who is awake, but not asked for, would only be in the others' way. */
    if (worker->index >= sync_load_u32(&pool->active, SYNC_RELAXED, SITE_POOL_WAIT)) return;
    uint64_t start_ns = worker->index == 0 ? sync_now_ns() : 0;
    size_t items = chunks_work(&scheduler->chunks, &scheduler->left, worker);
    if (worker->index != 0) return;
    scheduler->own_ns = sync_now_ns() - start_ns;
    scheduler->own_items = items;
}

/* How many workers a batch is worth that takes `alone_ns` on one; 1: run it here. */
static unsigned choose_workers(struct grainbench_scheduler *scheduler, double alone_ns,
                               bool asleep) {
    const struct pool *pool = &scheduler->pool;
    if (pool->worker_count == 1 || alone_ns <= 0) return 1;
    double worth = scheduler->worth_ns > 0 ? alone_ns / scheduler->worth_ns : pool->worker_count;
    unsigned workers = worth < pool->worker_count ? (unsigned)worth : pool->worker_count;
    if (workers < 2) return 1;
    double *overhead_ns = &scheduler->overhead_ns[asleep && !scheduler->stays_awake];
    /* Not known yet: what must be worth waking for two workers. */
    double expected_ns = *overhead_ns > 0 ? *overhead_ns : 2 * scheduler->worth_ns;
    double together_ns = alone_ns / workers + expected_ns;
    bool parallel = together_ns < scheduler->margin * alone_ns;
    uint64_t probe = parallel ? 16 * scheduler->probe : scheduler->probe;
    if (!parallel && together_ns > 2 * alone_ns)
        *overhead_ns -= *overhead_ns / 1024;
    else if (scheduler->pool.batches % probe == probe - 1)
        parallel = !parallel;
    return parallel ? workers : 1;
}

/* Whether workers would have to be woken: the first of them stands for all. */
static bool is_asleep(struct pool *pool) {
    return pool->worker_count > 1 &&
           sync_load_u32(&pool->workers[1].asleep, SYNC_RELAXED, SITE_POOL_WAKE) != 0;
}

static bool make_chunks(struct grainbench_scheduler *scheduler,
                        const struct grainbench_batch *batch, unsigned workers, double units) {
    double item_ns = units * scheduler->unit_ns / (double)batch->item_count;
    double least = item_ns > 0 ? scheduler->window_ns / item_ns : 1;
    double most = (double)batch->item_count / (4.0 * workers);
    if (least > most) least = most;
    size_t items = least > 1 ? (size_t)least : 1;
    return chunks_make(&scheduler->chunks, batch, &scheduler->costs, 2 * (uint64_t)workers, items);
}

/* Nothing is published, so a forked child may do it as well. */
static void run_clocked(struct grainbench_scheduler *scheduler,
                        const struct grainbench_batch *batch) {
    uint64_t start_ns = sync_now_ns();
    pool_run_alone(&scheduler->pool, batch);
    if (!batch->item_count) return;
    double took_ns = (double)(sync_now_ns() - start_ns);
    learn_unit(scheduler, took_ns, units_of(scheduler, batch), batch->item_count);
    double next = CLOCKED_NS / took_ns;
    if (++scheduler->clocked < SETTLED) next = 0;
    scheduler->unclocked = next < CLOCKED_MOST ? (uint64_t)next : CLOCKED_MOST;
}

static void run_alone(struct grainbench_scheduler *scheduler,
                      const struct grainbench_batch *batch) {
    if (scheduler->unclocked) {
        scheduler->unclocked--;
        pool_run_alone(&scheduler->pool, batch);
    } else {
        run_clocked(scheduler, batch);
    }
}

static void run_parallel(struct grainbench_scheduler *scheduler,
                         const struct grainbench_batch *batch, double units, unsigned workers,
                         bool asleep) {
    struct pool *pool = &scheduler->pool;
    uint64_t start_ns = sync_now_ns();
    pool_set_active(pool, workers);
    pool_run(pool, batch);
    double took_ns = (double)(sync_now_ns() - start_ns);
    double alone_ns = units * scheduler->unit_ns, overhead_ns = took_ns - alone_ns / workers;
    double *known_ns = &scheduler->overhead_ns[asleep];
    /* Here disturbances count: with more workers there are more of them. */
    *known_ns = mix(*known_ns, overhead_ns > 1 ? overhead_ns : 1, 8 * alone_ns);
    if (!scheduler->own_items) return;
    double part = (double)scheduler->own_items / (double)batch->item_count;
    learn_unit(scheduler, (double)scheduler->own_ns, units * part, scheduler->own_items);
}

/* A batch that is worth more than a look at `tiny` and `unclocked`; apart, so that tiny ones pay
 * for nothing else. */
static __attribute__((noinline)) void run_considered(struct grainbench_scheduler *scheduler,
                                                     const struct grainbench_batch *batch) {
    struct pool *pool = &scheduler->pool;
    if (batch->item_count <= scheduler->tiny || sync_forked(pool->domain)) {
        run_alone(scheduler, batch);
        return;
    }
    bool asleep = is_asleep(pool);
    if (scheduler->was_parallel) scheduler->stays_awake = !asleep;
    double units = units_of(scheduler, batch);
    unsigned workers = choose_workers(scheduler, units * scheduler->unit_ns, asleep);
    scheduler->was_parallel = workers > 1 && make_chunks(scheduler, batch, workers, units);
    if (scheduler->was_parallel)
        run_parallel(scheduler, batch, units, workers, asleep);
    else
        run_alone(scheduler, batch);
}

static void run(struct grainbench_scheduler *scheduler, const struct grainbench_batch *batch) {
    struct pool *pool = &scheduler->pool;
    sync_enter(pool->domain, 0);
    if (batch->item_count <= scheduler->tiny && scheduler->unclocked) {
        scheduler->unclocked--;
        pool_run_alone(pool, batch);
    } else {
        run_considered(scheduler, batch);
    }
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
    (void)message;
    scheduler->worth_ns = values->worth_us * 1000;
    scheduler->window_ns = values->window_us * 1000;
    scheduler->margin = values->margin;
    scheduler->base = (uint64_t)values->base;
    scheduler->probe = (uint64_t)values->probe;
    scheduler->stays_awake = true;
    scheduler->tiny = SIZE_MAX; /* what items cost is not known yet */
    if (setup->workers == 1) scheduler->unclocked = UINT64_MAX;
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
