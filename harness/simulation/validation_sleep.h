/* A scheduler for real beside its simulation at any number of threads: bodies sleep, so that more
 * workers than processing units can run at once, and what is compared are counts. */
#ifndef HARNESS_VALIDATION_SLEEP_H
#define HARNESS_VALIDATION_SLEEP_H

#include "harness/simulation/machine_profile.h"
#include "results/record.h"

struct sleep_validation;

struct sleep_validation *sleep_validation_create(struct error *error);
void sleep_validation_free(struct sleep_validation *validation);

/* Runs `scheduler` (rayon: the real one, if its module is there) on `workers` threads with bodies
 * that sleep 2 ms, simulates the same batches with every item as long as it really was, and keeps
 * leaves, joins and steals a batch. Figures of the simulation go to the record's `record_arm`. */
bool sleep_validation_run(struct sleep_validation *validation, const char *scheduler,
                          unsigned workers, const struct machine_profile *profile,
                          struct error *error);

bool sleep_validation_record(const struct sleep_validation *validation,
                             struct record_writer *writer, struct error *error);
bool sleep_validation_print(const struct sleep_validation *validation, FILE *out,
                            struct error *error);

#endif
