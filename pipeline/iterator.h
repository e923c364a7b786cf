/* The pull interface of the pipeline. Operators (read, batch, format, ...) and executors (thread,
 * pool) are iterators alike, so they compose in any order. An iterator owns its upstream.
 *
 * One owner thread at a time calls next and close; interrupt may come from any thread. */
#ifndef PIPELINE_ITERATOR_H
#define PIPELINE_ITERATOR_H

#include "pipeline/item.h"

enum iterator_status {
    ITERATOR_OK,       /* *item is now the caller's, who releases it */
    ITERATOR_END,      /* no more items; stays so */
    ITERATOR_ERROR,    /* *failure tells; arrives after all earlier items; stays so */
    ITERATOR_CANCELLED /* somebody interrupted; stays so */
};

/* Where and why a pipeline failed. The first failure in the order of items is the one delivered, so
 * that runs are reproducible whatever the threads did. */
struct failure {
    char stage[24];
    uint64_t sequence;
    uint64_t row;
    int code;
    char message[256];
};

enum failure_code {
    FAILURE_INPUT = 1,    /* the input cannot be read or is not valid */
    FAILURE_TRANSFORM,    /* an operator refused an item */
    FAILURE_MEMORY,       /* out of memory */
    FAILURE_ALL_HELD,     /* the consumer keeps every buffer and asks for one more */
    FAILURE_OTHER_PROCESS /* used in a child after fork */
};

struct iterator;

struct iterator_operations {
    const char *name;
    enum iterator_status (*next)(struct iterator *iterator, struct item **item,
                                 struct failure *failure);
    /* Any thread, any number of times, not after close has begun: next returns soon, with
     * ITERATOR_CANCELLED, here and upstream. */
    void (*interrupt)(struct iterator *iterator);
    /* The owner, once, at any position: interrupts, joins, releases what was not delivered, closes
     * the upstream and frees the iterator. */
    void (*close)(struct iterator *iterator);
};

struct iterator {
    const struct iterator_operations *operations;
};

static inline enum iterator_status iterator_next(struct iterator *iterator, struct item **item,
                                                 struct failure *failure) {
    return iterator->operations->next(iterator, item, failure);
}

static inline void iterator_interrupt(struct iterator *iterator) {
    iterator->operations->interrupt(iterator);
}

static inline void iterator_close(struct iterator *iterator) {
    if (iterator) iterator->operations->close(iterator);
}

/* Fills a failure and returns ITERATOR_ERROR, for `return failure_set(...)`. */
enum iterator_status failure_set(struct failure *failure, const char *stage, uint64_t sequence,
                                 int code, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
