/* The numbers of one pipeline run; see pipeline_metrics.h. */
#include "harness/pipelines/pipeline_metrics.h"

#include <math.h>
#include <string.h>

const struct pipeline_metric_text pipeline_metric_texts[PIPELINE_METRIC_COUNT] = {
#define METRIC(name, title, unit, decimals) {#name, title, unit, decimals},
    PIPELINE_METRICS(METRIC)
#undef METRIC
};

#define M(name) PIPELINE_METRIC_##name

static double rate(double amount, double seconds) {
    return seconds > 0 ? amount / seconds : NAN;
}

static double stage_busy_ns(const struct pipeline_result *result, int stage) {
    double ns = 0;
    for (struct account *a = recorder_accounts(result->recorder); a; a = a->next)
        ns += (double)a->stages[stage].wall_ns[ACTIVITY_BUSY];
    return ns;
}

/* How many batches the consumer found ready, on average: the depth that was really there. */
static double mean_ready(const struct pipeline_result *result) {
    for (unsigned i = result->composition.count; i-- > 0;) {
        const struct executor_report *report = &result->reports[i];
        double calls = 0, ready = 0;
        if (!result->composition.nodes[i].depth) continue;
        for (unsigned k = 0; k < EXECUTOR_OCCUPANCY; k++) {
            calls += (double)report->occupancy[k];
            ready += (double)report->occupancy[k] * k;
        }
        return calls > 0 ? ready / calls : NAN;
    }
    return NAN;
}

static void note_times(const struct pipeline_setup *setup, const struct pipeline_result *result,
                       double *v) {
    bool phased = setup->mode == PIPELINE_PHASED;
    double rows = (double)result->rows;
    v[M(items)] = rows;
    v[M(read_s)] = phased ? (double)result->read_ns / 1e9 : stage_busy_ns(result, STAGE_READ) / 1e9;
    v[M(preprocess_s)] = phased ? (double)result->preprocess_ns / 1e9
                                : stage_busy_ns(result, STAGE_PREPROCESS) / 1e9;
    v[M(predict_s)] = phased ? (double)result->predict_ns / 1e9 : NAN;
    v[M(total_s)] = (double)result->total_ns / 1e9;
    v[M(read_rate)] = rate(rows, v[M(read_s)]);
    v[M(preprocess_rate)] = rate(rows, v[M(preprocess_s)]);
    v[M(predict_rate)] = rate(rows, v[M(predict_s)]);
    v[M(total_rate)] = rate(rows, v[M(total_s)]);
    v[M(first_ms)] = (double)result->first_batch_ns / 1e6;
    double overlapped_s = phased ? v[M(predict_s)] : v[M(total_s)];
    if (setup->path_count) {
        v[M(token_rate)] = rate((double)result->tokens / 1e3, overlapped_s);
        v[M(byte_rate)] = rate((double)result->text_bytes / 1e6, overlapped_s);
        v[M(padding)] =
            result->cells ? 100 - 100 * (double)result->kept_tokens / (double)result->cells : NAN;
    }
    if (result->requested_ns >= 0 && result->batches)
        v[M(requested_ms)] = result->requested_ns / 1e6 / (double)result->batches;
    if (result->batches)
        v[M(achieved_ms)] = stage_busy_ns(result, STAGE_CONSUME) / 1e6 / (double)result->batches;
    v[M(ready)] = mean_ready(result);
    v[M(live)] = result->live_maximum;
    v[M(bytes)] = (double)result->bytes_maximum / 1e6;
    v[M(pinned)] = (double)result->pinned_maximum / 1e6;
}

