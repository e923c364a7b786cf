/* `counter-tree`: a counter at the root hands out shrinking blocks to nodes of a few workers, and a
 * node's word hands out windows of its block to its workers. The root is asked once a block, not
 * once a window, so its line is no limit with many cores and short items.
 *
 * The root word holds how many blocks are left, as a signed number; blocks are in a table that the
 * caller wrote before (as in guided.c). A claim from the root is adopted by a late worker, which
 * then reads `turn` anew: it holds items, so the batch cannot end.
 *
 * A node's word is `generation | high | low`, or `generation | 0 | 1` while one of its workers gets
 * a block: the others wait for its offer a bounded time and then claim a block of their own, which
 * they run without offering it. All changes are compare-exchanges of the whole word and claims
 * refuse a foreign generation, so a refill that was overtaken by the next batch fails and its maker
 * runs the block itself. Node words need no setting before a batch: what an older generation left
 * is empty.
 *
 * Orders: the caller writes batch, table, `turn` (the batch's generation, for late workers), then
 * the root word with release; claims acquire.
 * An offer is a release (it passes on what its maker acquired), a window's claim acquires it.
 */
#include "schedulers/chunks.h"
#include "schedulers/pool.h"

enum { BOUND_BITS = 22, WAITS_MOST = 200 };
#define BOUND_MASK ((UINT64_C(1) << BOUND_BITS) - 1)

struct options {
    struct pool_options pool;
    int64_t fan;
};

struct SYNC_ALIGNED node {
    sync_u64 word;
};

struct grainbench_scheduler {
    struct pool pool;
    unsigned fan, node_count;
    struct node *nodes;
    struct chunks blocks; /* in units */
    size_t unit;          /* items per step of a bound */
    SYNC_ALIGNED sync_u32 turn;
    SYNC_ALIGNED sync_u64 left;
};

static const struct grainbench_option options[] = {{.name = "fan",
                                                    .type = GRAINBENCH_OPTION_INTEGER,
                                                    .offset = offsetof(struct options, fan),
                                                    .argument = "N",
                                                    .fallback = "4",
                                                    .minimum = 1,
                                                    .maximum = 1024,
                                                    .help = "workers of a node"},
                                                   POOL_OPTIONS,
                                                   {0}};

static uint64_t pack(uint32_t generation, uint64_t low, uint64_t high) {
    return (uint64_t)(generation & 0xfffff) << (2 * BOUND_BITS) | high << BOUND_BITS | low;
}

static bool is_claimable(uint64_t word, uint32_t generation) {
    return word >> (2 * BOUND_BITS) == (generation & 0xfffff) &&
           (word & BOUND_MASK) < (word >> BOUND_BITS & BOUND_MASK);
}

/* Whether the word belongs to a batch after `generation`: not to be touched by a late worker. */
static bool is_newer(uint64_t word, uint32_t generation) {
    uint32_t ahead = ((uint32_t)(word >> (2 * BOUND_BITS)) - generation) & 0xfffff;
    return ahead != 0 && ahead < 0x80000;
}

/* A window: an even share of half of what is there. */
static uint64_t window_of(const struct grainbench_scheduler *scheduler, uint64_t count) {
    uint64_t window = count / (2 * scheduler->fan);
    return window ? window : 1;
}

static size_t run_units(struct grainbench_scheduler *scheduler, struct pool_worker *worker,
                        uint64_t low, uint64_t high) {
    size_t count = scheduler->pool.batch.item_count, unit = scheduler->unit;
    size_t begin = (size_t)low * unit, end = (size_t)high * unit;
    if (end > count) end = count;
    pool_body(worker, begin, end);
    return end - begin;
}

/* Claims a window of the node's range. 0: there is none of this generation; *word is what was seen.
 */
static size_t run_window(struct grainbench_scheduler *scheduler, struct pool_worker *worker,
                         sync_u64 *node, uint32_t generation, uint64_t *word) {
    while (is_claimable(*word, generation)) {
        uint64_t low = *word & BOUND_MASK, high = *word >> BOUND_BITS & BOUND_MASK;
        uint64_t next = low + window_of(scheduler, high - low);
        if (sync_cas_u64(node, word, pack(generation, next, high), SYNC_ACQUIRE, SITE_NODE_CLAIM))
            return run_units(scheduler, worker, low, next);
    }
    return 0;
}

