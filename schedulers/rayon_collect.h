/* Results as rayon collects them where the length is not known to the collector, which is the case
 * of collect::<Result<Vec<_>>>: each leaf grows a vector (4, 8, 16 .. slots), makes it the one node
 * of a linked list, joins append lists, and the caller at last moves everything into the final
 * vector and frees the pieces. Here the body has written results in place, so the leaf moves them
 * out into its vector and the caller moves them back. */
#ifndef SCHEDULERS_RAYON_COLLECT_H
#define SCHEDULERS_RAYON_COLLECT_H

#include "schedulers/sync.h"
#include "schedulers/tallies.h"
#include <string.h>

#define COLLECT_FIRST_CAPACITY 4

struct collect_node {
    struct collect_node *next, *previous;
    char *slots; /* a vector's three words */
    size_t capacity, count;
};

struct collect_list {
    struct collect_node *first, *last;
    size_t nodes;
    bool failed; /* memory ran out: some results stayed where they are, which is also right */
};

/* A leaf's results [begin, end), moved out into a list of one vector. */
static inline struct collect_list collect_leaf(const struct grainbench_batch *batch, size_t begin,
                                               size_t end, struct tallies *tallies) {
    struct collect_list list = {.failed = false};
    const char *results = batch->results;
    size_t size = batch->result_size;
    SYNC_ALIGNED struct collect_node vector = {.slots = NULL};
    for (size_t i = begin; i < end; i++) {
        if (vector.count == vector.capacity) {
            size_t capacity = vector.capacity ? 2 * vector.capacity : COLLECT_FIRST_CAPACITY;
            char *slots = sync_reallocate(vector.slots, capacity * size, SITE_COLLECT_VECTOR);
            if (!slots) break;
            vector.slots = slots;
            vector.capacity = capacity;
        }
        sync_move(vector.slots + vector.count * size, results + i * size, size,
                  SITE_COLLECT_VECTOR);
        vector.count++;
    }
    struct collect_node *node =
        vector.count == end - begin ? sync_allocate(sizeof *node, SITE_COLLECT_NODE) : NULL;
    if (!node) {
        sync_free(vector.slots, SITE_COLLECT_VECTOR);
        list.failed = true;
        return list;
    }
    sync_on_stack(&vector, sizeof vector);
    sync_move(node, &vector, sizeof *node, SITE_COLLECT_NODE);
    sync_off_stack(&vector, sizeof vector);
    list.first = list.last = node;
    list.nodes = 1;
    sync_tally_add(&tallies->list_nodes, 1);
    return list;
}

static inline struct collect_list collect_append(struct collect_list left,
                                                 struct collect_list right) {
    if (!left.first || !right.first) {
        bool failed = left.failed || right.failed;
        struct collect_list list = left.first ? left : right;
        list.failed = failed;
        return list;
    }
    left.last->next = right.first;
    right.first->previous = left.last;
    return (struct collect_list){left.first, right.last, left.nodes + right.nodes,
                                 left.failed || right.failed};
}

/* The caller's serial part: everything back in order, pieces freed. A list with a failure has gaps
 * whose place is not known; since the body wrote in place, nothing needs moving then. */
static inline void collect_finish(const struct grainbench_batch *batch, struct collect_list list) {
    char *to = batch->results;
    SYNC_ALIGNED struct collect_node taken;
    sync_on_stack(&taken, sizeof taken);
    for (struct collect_node *node = list.first; node;) {
        sync_move(&taken, node, sizeof taken, SITE_COLLECT_NODE);
        size_t size = taken.count * batch->result_size;
        if (!list.failed) sync_move(to, taken.slots, size, SITE_COLLECT_VECTOR);
        to += size;
        sync_free(taken.slots, SITE_COLLECT_VECTOR);
        sync_free(node, SITE_COLLECT_NODE);
        node = taken.next;
    }
    sync_off_stack(&taken, sizeof taken);
}

#endif
