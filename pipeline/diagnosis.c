/* The bottleneck and the sentence about it; see diagnosis.h. */
#include "pipeline/diagnosis.h"

#include <stdio.h>
#include <string.h>

static double measured_ns(const struct pipeline_setup *setup,
                          const struct pipeline_result *result) {
    return (double)(setup->mode == PIPELINE_PHASED ? result->predict_ns : result->total_ns);
}

/* Read and preprocess of phased mode happened before: they do not count. */
static bool counts(const struct pipeline_setup *setup, int stage) {
    return setup->mode == PIPELINE_STREAMING || (stage != STAGE_READ && stage != STAGE_PREPROCESS);
}

static double busy_of(const struct pipeline_setup *setup, const struct account *account) {
    double ns = 0;
    for (int s = 0; s < PIPELINE_STAGES; s++)
        if (counts(setup, s)) ns += (double)account->stages[s].wall_ns[ACTIVITY_BUSY];
    return ns;
}

static void add_up_stages(const struct pipeline_setup *setup, const struct pipeline_result *result,
                          struct diagnosis *diagnosis) {
    for (int s = 0; s < PIPELINE_STAGES; s++) {
        struct stage_demand demand = {.stage = s};
        double thread_busy_ns = 0;
        if (!counts(setup, s)) continue;
        for (struct account *a = recorder_accounts(result->recorder); a; a = a->next) {
            double ns = (double)a->stages[s].wall_ns[ACTIVITY_BUSY];
            if (ns == 0) continue;
            demand.busy_ns += ns;
            demand.threads++;
            thread_busy_ns += busy_of(setup, a);
        }
        if (!demand.threads) continue;
        demand.demand_ns = thread_busy_ns / demand.threads;
        diagnosis->stages[diagnosis->count++] = demand;
    }
}

/* The thread with the most to do, and in it the stage with the most to do. */
static void find_limit(struct diagnosis *diagnosis, double time_ns) {
    const struct stage_demand *limit = &diagnosis->stages[0];
    for (size_t i = 1; i < diagnosis->count; i++) {
        const struct stage_demand *stage = &diagnosis->stages[i];
        bool same_thread = stage->demand_ns == limit->demand_ns;
        if (stage->demand_ns > limit->demand_ns || (same_thread && stage->busy_ns > limit->busy_ns))
            limit = stage;
    }
    double next_ns = 0;
    for (size_t i = 0; i < diagnosis->count; i++) {
        double ns = diagnosis->stages[i].demand_ns;
        if (ns != limit->demand_ns && ns > next_ns) next_ns = ns;
    }
    diagnosis->limit = limit->stage;
    diagnosis->limit_share = limit->demand_ns / time_ns;
    diagnosis->margin = limit->demand_ns > 0 ? 1 - next_ns / limit->demand_ns : 0;
}

static void find_waits(const struct pipeline_result *result, struct diagnosis *diagnosis,
                       double time_ns) {
    for (struct account *a = recorder_accounts(result->recorder); a; a = a->next) {
        double in = (double)account_activity_ns(a, ACTIVITY_WAIT_IN) / time_ns;
        double slot = (double)account_activity_ns(a, ACTIVITY_WAIT_SLOT) / time_ns;
        if (strcmp(a->name, "consumer") == 0)
            diagnosis->wait_in_share = in;
        else if (slot > diagnosis->wait_slot_share)
            diagnosis->wait_slot_share = slot;
    }
}

/* The model's time with other numbers of slots and workers. */
static double model_with(const struct pipeline_setup *setup, const struct durations *durations,
                         unsigned depth, unsigned workers) {
    struct pipeline_setup changed = *setup;
    struct composition composition;
    char text[COMPOSE_TEXT];
    changed.depth = depth;
    changed.workers = workers;
    changed.intra = false;
    pipeline_composition(&changed, text, sizeof text);
    return compose_parse(text, &composition, NULL) ? model_predict(durations, &composition, NULL)
                                                   : -1;
}

