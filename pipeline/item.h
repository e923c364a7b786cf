/* What flows through a pipeline, as executors see it: a numbered thing with a size that somebody
 * can release. Concrete items (struct block, struct batch, a test's item) begin with a struct item.
 */
#ifndef PIPELINE_ITEM_H
#define PIPELINE_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct item {
    uint64_t sequence; /* 0, 1, 2, ... in the order of the operator that made it */
    uint64_t row_count;
    size_t bytes;     /* memory that this item keeps alive */
    bool segment_end; /* last of a segment: executors do not run ahead of it (see executor.h) */
    void (*release)(struct item *item); /* gives the memory back; any thread, once */
};

static inline void item_release(struct item *item) {
    if (item) item->release(item);
}

#endif
