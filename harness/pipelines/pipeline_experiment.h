/* Runs the arms of a pipeline experiment round by round and writes the record. */
#ifndef HARNESS_PIPELINE_EXPERIMENT_H
#define HARNESS_PIPELINE_EXPERIMENT_H

#include "harness/pipelines/pipeline_plan.h"
#include "pipeline/diagnosis.h"
#include "results/record.h"

/* One number a run, in the order of the table. METRIC(name, title, unit, decimals) */
#define PIPELINE_METRICS(METRIC)                                                                   \
    METRIC(items, "items", "", 0)                                                                  \
    METRIC(read_s, "read", "s", 4)                                                                 \
    METRIC(preprocess_s, "preprocess", "s", 4)                                                     \
    METRIC(predict_s, "predict", "s", 4)                                                           \
    METRIC(total_s, "total", "s", 4)                                                               \
    METRIC(read_rate, "read", "items/s", 1)                                                        \
    METRIC(preprocess_rate, "preprocess", "items/s", 1)                                            \
    METRIC(predict_rate, "predict", "items/s", 1)                                                  \
    METRIC(total_rate, "total", "items/s", 1)                                                      \
    METRIC(model_s, "model of predict", "s", 4)                                                    \
    METRIC(efficiency, "model / measured", "", 3)                                                  \
    METRIC(first_ms, "first batch after", "ms", 2)                                                 \
    METRIC(token_rate, "tokens", "k/s", 1)                                                         \
    METRIC(byte_rate, "text", "MB/s", 2)                                                           \
    METRIC(padding, "padding", "%", 1)                                                             \
    METRIC(busy_read, "read busy", "%", 1)                                                         \
    METRIC(busy_preprocess, "preprocess busy", "%", 1)                                             \
    METRIC(busy_window, "window busy", "%", 1)                                                     \
    METRIC(busy_batch, "batch busy", "%", 1)                                                       \
    METRIC(busy_format, "format busy", "%", 1)                                                     \
    METRIC(busy_finalize, "finalize busy", "%", 1)                                                 \
    METRIC(busy_consume, "consume busy", "%", 1)                                                   \
    METRIC(wait_in, "consumer waits for input", "%", 1)                                            \
    METRIC(wait_slot, "workers wait for a slot", "%", 1)                                           \
    METRIC(worker_wait_in, "workers wait for input", "%", 1)                                       \
    METRIC(other, "other, at most", "%", 2)                                                        \
    METRIC(format_inflation, "format, against depth 0", "x", 3)                                    \
    METRIC(consume_inflation, "consume, against depth 0", "x", 3)                                  \
    METRIC(requested_ms, "device time asked for", "ms", 3)                                         \
    METRIC(achieved_ms, "device time achieved", "ms", 3)                                           \
    METRIC(delay, "run-queue delay", "%", 2)                                                       \
    METRIC(foreign, "foreign processors", "", 2)                                                   \
    METRIC(ready, "batches ready when asked for", "", 2)                                           \
    METRIC(live, "batches alive, at most", "", 0)                                                  \
    METRIC(bytes, "bytes in use, at most", "MB", 2)                                                \
    METRIC(pinned, "bytes in blocks, at most", "MB", 2)

enum pipeline_metric {
#define METRIC(name, title, unit, decimals) PIPELINE_METRIC_##name,
    PIPELINE_METRICS(METRIC)
#undef METRIC
        PIPELINE_METRIC_COUNT
};

struct pipeline_metric_text {
    const char *name, *title, *unit;
    int decimals;
};
extern const struct pipeline_metric_text pipeline_metric_texts[PIPELINE_METRIC_COUNT];

/* What is known of an arm after the experiment. */
struct pipeline_arm_result {
    double medians[PIPELINE_METRIC_COUNT]; /* NAN: not to be had */
    struct pipeline_result last;           /* of the last round */
    struct diagnosis diagnosis;            /* of the last round */
};

struct pipeline_experiment {
    struct pipeline_plan *plan;
    struct pipeline_arm_result arms[PIPELINE_ARMS];
    double *values; /* [round][arm][metric] */
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
