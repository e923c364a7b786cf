/* What limits a pipeline, and what would help: from the time each stage was busy, and from the
 * model. Stage intervals are not intersected with the consumer's waiting: that verdict changes with
 * the consumer's speed although the pipeline does not. */
#ifndef PIPELINE_DIAGNOSIS_H
#define PIPELINE_DIAGNOSIS_H

#include "pipeline/model.h"

struct stage_demand {
    int stage;
    double busy_ns;   /* over all threads */
    unsigned threads; /* that share it */
    double demand_ns; /* of the busiest thread that runs it: with the stages it shares the thread
                         with */
};

struct diagnosis {
    struct stage_demand stages[PIPELINE_STAGES]; /* those that did anything, in pipeline order */
    size_t count;
    int limit;              /* the stage that limits */
    double limit_share;     /* its thread's busy time over the time of the run */
    double margin;          /* how much less the next thread has to do, as a share */
    double wait_in_share;   /* of the consumer */
    double wait_slot_share; /* most of any thread behind which the consumer waits or works */
    bool has_model;
    double model_ns; /* of this composition on the recorded durations */
    double deeper_ns, wider_ns,
        faster_ns;         /* depth doubled; a worker more; the stage twice as fast */
    double by_depth_ns[9]; /* depths 0 to 8 */
    char sentence[640];
};

/* `durations` may be NULL: then there is no model. */
void diagnose(const struct pipeline_setup *setup, const struct pipeline_result *result,
              const struct durations *durations, struct diagnosis *diagnosis);

#endif
