/* A profiled run of an arm, in a process of its own: the arm is set up, warmed up, and sampled (or
 * counted) while it runs batches for some seconds. It is never the run that is timed. */
#ifndef HARNESS_PROFILE_RUN_H
#define HARNESS_PROFILE_RUN_H

#include "harness/arms/arm.h"
#include "harness/counters/counters.h"
#include "harness/profiler/profiler.h"

struct profile_run {
    struct arm_setup arm;
    struct profiler_options sampler;
    double seconds;
    const char *folded_path, *firefox_path; /* written by the run, or NULL */
};

/* Symbols with their counts come back in `profile`, without the samples themselves. */
bool profile_run_sampled(const struct profile_run *run, struct profile *profile,
                         struct error *error);

/* The `counter` line of the arm without its `arm` member: events counted on every thread of the
 * arm from the first to the last batch. NULL with a sentence when they cannot be counted. */
json_t *profile_run_counted(const struct profile_run *run, const struct counter_event *events,
                            size_t count, struct error *error);

#endif
