/* A small range-stealing scheduler that is right, and three copies of it with one bug each, to see
 * whether exploration finds them. For tests alone. */
#ifndef TESTS_SCHEDULERS_PLANTED_H
#define TESTS_SCHEDULERS_PLANTED_H

#include <grainbench/scheduler.h>

extern const struct grainbench_scheduler_operations planted_none;
extern const struct grainbench_scheduler_operations planted_no_tag; /* range words carry no batch */
extern const struct grainbench_scheduler_operations
    planted_no_check; /* a sleeper looks only once */
extern const struct grainbench_scheduler_operations
    planted_early_done; /* done before the results */

#endif
