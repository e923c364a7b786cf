/* The work-stealing deque of crossbeam-deque (Chase and Lev, SPAA 2005; the weak-memory version of
 * Le, Pop, Cohen and Zappa Nardelli, PPoPP 2013): the owner pushes and pops at the back, thieves
 * take from the front.
 *
 * Invariants: jobs live at indices front .. back-1 of a ring. `back` is written by the owner alone;
 * `front` only grows, by compare-exchange of whoever takes that job. A slot of index f is not
 * overwritten while front == f, so a thief that reads slot f and then moves front from f to f + 1
 * has read the job that it took.
 *
 * Orders: push publishes the job with the release store of `back`, which a thief's load of `back`
 * acquires. pop's fence pairs with the barrier of a steal's pin: either the owner sees front moved
 * or the thief sees back lowered, so the last job is taken once; for it both compare-exchange.
 *
 * A thief's probe takes the line of `front` (and `back`, which is on it) away from the owner; that
 * is the layout of the real thing. `deque=padded` puts them on lines of their own. */
#ifndef SCHEDULERS_RAYON_DEQUE_H
#define SCHEDULERS_RAYON_DEQUE_H

#include "schedulers/rayon_epoch.h"
#include <stdlib.h>

#define DEQUE_CAPACITY 64 /* at first; doubled when full */

struct job;
struct rayon_worker;

/* A job by reference, as rayon's JobRef: what to run on what. */
struct job_reference {
    struct job *job; /* NULL: none */
    void (*execute)(struct rayon_worker *worker, struct job *job);
};

struct deque_slot {
    sync_pointer job;
    sync_pointer execute;
};

struct deque_ring {
    size_t capacity;          /* a power of two */
    struct deque_ring *older; /* outgrown; thieves may still read it; freed with the deque */
    struct deque_slot slots[];
};

/* The words, as thieves and the owner reach them. */
struct deque {
    sync_u64 *front, *back;
    sync_pointer *ring;
};

struct deque_words {
    SYNC_ALIGNED sync_u64 front;
    sync_u64 back_beside_front;
    sync_pointer ring;
    SYNC_ALIGNED sync_u64 back_apart;
};

enum deque_layout { DEQUE_PACKED, DEQUE_PADDED };

enum steal_outcome { STEAL_EMPTY, STEAL_RETRY, STEAL_SUCCESS };

static inline struct deque_ring *deque_ring_create(size_t capacity) {
    struct deque_ring *ring = sync_shared_allocate(sizeof *ring + capacity * sizeof ring->slots[0]);
    if (!ring) return NULL;
    ring->capacity = capacity;
    ring->older = NULL;
    for (size_t i = 0; i < capacity; i++) {
        sync_init_pointer(&ring->slots[i].job, NULL);
        sync_init_pointer(&ring->slots[i].execute, NULL);
    }
    return ring;
}

/* False without memory. */
static inline bool deque_init(struct deque *deque, struct deque_words *words,
                              enum deque_layout layout) {
    struct deque_ring *ring = deque_ring_create(DEQUE_CAPACITY);
    sync_init_u64(&words->front, 0);
    sync_init_u64(&words->back_beside_front, 0);
    sync_init_u64(&words->back_apart, 0);
    sync_init_pointer(&words->ring, ring);
    deque->front = &words->front;
    deque->back = layout == DEQUE_PADDED ? &words->back_apart : &words->back_beside_front;
    deque->ring = &words->ring;
    return ring != NULL;
}

static inline void deque_free(struct deque *deque) {
    struct deque_ring *ring = deque->ring ? deque->ring->value : NULL;
    while (ring) {
        struct deque_ring *older = ring->older;
        sync_shared_free(ring);
        ring = older;
    }
}

static inline struct deque_slot *deque_slot(struct deque_ring *ring, uint64_t index) {
    return &ring->slots[index & (ring->capacity - 1)];
}

/* Racing reads and writes of slots, plain in the original: relaxed words here. */
static inline void deque_write(struct deque_ring *ring, uint64_t index, struct job_reference job) {
    struct deque_slot *slot = deque_slot(ring, index);
    sync_store_pointer(&slot->job, job.job, SYNC_RELAXED, SITE_DEQUE_SLOT);
    union {
        void (*function)(struct rayon_worker *, struct job *);
        void *pointer;
    } execute = {.function = job.execute};
    sync_store_pointer(&slot->execute, execute.pointer, SYNC_RELAXED, SITE_DEQUE_SLOT);
}