/* Shares of the time in which stages may overlap. */
static void note_shares(const struct pipeline_setup *setup, const struct pipeline_result *result,
                        double *v) {
    bool phased = setup->mode == PIPELINE_PHASED;
    double time_ns = phased ? (double)result->predict_ns : (double)result->total_ns;
    for (int s = 0; s < PIPELINE_STAGES; s++) {
        bool before = phased && (s == STAGE_READ || s == STAGE_PREPROCESS);
        double ns = stage_busy_ns(result, s);
        if (!before && ns > 0) v[M(busy_read) + s] = 100 * ns / time_ns;
    }
    double workers = 0, slot_ns = 0, in_ns = 0, other = 0, wake = 0, delay_ns = 0;
    for (struct account *a = recorder_accounts(result->recorder); a; a = a->next) {
        double wall_ns = (double)(a->end_ns - a->start_ns);
        bool consumer = strcmp(a->name, "consumer") == 0;
        double share = 100 * (double)account_activity_ns(a, ACTIVITY_OTHER) / wall_ns;
        if (share > other) other = share;
        share = 100 * (double)account_activity_ns(a, ACTIVITY_WAKE) / wall_ns;
        if (share > wake) wake = share;
        if (a->run_delay_ns != UINT64_MAX) delay_ns += (double)a->run_delay_ns;
        if (consumer) {
            v[M(wait_in)] = 100 * (double)account_activity_ns(a, ACTIVITY_WAIT_IN) / time_ns;
            continue;
        }
        workers++;
        slot_ns += (double)account_activity_ns(a, ACTIVITY_WAIT_SLOT);
        in_ns += (double)account_activity_ns(a, ACTIVITY_WAIT_IN);
    }
    v[M(other)] = other;
    if (workers > 0) v[M(wake)] = wake;
    v[M(delay)] = 100 * delay_ns / (double)result->total_ns / (workers + 1);
    if (workers > 0) v[M(wait_slot)] = 100 * slot_ns / time_ns / workers;
    if (workers > 0) v[M(worker_wait_in)] = 100 * in_ns / time_ns / workers;
}

/* What needs the run without threads of the same round. */
static void note_against_serial(const struct pipeline_setup *setup,
                                const struct pipeline_result *result,
                                const struct durations *serial, double *v) {
    double format_ns = 0, consume_ns = 0;
    for (size_t i = 0; i < serial->batches; i++) {
        if (i < serial->count[STAGE_FORMAT]) format_ns += serial->ns[STAGE_FORMAT][i];
        if (i < serial->count[STAGE_CONSUME]) consume_ns += serial->ns[STAGE_CONSUME][i];
    }
    double model_ns = model_predict(serial, &result->composition, NULL);
    double time_s = setup->mode == PIPELINE_PHASED ? v[M(predict_s)] : v[M(total_s)];
    if (model_ns > 0) {
        v[M(model_s)] = model_ns / 1e9;
        v[M(efficiency)] = model_ns / 1e9 / time_s;
    }
    if (format_ns > 0) v[M(format_inflation)] = stage_busy_ns(result, STAGE_FORMAT) / format_ns;
    if (consume_ns > 0) v[M(consume_inflation)] = stage_busy_ns(result, STAGE_CONSUME) / consume_ns;
}

/* Of stages that work rather than sleep. */
static void note_slowdowns(const struct diagnosis_facts *facts, double *v) {
    for (size_t i = 0; i < facts->count; i++) {
        if (facts->stages[i].stage == STAGE_FORMAT)
            v[M(format_slowdown)] = facts->stages[i].slowdown;
        if (facts->stages[i].stage == STAGE_CONSUME)
            v[M(consume_slowdown)] = facts->stages[i].slowdown;
    }
}

void pipeline_metrics_take(const struct pipeline_setup *setup, const struct pipeline_result *result,
                           const struct durations *serial, const struct diagnosis_facts *facts,
                           double *v) {
    for (int i = 0; i < PIPELINE_METRIC_COUNT; i++)
        v[i] = NAN;
    note_times(setup, result, v);
    note_shares(setup, result, v);
    if (!serial) return;
    note_against_serial(setup, result, serial, v);
    note_slowdowns(facts, v);
}
