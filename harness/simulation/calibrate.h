/* Measures on this machine what a simulated one needs to know (machine_profile.h), in rounds: on a
 * shared host the processors of a guest move, so that a value measured in one go is that of one
 * moment. */
#ifndef HARNESS_CALIBRATE_H
#define HARNESS_CALIBRATE_H

#include "harness/simulation/calibrate_round.h"

enum { CALIBRATION_ROUNDS_MOST = 400 };

/* Takes `count` rounds of `trials` measurements of every value, each in a process of its own,
 * because where memory lies changes what copying and freeing cost. The machine should be idle, and
 * this process must have one thread. */
bool calibrate_rounds(const struct placement *placement, unsigned trials, unsigned count,
                      struct calibration_round *rounds, struct error *error);

/* How far a value moved between the rounds that count. */
struct calibration_spread {
    unsigned counted; /* rounds that count: 0 where nothing could be measured */
    unsigned refused; /* rounds whose value cannot be: a fetched line cheaper than a held one */
    double typical;   /* the median of those that count */
    double low, high; /* their tenth and ninetieth percentile */
    double least, greatest;
};

/* Whether a round's value can be. */
bool calibration_possible(const struct calibration_round *round, enum profile_parameter parameter);
struct calibration_spread calibration_spread_of(const struct calibration_round *rounds,
                                                unsigned count, enum profile_parameter parameter);
/* Whether this is a distance, and the rounds' values differ by more than half. */
bool calibration_moved(const struct calibration_spread *spread, enum profile_parameter parameter);

/* The spread of those of `count` values that can be; NAN was not measured. Reorders them. */
struct calibration_spread calibration_spread_from(double *values, const bool *possible,
                                                  unsigned count);

/* The same for what the model is checked by: a probe or steal of fetched lines that costs no more
 * than a probe of held ones, both timed alone, cannot be. */
bool calibration_check_possible(const struct calibration_round *round,
                                enum profile_check_kind check);
struct calibration_spread calibration_check_spread(const struct calibration_round *rounds,
                                                   unsigned count, enum profile_check_kind check);

/* Fills the profile's checks from at least one round, and simulates the same with its costs. False
 * where that fails. */
bool calibration_checks(const struct placement *placement, const struct calibration_round *rounds,
                        unsigned count, struct machine_profile *profile, struct error *error);

/* Fills the profile from at least one round, all but its title. What this machine does not have (an
 * SMT sibling, a second L3, a third core) gets a plain value and a source that says so; so does
 * what no round could measure. */
bool calibration_profile(const struct placement *placement, const struct calibration_round *rounds,
                         unsigned count, struct machine_profile *profile, struct error *error);

#endif
