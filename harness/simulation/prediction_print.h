/* What `grainbench simulate` prints beside the table of the record: figures with bands, workers'
 * time in state, operations by site, and which parameters decide rates and changes; and the
 * record's header. */
#ifndef HARNESS_PREDICTION_PRINT_H
#define HARNESS_PREDICTION_PRINT_H

#include "harness/experiment/experiment.h"
#include "harness/simulation/prediction_sensitivity.h"
#include "harness/simulation/published.h"
#include <stdio.h>

struct prediction_print;

/* `published` stands in a column of its own; NULL: there is none. It must outlive the print. */
struct prediction_print *prediction_print_create(bool states, bool atomics, bool sensitivity,
                                                 const struct published *published);
void prediction_print_free(struct prediction_print *print);

/* `sensitivity` is looked at only where the print was created with it. */
void prediction_print_add(struct prediction_print *print, const struct experiment_arm *arm,
                          const struct prediction *prediction,
                          const struct sensitivity *sensitivity);
bool prediction_print_out(struct prediction_print *print, FILE *out, struct error *error);

/* The header of a simulated record: provenance, profile, costs. The caller owns it. */
json_t *prediction_header(const struct machine_profile *profile, const struct placement *placement,
                          const struct corpus *corpus, const struct cost_trace *trace,
                          const char *scenario, uint64_t seed);

#endif
