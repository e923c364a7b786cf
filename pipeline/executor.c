/* The window of N slots and its workers; see executor.h.
 *
 * Invariants, under `lock`: head <= tail <= head + N. Slots [head, tail) are taken: in preparation
 * or ready. Item q lives in slot q % N; it is ready when slot.ready == q + 1, which its worker
 * stores with release after filling the slot and next() reads with acquire. Lock order:
 * upstream_lock, then lock. */
#define _GNU_SOURCE
#include "pipeline/executor.h"
#include "pipeline/spin.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct slot {
    _Atomic uint64_t ready;
    struct item *item; /* NULL unless status is OK */
    enum iterator_status status;
    struct failure failure;
};

struct ring;

struct worker {
    struct ring *ring;
    pthread_t thread;
    unsigned index;
};

struct ring {
    struct iterator iterator;
    struct iterator *upstream;
    struct executor_setup setup;
    struct executor_report report;
    uint64_t fork_generation;

    pthread_mutex_t upstream_lock; /* held while pulling */
    pthread_mutex_t lock;
    pthread_cond_t slot_free, item_ready;
    unsigned workers_parked;
    bool consumer_parked;
    _Atomic uint64_t head; /* next to deliver; written by next() only */
    _Atomic uint64_t tail; /* next to take; written under both locks */
    _Atomic bool stop;
    _Atomic bool exhausted;   /* nothing more to pull: END, a failure or a cancellation was seen */
    _Atomic uint64_t asked;   /* how many items next() has been asked for */
    _Atomic uint64_t barrier; /* items from here on wait until asked for; 0: none */
    struct slot *slots;

    enum iterator_status final; /* sticky; the consumer's own */
    struct failure failure;

    struct worker *workers;
    unsigned workers_started;
};

/* Counts forks, so that a child can tell that its copy of a ring has no threads. */
static _Atomic uint64_t fork_generation;

static void count_fork(void) {
    atomic_fetch_add(&fork_generation, 1);
}

static void watch_forks(void) {
    pthread_atfork(NULL, NULL, count_fork);
}

static struct slot *slot_of(struct ring *ring, uint64_t sequence) {
    return &ring->slots[sequence % ring->setup.depth];
}

/* Wakes one sleeper, after the lock has been given back, so that it does not run into it. Costs its
 * caller a system call of 10 to 20 us, which is booked under its own name. */
static void wake(pthread_cond_t *sleepers) {
    struct account_mark before = account_wait(ACTIVITY_WAKE);
    pthread_cond_signal(sleepers);
    account_leave(before);
}

/* ---- the workers' side */

static bool may_take_slot(struct ring *ring) {
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    if (tail - head >= ring->setup.depth) return false;
    uint64_t barrier = atomic_load_explicit(&ring->barrier, memory_order_relaxed);
    return !barrier || atomic_load_explicit(&ring->asked, memory_order_acquire) > barrier;
}

static bool is_over(struct ring *ring) {
    return atomic_load_explicit(&ring->stop, memory_order_relaxed) ||
           atomic_load_explicit(&ring->exhausted, memory_order_relaxed);
}

static bool slot_or_over(void *ring) {
    return may_take_slot(ring) || is_over(ring);
}

/* Takes the next slot, waiting for one. Called with upstream_lock, so nobody else moves `tail`. */
static bool take_slot(struct ring *ring, uint64_t *sequence) {
    struct account_mark before = {0};
    bool waits = !slot_or_over(ring);
    if (waits) {
        before = account_wait(ACTIVITY_WAIT_SLOT);
        spin_until(slot_or_over, ring, ring->setup.spin_ns);
    }
    pthread_mutex_lock(&ring->lock);
    while (!slot_or_over(ring)) {
        ring->workers_parked++;
        pthread_cond_wait(&ring->slot_free, &ring->lock);
        ring->workers_parked--;
    }
    bool taken = !is_over(ring);
    if (taken) {
        *sequence = atomic_load_explicit(&ring->tail, memory_order_relaxed);
        atomic_store_explicit(&ring->tail, *sequence + 1, memory_order_release);
        uint64_t in_flight =
            *sequence + 1 - atomic_load_explicit(&ring->head, memory_order_relaxed);
        if (in_flight > ring->report.in_flight_maximum)
            ring->report.in_flight_maximum = (unsigned)in_flight;
    }
    pthread_mutex_unlock(&ring->lock);
    if (waits) account_leave(before);
    return taken;
}

