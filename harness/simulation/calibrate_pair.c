/* What two pinned threads measure of each other; see calibrate_pair.h. */
#define _GNU_SOURCE
#include "harness/simulation/calibrate_pair.h"

#include "base/clock.h"
#include "results/statistics.h"
#include "schedulers/futex.h"
#include "schedulers/sync_processor.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Work is timed in short blocks and the best one counts: in a long one somebody interferes. */
enum {
    FETCHES = 100,
    LINES = 256,
    LINE_APART = 9 * 64, /* few pages and all sets of a cache; two lines of 128 bytes, too */
    LINE_STEP = 101,
    BLOCK = 500,
    WAKES = 40,
    ADDS = 50000,
    BLOCKS = 4000,
    LOOP_ROUNDS = 200000
};

struct pair {
    const struct placement *placement;
    unsigned other; /* worker whose unit the second thread takes */
    void (*second)(struct pair *);
    _Alignas(128) _Atomic uint32_t ready;
    _Alignas(128) _Atomic uint32_t turn;
    _Alignas(128) _Atomic uint64_t counter;
    _Alignas(128) _Atomic uint64_t woken_ns;
    _Alignas(128) _Atomic bool stop;
    uint64_t cpu_ns;
    void *blocks[BLOCKS];
    _Alignas(128) char lines[LINES * LINE_APART];
};

static void *second_main(void *argument) {
    struct pair *pair = argument;
    placement_bind(pair->placement, pair->other, NULL);
    atomic_store(&pair->ready, 1);
    pair->second(pair);
    return NULL;
}

static bool start(struct pair *pair, unsigned self, pthread_t *thread) {
    placement_bind(pair->placement, self, NULL);
    if (pthread_create(thread, NULL, second_main, pair) != 0) return false;
    while (!atomic_load(&pair->ready))
        processor_pause();
    return true;
}

/* A pair on the heap, or NULL: it is too big for the stack. */
static struct pair *make(const struct placement *placement, unsigned other,
                         void (*second)(struct pair *)) {
    struct pair *pair = aligned_alloc(128, (sizeof *pair + 127) / 128 * 128);
    if (!pair) return NULL;
    *pair = (struct pair){.placement = placement, .other = other, .second = second};
    return pair;
}

/* ---- lines of the other ---- */

static char *line_at(struct pair *pair, unsigned index) {
    return pair->lines + (size_t)(index % LINES) * LINE_APART;
}

/* Makes a ring of the lines, far from their order in memory. */
static void write_lines(struct pair *pair) {
    for (unsigned i = 0; i < LINES; i++)
        *(void *volatile *)line_at(pair, i) = line_at(pair, i + LINE_STEP);
}

static void write_when_told(struct pair *pair) {
    for (uint32_t i = 0; i < FETCHES; i++) {
        while (atomic_load_explicit(&pair->turn, memory_order_acquire) != 2 * i + 1)
            processor_pause();
        write_lines(pair);
        atomic_store_explicit(&pair->turn, 2 * i + 2, memory_order_release);
    }
}

static uint64_t follow_ns(struct pair *pair) {
    uint64_t begin = clock_now_ns();
    void *volatile *at = (void *volatile *)pair->lines;
    for (unsigned i = 0; i < LINES; i++)
        at = (void *volatile *)*at;
    return clock_now_ns() - begin;
}

bool pair_line_transfer(const struct placement *placement, unsigned a, unsigned b, double *ns) {
    struct pair *pair = make(placement, b, write_when_told);
    pthread_t thread;
    bool started = pair && start(pair, a, &thread);
    if (started) {
        uint64_t best = UINT64_MAX;
        for (uint32_t i = 0; i < FETCHES; i++) {
            atomic_store_explicit(&pair->turn, 2 * i + 1, memory_order_release);
            while (atomic_load_explicit(&pair->turn, memory_order_acquire) != 2 * i + 2)
                processor_pause();
            uint64_t took = follow_ns(pair);
            if (took < best) best = took;
        }
        *ns = (double)best / LINES;
        pthread_join(thread, NULL);
    }
    free(pair);
    return started;
}

/* ---- contention ---- */

static void add_until_stopped(struct pair *pair) {
    while (!atomic_load_explicit(&pair->stop, memory_order_relaxed))
        for (int i = 0; i < 64; i++)
            atomic_fetch_add(&pair->counter, 1);
}

bool pair_contended_rmw(const struct placement *placement, unsigned a, unsigned b, double *ns) {
    struct pair *pair = make(placement, b, add_until_stopped);
    pthread_t thread;
    bool started = pair && start(pair, a, &thread);
    if (started) {
        *ns = 0; /* where the other never ran at the same time */
        for (int block = 0; block < ADDS / BLOCK; block++) {
            uint64_t before = atomic_load(&pair->counter), begin = clock_now_ns();
            for (int i = 0; i < BLOCK; i++)
                atomic_fetch_add(&pair->counter, 1);
            double took = (double)(clock_now_ns() - begin);
            double all = (double)(atomic_load(&pair->counter) - before);
            bool overlapped = all > 1.3 * BLOCK && all < 4.0 * BLOCK;
            if (overlapped && (*ns == 0 || took / all < *ns)) *ns = took / all;
        }
        atomic_store(&pair->stop, true);
        pthread_join(thread, NULL);
    }
    free(pair);
    return started;
}

