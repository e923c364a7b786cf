/* The arms of a profile; see profile_plan.h. */
#define _GNU_SOURCE
#include "harness/profiler/profile_plan.h"

#include <stdlib.h>
#include <string.h>

static void choose_arms(struct profile_plan *plan, size_t most) {
    const struct experiment *experiment = &plan->experiment;
    if (most > sizeof plan->arms / sizeof plan->arms[0])
        most = sizeof plan->arms / sizeof plan->arms[0];
    for (size_t i = 0; i < experiment->arm_count && plan->arm_count < most; i++)
        if (experiment->arms[i].group == experiment->arms[0].group &&
            experiment->arms[i].role != ROLE_CONTROL)
            plan->arms[plan->arm_count++] = i;
}

bool profile_plan_make(const struct profile_request *request, size_t most_arms,
                       struct profile_plan *plan, struct error *error) {
    *plan = (struct profile_plan){0};
    struct scenario_overrides overrides = {.schedulers = request->schedulers,
                                           .encoder = request->encoder,
                                           .entry = request->entry,
                                           .tokenizer = request->tokenizer,
                                           .cost = request->cost,
                                           .cache = request->cache,
                                           .storage = request->storage,
                                           .free = request->free,
                                           .threads = request->threads,
                                           .oversubscribe = request->oversubscribe,
                                           .seed = (uint64_t)request->seed,
                                           .gap_ns = (uint64_t)(request->gap_us * 1000)};
    struct thread_count counts[THREAD_COUNT_LIMIT];
    if (!scenario_load(request->scenario, &plan->scenario, error)) return false;
    int placement = scenario_placement(&plan->scenario, &overrides, error);
    if (placement < 0) return false;
    plan->placement = placement_create(NULL, (enum placement_plan)placement, error);
    if (!plan->placement) return false;
    int count = placement_parse_threads(plan->placement, request->threads, request->oversubscribe,
                                        counts, error);
    if (count < 0) return false;
    if (count != 1)
        return error_set(error, "a profile is of one thread count; '%s' names %d", request->threads,
                         count);
    size_t lines = request->batch ? (size_t)request->batch : scenario_batch_lines(&plan->scenario);
    plan->corpus = corpus_load(request->corpus, lines, error);
    if (!plan->corpus || !corpus_vocabulary_paths(plan->corpus->built_in, plan->vocab, plan->merges,
                                                  sizeof plan->vocab, error))
        return false;
    plan->experiment.corpus = plan->corpus;
    plan->experiment.placement = plan->placement;
    plan->experiment.setup = (struct arm_process_setup){.corpus_path = plan->corpus->path,
                                                        .vocab_path = plan->vocab,
                                                        .merges_path = plan->merges,
                                                        .batch_lines = lines,
                                                        .pin = request->pin};
    if (!scenario_plan(&plan->scenario, &overrides, counts, count, &plan->experiment, error))
        return false;
    choose_arms(plan, most_arms);
    return plan->arm_count > 0 || error_set(error, "%s: no arm to profile", plan->scenario.path);
}

void profile_plan_free(struct profile_plan *plan) {
    experiment_free(&plan->experiment);
    corpus_destroy(plan->corpus);
    placement_destroy(plan->placement);
    scenario_free(&plan->scenario);
}

struct arm_setup profile_plan_setup(const struct profile_plan *plan, size_t index, bool pin) {
    return (struct arm_setup){.spec = &plan->experiment.arms[plan->arms[index]].spec,
                              .corpus = plan->corpus,
                              .placement = plan->placement,
                              .vocab_path = plan->vocab,
                              .merges_path = plan->merges,
                              .pin = pin};
}
