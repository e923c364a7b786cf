/* The numbers of one pipeline run: what the table, the medians and the record are made of. */
#ifndef HARNESS_PIPELINE_METRICS_H
#define HARNESS_PIPELINE_METRICS_H

#include "pipeline/diagnosis.h"

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
    METRIC(wake, "waking others, at most", "%", 2)                                                 \
    METRIC(other, "other, at most", "%", 2)                                                        \
    METRIC(format_inflation, "format, against depth 0", "x", 3)                                    \
    METRIC(format_slowdown, "format, its processor time", "x", 3)                                  \
    METRIC(consume_inflation, "consume, against depth 0", "x", 3)                                  \
    METRIC(consume_slowdown, "consume, its processor time", "x", 3)                                \
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

/* Fills values[PIPELINE_METRIC_COUNT], all but `foreign`; NAN where there is none. `serial`: the
 * durations of the run without threads of the same round, or NULL. */
void pipeline_metrics_take(const struct pipeline_setup *setup, const struct pipeline_result *result,
                           const struct durations *serial, const struct diagnosis_facts *facts,
                           double *values);

#endif
