/* The built-in schedulers: one list, in three compiled copies (see sync.h). */
#ifndef SCHEDULERS_SCHEDULERS_H
#define SCHEDULERS_SCHEDULERS_H

#include <grainbench/scheduler.h>

enum schedulers_copy {
    SCHEDULERS_NATIVE,  /* what is timed */
    SCHEDULERS_COUNTED, /* keeps a ledger of its atomic operations (ledger.h) */
    SCHEDULERS_VIRTUAL  /* runs on simulated cores only (virtual_machine.h) */
};

/* The number of built-ins, and the one at `index` in the order of `grainbench list`. */
size_t schedulers_count(void);
const struct grainbench_scheduler_operations *schedulers_at(enum schedulers_copy copy,
                                                            size_t index);

/* NULL when there is none of that name. */
const struct grainbench_scheduler_operations *schedulers_find(enum schedulers_copy copy,
                                                              const char *name);

#endif
