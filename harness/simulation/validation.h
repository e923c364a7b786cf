/* Predicted beside measured: the same arms for real, where this machine has the processing units.
 * (validation_sleep.h compares counts where it has not.) */
#ifndef HARNESS_VALIDATION_H
#define HARNESS_VALIDATION_H

#include "harness/simulation/prediction.h"

struct validation;

struct validation_setup {
    const struct corpus *corpus;
    const struct cost_trace *trace; /* as measured here: not scaled */
    double time_s;                  /* of measuring, about */
    unsigned processes;             /* that each arm runs in, one after the other */
};

struct validation *validation_create(const struct validation_setup *setup, struct error *error);
void validation_free(struct validation *validation);

/* Adds an arm with its prediction, which it makes again with other speeds of the processing units;
 * what `setup` points to must outlive the validation. `record_arm` is its number in the record. */
bool validation_add(struct validation *validation, const struct prediction_setup *setup,
                    const struct prediction *prediction, unsigned record_arm, struct error *error);

/* Measures all arms that were added and a plain loop, interleaved, records how fast the processing
 * units are meanwhile (speed_recorder.h), and writes a figure line each with what was measured and
 * the errors of the predictions, with units as fast as when they were traced and as recorded. */
bool validation_measure(struct validation *validation, struct record_writer *writer,
                        struct error *error);

bool validation_print(const struct validation *validation, FILE *out, struct error *error);

#endif
