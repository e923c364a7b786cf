/* A scenario: a named experiment from data/scenarios/NAME.json, with what the command line
 * overrides. docs/scenarios.md describes the file. */
#ifndef HARNESS_SCENARIO_H
#define HARNESS_SCENARIO_H

#include "harness/experiment/experiment.h"
#include <jansson.h>

struct scenario {
    char *path;
    json_t *json;
    const char *name, *summary; /* borrowed from json */
};

/* What the command line says; NULL, 0 and -1 leave the scenario's own value. */
struct scenario_overrides {
    const char *schedulers; /* "rayon,rayon-min-len:cap=8": the first is the baseline */
    const char *threads, *encoder, *entry, *tokenizer, *cost, *cache, *storage, *free, *placement;
    int64_t rounds, processes;
    double time_s, sample_ms, precision;
    bool oversubscribe;
    uint64_t seed, gap_ns, dose;
    const char *dose_line, *events;
};

/* By name, or by path if `name` has a '/' or ends in ".json". */
bool scenario_load(const char *name, struct scenario *, struct error *error);
void scenario_free(struct scenario *);

/* Lines of a batch as the scenario has it. */
size_t scenario_batch_lines(const struct scenario *);
/* "threads", with the override. */
const char *scenario_threads(const struct scenario *, const struct scenario_overrides *);
int scenario_placement(const struct scenario *, const struct scenario_overrides *,
                       struct error *error); /* enum placement_plan, or -1 */

/* Fills experiment->arms and its settings for these thread counts. setup, corpus and placement are
 * the caller's. */
bool scenario_plan(const struct scenario *, const struct scenario_overrides *,
                   const struct thread_count *counts, int count, struct experiment *,
                   struct error *error);

/* Calls visit for every scenario file, in order of names. */
void scenario_list(void (*visit)(void *context, const struct scenario *), void *context);

#endif
