/* Samples the threads of this process: where they are, some thousand times a second. By
 * perf_event_open where the kernel allows it (its cpu-clock needs no hardware counters), else by
 * timers of each thread's CPU time. Whoever is sampled is not to be timed. */
#ifndef HARNESS_PROFILER_H
#define HARNESS_PROFILER_H

#include "harness/profiler/profile.h"

struct profiler_options {
    unsigned frequency; /* samples a second and thread */
    bool user_only;     /* leave out kernel mode */
    bool timers;        /* use timers even if perf_event_open works */
};

struct profiler;

/* Starts the collector thread; nothing is sampled yet. */
struct profiler *profiler_create(const struct profiler_options *options, struct error *error);
/* Begins to sample every thread there is now, but for the collector. False if none can be. */
bool profiler_start(struct profiler *profiler, struct error *error);
/* Stops, looks up symbols and fills `profile` (empty before). */
bool profiler_finish(struct profiler *profiler, struct profile *profile, struct error *error);
void profiler_destroy(struct profiler *profiler);

/* Names of addresses of this process and of the kernel. */
struct symbols;
struct symbols *symbols_of_this_process(struct error *error);
void symbols_free(struct symbols *symbols);
/* Both at most `size` bytes; "[unknown]" where nothing is known. */
void symbols_find(struct symbols *symbols, uint64_t address, char *name, char *object, size_t size);

#endif
