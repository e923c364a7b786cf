/* `bytes-steal`: every worker begins with a contiguous range of about the same cost (line bytes)
 * and takes pieces of it from the front; a worker that runs out takes half of what another has
 * left. The last items of a range are put in order of cost, longest first: what is still running
 * when everything is claimed is then short, and a line that takes longer than an even share starts
 * at once.
 *
 * A worker's range is one packed word, `generation | sorted | high | low`, on lines of its own. The
 * bounds are positions: of items in a range as it was cut, of `order` in a sorted one. Claims are
 * compare-exchanges of the whole word, so within a batch a word that looks the same is the same: a
 * range comes back to a word only shorter, because who takes one runs its first piece at once (no
 * ABA). Completion counts items, so a worker may be late and meet the next batch's words: it
 * refuses words of a generation that is not the one it was called for (without the tag it would run
 * items of a batch whose context it does not have; tests/models/range.pml).
 *
 * Orders: the caller writes batch and words (release) and then the pool's generation; a claim
 * acquires the word it takes from. A worker that took a range away from all others (a steal, or its
 * own to sort it) stores what it keeps of it into its own word while that is empty and of this
 * generation: nobody claims from an empty word and the caller has stored it already, so a plain
 * release store cannot lose anything. A worker whose own word is of another generation does
 * nothing: it came late, and the caller may be about to store that word.
 *
 * `order` is written only by who holds the positions written, before the release store of the word
 * that offers them; it is made larger between batches, when nobody holds any.
 *
 * Low and high are in units of items so that 21 bits hold any batch. The 21-bit generation comes
 * back after two million batches, far longer than any worker can be between a load and its claim.
 */
#include "schedulers/costs.h"
#include "schedulers/pool.h"

enum { BOUND_BITS = 21, GENERATION_SHIFT = 2 * BOUND_BITS + 1, FINISH_MOST = 64, FEW = 4 };
#define BOUND_MASK      ((UINT64_C(1) << BOUND_BITS) - 1)
#define SORTED          (UINT64_C(1) << (2 * BOUND_BITS))
#define GENERATION_MASK (UINT32_MAX >> (32 - (64 - GENERATION_SHIFT)))

struct options {
    struct pool_options pool;
    int64_t piece;
    int64_t finish;
    int64_t probes;
    int64_t base;
};

struct SYNC_ALIGNED range {
    sync_u64 word;
};

struct grainbench_scheduler {
    struct pool pool;
    uint64_t piece;  /* a claim is one piece-th of the range */
    uint64_t finish; /* the last so many units of a range are sorted; 0: none */
    unsigned probes;
    uint64_t base;
    struct costs costs;
    size_t order_capacity;
    /* Written only when it changes, so that workers keep their copy of the line. */
    SYNC_ALIGNED struct range *ranges;
    size_t unit;     /* items per step of a bound; published with the words */
    bool sorts;      /* whether this batch's ranges can be; published with the words */
    uint32_t *order; /* items, by position in sorted ranges */
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
    {.name = "finish",
     .type = GRAINBENCH_OPTION_INTEGER,
     .offset = offsetof(struct options, finish),
     .argument = "N",
     .fallback = "16",
     .minimum = 0,
     .maximum = FINISH_MOST,
     .help =
         "where costs are known and a worker has at most 4 N items, the last N go longest first"},
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
    POOL_OPTIONS,
    {0}};

static uint64_t pack(uint32_t generation, uint64_t sorted, uint64_t low, uint64_t high) {
    return (uint64_t)(generation & GENERATION_MASK) << GENERATION_SHIFT | sorted |
           high << BOUND_BITS | low;
}

static uint64_t low_of(uint64_t word) {
    return word & BOUND_MASK;
}

static uint64_t high_of(uint64_t word) {
    return word >> BOUND_BITS & BOUND_MASK;
}

static bool is_of(uint64_t word, uint32_t generation) {
    return word >> GENERATION_SHIFT == (generation & GENERATION_MASK);
}

static bool is_claimable(uint64_t word, uint32_t generation) {
    return is_of(word, generation) && low_of(word) < high_of(word);
}

/* How many units a worker takes of a range that has `left`. */
static uint64_t piece_of(const struct grainbench_scheduler *scheduler, uint64_t left) {
    uint64_t piece = left / scheduler->piece;
    return piece ? piece : 1;
}

