/* What the facts of a run mean, and the sentence about it; see diagnosis.h. */
#include "pipeline/diagnosis.h"

#include <stdio.h>
#include <string.h>

const char *const diagnosis_kind_names[DIAGNOSIS_KINDS] = {"serial", "stage", "balanced",
                                                           "interference", "unsteady"};

/* A run has to take so much longer than the model says, and the slowdowns have to account for so
 * much of that, before stages are said to slow each other down. Machinery alone costs 1 to 3 %. */
static const double LOSS_LEAST = 1.05, EXPLAINED_LEAST = 0.5, SLOWDOWN_SHOWN = 1.05;

/* The thread with the most to do, and in it the stage with the most to do. */
static void find_limit(const struct diagnosis_facts *facts, struct diagnosis *diagnosis) {
    const struct stage_demand *limit = &facts->stages[0];
    for (size_t i = 1; i < facts->count; i++) {
        const struct stage_demand *stage = &facts->stages[i];
        bool same_thread = stage->demand_ns == limit->demand_ns;
        if (stage->demand_ns > limit->demand_ns || (same_thread && stage->busy_ns > limit->busy_ns))
            limit = stage;
    }
    double next_ns = 0;
    for (size_t i = 0; i < facts->count; i++) {
        double ns = facts->stages[i].demand_ns;
        if (ns != limit->demand_ns && ns > next_ns) next_ns = ns;
    }
    diagnosis->limit = limit->stage;
    diagnosis->limit_share = limit->demand_ns / facts->time_ns;
    diagnosis->margin = limit->demand_ns > 0 ? 1 - next_ns / limit->demand_ns : 0;
}

static void compare_with_model(const struct diagnosis_facts *facts, struct diagnosis *diagnosis) {
    diagnosis->loss = 1;
    if (!facts->has_model) return;
    double lost_ns = facts->time_ns - facts->model_ns;
    diagnosis->loss = facts->time_ns / facts->model_ns;
    if (lost_ns > 0) diagnosis->explained = (facts->slowed_ns - facts->model_ns) / lost_ns;
}

static enum diagnosis_kind kind_of(const struct diagnosis_facts *facts,
                                   const struct diagnosis *diagnosis) {
    if (!facts->overlaps) return DIAGNOSIS_SERIAL;
    if (diagnosis->loss >= LOSS_LEAST && diagnosis->explained >= EXPLAINED_LEAST)
        return DIAGNOSIS_INTERFERENCE;
    if (diagnosis->limit_share <= 0.9) return DIAGNOSIS_UNSTEADY;
    return diagnosis->margin < 0.05 ? DIAGNOSIS_BALANCED : DIAGNOSIS_STAGE;
}

/* Of more than a few per cent of the run, or the figure is noise. */
static bool is_slowed(const struct diagnosis_facts *facts, const struct stage_demand *stage) {
    return stage->slowdown >= SLOWDOWN_SHOWN && stage->busy_ns >= 0.05 * facts->time_ns;
}

/* "format 1.32x and consume 1.21x" */
static void list_slowdowns(const struct diagnosis_facts *facts, char *text, size_t size) {
    size_t shown = 0, total = 0, length = 0;
    for (size_t i = 0; i < facts->count; i++)
        total += is_slowed(facts, &facts->stages[i]);
    text[0] = 0;
    for (size_t i = 0; i < facts->count && length < size; i++) {
        const struct stage_demand *stage = &facts->stages[i];
        if (!is_slowed(facts, stage)) continue;
        const char *before = shown == 0 ? "" : shown + 1 == total ? " and " : ", ";
        length += (size_t)snprintf(text + length, size - length, "%s%s %.2fx", before,
                                   pipeline_stage_names[stage->stage], stage->slowdown);
        shown++;
    }
}

static void say_interference(const struct diagnosis_facts *facts, const struct diagnosis *diagnosis,
                             char *text, size_t size) {
    char slowdowns[160], delay[80] = "";
    list_slowdowns(facts, slowdowns, sizeof slowdowns);
    if (facts->delay_share >= 0)
        snprintf(delay, sizeof delay, "; for a processor they waited %.1f %% at most",
                 100 * facts->delay_share);
    snprintf(
        text, size,
        "Stages slow each other down: beside each other %s the processor time they take "
        "alone, and the run %.2fx what their separate durations say, %.0f %% of the loss for this "
        "reason (memory bandwidth, caches or a core shared%s). ",
        slowdowns, diagnosis->loss, 100 * (diagnosis->explained < 1 ? diagnosis->explained : 1),
        delay);
}

static void say_limit(const struct diagnosis_facts *facts, const struct diagnosis *diagnosis,
                      char *text, size_t size) {
    const char *stage = pipeline_stage_names[diagnosis->limit];
    double share = 100 * diagnosis->limit_share, in = 100 * facts->wait_in_share;
    switch (diagnosis->kind) {
    case DIAGNOSIS_SERIAL:
        snprintf(text, size, "Nothing overlaps at depth 0; the longest stage is %s", stage);
        break;
    case DIAGNOSIS_BALANCED:
        snprintf(text, size,
                 "Balanced: the busiest thread (%s) works %.0f %% of the time and "
                 "the next almost as long",
                 stage, share);
        break;
    case DIAGNOSIS_UNSTEADY:
        snprintf(
            text, size,
            "No thread is busy all the time (%s most, %.0f %%), the consumer "
            "waits %.0f %%: durations vary, or the processors are shared (see run-queue delay)",
            stage, share, in);
        break;
    default:
        snprintf(text, size,
                 "The %s stage limits: its thread works %.0f %% of the time, the "
                 "next has %.0f %% less to do, the consumer waits %.0f %%",
                 stage, share, 100 * diagnosis->margin, in);
    }
}

static void say_advice(const struct diagnosis_facts *facts, const struct diagnosis *diagnosis,
                       char *text, size_t size) {
    unsigned deeper = facts->depth ? 2 * facts->depth : 2;
    unsigned wider = facts->depth > facts->workers ? facts->depth : facts->workers + 1;
    snprintf(text, size,
             "; by the model, --prefetch-batches %u would give %.2fx, %u workers (depth %u) %.2fx, "
             "a %s stage twice as fast %.2fx",
             deeper, facts->slowed_ns / facts->deeper_ns, facts->workers + 1, wider,
             facts->slowed_ns / facts->wider_ns, pipeline_stage_names[diagnosis->limit],
             facts->slowed_ns / facts->faster_ns[diagnosis->limit]);
}

void diagnosis_decide(const struct diagnosis_facts *facts, struct diagnosis *diagnosis) {
    char interference[440] = "", limit[240], advice[240] = "";
    *diagnosis = (struct diagnosis){.loss = 1};
    if (!facts->count || facts->time_ns <= 0) return;
    find_limit(facts, diagnosis);
    compare_with_model(facts, diagnosis);
    diagnosis->kind = kind_of(facts, diagnosis);
    if (diagnosis->kind == DIAGNOSIS_INTERFERENCE)
        say_interference(facts, diagnosis, interference, sizeof interference);
    say_limit(facts, diagnosis, limit, sizeof limit);
    if (facts->has_model) say_advice(facts, diagnosis, advice, sizeof advice);
    snprintf(diagnosis->sentence, sizeof diagnosis->sentence, "%s%s%s.", interference, limit,
             advice);
}
