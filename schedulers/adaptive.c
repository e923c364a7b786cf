/* `adaptive`: measures what items cost and what sharing a batch costs, and chooses for every batch
 * how many workers to wake and how many items a claim takes; one worker when waking others would
 * not pay (sharing.h). Claims are as in guided.c: chunks from a table by number, late claims
 * adopted.
 *
 * `unit_ns` is the time of a unit of cost (a byte of a line; an item without costs) on one worker,
 * measured on batches that are run alone, because workers in each other's way take longer for the
 * same items and a plain loop would not. What the caller took for its own part of shared batches
 * only corrects it downwards: so much it takes at most, the claims included.
 *
 * What is far too small to share is run without a look at anything else, but for once in
 * CLOCKED_NS. All of this is read and written by the caller alone. */
#include "schedulers/chunks.h"
#include "schedulers/pool.h"
#include "schedulers/sharing.h"

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
enum { CLOCKED_NS = 128 * 1024, CLOCKED_MOST = 1024, SETTLED = 4 };

struct grainbench_scheduler {
    struct pool pool;
    size_t tiny;        /* batches of up to so many items are not worth a look, */
    uint64_t unclocked; /* and so many of these go by before the next is measured */
    uint64_t clocked;   /* batches measured alone */
    double unit_ns;     /* 0: not known yet */
    double shared_ns;   /* the same from the caller's part of shared batches */
    double item_ns;     /* of the last batch whose costs were looked at */
    struct sharing sharing;
    bool was_shared;   /* the last batch that was worth a look */
    uint64_t ended_ns; /* when the last batch that was clocked ended; 0: looked at already */
    uint64_t own_ns;   /* what the caller's part of a shared batch took */
    size_t own_items;  /* and how many items that was */
    double worth_ns, window_ns;
    uint64_t base;
    struct costs costs;
    SYNC_ALIGNED sync_u64 left;
    struct chunks chunks; /* beside the word, so that a claim brings it */
};

static const struct grainbench_option options[] = {
    {.name = "worth",
     .type = GRAINBENCH_OPTION_REAL,
     .offset = offsetof(struct options, worth_us),
     .argument = "US",
     .fallback = "2",
     .minimum = 0,
     .maximum = 1e6,
     .help = "least work a worker is woken for"},
    {.name = "window",
     .type = GRAINBENCH_OPTION_REAL,
     .offset = offsetof(struct options, window_us),
     .argument = "US",
     .fallback = "1",
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
     .help = "share a batch if that is expected to take less than X of one worker's time"},
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
     .fallback = "1500",
     .minimum = 2,
     .maximum = 1e9,
     .help = "one part in N of the time alone may be lost to looking whether sharing pays"},
    POOL_OPTIONS,
    {0}};

/* 0 without memory, as for a batch of no items: run alone, and nothing is learned from it. */
static double units_of(struct grainbench_scheduler *scheduler,
                       const struct grainbench_batch *batch) {
    if (!batch->item_costs) return (double)batch->item_count;
    if (!costs_add(&scheduler->costs, batch, scheduler->base)) return 0;
    return (double)scheduler->costs.total;
}

/* A moving average. A sample that was disturbed, by an interrupt or another process, says little
 * about items. */
static double mix(double old_ns, double fresh_ns) {
    if (old_ns <= 0) return fresh_ns;
    return old_ns + ((fresh_ns < 2 * old_ns ? fresh_ns : 2 * old_ns) - old_ns) / 8;
}