static void publish(struct ring *ring, uint64_t sequence, enum iterator_status status,
                    struct item *item, const struct failure *failure) {
    struct slot *slot = slot_of(ring, sequence);
    slot->item = item;
    slot->status = status;
    if (status == ITERATOR_ERROR) slot->failure = *failure;
    pthread_mutex_lock(&ring->lock);
    if (status != ITERATOR_OK) {
        atomic_store(&ring->exhausted, true);
        pthread_cond_broadcast(&ring->slot_free);
    }
    atomic_store_explicit(&slot->ready, sequence + 1, memory_order_release);
    bool awaited = ring->consumer_parked &&
                   sequence == atomic_load_explicit(&ring->head, memory_order_relaxed);
    pthread_mutex_unlock(&ring->lock);
    if (awaited) wake(&ring->item_ready);
}

/* One item from upstream, numbered. False when there is nothing more to pull; if it was this call
 * that found out, END or the failure has been published. */
static bool pull(struct ring *ring, uint64_t *sequence, struct item **item,
                 const struct failure *broken) {
    struct account_mark before = account_wait(ACTIVITY_WAIT_IN);
    pthread_mutex_lock(&ring->upstream_lock);
    account_leave(before);
    enum iterator_status status = ITERATOR_CANCELLED;
    struct failure failure = {0};
    if (take_slot(ring, sequence)) {
        size_t used_before = budget_used(ring->setup.budget);
        if (broken) {
            failure = *broken;
            status = ITERATOR_ERROR;
        } else if (budget_wait(ring->setup.budget)) {
            status = iterator_next(ring->upstream, item, &failure);
            budget_learn_step(ring->setup.budget, used_before);
        }
        if (status != ITERATOR_OK)
            publish(ring, *sequence, status, NULL, &failure);
        else if ((*item)->segment_end)
            atomic_store(&ring->barrier, *sequence + 1);
    }
    pthread_mutex_unlock(&ring->upstream_lock);
    return status == ITERATOR_OK;
}

static void work(struct ring *ring, unsigned index) {
    const struct transform *transform = ring->setup.transform;
    struct failure failure = {0};
    void *scratch;
    bool ready = transform_scratch_create(transform, index, &scratch, &failure);
    uint64_t sequence;
    struct item *item;
    while (pull(ring, &sequence, &item, ready ? NULL : &failure)) {
        if (!transform || transform_apply(transform, scratch, item, &failure)) {
            publish(ring, sequence, ITERATOR_OK, item, NULL);
            continue;
        }
        item_release(item);
        publish(ring, sequence, ITERATOR_ERROR, NULL, &failure);
    }
    if (transform) transform_scratch_destroy(transform, scratch);
}

static void *worker_main(void *argument) {
    struct worker *worker = argument;
    struct ring *ring = worker->ring;
    char name[32];
    snprintf(name, sizeof name, "%.20s %u", ring->setup.name, worker->index);
    account_begin(ring->setup.recorder, name, ring->setup.stage);
    work(ring, worker->index);
    account_end();
    return NULL;
}

/* ---- the consumer's side */

static bool is_ready(struct ring *ring, uint64_t sequence) {
    return atomic_load_explicit(&slot_of(ring, sequence)->ready, memory_order_acquire) ==
           sequence + 1;
}

