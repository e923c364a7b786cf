/* The lines of a pipeline experiment's record; see pipeline_record.h. */
#include "harness/pipelines/pipeline_record.h"

#include "harness/code_hash.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool has_phases(const struct pipeline_plan *plan) {
    return plan->options.mode == 0;
}

unsigned pipeline_record_arm(const struct pipeline_plan *plan, unsigned arm, bool total) {
    return arm + (total && has_phases(plan) ? plan->arm_count : 0);
}

static bool append_arm(const struct pipeline_plan *plan, unsigned index, bool total,
                       struct record_writer *writer, struct error *error) {
    const struct pipeline_arm *arm = &plan->arms[index];
    char composition[COMPOSE_TEXT];
    pipeline_composition(&arm->setup, composition, sizeof composition);
    unsigned baseline = pipeline_record_arm(plan, 0, total);
    struct arm_record line = {
        .arm = pipeline_record_arm(plan, index, total),
        .role = index == 0        ? ROLE_BASELINE
                : arm->is_control ? ROLE_CONTROL
                                  : ROLE_PATCHED,
        .control_of = arm->is_control ? (int)baseline : -1,
        .compared_with = index && !arm->is_control ? (int)baseline : -1,
        .row_name = arm->label,
        .label = arm->label,
        .encoder = plan->options.synthetic ? NULL : plan->options.encoder,
        .workers = arm->setup.workers,
        .json =
            json_pack("{s:s, s:s, s:i, s:i, s:i, s:f, s:s}", "group",
                      has_phases(plan) && !total ? "predict" : "total", "composition",
                      arm->setup.composition ? arm->setup.composition : composition,
                      "prefetch_batches", (int)arm->depth, "batch_rows", (int)plan->options.batch,
                      "sequence_length", (int)plan->options.sequence, "spin_us",
                      (double)arm->setup.spin_ns / 1e3, "consumer", plan->device.spec),
    };
    code_hash_describe(NULL, line.encoder, line.json);
    bool appended = record_append_arm(writer, &line, error);
    json_decref(line.json);
    return appended;
}

bool pipeline_append_arms(const struct pipeline_plan *plan, struct record_writer *writer,
                          struct error *error) {
    for (unsigned i = 0; has_phases(plan) && i < plan->arm_count; i++)
        if (!append_arm(plan, i, false, writer, error)) return false;
    for (unsigned i = 0; i < plan->arm_count; i++)
        if (!append_arm(plan, i, true, writer, error)) return false;
    return true;
}

bool pipeline_append_samples(const struct pipeline_plan *plan, unsigned arm, unsigned round,
                             unsigned position, const struct pipeline_result *result,
                             const struct evidence *evidence, struct record_writer *writer,
                             struct error *error) {
    char why[160];
    unsigned threads = compose_threads(&result->composition) + 1;
    struct sample sample = {
        .arm = pipeline_record_arm(plan, arm, true),
        .round = round,
        .position = position,
        .duration_ns = result->total_ns,
        .bytes = result->text_bytes,
        .items = result->rows,
        .cpu_ns = RECORD_UNAVAILABLE,
        .tainted = evidence_taint(evidence, result->total_ns, threads, why, sizeof why)};
    for (int i = 0; i < PHASE_COUNT; i++)
        sample.phases_ns[i] = RECORD_UNAVAILABLE;
    sample.evidence = evidence_to_json(evidence);
    bool appended = record_append_sample(writer, &sample, error);
    if (appended && has_phases(plan)) {
        sample.arm = arm;
        sample.duration_ns = result->predict_ns;
        appended = record_append_sample(writer, &sample, error);
    }
    json_decref(sample.evidence);
    return appended;
}

/* What the diagnosis was made from, so that it can be made again. */
static json_t *facts_to_json(const struct diagnosis_facts *facts) {
    json_t *json = json_object(), *stages = json_array();
    for (size_t i = 0; i < facts->count; i++) {
        const struct stage_demand *stage = &facts->stages[i];
        json_array_append_new(stages,
                              json_pack("{s:s, s:f, s:i, s:f, s:f}", "stage",
                                        pipeline_stage_names[stage->stage], "busy_ns",
                                        stage->busy_ns, "threads", (int)stage->threads, "demand_ns",
                                        stage->demand_ns, "slowdown", stage->slowdown));
    }
    json_object_set_new(json, "time_ns", json_real(facts->time_ns));
    json_object_set_new(json, "stages", stages);
    json_object_set_new(json, "wait_in_share", json_real(facts->wait_in_share));
    json_object_set_new(json, "wait_slot_share", json_real(facts->wait_slot_share));
    if (facts->delay_share >= 0)
        json_object_set_new(json, "delay_share", json_real(facts->delay_share));
    if (!facts->has_model) return json;
    json_object_set_new(json, "model_ns", json_real(facts->model_ns));
    json_object_set_new(json, "slowed_ns", json_real(facts->slowed_ns));
    json_t *depths = json_array();
    for (unsigned n = 0; n < 9; n++)
        json_array_append_new(depths, json_real(facts->by_depth_ns[n]));
    json_object_set_new(json, "model_by_depth_ns", depths);
    return json;
}

bool pipeline_append_observation(const struct pipeline_experiment *experiment, unsigned arm,
                                 struct record_writer *writer, struct error *error) {
    const struct pipeline_arm_result *result = &experiment->arms[arm];
    const struct pipeline_plan *plan = experiment->plan;
    json_t *line = json_pack("{s:s, s:i, s:s, s:s, s:s, s:s}", "kind", "observation", "arm",
                             (int)pipeline_record_arm(plan, arm, true), "what", "pipeline",
                             "composition", result->last.composition.text, "limit_kind",
                             diagnosis_kind_names[result->diagnosis.kind], "diagnosis",
                             result->diagnosis.sentence);
    char digest[24];
    snprintf(digest, sizeof digest, "%016llx", (unsigned long long)result->last.digest.value);
    json_object_set_new(line, "ids_digest", json_string(digest));
    json_t *medians = json_object();
    for (int i = 0; i < PIPELINE_METRIC_COUNT; i++)
        if (!isnan(result->medians[i]))
            record_set_real(medians, pipeline_metric_texts[i].name, result->medians[i],
                            "not taken");
    json_object_set_new(line, "medians", medians);
    json_object_set_new(line, "facts", facts_to_json(&result->facts));
    return record_append(writer, line, error);
}
