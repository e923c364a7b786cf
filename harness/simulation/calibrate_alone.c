/* What one thread can measure by itself; see calibrate_alone.h. */
#define _GNU_SOURCE
#include "harness/simulation/calibrate_alone.h"

#include "base/clock.h"
#include "schedulers/futex.h"
#include "schedulers/sync_processor.h"

#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { LOOPS = 20000, CHASE = 64, BLOCKS = 4000, TRIES = 5 };

static _Alignas(128) _Atomic uint64_t word;
static _Alignas(128) uint32_t futex_word;

static double ns_each(uint64_t begin, double count) {
    return (double)(clock_now_ns() - begin) / count;
}

static double measure_hit(void) {
    static void *ring[CHASE];
    for (int i = 0; i < CHASE; i++)
        ring[i] = &ring[(i + 7) % CHASE];
    void *volatile *at = (void *volatile *)&ring[0];
    uint64_t begin = clock_now_ns();
    for (int i = 0; i < LOOPS; i++)
        at = (void *volatile *)*at;
    return ns_each(begin, LOOPS);
}

static double measure_rmw(void) {
    uint64_t begin = clock_now_ns();
    for (int i = 0; i < LOOPS; i++)
        atomic_fetch_add(&word, 1);
    return ns_each(begin, LOOPS);
}

static double measure_fence(void) {
    uint64_t begin = clock_now_ns();
    for (int i = 0; i < LOOPS; i++) {
        atomic_store_explicit(&word, 1, memory_order_relaxed);
        atomic_thread_fence(memory_order_seq_cst);
    }
    return ns_each(begin, LOOPS);
}

static double measure_pause(void) {
    uint64_t begin = clock_now_ns();
    for (int i = 0; i < LOOPS; i++)
        processor_pause();
    return ns_each(begin, LOOPS);
}

static double measure_yield(void) {
    uint64_t begin = clock_now_ns();
    for (int i = 0; i < 500; i++)
        sched_yield();
    return ns_each(begin, 500);
}

static double measure_futex_call(void) {
    uint64_t begin = clock_now_ns();
    for (int i = 0; i < 500; i++)
        futex_wake(&futex_word, 1);
    return ns_each(begin, 500);
}

static void *volatile blocks[BLOCKS];

static double measure_allocate(void) {
    uint64_t begin = clock_now_ns();
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = malloc(32 + (size_t)(i % 7) * 16);
    double ns = ns_each(begin, BLOCKS);
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    return ns;
}

static double measure_free(void) {
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = malloc(32 + (size_t)(i % 7) * 16);
    uint64_t begin = clock_now_ns();
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    return ns_each(begin, BLOCKS);
}

static void empty_body(void *context, size_t begin, size_t end, unsigned worker) {
    (void)context, (void)begin, (void)end, (void)worker;
}

static double measure_leaf(void) {
    void (*volatile body)(void *, size_t, size_t, unsigned) = empty_body;
    uint64_t begin = clock_now_ns();
    for (int i = 0; i < LOOPS; i++)
        body(NULL, 0, (size_t)i, 0);
    return ns_each(begin, LOOPS);
}

const struct alone_measure alone_measures[ALONE_MEASURES] = {
    {PROFILE_hit_ns, measure_hit},     {PROFILE_rmw_ns, measure_rmw},
    {PROFILE_fence_ns, measure_fence}, {PROFILE_pause_ns, measure_pause},
    {PROFILE_yield_ns, measure_yield}, {PROFILE_futex_call_ns, measure_futex_call},
    {PROFILE_leaf_ns, measure_leaf},   {PROFILE_allocate_ns, measure_allocate},
    {PROFILE_free_ns, measure_free},
};

double alone_measure_best(const struct alone_measure *measure) {
    double best = INFINITY;
    for (int i = 0; i < TRIES; i++)
        best = fmin(best, measure->once());
    return best;
}
