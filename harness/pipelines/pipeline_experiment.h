/* Runs the arms of a pipeline experiment round by round and writes the record. */
#ifndef HARNESS_PIPELINE_EXPERIMENT_H
#define HARNESS_PIPELINE_EXPERIMENT_H

#include "harness/pipelines/pipeline_metrics.h"
#include "harness/pipelines/pipeline_plan.h"
#include "results/record.h"

/* What is known of an arm after the experiment. */
struct pipeline_arm_result {
    double medians[PIPELINE_METRIC_COUNT]; /* NAN: not to be had */
    struct pipeline_result last;           /* of the last round */
    struct diagnosis_facts facts;          /* of the round with the median time */
    struct diagnosis diagnosis;
};

struct pipeline_experiment {
    struct pipeline_plan *plan;
    struct pipeline_arm_result arms[PIPELINE_ARMS];
    double *values;                /* [round][arm][metric] */
    struct diagnosis_facts *facts; /* [round][arm] */
    unsigned rounds;
    bool has_text;
    uint64_t digest;
};

enum pipeline_outcome { PIPELINE_DONE, PIPELINE_FAILED, PIPELINE_OUTPUTS_DIFFER };

/* Measures and appends arms, samples and observations to `writer`. `trace_path` may be NULL. */
enum pipeline_outcome pipeline_experiment_run(struct pipeline_experiment *experiment,
                                              struct record_writer *writer, const char *trace_path,
                                              struct error *error);
void pipeline_experiment_free(struct pipeline_experiment *experiment);

json_t *pipeline_experiment_header(const struct pipeline_plan *plan, int argc, char **argv);

/* Arms of the record: with two phases ("predict", "total") every arm of the plan is there twice. */
unsigned pipeline_record_arm(const struct pipeline_plan *plan, unsigned arm, bool total);

#endif