static bool item_or_stop(void *context) {
    struct ring *ring = context;
    return is_ready(ring, atomic_load_explicit(&ring->head, memory_order_relaxed)) ||
           atomic_load_explicit(&ring->stop, memory_order_relaxed);
}

/* Tells the workers that the consumer has come back for item `head`: lifts a segment's barrier. */
static void ask(struct ring *ring, uint64_t head) {
    pthread_mutex_lock(&ring->lock);
    atomic_store_explicit(&ring->asked, head + 1, memory_order_release);
    uint64_t barrier = atomic_load_explicit(&ring->barrier, memory_order_relaxed);
    bool lifted = ring->workers_parked && barrier && barrier <= head;
    pthread_mutex_unlock(&ring->lock);
    if (lifted) wake(&ring->slot_free);
}

static void note_occupancy(struct ring *ring, uint64_t head) {
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    unsigned ready = 0;
    for (uint64_t q = head; q < tail && is_ready(ring, q); q++)
        ready++;
    ring->report.occupancy[ready < EXECUTOR_OCCUPANCY ? ready : EXECUTOR_OCCUPANCY - 1]++;
}

static enum iterator_status finish(struct ring *ring, enum iterator_status status,
                                   struct failure *failure) {
    ring->final = status;
    if (failure) *failure = ring->failure;
    return status;
}

/* Takes item `head` out of its slot and frees the slot. */
static struct item *deliver(struct ring *ring, uint64_t head) {
    struct slot *slot = slot_of(ring, head);
    struct item *item = slot->item;
    slot->item = NULL;
    ring->report.delivered++;
    pthread_mutex_lock(&ring->lock);
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    bool awaited = ring->workers_parked > 0;
    pthread_mutex_unlock(&ring->lock);
    if (awaited) wake(&ring->slot_free);
    return item;
}

static enum iterator_status ring_next(struct iterator *iterator, struct item **item,
                                      struct failure *failure) {
    struct ring *ring = (struct ring *)iterator;
    if (atomic_load(&fork_generation) != ring->fork_generation)
        return failure_set(failure, ring->setup.name, 0, FAILURE_OTHER_PROCESS,
                           "this pipeline's threads are in the parent process; make a new one");
    if (ring->final != ITERATOR_OK) return finish(ring, ring->final, failure);
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    ask(ring, head);
    note_occupancy(ring, head);
    if (!item_or_stop(ring)) {
        struct account_mark before = account_wait(ACTIVITY_WAIT_IN);
        spin_until(item_or_stop, ring, ring->setup.spin_ns);
        pthread_mutex_lock(&ring->lock);
        ring->consumer_parked = true;
        while (!item_or_stop(ring))
            pthread_cond_wait(&ring->item_ready, &ring->lock);
        ring->consumer_parked = false;
        pthread_mutex_unlock(&ring->lock);
        account_leave(before);
    }
    if (atomic_load(&ring->stop)) return finish(ring, ITERATOR_CANCELLED, failure);
    struct slot *slot = slot_of(ring, head);
    if (slot->status == ITERATOR_OK) {
        *item = deliver(ring, head);
        return ITERATOR_OK;
    }
    ring->failure = slot->failure;
    return finish(ring, slot->status, failure);
}

static void ring_interrupt(struct iterator *iterator) {
    struct ring *ring = (struct ring *)iterator;
    pthread_mutex_lock(&ring->lock);
    atomic_store(&ring->stop, true);
    pthread_cond_broadcast(&ring->slot_free);
    pthread_cond_broadcast(&ring->item_ready);
    pthread_mutex_unlock(&ring->lock);
    budget_interrupt(ring->setup.budget);
    iterator_interrupt(ring->upstream);
}

/* ---- life */

