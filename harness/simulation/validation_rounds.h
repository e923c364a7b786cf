/* Arms measured side by side for a validation: in rounds, in pieces between two looks at how fast
 * the processing units are. */
#ifndef HARNESS_VALIDATION_ROUNDS_H
#define HARNESS_VALIDATION_ROUNDS_H

#include "harness/arms/arm_spec.h"
#include "harness/corpus.h"

struct rounds_arm {
    const struct arm_spec *spec;
    const double *predicted_ns; /* [batches] */
    size_t run;                 /* batches of a piece */
};

struct rounds_setup {
    const struct corpus *corpus;
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
    unsigned slowed;    /* a processing unit was slow before or after */
};

struct rounds {
    double *ratios; /* [count x arm_count], round by round: measured over predicted time of the kept
                       pieces; NAN without one */
    struct rounds_count *counts; /* [arm_count] */
    size_t count;
    double slow_limit; /* a unit was slow from so many times its own fast time on */
    double slow_share; /* of the looks at a unit before samples: it was slow */
};

/* NULL on failure. */
struct rounds *rounds_measure(const struct rounds_setup *setup, struct error *error);
void rounds_free(struct rounds *rounds);

#endif
