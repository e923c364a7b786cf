/* Sums of a batch's item costs, by blocks of items: one pass that compilers make wide, after which
 * a place in the batch that lies at a given cost is found by a walk over blocks and, in the last of
 * them, items. Made and read by the caller, between batches. */
#ifndef SCHEDULERS_COSTS_H
#define SCHEDULERS_COSTS_H

#include "schedulers/sync.h"
#include <stdlib.h>

enum { COSTS_BLOCK = 32, COSTS_WIDTH = 8 /* of the loads that virtual time is charged for */ };

struct costs {
    uint64_t *before; /* before[b]: of the items of all blocks before b; `blocks` + 1 of them */
    size_t blocks, capacity;
    const uint32_t *items;
    size_t count;
    uint64_t base; /* of an item, beside what the batch says */
    uint64_t total;
};

/* A place in the batch: the number of an item, and what the items before it cost. */
struct costs_place {
    size_t item;
    uint64_t passed;
};

static inline uint64_t costs_of(const struct costs *costs, size_t item) {
    return costs->items[item] + costs->base;
}

static inline uint64_t costs_of_block(const uint32_t *items) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < COSTS_BLOCK; i++)
        sum += items[i];
    return sum;
}

static inline bool costs_reserve(struct costs *costs, size_t blocks) {
    if (blocks < costs->capacity) return true;
    uint64_t *before = realloc(costs->before, (blocks + 1) * sizeof *before);
    if (!before) return false;
    costs->before = before;
    costs->capacity = blocks + 1;
    return true;
}

/* Adds up a batch that has costs. Only whole blocks have sums. False without memory. */
static inline bool costs_add(struct costs *costs, const struct grainbench_batch *batch,
                             uint64_t base) {
    size_t count = batch->item_count, blocks = count / COSTS_BLOCK;
    if (!costs_reserve(costs, blocks)) return false;
    uint64_t sum = 0;
    for (size_t b = 0; b < blocks; b++) {
        costs->before[b] = sum;
        sum += costs_of_block(batch->item_costs + b * COSTS_BLOCK) + COSTS_BLOCK * base;
    }
    costs->before[blocks] = sum;
    for (size_t i = blocks * COSTS_BLOCK; i < count; i++)
        sum += batch->item_costs[i] + base;
    sync_compute(count / COSTS_WIDTH);
    costs->blocks = blocks;
    costs->items = batch->item_costs;
    costs->count = count;
    costs->base = base;
    costs->total = sum;
    return true;
}

/* Passes the blocks that end before `limit`. */
static inline struct costs_place costs_skip(const struct costs *costs, struct costs_place at,
                                            uint64_t limit) {
    size_t block = at.item / COSTS_BLOCK + 1, found = 0;
    for (; block <= costs->blocks && costs->before[block] < limit; block++)
        found = block;
    if (found) at = (struct costs_place){found * COSTS_BLOCK, costs->before[found]};
    return at;
}

/* The first item, from `at` on, whose middle does not lie before `limit`. */
static inline struct costs_place costs_middle(const struct costs *costs, struct costs_place at,
                                              uint64_t limit) {
    at = costs_skip(costs, at, limit);
    while (at.item < costs->count) {
        uint64_t cost = costs_of(costs, at.item);
        if (at.passed + cost / 2 >= limit) break;
        at.passed += cost;
        at.item++;
    }
    return at;
}

/* The first item, from `at` on, that begins no earlier than `limit` and is none of the `least` next
 * ones. */
static inline struct costs_place costs_begin(const struct costs *costs, struct costs_place at,
                                             uint64_t limit, size_t least) {
    size_t enough = costs->count - at.item > least ? at.item + least : costs->count;
    at = costs_skip(costs, at, limit);
    while (at.item < costs->count && (at.item < enough || at.passed < limit))
        at.passed += costs_of(costs, at.item++);
    return at;
}

/* `part` / `parts` of all. */
static inline uint64_t costs_share(const struct costs *costs, unsigned part, unsigned parts) {
    return costs->total / parts * part + costs->total % parts * part / parts;
}

static inline void costs_free(struct costs *costs) {
    free(costs->before);
}

#endif
