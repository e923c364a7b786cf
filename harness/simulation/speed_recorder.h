/* How slow each processing unit is for a while: loops over the corpus, one on each unit at the same
 * time, that encode and give back with nothing of a scheduler between them, timed against what a
 * trace says that the lines cost. On a shared machine a unit's speed changes within milliseconds
 * (harness/experiment/speed_probe.h), and a scheduler that divides evenly waits for the slower one:
 * a simulation at the speeds recorded here knows that. */
#ifndef HARNESS_SPEED_RECORDER_H
#define HARNESS_SPEED_RECORDER_H

#include "harness/placement.h"
#include "harness/simulation/cost_trace.h"
#include "schedulers/virtual_machine.h"

struct speed_recorder;

struct speed_recorder_setup {
    const struct corpus *corpus;
    const struct cost_trace *trace;    /* of this machine; its encoder is the one that runs */
    const struct placement *placement; /* of this machine */
    const struct arm_spec *spec;       /* whose entry and tokenizer are used */
    unsigned units;                    /* the first ones of the placement */
    size_t most_batches;               /* of a piece */
};

/* Starts a process with the loops' threads, asleep. To be started while this process has one
 * thread. NULL with a sentence. */
struct speed_recorder *speed_recorder_start(const struct speed_recorder_setup *setup,
                                            struct error *error);
/* Records a piece of some batches and appends it to *speeds (NULL: forgets it), at first all zero,
 * unless the environment disturbed it (harness/experiment/evidence.h): slowness is 1 where a line
 * costs what the trace says, on one unit or on all. The caller frees speeds->slowness. */
bool speed_recorder_record(struct speed_recorder *recorder, size_t first, size_t count,
                           struct virtual_speeds *speeds, struct error *error);
void speed_recorder_end(struct speed_recorder *recorder); /* NULL: nothing */

#endif