static void learn_alone(struct grainbench_scheduler *scheduler, double took_ns, double units,
                        size_t items) {
    if (units <= 0 || took_ns <= 0) return;
    scheduler->unit_ns = mix(scheduler->unit_ns, took_ns / units);
    scheduler->shared_ns = 0;
    scheduler->item_ns = scheduler->unit_ns * units / (double)items;
    /* Two workers: from 2.0 on. */
    scheduler->tiny = (size_t)(1.9 * scheduler->worth_ns / scheduler->item_ns);
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

/* Whether workers would have to be woken: the first of them stands for all. */
static enum sharing_state state_of(struct pool *pool) {
    bool asleep = pool->worker_count > 1 &&
                  sync_load_u32(&pool->workers[1].asleep, SYNC_RELAXED, SITE_POOL_WAKE) != 0;
    return asleep ? SHARING_ASLEEP : SHARING_AWAKE;
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
    scheduler->ended_ns = sync_now_ns();
    double took_ns = (double)(scheduler->ended_ns - start_ns);
    learn_alone(scheduler, took_ns, units_of(scheduler, batch), batch->item_count);
    double next = CLOCKED_NS / took_ns;
    if (++scheduler->clocked < SETTLED) next = 0;
    scheduler->unclocked = next < CLOCKED_MOST ? (uint64_t)next : CLOCKED_MOST;
    scheduler->sharing.shared = 0;
}

static void run_alone(struct grainbench_scheduler *scheduler,
                      const struct grainbench_batch *batch) {
    if (scheduler->unclocked && scheduler->sharing.shared < SHARING_LEAST) {
        scheduler->unclocked--;
        pool_run_alone(&scheduler->pool, batch);
    } else {
        run_clocked(scheduler, batch);
    }
}

static void run_shared(struct grainbench_scheduler *scheduler, const struct grainbench_batch *batch,
                       double units, struct prices_plan plan, enum sharing_state state) {
    struct pool *pool = &scheduler->pool;
    uint64_t start_ns = sync_now_ns();
    pool_set_active(pool, plan.workers);
    pool_run(pool, batch);
    scheduler->ended_ns = sync_now_ns();
    sharing_settle(&scheduler->sharing, plan, units * scheduler->unit_ns,
                   (double)(scheduler->ended_ns - start_ns), state, pool->batches);
    if (!scheduler->own_items) return;
    double own_units = units * (double)scheduler->own_items / (double)batch->item_count;
    scheduler->shared_ns = mix(scheduler->shared_ns, (double)scheduler->own_ns / own_units);
    if (scheduler->sharing.shared >= SETTLED && scheduler->shared_ns < scheduler->unit_ns)
        scheduler->unit_ns = scheduler->shared_ns;
}

/* Looks at the clock after a batch that left its end. */
static void note_gap(struct grainbench_scheduler *scheduler, enum sharing_state state) {
    if (!scheduler->ended_ns) return;
    double gap_ns = (double)(sync_now_ns() - scheduler->ended_ns);
    scheduler->ended_ns = 0;
    sharing_note_gap(&scheduler->sharing, gap_ns, scheduler->was_shared, state);
}

/* Whether the costs of a batch are worth adding up, which takes about this long. */
static bool looks(struct grainbench_scheduler *scheduler, const struct grainbench_batch *batch,
                  enum sharing_state state) {
    double items = (double)batch->item_count;
    double look_ns = batch->item_costs ? 50 + 0.2 * items : 0;
    return sharing_looks(&scheduler->sharing, items * scheduler->item_ns, look_ns, state);
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
    enum sharing_state state = state_of(pool);
    note_gap(scheduler, state);
    struct prices_plan plan = {.workers = 0};
    double units = 0;
    if (looks(scheduler, batch, state)) {
        units = units_of(scheduler, batch);
        double alone_ns = units * scheduler->unit_ns;
        scheduler->item_ns = alone_ns / (double)batch->item_count;
        plan = sharing_choose(&scheduler->sharing, alone_ns, state, pool->batches);
    }
    scheduler->was_shared = plan.workers && make_chunks(scheduler, batch, plan.workers, units);
    if (scheduler->was_shared)
        run_shared(scheduler, batch, units, plan, state);
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
    scheduler->base = (uint64_t)values->base;
    /* A pause takes more than 5 ns. */
    sharing_init(&scheduler->sharing, setup->workers, scheduler->worth_ns, values->margin,
                 (double)values->probe, 5.0 * (double)values->pool.spin);
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
