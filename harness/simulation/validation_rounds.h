/* Arms measured side by side for a validation, in rounds; in each round the speeds of the
 * processing units are recorded along. */
#ifndef HARNESS_VALIDATION_ROUNDS_H
#define HARNESS_VALIDATION_ROUNDS_H

#include "harness/arms/arm_spec.h"
#include "harness/corpus.h"
#include "harness/simulation/cost_trace.h"
#include "schedulers/virtual_machine.h"

struct rounds_arm {
    const struct arm_spec *spec;
    const double *predicted_ns; /* [batches] */
    size_t run;                 /* batches of a piece */
};

struct rounds_setup {
    const struct corpus *corpus;
    const struct cost_trace *trace;    /* of this machine */
    const struct placement *placement; /* of this machine */
    const struct rounds_arm *arms;
    size_t arm_count;
    size_t batches, stride; /* predicted ones: 0, stride, 2 stride, ... */
    unsigned pieces;        /* of a sample */
    double time_s;          /* of measuring, about */
    unsigned processes;     /* that each arm runs in, one after the other */
};

/* What became of an arm's pieces. */
struct rounds_count {
    unsigned kept;
    unsigned disturbed; /* threads waited for a processor, or the hypervisor took it */
};

struct rounds {
    double *ratios; /* [count x arm_count], round by round: measured over predicted time of the kept
                       pieces; NAN without one */
    struct rounds_count *counts; /* [arm_count] */
    size_t *firsts;              /* [count] predicted batch that the round's samples begin with */
    size_t count, capacity, arm_count;
    struct virtual_speeds *speeds; /* [capacity x arm_count], while the arm's sample was measured */
};

/* NULL on failure. */
struct rounds *rounds_measure(const struct rounds_setup *setup, struct error *error);
void rounds_free(struct rounds *rounds);

#endif
