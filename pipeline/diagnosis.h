/* What limits a pipeline, and what would help: from the time each stage was busy, and from the
 * model. Stage intervals are not intersected with the consumer's waiting: that verdict changes with
 * the consumer's speed although the pipeline does not.
 *
 * Facts are gathered from a run; what they mean is decided from them alone. */
#ifndef PIPELINE_DIAGNOSIS_H
#define PIPELINE_DIAGNOSIS_H

#include "pipeline/model.h"

struct stage_demand {
    int stage;
    double busy_ns;   /* over all threads */
    unsigned threads; /* that share it */
    double demand_ns; /* of the busiest thread that runs it: with the stages it shares the thread
                         with */
    double slowdown;  /* its processor time over what it took in the run without threads: above 1
                         when it shares memory bandwidth, caches or a core, but not when it merely
                         waits for a processor; 1 where it mostly sleeps, or nothing is known */
};

struct diagnosis_facts {
    unsigned depth, workers;
    bool overlaps; /* there is a thread beside the consumer */
    double time_ns;
    struct stage_demand stages[PIPELINE_STAGES]; /* those that did anything, in pipeline order */
    size_t count;
    double wait_in_share;   /* of the consumer */
    double wait_slot_share; /* most of any thread behind which the consumer waits or works */
    double delay_share;     /* most of any thread: ready to run, but not running; < 0: not known */
    bool has_model;
    double model_ns;  /* of this composition on the durations of the run without threads */
    double slowed_ns; /* the same, each stage's durations times its slowdown; and then with */
    double deeper_ns; /* the depth doubled, */
    double wider_ns;  /* a worker more, */
    double faster_ns[PIPELINE_STAGES]; /* this stage twice as fast */
    double by_depth_ns[9];             /* like model_ns at depths 0 to 8 */
};

enum diagnosis_kind {
    DIAGNOSIS_SERIAL,       /* nothing overlaps */
    DIAGNOSIS_STAGE,        /* one stage limits */
    DIAGNOSIS_BALANCED,     /* two threads have about the same to do */
    DIAGNOSIS_INTERFERENCE, /* stages slow each other down, which takes back part of the gain */
    DIAGNOSIS_UNSTEADY,     /* nobody is busy all the time */
    DIAGNOSIS_KINDS
};
extern const char *const diagnosis_kind_names[DIAGNOSIS_KINDS];

struct diagnosis {
    enum diagnosis_kind kind;
    int limit;          /* the stage that limits */
    double limit_share; /* its thread's busy time over the time of the run */
    double margin;      /* how much less the next thread has to do, as a share */
    double loss;        /* measured time over the model's; 1: no model */
    double explained;   /* share of that loss that the slowdowns account for */
    char sentence[960];
};

/* `durations` of the run without threads; may be NULL: then there is no model. */
void diagnosis_gather(const struct pipeline_setup *setup, const struct pipeline_result *result,
                      const struct durations *durations, struct diagnosis_facts *facts);

/* Facts without stages give an empty sentence. */
void diagnosis_decide(const struct diagnosis_facts *facts, struct diagnosis *diagnosis);

#endif
