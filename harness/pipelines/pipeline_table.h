/* The table of a pipeline experiment, the depths side by side. */
#ifndef HARNESS_PIPELINE_TABLE_H
#define HARNESS_PIPELINE_TABLE_H

#include "harness/pipelines/pipeline_experiment.h"
#include "results/grid.h"
#include "results/verdict.h"

/* Prints metrics, changes with verdicts (decided from `record`), threads, and what limits each
 * depth. */
bool pipeline_table_print(const struct pipeline_experiment *experiment, const struct record *record,
                          enum grid_format format, FILE *out, struct error *error);

#endif
