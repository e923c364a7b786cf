/* Costs that one thread measures by itself: operations on lines it holds, calls into the kernel
 * that find nobody, malloc and free. Used by calibrate_round.c alone. */
#ifndef HARNESS_CALIBRATE_ALONE_H
#define HARNESS_CALIBRATE_ALONE_H

#include "harness/simulation/machine_profile.h"

struct alone_measure {
    enum profile_parameter parameter;
    double (*once)(void); /* ns, within a fraction of a millisecond */
};

enum { ALONE_MEASURES = 9 };
extern const struct alone_measure alone_measures[ALONE_MEASURES];

/* The best of a few short ones: in the others somebody interfered. */
double alone_measure_best(const struct alone_measure *measure);

#endif
