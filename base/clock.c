/* Clocks; see clock.h. */
#define _GNU_SOURCE
#include "base/clock.h"

#include <time.h>

static uint64_t clock_read(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t clock_now_ns(void) {
    return clock_read(CLOCK_MONOTONIC_RAW);
}

uint64_t clock_thread_cpu_ns(void) {
    return clock_read(CLOCK_THREAD_CPUTIME_ID);
}