static void ask_model(const struct pipeline_setup *setup, const struct pipeline_result *result,
                      const struct durations *durations, struct diagnosis *diagnosis) {
    double factors[PIPELINE_STAGES];
    for (int s = 0; s < PIPELINE_STAGES; s++)
        factors[s] = s == diagnosis->limit ? 0.5 : 1;
    diagnosis->model_ns = model_predict(durations, &result->composition, NULL);
    diagnosis->faster_ns = model_predict(durations, &result->composition, factors);
    diagnosis->deeper_ns =
        model_with(setup, durations, setup->depth ? 2 * setup->depth : 2, setup->workers);
    unsigned depth = setup->depth > setup->workers ? setup->depth : setup->workers + 1;
    diagnosis->wider_ns = model_with(setup, durations, depth, setup->workers + 1);
    for (unsigned n = 0; n < 9; n++)
        diagnosis->by_depth_ns[n] = model_with(setup, durations, n, setup->workers);
    diagnosis->has_model = diagnosis->model_ns > 0 && diagnosis->faster_ns > 0 &&
                           diagnosis->deeper_ns > 0 && diagnosis->wider_ns > 0;
}

static void say_advice(const struct pipeline_setup *setup, struct diagnosis *diagnosis, char *text,
                       size_t size) {
    double now_ns = diagnosis->model_ns;
    const char *stage = pipeline_stage_names[diagnosis->limit];
    snprintf(
        text, size,
        "; by the model, --prefetch-batches %u would give %.2fx, %u workers (depth %u) %.2fx, a "
        "%s stage twice as fast %.2fx",
        setup->depth ? 2 * setup->depth : 2, now_ns / diagnosis->deeper_ns, setup->workers + 1,
        setup->depth > setup->workers ? setup->depth : setup->workers + 1,
        now_ns / diagnosis->wider_ns, stage, now_ns / diagnosis->faster_ns);
}

static void say(const struct pipeline_setup *setup, struct diagnosis *diagnosis) {
    const char *stage = pipeline_stage_names[diagnosis->limit];
    char advice[320] = "", limit[280];
    double share = 100 * diagnosis->limit_share, in = 100 * diagnosis->wait_in_share;
    if (diagnosis->has_model) say_advice(setup, diagnosis, advice, sizeof advice);
    if (setup->depth == 0 && !setup->composition)
        snprintf(limit, sizeof limit, "Nothing overlaps at depth 0; the longest stage is %s",
                 stage);
    else if (diagnosis->margin < 0.05 && share > 90)
        snprintf(limit, sizeof limit,
                 "Balanced: the busiest thread (%s) works %.0f %% of the time and "
                 "the next almost as long",
                 stage, share);
    else if (share > 90)
        snprintf(limit, sizeof limit,
                 "The %s stage limits: its thread works %.0f %% of the time, the "
                 "next has %.0f %% less to do, the consumer waits %.0f %%",
                 stage, share, 100 * diagnosis->margin, in);
    else
        snprintf(
            limit, sizeof limit,
            "No thread is busy all the time (%s most, %.0f %%), the consumer "
            "waits %.0f %%: durations vary, or the processors are shared (see run-queue delay)",
            stage, share, in);
    snprintf(diagnosis->sentence, sizeof diagnosis->sentence, "%s%s.", limit, advice);
}

void diagnose(const struct pipeline_setup *setup, const struct pipeline_result *result,
              const struct durations *durations, struct diagnosis *diagnosis) {
    memset(diagnosis, 0, sizeof *diagnosis);
    double time_ns = measured_ns(setup, result);
    add_up_stages(setup, result, diagnosis);
    if (!diagnosis->count || time_ns <= 0) return;
    find_limit(diagnosis, time_ns);
    find_waits(result, diagnosis, time_ns);
    if (durations) ask_model(setup, result, durations, diagnosis);
    say(setup, diagnosis);
}