/* Runs what lies at [low, high) and returns how many items that were. */
static size_t run_units(struct grainbench_scheduler *scheduler, struct pool_worker *worker,
                        uint64_t sorted, uint64_t low, uint64_t high) {
    size_t count = scheduler->pool.batch.item_count, unit = scheduler->unit;
    if (sorted) {
        for (size_t i = low; i < high; i++)
            pool_body(worker, scheduler->order[i], scheduler->order[i] + 1);
        return high - low;
    }
    size_t begin = (size_t)low * unit, end = (size_t)high * unit;
    if (end > count) end = count;
    pool_body(worker, begin, end);
    return end - begin;
}

/* Puts the items [low, high), which the worker holds, in order of cost, longest first; equal ones
 * in order of the text. */
static void sort_items(struct grainbench_scheduler *scheduler, uint64_t low, uint64_t high) {
    const uint32_t *costs = scheduler->pool.batch.item_costs;
    uint32_t *order = scheduler->order;
    uint64_t moved = 0;
    for (uint64_t item = low; item < high; item++) {
        uint64_t at = item;
        for (; at > low && costs[order[at - 1]] < costs[item]; at--, moved++)
            order[at] = order[at - 1];
        order[at] = (uint32_t)item;
    }
    sync_compute(high - low + moved);
}

/* A range that the worker took from all others: sorts it if it is one to finish with, puts all but
 * its first piece into the worker's own, empty word and runs that piece. Returns the items it ran.
 */
static size_t keep(struct grainbench_scheduler *scheduler, struct pool_worker *worker,
                   uint32_t generation, uint64_t sorted, uint64_t low, uint64_t high) {
    if (!sorted && scheduler->sorts && high - low > 1 && high - low <= scheduler->finish) {
        sort_items(scheduler, low, high);
        sorted = SORTED;
    }
    uint64_t next = low + piece_of(scheduler, high - low);
    if (next < high)
        sync_store_u64(&scheduler->ranges[worker->index].word, pack(generation, sorted, next, high),
                       SYNC_RELEASE, SITE_RANGE_OWN);
    return run_units(scheduler, worker, sorted, low, next);
}

/* Takes pieces off the worker's own range until it is empty. */
static size_t run_own(struct grainbench_scheduler *scheduler, struct pool_worker *worker,
                      uint32_t generation) {
    sync_u64 *own = &scheduler->ranges[worker->index].word;
    size_t done = 0;
    uint64_t word = sync_load_u64(own, SYNC_RELAXED, SITE_RANGE_OWN);
    while (is_claimable(word, generation)) {
        uint64_t low = low_of(word), high = high_of(word), sorted = word & SORTED;
        /* Once it has run something that it has not reported, it may read what belongs to the batch
         * before it claims. */
        bool whole = !sorted && high - low <= scheduler->finish && (!done || scheduler->sorts);
        uint64_t next = whole ? high : low + piece_of(scheduler, high - low);
        uint64_t rest = pack(generation, sorted, next, high);
        if (!sync_cas_u64(own, &word, rest, SYNC_ACQUIRE, SITE_RANGE_OWN)) continue;
        done += whole ? keep(scheduler, worker, generation, sorted, low, high)
                      : run_units(scheduler, worker, sorted, low, next);
        word = sync_load_u64(own, SYNC_RELAXED, SITE_RANGE_OWN);
    }
    return done;
}

/* Takes half of a range: the upper half of one as it was cut, the longest items of a sorted one.
 * Returns the items it ran, 0 if there was nothing to take. */
