/* Two builds measured for a command, with what it says and exits with when there is no record. */
#ifndef HARNESS_MEASURE_BUILDS_H
#define HARNESS_MEASURE_BUILDS_H

#include "harness/arms/builds.h"

/* Says on standard output that builds are identical, on standard error what went wrong. Anything
 * but BUILDS_MEASURED leaves no record to judge, and *code is then the exit code. */
enum builds_status measure_builds(const char *command, const struct builds_options *options,
                                  int *code);

#endif
