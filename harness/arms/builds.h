/* Two builds of this program measured against each other: every arm of a scenario once with the
 * baseline build, once with the candidate, and once more with the baseline as the A/A control,
 * interleaved in one run. */
#ifndef HARNESS_BUILDS_H
#define HARNESS_BUILDS_H

#include "base/error.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct builds_options {
    const char *baseline, *candidate; /* build folders, or programs */
    const char *scenario;             /* name or path */
    const char *threads;              /* NULL: the scenario's */
    const char *corpus;               /* NULL: the default one */
    const char *output;               /* the record */
    double time_s;                    /* 0: the scenario's */
    int64_t rounds;                   /* 0: by time */
    bool quiet;                       /* the run prints nothing but errors */
};

enum builds_status {
    BUILDS_MEASURED,
    BUILDS_IDENTICAL,      /* the programs are the same code; nothing was measured */
    BUILDS_OUTPUTS_DIFFER, /* said on standard error by the run */
    BUILDS_FAILED          /* error says why, or the run has on standard error */
};

enum builds_status builds_measure(const struct builds_options *options, struct error *error);

/* Runs `grainbench run` of this program on a scenario given as JSON, writing `output`. */
enum builds_status builds_run_scenario(json_t *scenario, const struct builds_options *options,
                                       struct error *error);

#endif
