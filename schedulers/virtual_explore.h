/* Looks for schedules that break a scheduler: the same source on a small simulated machine whose
 * virtual time is disturbed by a seed, once by random delays at operations, once by random
 * priorities with a few changes (PCT: Burckhardt et al., ASPLOS 2010). Checked are: every item runs
 * exactly once, in the batch it belongs to and before run() returns; results are in place; nobody
 * sleeps for ever; every run ends. Memory is sequentially consistent: wrong orders on a weaker
 * machine are not found. */
#ifndef SCHEDULERS_VIRTUAL_EXPLORE_H
#define SCHEDULERS_VIRTUAL_EXPLORE_H

#include "base/error.h"
#include <grainbench/scheduler.h>

struct explore_setup {
    const struct grainbench_scheduler_operations *operations; /* a virtual copy */
    const void *options;                                      /* filled as its table says */
    unsigned workers;
    size_t items;   /* at most, of a batch */
    size_t batches; /* of a run, one after the other on one scheduler */
    bool with_costs, with_results;
};

struct explore_summary {
    uint64_t operations; /* simulated */
    size_t items;        /* that ran */
};

/* One run. The same seed gives the same run. False with what went wrong. */
bool explore_run(const struct explore_setup *setup, uint64_t seed, struct explore_summary *summary,
                 struct error *error);

#endif
