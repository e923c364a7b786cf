/* The arms of a profile; see profile_plan.h. */
#define _GNU_SOURCE
#include "harness/profiler/profile_plan.h"

#include <stdlib.h>
#include <string.h>

/* The arms of one block: the named one, or the first. */
static bool choose_arms(struct profile_plan *plan, const char *block, size_t most,
                        struct error *error) {
    const struct experiment *experiment = &plan->experiment;
    char known[400] = "";
    int group = block || !experiment->arm_count ? -1 : (int)experiment->arms[0].group;
    for (size_t i = 0; i < experiment->arm_count && block; i++) {
        const struct experiment_arm *arm = &experiment->arms[i];
        if (group < 0 && strcmp(arm->group_name, block) == 0) group = (int)arm->group;
        if (i && arm->group == experiment->arms[i - 1].group) continue;
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s'%s'", used ? ", " : "", arm->group_name);
    }
    if (block && group < 0)
        return error_set(error, "scenario %s has no block '%s'; it has %s", plan->scenario.name,
                         block, known);
    if (most > sizeof plan->arms / sizeof plan->arms[0])
        most = sizeof plan->arms / sizeof plan->arms[0];
    for (size_t i = 0; i < experiment->arm_count && plan->arm_count < most; i++)
        if ((int)experiment->arms[i].group == group && experiment->arms[i].role != ROLE_CONTROL)
            plan->arms[plan->arm_count++] = i;
    return plan->arm_count > 0 || error_set(error, "%s: no arm to profile", plan->scenario.path);
}

/* One thread count: the asked one, else the scenario's if that is one, else the physical cores. */
static bool choose_threads(const struct profile_plan *plan, const struct profile_request *request,
                           const struct scenario_overrides *overrides, struct thread_count *counts,
                           struct error *error) {
    bool oversubscribe = request->oversubscribe ||
                         json_is_true(json_object_get(plan->scenario.json, "oversubscribe"));
    const char *wanted = scenario_threads(&plan->scenario, overrides);
    if (!request->threads && strchr(wanted, ',')) wanted = "physical";
    int count = placement_parse_threads(plan->placement, wanted, oversubscribe, counts, error);
    if (count < 0) return false;
    return count == 1 ||
           error_set(error, "a profile is of one thread count; '%s' names %d", wanted, count);
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
    if (!choose_threads(plan, request, &overrides, counts, error)) return false;
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
    return scenario_plan(&plan->scenario, &overrides, counts, 1, &plan->experiment, error) &&
           choose_arms(plan, request->block, most_arms, error);
}

void profile_plan_free(struct profile_plan *plan) {
    experiment_free(&plan->experiment);
    corpus_destroy(plan->corpus);
    placement_destroy(plan->placement);
    scenario_free(&plan->scenario);
}

const struct arm_spec *profile_plan_spec(const struct profile_plan *plan, size_t index) {
    return &plan->experiment.arms[plan->arms[index]].spec;
}
