/* Which arms a profile is of: those of one group and one thread count of a scenario, as `run` would
 * have them. */
#ifndef HARNESS_PROFILE_PLAN_H
#define HARNESS_PROFILE_PLAN_H

#include "harness/experiment/experiment.h"
#include "harness/profiler/profile_run.h"
#include "harness/experiment/scenario.h"
#include <limits.h>

struct profile_request {
    const char *scenario, *schedulers, *threads, *corpus, *encoder, *entry, *tokenizer, *cost,
        *cache, *storage, *free;
    int64_t batch, seed;
    double gap_us;
    bool oversubscribe, pin;
};

struct profile_plan {
    struct scenario scenario;
    struct placement *placement;
    struct corpus *corpus;
    char vocab[PATH_MAX], merges[PATH_MAX];
    struct experiment experiment;
    size_t arms[8]; /* indices into experiment.arms: the first group without controls */
    size_t arm_count;
};

bool profile_plan_make(const struct profile_request *request, size_t most_arms,
                       struct profile_plan *plan, struct error *error);
void profile_plan_free(struct profile_plan *plan);
/* The setup of arm `index` of plan->arms; valid as long as the plan. */
struct arm_setup profile_plan_setup(const struct profile_plan *plan, size_t index, bool pin);

#endif