/* ---- sleeping ---- */

static void sleep_and_note(struct pair *pair) {
    uint64_t cpu = clock_thread_cpu_ns();
    for (uint32_t i = 0; i < WAKES; i++) {
        while (atomic_load(&pair->turn) == i)
            futex_wait((uint32_t *)&pair->turn, i);
        atomic_store(&pair->woken_ns, clock_now_ns());
    }
    pair->cpu_ns = clock_thread_cpu_ns() - cpu;
}

bool pair_wake(const struct placement *placement, unsigned a, unsigned b, uint64_t sleep_ns,
               struct pair_wake *wake) {
    struct pair *pair = make(placement, b, sleep_and_note);
    pthread_t thread;
    double calls[WAKES], latencies[WAKES];
    bool started = pair && start(pair, a, &thread);
    if (started) {
        for (uint32_t i = 0; i < WAKES; i++) {
            for (uint64_t since = clock_now_ns(); clock_now_ns() - since < sleep_ns;)
                processor_pause();
            atomic_store(&pair->woken_ns, 0);
            uint64_t begin = clock_now_ns();
            atomic_store(&pair->turn, i + 1);
            futex_wake((uint32_t *)&pair->turn, 1);
            calls[i] = (double)(clock_now_ns() - begin);
            uint64_t woken;
            while (!(woken = atomic_load(&pair->woken_ns)))
                processor_pause();
            latencies[i] = woken > begin ? (double)(woken - begin) : 0;
        }
        pthread_join(thread, NULL);
        wake->call_ns = statistics_median(calls, WAKES);
        wake->latency_ns = statistics_median(latencies, WAKES);
        wake->sleeper_ns = (double)pair->cpu_ns / WAKES;
    }
    free(pair);
    return started;
}

/* ---- siblings ---- */

static uint64_t loop_ns(void) {
    uint64_t begin = clock_now_ns();
    volatile uint64_t sink = 0;
    uint64_t a = 1, b = 2, c = 3, d = 4;
    for (uint64_t i = 0; i < LOOP_ROUNDS; i++) {
        a = a * 5 + i;
        b = b * 3 ^ i;
        c += b >> 3;
        d ^= a + c;
    }
    sink = a ^ b ^ c ^ d;
    (void)sink;
    return clock_now_ns() - begin;
}

static void loop_until_stopped(struct pair *pair) {
    while (!atomic_load(&pair->stop))
        loop_ns();
}

static void spin_until_stopped(struct pair *pair) {
    while (!atomic_load(&pair->stop))
        processor_pause();
}

static bool loop_beside(const struct placement *placement, unsigned a, unsigned b,
                        void (*second)(struct pair *), double *ns) {
    struct pair *pair = make(placement, b, second);
    pthread_t thread;
    bool started = pair && start(pair, a, &thread);
    if (started) {
        uint64_t best = UINT64_MAX;
        for (int i = 0; i < 5; i++) {
            uint64_t took = loop_ns();
            if (took < best) best = took;
        }
        *ns = (double)best;
        atomic_store(&pair->stop, true);
        pthread_join(thread, NULL);
    }
    free(pair);
    return started;
}

static void do_nothing(struct pair *pair) {
    (void)pair;
}

bool pair_slowdown(const struct placement *placement, unsigned a, unsigned b, double *working,
                   double *spinning) {
    double alone;
    if (!loop_beside(placement, a, b, do_nothing, &alone) ||
        !loop_beside(placement, a, b, loop_until_stopped, working) ||
        !loop_beside(placement, a, b, spin_until_stopped, spinning))
        return false;
    *working = *working > alone ? *working / alone : 1;
    *spinning = *spinning > alone ? *spinning / alone : 1;
    return true;
}

/* ---- memory ---- */

static void allocate_blocks(struct pair *pair) {
    for (int i = 0; i < BLOCKS; i++) {
        pair->blocks[i] = malloc(32 + (size_t)(i % 7) * 16);
        if (pair->blocks[i]) *(char *)pair->blocks[i] = 1;
    }
}

bool pair_remote_free(const struct placement *placement, unsigned a, unsigned b, double *ns) {
    struct pair *pair = make(placement, b, allocate_blocks);
    pthread_t thread;
    bool started = pair && start(pair, a, &thread);
    if (started) {
        pthread_join(thread, NULL);
        uint64_t begin = clock_now_ns();
        for (int i = 0; i < BLOCKS; i++)
            free(pair->blocks[i]);
        *ns = (double)(clock_now_ns() - begin) / BLOCKS;
    }
    free(pair);
    return started;
}
