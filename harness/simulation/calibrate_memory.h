/* What copying, allocating and freeing cost with one and with two threads; used by calibrate. */
#ifndef HARNESS_CALIBRATE_MEMORY_H
#define HARNESS_CALIBRATE_MEMORY_H

#include "base/error.h"
#include "harness/placement.h"
#include <stdbool.h>

/* ns a cache line of 64 bytes. */
struct memory_copy {
    double held_ns;   /* copying what the thread itself has just written */
    double remote_ns; /* copying what another thread has just written; 0: there is none */
    double read_ns;   /* copying to where another thread has just read; 0: there is none */
};

/* ns for one malloc and one free of 256 bytes, in runs of 64 of each, so that glibc's cache of
 * seven blocks a thread does not hide the arena. */
struct memory_contention {
    double alone_ns;
    double separate_ns;    /* two threads at once, an arena each */
    double one_arena_ns;   /* two threads at once on one arena */
    double remote_ns;      /* one free of what a thread allocated that now sleeps */
    double remote_busy_ns; /* the same while that thread allocates and frees */
};

bool memory_copy_measure(const struct placement *placement, bool two, struct memory_copy *copy,
                         struct error *error);
/* Needs two processing units. */
bool memory_contention_measure(const struct placement *placement,
                               struct memory_contention *contention, struct error *error);

#endif
