/* Which parameter of a profile decides: an arm simulated with one parameter at the ends of its
 * range and all others typical, what that does to its throughput, and what to its change against
 * another arm at the same end. Orders of steals differ by chance too: other seeds say by how much.
 */
#ifndef HARNESS_PREDICTION_SENSITIVITY_H
#define HARNESS_PREDICTION_SENSITIVITY_H

#include "harness/simulation/prediction.h"

enum { SENSITIVITY_SEEDS = 4 };

/* Throughput of one arm, MiB/s. */
struct sensitivity {
    double typical;
    bool ranged[PROFILE_PARAMETER_COUNT];  /* false: the ends are one value, nothing to move */
    double at[PROFILE_PARAMETER_COUNT][2]; /* at low, at high */
    double seeds[SENSITIVITY_SEEDS];       /* all typical, with seeds after the setup's */
    uint64_t operations;                   /* simulated for it */
};

/* Simulates the arm twice a parameter that has a range and once a seed, and shows progress. */
bool prediction_sensitivity(const struct prediction_setup *setup, double typical,
                            struct sensitivity *arm, struct error *error);

struct sensitivity_row {
    int parameter; /* an enum profile_parameter, or SENSITIVITY_OF_SEEDS */
    double at_low,
        at_high; /* MiB/s, or % of change; of seeds, the setup's too: least and greatest */
    double first_low, first_high; /* of rates: the change at that end, %; NAN without a first arm */
    double swing;                 /* between the ends: % of the typical rate, or points of change */
};
enum { SENSITIVITY_OF_SEEDS = -1, SENSITIVITY_ROWS = PROFILE_PARAMETER_COUNT + 1 };

/* Throughput at the ends, the parameter that moves it most first, the row of seeds last; returns
 * how many rows. `first` is the arm that changes are against, or NULL. */
int sensitivity_of_rate(const struct sensitivity *arm, const struct sensitivity *first,
                        struct sensitivity_row rows[SENSITIVITY_ROWS]);
/* The same of the change against `first`, both arms with the parameter at that end, or the seed. */
int sensitivity_of_change(const struct sensitivity *arm, const struct sensitivity *first,
                          struct sensitivity_row rows[SENSITIVITY_ROWS]);

#endif
