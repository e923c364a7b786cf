/* An experiment: arms in groups, measured round by round in balanced random order, written to a
 * record as it happens. */
#ifndef HARNESS_EXPERIMENT_H
#define HARNESS_EXPERIMENT_H

#include "harness/arms/arm_process.h"
#include "harness/arms/arm_spec.h"
#include "results/record.h"

/* Arms of one group are compared with each other: same thread count, same work, adjacent in time.
 */
struct experiment_arm {
    struct arm_spec spec;
    enum arm_role role;
    int control_of; /* index of the arm that a control repeats, or -1 */
    unsigned group;
    const char *row_name;      /* what the thread count is: "physical", or NULL */
    char group_name[ARM_TEXT]; /* what the group's table block is called: "reference cost" */
};

struct experiment {
    struct experiment_arm *arms;
    size_t arm_count;
    unsigned group_count;
    struct arm_process_setup setup;
    const struct corpus *corpus;
    const struct placement *placement;
    uint64_t rounds;    /* at most so many; 0: as many as the time allows */
    double time_s;      /* budget of measuring; 0: as long as the rounds take */
    double sample_ms;   /* a sample lasts at least about so long */
    unsigned slices;    /* at most so many a sample, interleaved with the other arms'; 0 is 1 */
    unsigned processes; /* how many processes an arm has, one after the other */
    bool observe;       /* look into every arm at the end (untimed) */
    const char *events; /* count these at the end (untimed), names separated by commas; or NULL */
    double profile_s;   /* sample every arm that long, five times in turn (untimed); 0: not */
    double precision;   /* stop when every interval is within +- this; 0: never early */
    uint64_t seed;
    uint64_t samples; /* out: how many were written */
};

enum experiment_status {
    EXPERIMENT_DONE,
    EXPERIMENT_FAILED,         /* error says why */
    EXPERIMENT_OUTPUTS_DIFFER, /* the arms do not compute the same ids; error says which */
    EXPERIMENT_INTERRUPTED     /* by SIGINT or SIGTERM: the record holds what was measured */
};

/* Adds an arm and returns its index, or -1 when out of memory. */
int experiment_add(struct experiment *, const struct experiment_arm *);
void experiment_free(struct experiment *);

/* The header object of a record of this experiment; the caller owns it and may add members. */
json_t *experiment_header(const struct experiment *, int argc, char **argv, const char *scenario);

/* Sets up all arms, compares their outputs, measures, observes. Appends to `writer`. */
enum experiment_status experiment_run(struct experiment *, struct record_writer *writer,
                                      struct error *error);

#endif
