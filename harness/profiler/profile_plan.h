/* Which arms a profile is of: those of one block and one thread count of a scenario, as `run` would
 * have them. */
#ifndef HARNESS_PROFILE_PLAN_H
#define HARNESS_PROFILE_PLAN_H

#include "harness/experiment/experiment.h"
#include "harness/experiment/scenario.h"
#include <limits.h>

struct profile_request {
    const char *scenario, *block, *schedulers, *threads, *corpus, *encoder, *entry, *tokenizer,
        *cost, *cache, *storage, *free; /* threads: NULL is the scenario's if it names one count */
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
    size_t arms[8]; /* indices into experiment.arms: the the block's without controls */
    size_t arm_count;
};

bool profile_plan_make(const struct profile_request *request, size_t most_arms,
                       struct profile_plan *plan, struct error *error);
void profile_plan_free(struct profile_plan *plan);
const struct arm_spec *profile_plan_spec(const struct profile_plan *plan, size_t index);

#endif