static size_t steal_from(struct grainbench_scheduler *scheduler, struct pool_worker *worker,
                         unsigned victim, uint32_t generation) {
    sync_u64 *theirs = &scheduler->ranges[victim].word;
    sync_tally_add(&worker->tallies.probes, 1);
    uint64_t word = sync_load_u64(theirs, SYNC_RELAXED, SITE_RANGE_STEAL);
    while (is_claimable(word, generation)) {
        uint64_t low = low_of(word), high = high_of(word), sorted = word & SORTED;
        uint64_t middle = sorted ? low + (high - low + 1) / 2 : high - (high - low + 1) / 2;
        uint64_t rest =
            sorted ? pack(generation, sorted, middle, high) : pack(generation, sorted, low, middle);
        if (!sync_cas_u64(theirs, &word, rest, SYNC_ACQUIRE, SITE_RANGE_STEAL)) continue;
        sync_tally_add(&worker->tallies.steals, 1);
        return sorted ? keep(scheduler, worker, generation, sorted, low, middle)
                      : keep(scheduler, worker, generation, sorted, middle, high);
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

static void work(struct grainbench_scheduler *scheduler, struct pool_worker *worker,
                 uint32_t generation) {
    struct pool *pool = &scheduler->pool;
    uint64_t own =
        sync_load_u64(&scheduler->ranges[worker->index].word, SYNC_RELAXED, SITE_RANGE_OWN);
    if (!is_of(own, generation)) return; /* late: pool_await brings it back */
    unsigned attempt = 0;
    size_t done = 0;
    do {
        done += run_own(scheduler, worker, generation);
        /* Reported before the search, which may find nothing and would delay the batch. */
        if (done) pool_report(pool, worker, done);
        done = pool->worker_count > 1 ? steal(scheduler, worker, &attempt, generation) : 0;
    } while (done);
}

/* Room for the batch's items in `order`. */
static bool make_order(struct grainbench_scheduler *scheduler, size_t items) {
    if (items <= scheduler->order_capacity) return true;
    uint32_t *order = realloc(scheduler->order, items * sizeof *order);
    if (!order) return false;
    scheduler->order = order;
    scheduler->order_capacity = items;
    return true;
}

/* Whether ranges of this batch are put in order at their ends: not where the last items are a small
 * part of a worker's, and not where that takes memory that is not there. */
static bool can_sort(struct grainbench_scheduler *scheduler, size_t items) {
    uint64_t workers = scheduler->pool.worker_count;
    return scheduler->finish > 1 && workers > 1 && items <= FEW * scheduler->finish * workers &&
           make_order(scheduler, items);
}

/* Stores every worker's range: as near as items allow the same cost each. */
static bool open(struct grainbench_scheduler *scheduler, const struct grainbench_batch *batch,
                 uint32_t generation) {
    unsigned workers = scheduler->pool.worker_count;
    struct costs *costs = &scheduler->costs;
    size_t count = batch->item_count, unit = count / BOUND_MASK + 1;
    uint64_t units = (count + unit - 1) / unit, low = 0;
    bool by_cost = batch->item_costs && unit == 1 && workers > 1;
    if (by_cost && !costs_add(costs, batch, scheduler->base)) return false;
    bool sorts = by_cost && can_sort(scheduler, count);
    if (scheduler->unit != unit) scheduler->unit = unit;
    if (scheduler->sorts != sorts) scheduler->sorts = sorts;
    struct costs_place at = {0};
    for (unsigned w = 1; w <= workers; w++) {
        uint64_t high = units * w / workers;
        if (by_cost && w < workers) {
            at = costs_middle(costs, at, costs_share(costs, w, workers));
            high = at.item;
        }
        sync_store_u64(&scheduler->ranges[w - 1].word, pack(generation, 0, low, high), SYNC_RELEASE,
                       SITE_RANGE_TURN);
        low = high;
    }
    return true;
}

static bool configure(struct grainbench_scheduler *scheduler, const struct grainbench_setup *setup,
                      const void *chosen, char *message) {
    const struct options *values = chosen;
    unsigned depth = 0;
    (void)message;
    while (setup->workers >> depth > 1)
        depth++;
    scheduler->piece = (uint64_t)values->piece;
    scheduler->finish = (uint64_t)values->finish;
    scheduler->probes = values->probes ? (unsigned)values->probes : 4 + 2 * depth;
    if (scheduler->probes > 2 * setup->workers) scheduler->probes = 2 * setup->workers;
    scheduler->base = (uint64_t)values->base;
    scheduler->ranges = pool_allocate(setup->workers * sizeof *scheduler->ranges);
    return scheduler->ranges != NULL;
}

static void release(struct grainbench_scheduler *scheduler) {
    free(scheduler->ranges);
    free(scheduler->order);
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

const struct grainbench_scheduler_operations SYNC_EXPORT(bytes_steal) = {
    POOL_SCHEDULER,
    .run = pool_hook_run,
    .name = "bytes-steal",
    .summary = "a range of equal bytes a worker; who runs out takes half of another's",
    .capabilities = GRAINBENCH_CALLER_IS_WORKER | GRAINBENCH_USES_COSTS,
    .options = options,
    .options_size = sizeof(struct options),
    .create = create,
};
