/* The gate's self-test: does it cry wolf on equal arms, and does it find a planted slowdown, on
 * this machine as it is now? */
#ifndef HARNESS_SELF_TEST_H
#define HARNESS_SELF_TEST_H

#include "base/error.h"
#include <stdio.h>

struct self_test_options {
    unsigned trials;       /* A/A trials, each of 20 pairs; planted ones, of 50 pairs, follow */
    double slowdown;       /* planted, such as 0.02 */
    double threshold;      /* of the gate */
    double confidence;     /* of its intervals */
    const char *threads;   /* of the arms, such as "1" */
    const char *scheduler; /* that they run */
    const char *encoder;
    const char *corpus; /* NULL: the default one */
    const char *output; /* the record */
    double time_s; /* stop then, with the trials that there are by then; 0: twice the estimate */
};

struct self_test_time {
    double about_s, at_most_s;
    double around_s; /* of that, what is not rounds: setting up and looking into the arms */
};

struct self_test_result {
    unsigned equal_trials, false_alarms;   /* a verdict faster or slower on equal arms */
    unsigned planted_trials, found, wrong; /* slower; faster */
    double seconds;                        /* that the measuring took */
    unsigned unfit;                        /* trials of either kind without clean pairs enough */
};

/* How long it will take, found out by two short runs. */
bool self_test_estimate(const struct self_test_options *options, struct self_test_time *time,
                        struct error *error);
/* The arithmetic of that: from what runs of one process an arm and of `several` took. */
struct self_test_time self_test_predict(unsigned trials, double one_s, double several_s,
                                        unsigned several);

/* Measures, within the time, and judges. False, with a sentence, when nothing could be measured. */
bool self_test_run(const struct self_test_options *options, const struct self_test_time *time,
                   struct self_test_result *result, struct error *error);

/* Judges a record of such a run: the part after the measuring, for tests of its own. */
bool self_test_judge(const char *path, const struct self_test_options *options,
                     struct self_test_result *result, struct error *error);

#endif
