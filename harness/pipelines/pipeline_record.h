/* The lines of a pipeline experiment's record: arms first, samples as they are taken, and what was
 * observed of each arm at the end. */
#ifndef HARNESS_PIPELINE_RECORD_H
#define HARNESS_PIPELINE_RECORD_H

#include "harness/experiment/evidence.h"
#include "harness/pipelines/pipeline_experiment.h"

bool pipeline_append_arms(const struct pipeline_plan *plan, struct record_writer *writer,
                          struct error *error);
/* One run of `arm`: of predict and total, where these are phases. */
bool pipeline_append_samples(const struct pipeline_plan *plan, unsigned arm, unsigned round,
                             unsigned position, const struct pipeline_result *result,
                             const struct evidence *evidence, struct record_writer *writer,
                             struct error *error);
/* Medians, the diagnosis and the facts behind it. */
bool pipeline_append_observation(const struct pipeline_experiment *experiment, unsigned arm,
                                 struct record_writer *writer, struct error *error);

#endif
