/* A table of shrinking chunks of a batch, made by the caller before the batch: what guided,
 * counter-tree and adaptive hand out by number, so that a claim is one fetch-and-subtract. Sizes
 * follow guided self-scheduling (Polychronopoulos and Kuck, 1987): each chunk is one `divisor`-th
 * of what is left, and at least `least`. */
#ifndef SCHEDULERS_CHUNKS_H
#define SCHEDULERS_CHUNKS_H

#include "schedulers/costs.h"
#include "schedulers/pool.h"

struct chunks {
    uint32_t *bounds; /* chunk c is [bounds[c], bounds[c + 1]) */
    size_t count, capacity;
    /* What the table was made for, if that was a plain number of items; 0: something else. */
    size_t items, least;
    uint64_t divisor;
};

static inline bool chunks_append(struct chunks *chunks, size_t bound) {
    if (chunks->count == chunks->capacity) {
        size_t capacity = chunks->capacity ? 2 * chunks->capacity : 256;
        uint32_t *bounds = realloc(chunks->bounds, (capacity + 1) * sizeof *bounds);
        if (!bounds) return false;
        chunks->bounds = bounds;
        chunks->capacity = capacity;
        bounds[0] = 0;
    }
    chunks->bounds[++chunks->count] = (uint32_t)bound;
    return true;
}

/* Chunks of numbers of items. Costs nothing when nothing has changed. False without memory. */
static inline bool chunks_by_count(struct chunks *chunks, size_t items, uint64_t divisor,
                                   size_t least) {
    if (items && chunks->items == items && chunks->divisor == divisor && chunks->least == least)
        return true;
    chunks->count = chunks->items = 0;
    for (size_t begin = 0; begin < items;) {
        size_t size = (size_t)((items - begin) / divisor);
        if (size < least) size = least;
        begin = items - begin > size ? begin + size : items;
        if (!chunks_append(chunks, begin)) return false;
    }
    chunks->items = items;
    chunks->divisor = divisor;
    chunks->least = least;
    return true;
}

/* Chunks of sums of item costs. */
static inline bool chunks_by_cost(struct chunks *chunks, const struct costs *costs,
                                  uint64_t divisor, size_t least) {
    chunks->count = chunks->items = 0;
    for (struct costs_place at = {0}; at.item < costs->count;) {
        uint64_t share = (costs->total - at.passed) / divisor;
        at = costs_begin(costs, at, at.passed + share, least);
        if (!chunks_append(chunks, at.item)) return false;
    }
    return true;
}

/* By costs where the batch has them; `costs` are then its sums. */
static inline bool chunks_make(struct chunks *chunks, const struct grainbench_batch *batch,
                               const struct costs *costs, uint64_t divisor, size_t least) {
    return batch->item_costs ? chunks_by_cost(chunks, costs, divisor, least)
                             : chunks_by_count(chunks, batch->item_count, divisor, least);
}

/* Claims chunks by number until there are none; returns the items it ran. The word holds how many
 * are left, as a signed number: a late worker's claim is adopted, as the table is read after it. */
static inline size_t chunks_work(const struct chunks *chunks, sync_u64 *word,
                                 struct pool_worker *worker) {
    size_t done = 0;
    for (;;) {
        int64_t left = (int64_t)sync_fetch_sub_u64(word, 1, SYNC_ACQUIRE, SITE_COUNTER_CLAIM);
        if (left <= 0) break;
        size_t chunk = chunks->count - (size_t)left;
        size_t begin = chunks->bounds[chunk], end = chunks->bounds[chunk + 1];
        pool_body(worker, begin, end);
        done += end - begin;
    }
    if (done) pool_report(worker->pool, worker, done);
    return done;
}

#endif
