/* What profiler.c and its two sources of samples share. */
#ifndef HARNESS_PROFILER_INTERNAL_H
#define HARNESS_PROFILER_INTERNAL_H

#include "harness/profiler/profiler.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

enum { PROFILER_THREAD_LIMIT = 1024, PROFILER_STACK_LIMIT = 64 };

/* Samples before symbols are known: thread, time, number of addresses, addresses. Written by the
 * collector alone. */
struct raw_samples {
    uint64_t *words;
    size_t count, room;
    bool out_of_memory;
};

bool raw_append(struct raw_samples *raw, uint32_t thread, uint64_t time_ns,
                const uint64_t *addresses, size_t count);

struct perf_ring;  /* profiler_perf.c */
struct timer_ring; /* profiler_timer.c */

struct profiler {
    struct profiler_options options;
    pthread_t collector;
    pid_t collector_id;
    int wake_descriptor; /* eventfd that makes the collector look at new rings, or end */
    atomic_bool stopping;
    bool collecting;
    struct perf_ring *perf_rings;
    struct timer_ring *timer_rings;
    size_t thread_count; /* sampled */
    atomic_size_t ready; /* rings that the collector may drain; paired with profiler_start */
    struct raw_samples raw;
    uint64_t lost, throttled, collector_cpu_ns;
    char source[280];
};

/* Open a ring for a thread of this process. The errno on failure, else 0. */
int perf_ring_open(struct perf_ring *ring, pid_t thread, const struct profiler_options *options,
                   bool user_only);
void perf_ring_enable(struct perf_ring *ring, bool on);
int perf_ring_descriptor(const struct perf_ring *ring);
void perf_ring_drain(struct perf_ring *ring, struct profiler *profiler);
void perf_ring_close(struct perf_ring *ring);
struct perf_ring *perf_rings_allocate(size_t count);
struct perf_ring *perf_ring_at(struct perf_ring *rings, size_t index);

bool timer_ring_open(struct timer_ring *rings, size_t index, pid_t thread, unsigned frequency,
                     struct error *error);
void timer_ring_drain(struct timer_ring *rings, size_t index, struct profiler *profiler);
void timer_ring_stop(struct timer_ring *rings, size_t index);
struct timer_ring *timer_rings_allocate(size_t count);
void timer_rings_free(struct timer_ring *rings, size_t count);

#endif