/* Claims a block from the root, runs the first window of it and offers the rest in the node's word
 * if that is this worker's to refill (`mine` is then what it holds); otherwise runs it all. 0:
 * there are no blocks. */
static size_t run_block(struct grainbench_scheduler *scheduler, struct pool_worker *worker,
                        sync_u64 *node, bool refills, uint64_t mine, uint32_t *generation) {
    int64_t left =
        (int64_t)sync_fetch_sub_u64(&scheduler->left, 1, SYNC_ACQUIRE, SITE_COUNTER_CLAIM);
    if (left <= 0) {
        uint64_t none = pack(*generation, 0, 0);
        if (refills) sync_cas_u64(node, &mine, none, SYNC_RELEASE, SITE_NODE_CLAIM);
        return 0;
    }
    *generation = sync_load_u32(&scheduler->turn, SYNC_RELAXED, SITE_RANGE_TURN);
    size_t block = scheduler->blocks.count - (size_t)left;
    uint64_t low = scheduler->blocks.bounds[block], high = scheduler->blocks.bounds[block + 1];
    uint64_t next = low + window_of(scheduler, high - low);
    bool offered = refills && sync_cas_u64(node, &mine, pack(*generation, next, high), SYNC_ACQ_REL,
                                           SITE_NODE_CLAIM);
    return run_units(scheduler, worker, low, offered ? next : high);
}

static void work(struct grainbench_scheduler *scheduler, struct pool_worker *worker,
                 uint32_t generation) {
    sync_u64 *node = &scheduler->nodes[worker->index / scheduler->fan].word;
    size_t done = 0, more = 1;
    unsigned waits = 0;
    while (more) {
        uint64_t word = sync_load_u64(node, SYNC_RELAXED, SITE_NODE_CLAIM);
        size_t window = run_window(scheduler, worker, node, generation, &word);
        done += window;
        if (window) continue;
        if (is_newer(word, generation)) break; /* pool_await brings this worker back */
        uint64_t refilling = pack(generation, 1, 0);
        bool waiting = word == refilling;
        if (waiting && waits < WAITS_MOST) {
            waits++;
            sync_pause(SITE_NODE_CLAIM);
            continue;
        }
        waits = 0;
        if (!waiting && !sync_cas_u64(node, &word, refilling, SYNC_ACQUIRE, SITE_NODE_CLAIM))
            continue;
        more = run_block(scheduler, worker, node, !waiting, refilling, &generation);
        done += more;
    }
    if (done) pool_report(&scheduler->pool, worker, done);
}

static bool open(struct grainbench_scheduler *scheduler, const struct grainbench_batch *batch,
                 uint32_t generation) {
    size_t unit = batch->item_count / BOUND_MASK + 1;
    scheduler->unit = unit;
    if (!chunks_by_count(&scheduler->blocks, (batch->item_count + unit - 1) / unit,
                         2 * scheduler->node_count, 1))
        return false;
    sync_store_u32(&scheduler->turn, generation, SYNC_RELAXED, SITE_RANGE_TURN);
    sync_store_u64(&scheduler->left, scheduler->blocks.count, SYNC_RELEASE, SITE_COUNTER_CLAIM);
    return true;
}

static bool configure(struct grainbench_scheduler *scheduler, const struct grainbench_setup *setup,
                      const void *chosen, char *message) {
    (void)message;
    scheduler->fan = (unsigned)((const struct options *)chosen)->fan;
    scheduler->node_count = (setup->workers + scheduler->fan - 1) / scheduler->fan;
    scheduler->nodes = pool_allocate(scheduler->node_count * sizeof *scheduler->nodes);
    return scheduler->nodes != NULL;
}

static void release(struct grainbench_scheduler *scheduler) {
    free(scheduler->nodes);
    free(scheduler->blocks.bounds);
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

const struct grainbench_scheduler_operations SYNC_EXPORT(counter_tree) = {
    POOL_SCHEDULER,
    .run = pool_hook_run,
    .name = "counter-tree",
    .summary = "a root counter hands blocks to nodes of workers, nodes hand out windows",
    .capabilities = GRAINBENCH_CALLER_IS_WORKER,
    .options = options,
    .options_size = sizeof(struct options),
    .create = create,
};