static inline struct job_reference deque_read(struct deque_ring *ring, uint64_t index) {
    struct deque_slot *slot = deque_slot(ring, index);
    union {
        void *pointer;
        void (*function)(struct rayon_worker *, struct job *);
    } execute;
    struct job *job = sync_load_pointer(&slot->job, SYNC_RELAXED, SITE_DEQUE_SLOT);
    execute.pointer = sync_load_pointer(&slot->execute, SYNC_RELAXED, SITE_DEQUE_SLOT);
    return (struct job_reference){job, execute.function};
}

static inline bool deque_is_empty(struct deque *deque) {
    uint64_t back = sync_load_u64(deque->back, SYNC_RELAXED, SITE_DEQUE_PUSH);
    uint64_t front = sync_load_u64(deque->front, SYNC_SEQ_CST, SITE_DEQUE_PUSH);
    return (int64_t)(back - front) <= 0;
}

/* Doubles the ring. The owner only. NULL without memory. */
static __attribute__((noinline, unused)) struct deque_ring *
deque_grow(struct deque *deque, struct deque_ring *ring, uint64_t front, uint64_t back) {
    struct deque_ring *larger = deque_ring_create(2 * ring->capacity);
    if (!larger) return NULL;
    for (uint64_t i = front; i != back; i++)
        deque_write(larger, i, deque_read(ring, i));
    larger->older = ring;
    return sync_exchange_pointer(deque->ring, larger, SYNC_RELEASE, SITE_DEQUE_GROW) ? larger
                                                                                     : NULL;
}

/* The owner only. False when the ring is full and there is no memory for a larger one. */
static inline bool deque_push(struct deque *deque, struct job_reference job) {
    uint64_t back = sync_load_u64(deque->back, SYNC_RELAXED, SITE_DEQUE_PUSH);
    uint64_t front = sync_load_u64(deque->front, SYNC_ACQUIRE, SITE_DEQUE_PUSH);
    struct deque_ring *ring = deque->ring->value; /* the owner is its only writer */
    if ((int64_t)(back - front) >= (int64_t)ring->capacity) {
        ring = deque_grow(deque, ring, front, back);
        if (!ring) return false;
    }
    deque_write(ring, back, job);
    sync_fence(SYNC_RELEASE, SITE_DEQUE_PUSH);
    sync_store_u64(deque->back, back + 1, SYNC_RELEASE, SITE_DEQUE_PUSH);
    return true;
}

/* The owner only: the job pushed last. */
static inline struct job_reference deque_pop(struct deque *deque) {
    struct job_reference none = {NULL, NULL};
    uint64_t back = sync_load_u64(deque->back, SYNC_RELAXED, SITE_DEQUE_POP);
    uint64_t front = sync_load_u64(deque->front, SYNC_RELAXED, SITE_DEQUE_POP);
    if ((int64_t)(back - front) <= 0) return none;
    back--;
    sync_store_u64(deque->back, back, SYNC_RELAXED, SITE_DEQUE_POP);
    sync_fence(SYNC_SEQ_CST, SITE_DEQUE_POP);
    front = sync_load_u64(deque->front, SYNC_RELAXED, SITE_DEQUE_POP);
    int64_t left = (int64_t)(back - front);
    if (left < 0) {
        sync_store_u64(deque->back, back + 1, SYNC_RELAXED, SITE_DEQUE_POP);
        return none;
    }
    struct job_reference job = deque_read(deque->ring->value, back);
    if (left == 0) { /* the last one: thieves may be at it */
        if (!sync_cas_u64(deque->front, &front, front + 1, SYNC_SEQ_CST, SITE_DEQUE_POP))
            job = none;
        sync_store_u64(deque->back, back + 1, SYNC_RELAXED, SITE_DEQUE_POP);
    }
    return job;
}

/* Anyone: the oldest job. */
static inline enum steal_outcome deque_steal(struct deque *deque, struct epoch_record *self,
                                             struct job_reference *job) {
    uint64_t front = sync_load_u64(deque->front, SYNC_ACQUIRE, SITE_DEQUE_STEAL);
    epoch_pin(self);
    enum steal_outcome outcome = STEAL_EMPTY;
    uint64_t back = sync_load_u64(deque->back, SYNC_ACQUIRE, SITE_DEQUE_STEAL);
    if ((int64_t)(back - front) > 0) {
        struct deque_ring *ring = sync_load_pointer(deque->ring, SYNC_ACQUIRE, SITE_DEQUE_STEAL);
        *job = deque_read(ring, front);
        bool same = sync_load_pointer(deque->ring, SYNC_ACQUIRE, SITE_DEQUE_STEAL) == (void *)ring;
        bool taken =
            same && sync_cas_u64(deque->front, &front, front + 1, SYNC_SEQ_CST, SITE_DEQUE_STEAL);
        outcome = taken ? STEAL_SUCCESS : STEAL_RETRY;
    }
    epoch_unpin(self);
    return outcome;
}

#endif
