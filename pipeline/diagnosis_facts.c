/* From a run to the facts that a diagnosis is made from; see diagnosis.h. */
#include "pipeline/diagnosis.h"

#include <string.h>

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

/* A stage that mostly sleeps has too little processor time to compare. */
static double slowdown_of(const struct durations *durations, int stage, double cpu_ns) {
    if (!durations) return 1;
    double alone_ns = durations->busy_cpu_ns[stage];
    return alone_ns > 0 && alone_ns >= 0.5 * durations->busy_ns[stage] ? cpu_ns / alone_ns : 1;
}

static void add_up_stages(const struct pipeline_setup *setup, const struct pipeline_result *result,
                          const struct durations *durations, struct diagnosis_facts *facts) {
    for (int s = 0; s < PIPELINE_STAGES; s++) {
        struct stage_demand demand = {.stage = s};
        double thread_busy_ns = 0, cpu_ns = 0;
        if (!counts(setup, s)) continue;
        for (struct account *a = recorder_accounts(result->recorder); a; a = a->next) {
            double ns = (double)a->stages[s].wall_ns[ACTIVITY_BUSY];
            if (ns == 0) continue;
            demand.busy_ns += ns;
            demand.threads++;
            thread_busy_ns += busy_of(setup, a);
            cpu_ns += (double)a->stages[s].busy_cpu_ns;
        }
        if (!demand.threads) continue;
        demand.demand_ns = thread_busy_ns / demand.threads;
        demand.slowdown = slowdown_of(durations, s, cpu_ns);
        facts->stages[facts->count++] = demand;
    }
}

static void find_waits(const struct pipeline_result *result, struct diagnosis_facts *facts) {
    facts->delay_share = -1;
    for (struct account *a = recorder_accounts(result->recorder); a; a = a->next) {
        double in = (double)account_activity_ns(a, ACTIVITY_WAIT_IN) / facts->time_ns;
        double slot = (double)account_activity_ns(a, ACTIVITY_WAIT_SLOT) / facts->time_ns;
        double delay =
            a->run_delay_ns == UINT64_MAX ? -1 : (double)a->run_delay_ns / facts->time_ns;
        if (delay > facts->delay_share) facts->delay_share = delay;
        if (strcmp(a->name, "consumer") == 0)
            facts->wait_in_share = in;
        else if (slot > facts->wait_slot_share)
            facts->wait_slot_share = slot;
    }
}

/* The model's time with other numbers of slots and workers. */
static double model_with(const struct pipeline_setup *setup, const struct durations *durations,
                         unsigned depth, unsigned workers, const double *factors) {
    struct pipeline_setup changed = *setup;
    struct composition composition;
    char text[COMPOSE_TEXT];
    changed.depth = depth;
    changed.workers = workers;
    changed.intra = false;
    pipeline_composition(&changed, text, sizeof text);
    return compose_parse(text, &composition, NULL) ? model_predict(durations, &composition, factors)
                                                   : -1;
}

static void ask_model(const struct pipeline_setup *setup, const struct pipeline_result *result,
                      const struct durations *durations, struct diagnosis_facts *facts) {
    double slowed[PIPELINE_STAGES];
    bool has = true;
    for (int s = 0; s < PIPELINE_STAGES; s++)
        slowed[s] = 1;
    for (size_t i = 0; i < facts->count; i++)
        slowed[facts->stages[i].stage] = facts->stages[i].slowdown;
    facts->model_ns = model_predict(durations, &result->composition, NULL);
    facts->slowed_ns = model_predict(durations, &result->composition, slowed);
    for (size_t i = 0; i < facts->count; i++) {
        int s = facts->stages[i].stage;
        slowed[s] /= 2;
        facts->faster_ns[s] = model_predict(durations, &result->composition, slowed);
        slowed[s] *= 2;
        has = has && facts->faster_ns[s] > 0;
    }
    unsigned depth = setup->depth ? 2 * setup->depth : 2;
    facts->deeper_ns = model_with(setup, durations, depth, setup->workers, slowed);
    depth = setup->depth > setup->workers ? setup->depth : setup->workers + 1;
    facts->wider_ns = model_with(setup, durations, depth, setup->workers + 1, slowed);
    for (unsigned n = 0; n < 9; n++)
        facts->by_depth_ns[n] = model_with(setup, durations, n, setup->workers, NULL);
    facts->has_model = has && facts->model_ns > 0 && facts->slowed_ns > 0 && facts->deeper_ns > 0 &&
                       facts->wider_ns > 0;
}

void diagnosis_gather(const struct pipeline_setup *setup, const struct pipeline_result *result,
                      const struct durations *durations, struct diagnosis_facts *facts) {
    *facts = (struct diagnosis_facts){.depth = setup->depth, .workers = setup->workers};
    facts->overlaps = compose_threads(&result->composition) > 0;
    facts->time_ns =
        (double)(setup->mode == PIPELINE_PHASED ? result->predict_ns : result->total_ns);
    if (facts->time_ns <= 0) return;
    add_up_stages(setup, result, durations, facts);
    find_waits(result, facts);
    if (durations && facts->count) ask_model(setup, result, durations, facts);
}
