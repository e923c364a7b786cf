/* Batches through a counted scheduler, and the ledger of them. */
#ifndef SCHEDULERS_LEDGER_RUN_H
#define SCHEDULERS_LEDGER_RUN_H

#include "base/error.h"
#include "schedulers/ledger.h"
#include <grainbench/scheduler.h>

struct ledger_plan {
    const struct grainbench_scheduler_operations *scheduler; /* of the counted copy */
    const void *options;
    unsigned workers;
    size_t items;       /* of a batch */
    unsigned batches;   /* counted; the mean over them is what is shown */
    unsigned warm_ups;  /* batches before */
    uint64_t body_ns;   /* busy time of an item */
    uint64_t sleep_ns;  /* time an item sleeps: lets more workers than PUs take part */
    uint64_t gap_ns;    /* the caller sleeps before every batch, so that workers do too */
    size_t result_size; /* bytes of an item's result to collect; 0: nothing is collected */
    uint64_t seed;
};

struct ledger_result {
    struct ledger ledger;                    /* summed over `batches` */
    struct grainbench_statistics statistics; /* the same */
    unsigned batches;
    /* True when every run of the plan gives these very counts: one worker, which takes turns with
     * its caller. Otherwise they depend on who was where when. */
    bool exact;
};

bool ledger_run(const struct ledger_plan *plan, struct ledger_result *result, struct error *error);

#endif
