/* The matrix of executor scenarios: every shape x depth x item count x place of an error x place of
 * a stop. Used twice: on the executor as it is, where all must hold, and on copies of it with a
 * planted defect, where one must not. */
#ifndef TESTS_PIPELINE_SCENARIOS_H
#define TESTS_PIPELINE_SCENARIOS_H

#include <stddef.h>

/* Runs all scenarios with item counts 0, step, 2 step, ... up to 9. NULL when all held; otherwise
 * what did not, in static storage. *count: how many ran. A scenario that is not over after
 * `patience_s` seconds ends the process: "hang: ..." on standard error and exit code
 * SCENARIO_HANGS. */
const char *scenarios_run(int step, unsigned patience_s, size_t *count);

enum { SCENARIO_HANGS = 3 };

#endif
