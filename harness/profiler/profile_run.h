/* Profiled runs of an arm in its process (harness/arms/arm_process.h): sampled, or counted, while
 * it runs batches for some seconds. Never the run that is timed. */
#ifndef HARNESS_PROFILE_RUN_H
#define HARNESS_PROFILE_RUN_H

#include "harness/arms/arm_process.h"
#include "harness/profiler/profiler.h"

struct profile_run {
    struct profiler_options sampler;
    double seconds;
    const char *folded_path, *firefox_path; /* written by the arm's process, or NULL */
};

/* Symbols with their counts come back in `profile`, without the samples themselves. `label` begins
 * messages. */
bool profile_run_sampled(struct arm_process *process, const char *label,
                         const struct profile_run *run, struct profile *profile,
                         struct error *error);

/* The `counter` line of the arm without its `arm` member. Counts for about `seconds`. NULL with a
 * sentence on failure. */
json_t *profile_run_counted(struct arm_process *process, double seconds, const char *events,
                            struct error *error);

/* The arm's side: samples it as the request asks. Any thread of the process is sampled. */
json_t *profile_serve(struct arm *arm, const char *label, const json_t *request,
                      struct error *error);

#endif