static void ring_free(struct ring *ring) {
    pthread_cond_destroy(&ring->slot_free);
    pthread_cond_destroy(&ring->item_ready);
    pthread_mutex_destroy(&ring->lock);
    pthread_mutex_destroy(&ring->upstream_lock);
    free(ring->slots);
    free(ring->workers);
    free(ring);
}

static void join_workers(struct ring *ring) {
    for (unsigned i = 0; i < ring->workers_started; i++)
        pthread_join(ring->workers[i].thread, NULL);
    ring->workers_started = 0;
}

static void release_undelivered(struct ring *ring) {
    for (unsigned i = 0; i < ring->setup.depth; i++)
        item_release(ring->slots[i].item);
}

static void ring_close(struct iterator *iterator) {
    struct ring *ring = (struct ring *)iterator;
    /* In a child after fork the threads, and whatever they had locked, are gone: leave it all. */
    if (atomic_load(&fork_generation) != ring->fork_generation) return;
    ring_interrupt(iterator);
    join_workers(ring);
    release_undelivered(ring);
    iterator_close(ring->upstream);
    if (ring->setup.report) *ring->setup.report = ring->report;
    ring_free(ring);
}

static struct ring *ring_allocate(const struct executor_setup *setup) {
    struct ring *ring = calloc(1, sizeof *ring);
    if (!ring) return NULL;
    ring->setup = *setup;
    ring->report.depth = setup->depth;
    ring->report.workers = setup->workers;
    ring->fork_generation = atomic_load(&fork_generation);
    pthread_mutex_init(&ring->upstream_lock, NULL);
    pthread_mutex_init(&ring->lock, NULL);
    pthread_cond_init(&ring->slot_free, NULL);
    pthread_cond_init(&ring->item_ready, NULL);
    ring->slots = calloc(setup->depth, sizeof *ring->slots);
    ring->workers = calloc(setup->workers, sizeof *ring->workers);
    if (ring->slots && ring->workers) return ring;
    ring_free(ring);
    return NULL;
}

static bool start_workers(struct ring *ring, struct error *error) {
    for (unsigned i = 0; i < ring->setup.workers; i++) {
        ring->workers[i] = (struct worker){.ring = ring, .index = i};
        int code = pthread_create(&ring->workers[i].thread, NULL, worker_main, &ring->workers[i]);
        if (code != 0)
            return error_set(error, "cannot start worker %u of %s: error %d", i, ring->setup.name,
                             code);
        ring->workers_started++;
    }
    return true;
}

/* Ends a ring that did not come up whole. Its upstream stays the caller's, to be closed: workers
 * that had started may have pulled from it, so it is of no other use. */
static void abandon(struct ring *ring) {
    ring_interrupt(&ring->iterator);
    join_workers(ring);
    release_undelivered(ring);
    ring_free(ring);
}

struct iterator *executor_create(struct iterator *upstream, const struct executor_setup *setup,
                                 struct error *error) {
    static const struct iterator_operations operations = {"executor", ring_next, ring_interrupt,
                                                          ring_close};
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    if (setup->report) *setup->report = (struct executor_report){.workers = setup->workers};
    if (setup->depth == 0)
        return setup->transform ? transform_iterator(upstream, setup->transform, error) : upstream;
    struct ring *ring = NULL;
    if (setup->depth > EXECUTOR_DEPTH_LIMIT || setup->workers < 1 ||
        setup->workers > EXECUTOR_WORKER_LIMIT)
        error_set(
            error, "%s: depth %u with %u workers is out of range (depth to %d, workers 1 to %d)",
            setup->name, setup->depth, setup->workers, EXECUTOR_DEPTH_LIMIT, EXECUTOR_WORKER_LIMIT);
    else if (!(ring = ring_allocate(setup)))
        error_set(error, "out of memory for the slots of %s", setup->name);
    if (!ring) return NULL;
    ring->iterator.operations = &operations;
    ring->upstream = upstream;
    if (start_workers(ring, error)) return &ring->iterator;
    abandon(ring);
    return NULL;
}
