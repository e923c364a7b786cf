/* `bytes-steal`: every worker begins with a contiguous range of about the same cost (line bytes)
 * and takes pieces of it from the front; a worker that runs out takes half of what another has left
 * from the back.
 *
 * A worker's range is one packed word, `generation | low | high`, on lines of its own. Claims are
 * compare-exchanges of the whole word, so within a batch a word that looks the same is the same
 * (no ABA). Completion counts items, so a worker may be late and meet the next batch's words: it
 * refuses words of a generation that is not the one it read at the start of its turn (without the
 * tag it would run items of a batch whose context it does not have; tests/models/range.pml).
 *
 * Orders: the caller writes batch, `turn` and then all words with release; a claim acquires the
 * word it takes from. A thief stores what it took, less the first piece, into its own word while
 * that is empty and of this generation: nobody claims from an empty word and the caller has stored
 * it already, so a plain release store cannot lose anything. A worker whose own word is of another
 * generation does nothing: it came between two batches, and its steal could be overwritten when the
 * caller gets to its word.
 * Low and high are in units of items so that 22 bits hold any batch. The 20-bit generation comes
 * back after a million batches, far longer than any worker can be between a load and its claim. */
#include "schedulers/pool.h"

enum { BOUND_BITS = 22, GENERATION_BITS = 20 };
#define BOUND_MASK      ((UINT64_C(1) << BOUND_BITS) - 1)
#define GENERATION_MASK ((UINT32_C(1) << GENERATION_BITS) - 1)

struct options {
    int64_t piece;
    int64_t probes;
    int64_t base;
    int64_t spin;
};

struct SYNC_ALIGNED range {
    sync_u64 word;
};

struct grainbench_scheduler {
    struct pool pool;
    uint64_t piece; /* a claim is one piece-th of the range */
    unsigned probes;
    uint64_t base;
    struct range *ranges;
    size_t unit;                /* items per step of a bound; published with the words */
    SYNC_ALIGNED sync_u32 turn; /* generation of the words */
};

