/* A single run that can be stopped and gone on with: the cursor file. */
#ifndef HARNESS_PIPELINE_ONCE_H
#define HARNESS_PIPELINE_ONCE_H

#include "harness/pipelines/pipeline_plan.h"
#include <stdio.h>

struct pipeline_once {
    const char *resume;  /* go on where this cursor file says; NULL: from the beginning */
    const char *cursor;  /* write the cursor here at the end; or NULL */
    uint64_t stop_after; /* batches; 0: to the end */
};

/* Runs the plan's first arm once and prints what was delivered. */
bool pipeline_once_run(const struct pipeline_plan *plan, const struct pipeline_once *once,
                       FILE *out, struct error *error);

#endif
