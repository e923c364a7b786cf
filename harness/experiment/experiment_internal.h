/* What the files of an experiment share: the rounds (experiment.c), setting arms up and sizing
 * their work (experiment_setup.c), taking samples (experiment_sample.c). Nobody else includes this.
 */
#ifndef HARNESS_EXPERIMENT_INTERNAL_H
#define HARNESS_EXPERIMENT_INTERNAL_H

#include "base/random.h"
#include "harness/experiment/experiment.h"
#include "harness/experiment/speed_probe.h"

#include <signal.h>

enum { GROUP_ARM_LIMIT = 64, SLICE_LIMIT = 64 };

/* Set by SIGINT and SIGTERM while an experiment runs. */
extern volatile sig_atomic_t runner_interrupted;

/* One experiment in progress. */
struct runner {
    struct experiment *experiment;
    struct record_writer *writer;
    struct arm_process **processes; /* [arm_count] */
    uint64_t *batch_ns;             /* [arm_count] estimate of one batch's time */
    size_t *batches;                /* [group_count] batches a slice: the same for all its arms */
    unsigned *slices;               /* [group_count] slices a sample */
    struct random random;
    unsigned process;   /* which of the processes an arm is in use */
    double changing_s;  /* spent on changing them */
    double change_at_s; /* when this much was spent on rounds, they change; HUGE_VAL: no more */
    struct speed_probe *probe; /* NULL: none */
    unsigned probed_units;
};

/* Starts every arm, compares the outputs of the first `count` batches, and takes a first estimate
 * of what a batch takes where there is none yet. */
enum experiment_status runner_start_processes(struct runner *runner, size_t count,
                                              struct error *error);
void runner_stop_processes(struct runner *runner);
/* Warms arms up that have met the first `seen` batches. */
bool runner_warm_up(struct runner *runner, size_t seen, struct error *error);
bool runner_record_arms(struct runner *runner, struct error *error);

/* Sets the work of every group's slices and writes it down. */
bool runner_calibrate(struct runner *runner, struct error *error);
bool runner_record_calibration(struct runner *runner, struct error *error);

/* Who of `count` arms is measured at a position of a row, a row for every slice: over 2 `count`
 * rows every arm stands at every position, and after every other, equally often. */
unsigned slice_order_place(unsigned count, unsigned row, unsigned position);

void runner_shuffle(struct random *random, unsigned *order, unsigned count);
/* One sample of every arm of the group, written to the record. */
bool runner_measure_group(struct runner *runner, unsigned group, uint64_t round,
                          struct error *error);

/* Samples every arm in its process, in turn, and writes its `profile` line. */
bool runner_profile_arms(struct runner *runner, struct error *error);

#endif