static const struct grainbench_option options[] = {
    {.name = "piece",
     .type = GRAINBENCH_OPTION_INTEGER,
     .offset = offsetof(struct options, piece),
     .argument = "N",
     .fallback = "8",
     .minimum = 1,
     .maximum = 1e6,
     .help = "a worker takes one N-th of what its range has left, at least one item"},
    {.name = "probes",
     .type = GRAINBENCH_OPTION_INTEGER,
     .offset = offsetof(struct options, probes),
     .argument = "N",
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e6,
     .help = "empty ranges a worker looks at before it stops; 0: 4 + 2 log2(workers)"},
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

static uint64_t pack(uint32_t generation, uint64_t low, uint64_t high) {
    return (uint64_t)(generation & GENERATION_MASK) << (2 * BOUND_BITS) | high << BOUND_BITS | low;
}

static uint64_t low_of(uint64_t word) {
    return word & BOUND_MASK;
}

static uint64_t high_of(uint64_t word) {
    return word >> BOUND_BITS & BOUND_MASK;
}

static bool is_of(uint64_t word, uint32_t generation) {
    return word >> (2 * BOUND_BITS) == (generation & GENERATION_MASK);
}

static bool is_claimable(uint64_t word, uint32_t generation) {
    return is_of(word, generation) && low_of(word) < high_of(word);
}

/* How many units a worker takes of a range that has `left`. */
static uint64_t piece_of(const struct grainbench_scheduler *scheduler, uint64_t left) {
    uint64_t piece = left / scheduler->piece;
    return piece ? piece : 1;
}

/* Runs units [low, high) of the batch and returns how many items that were. */
static size_t run_units(struct grainbench_scheduler *scheduler, struct pool_worker *worker,
                        uint64_t low, uint64_t high) {
    size_t count = scheduler->pool.batch->item_count, unit = scheduler->unit;
    size_t begin = (size_t)low * unit, end = (size_t)high * unit;
    if (end > count) end = count;
    pool_body(worker, begin, end);
    return end - begin;
}

/* Takes pieces off the worker's own range until it is empty. */
static size_t run_own(struct grainbench_scheduler *scheduler, struct pool_worker *worker,
                      uint32_t generation) {
    sync_u64 *own = &scheduler->ranges[worker->index].word;
    size_t done = 0;
    uint64_t word = sync_load_u64(own, SYNC_RELAXED, SITE_RANGE_OWN);
    while (is_claimable(word, generation)) {
        uint64_t low = low_of(word), high = high_of(word);
        uint64_t next = low + piece_of(scheduler, high - low);
        uint64_t rest = pack(generation, next, high);
        if (!sync_cas_u64(own, &word, rest, SYNC_ACQUIRE, SITE_RANGE_OWN)) continue;
        done += run_units(scheduler, worker, low, next);
        word = sync_load_u64(own, SYNC_RELAXED, SITE_RANGE_OWN);
    }
    return done;
}

/* Takes the upper half of a range, keeps all but its first piece in the thief's own, empty word and
 * runs that piece. Returns the items it ran, 0 if there was nothing to take. */
static size_t steal_from(struct grainbench_scheduler *scheduler, struct pool_worker *worker,
                         unsigned victim, uint32_t generation) {
    sync_u64 *theirs = &scheduler->ranges[victim].word;
    sync_tally_add(&worker->tallies.probes, 1);
    uint64_t word = sync_load_u64(theirs, SYNC_RELAXED, SITE_RANGE_STEAL);
    while (is_claimable(word, generation)) {
        uint64_t low = low_of(word), high = high_of(word), middle = high - (high - low + 1) / 2;
        uint64_t rest = pack(generation, low, middle);
        if (!sync_cas_u64(theirs, &word, rest, SYNC_ACQUIRE, SITE_RANGE_STEAL)) continue;
        sync_tally_add(&worker->tallies.steals, 1);
        uint64_t next = middle + piece_of(scheduler, high - middle);
        if (next < high)
            sync_store_u64(&scheduler->ranges[worker->index].word, pack(generation, next, high),
                           SYNC_RELEASE, SITE_RANGE_OWN);
        return run_units(scheduler, worker, middle, next);
    }
    return 0;
}

/* Victims: first the next worker, which placement puts near, then on by a stride of the thief's
 * own, so that thieves spread. */
static unsigned next_victim(const struct pool *pool, const struct pool_worker *worker,
                            unsigned attempt) {
    unsigned count = pool->worker_count;
    unsigned stride = count > 2 ? 2 * (worker->index % (count / 2)) + 1 : 1;
    unsigned victim = (worker->index + 1 + attempt * stride) % count;
    return victim == worker->index ? (victim + 1) % count : victim;
}

static size_t steal(struct grainbench_scheduler *scheduler, struct pool_worker *worker,
                    unsigned *attempt, uint32_t generation) {
    struct pool *pool = &scheduler->pool;
    uint64_t start_ns = pool->observe ? sync_now_ns() : 0;
    uint64_t run_ns = pool->observe ? sync_tally_read(&worker->tallies.run_ns) : 0;
    size_t done = 0;
    for (unsigned misses = 0; misses < scheduler->probes && !done; misses++)
        done = steal_from(scheduler, worker, next_victim(pool, worker, (*attempt)++), generation);
    if (pool->observe) {
        run_ns = sync_tally_read(&worker->tallies.run_ns) - run_ns;
        sync_tally_add(&worker->tallies.steal_ns, sync_now_ns() - start_ns - run_ns);
    }
    return done;
}

static void work(struct grainbench_scheduler *scheduler, struct pool_worker *worker) {
    struct pool *pool = &scheduler->pool;
    uint32_t generation = sync_load_u32(&scheduler->turn, SYNC_ACQUIRE, SITE_RANGE_TURN);
    uint64_t own =
        sync_load_u64(&scheduler->ranges[worker->index].word, SYNC_RELAXED, SITE_RANGE_OWN);
    if (!is_of(own, generation)) return; /* between two batches: pool_await brings it back */
    unsigned attempt = 0;
    size_t done = 0;
    do {
        done += run_own(scheduler, worker, generation);
        /* Reported before the search, which may find nothing and would delay the batch. */
        if (done) pool_report(pool, done);
        done = pool->worker_count > 1 ? steal(scheduler, worker, &attempt, generation) : 0;
    } while (done);
}

/* Stores every worker's range: as near as items allow the same cost each. */
static void divide(struct grainbench_scheduler *scheduler, const struct grainbench_batch *batch,
                   uint32_t generation) {
    struct pool *pool = &scheduler->pool;
    size_t count = batch->item_count, unit = count / BOUND_MASK + 1;
    uint64_t units = (count + unit - 1) / unit, total = 0, passed = 0, low = 0;
    bool by_cost = batch->item_costs && unit == 1;
    for (size_t i = 0; by_cost && i < count; i++)
        total += batch->item_costs[i] + scheduler->base;
    scheduler->unit = unit;
    for (unsigned w = 0; w < pool->worker_count; w++) {
        uint64_t high = units * (w + 1) / pool->worker_count;
        if (by_cost && w + 1 < pool->worker_count) {
            uint64_t limit = total * (w + 1) / pool->worker_count;
            for (high = low; high < units; high++) {
                uint64_t cost = batch->item_costs[high] + scheduler->base;
                if (passed + cost / 2 >= limit) break;
                passed += cost;
            }
        } else if (by_cost)
            high = units;
        sync_store_u64(&scheduler->ranges[w].word, pack(generation, low, high), SYNC_RELEASE,
                       SITE_RANGE_TURN);
        low = high;
    }
}

static void run(struct grainbench_scheduler *scheduler, const struct grainbench_batch *batch) {
    struct pool *pool = &scheduler->pool;
    if (pool_run_forked(pool, batch)) return;
    sync_enter(pool->domain, 0);
    uint32_t generation = sync_load_u32(&scheduler->turn, SYNC_RELAXED, SITE_RANGE_TURN) + 1;
    pool_prepare(pool, batch, batch->item_count);
    sync_store_u32(&scheduler->turn, generation, SYNC_RELEASE, SITE_RANGE_TURN);
    divide(scheduler, batch, generation);
    pool_run(pool);
    sync_leave(pool->domain);
}

static struct grainbench_scheduler *create(const struct grainbench_setup *setup, const void *chosen,
                                           char *message) {
    const struct options *values = chosen;
    struct grainbench_scheduler *scheduler = aligned_alloc(SYNC_LINE, sizeof *scheduler);
    struct range *ranges = aligned_alloc(SYNC_LINE, setup->workers * sizeof *ranges);
    if (!scheduler || !ranges) {
        error_write(message, "no memory for %u ranges", setup->workers);
        free(scheduler);
        free(ranges);
        return NULL;
    }
    unsigned depth = 0;
    while (setup->workers >> depth > 1)
        depth++;
    scheduler->piece = (uint64_t)values->piece;
    scheduler->probes = values->probes ? (unsigned)values->probes : 4 + 2 * depth;
    if (scheduler->probes > 2 * setup->workers) scheduler->probes = 2 * setup->workers;
    scheduler->base = (uint64_t)values->base;
    scheduler->ranges = ranges;
    scheduler->unit = 1;
    sync_init_u32(&scheduler->turn, 0);
    for (unsigned i = 0; i < setup->workers; i++)
        sync_init_u64(&ranges[i].word, 0);
    if (pool_create(&scheduler->pool, scheduler, setup, work, values->spin, message))
        return scheduler;
    free(ranges);
    free(scheduler);
    return NULL;
}

static void destroy(struct grainbench_scheduler *scheduler) {
    pool_destroy(&scheduler->pool);
    free(scheduler->ranges);
    free(scheduler);
}

const struct grainbench_scheduler_operations SYNC_EXPORT(bytes_steal) = {
    POOL_SCHEDULER,
    .name = "bytes-steal",
    .summary = "a range of equal bytes a worker; who runs out takes half of another's",
    .capabilities = GRAINBENCH_CALLER_IS_WORKER | GRAINBENCH_USES_COSTS,
    .options = options,
    .options_size = sizeof(struct options),
    .create = create,
    .run = run,
    .destroy = destroy,
};
