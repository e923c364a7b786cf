/* Predictions with bands; see prediction.h. */
#define _GNU_SOURCE
#include "harness/simulation/prediction.h"

#include "base/random.h"
#include "schedulers/ledger.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *unit;
} metrics[] = {
#define METRIC(name, unit, meaning) {#name, unit},
    PREDICTION_METRICS(METRIC)
#undef METRIC
};

const char *prediction_metric_name(enum prediction_metric metric) {
    return metrics[metric].name;
}

const char *prediction_metric_unit(enum prediction_metric metric) {
    return metrics[metric].unit;
}

enum { WARM_BATCHES = 2 };

struct simulation_setup prediction_simulation(const struct prediction_setup *setup,
                                              enum profile_end end, int one,
                                              enum profile_end one_end,
                                              struct virtual_costs *costs) {
    *costs = machine_profile_costs(setup->profile, end, one, one_end);
    enum profile_end section_end = one == PROFILE_serial_section_us ? one_end : end;
    double section_us = setup->serial_section_us >= 0
                            ? setup->serial_section_us
                            : profile_value(setup->profile, PROFILE_serial_section_us, section_end);
    enum profile_end speed_end = one == PROFILE_efficiency_speed ? one_end : end;
    return (struct simulation_setup){
        .efficiency_groups = setup->profile->efficiency_groups,
        .efficiency_speed = profile_value(setup->profile, PROFILE_efficiency_speed, speed_end),
        .scheduler = setup->spec->scheduler,
        .workers = setup->spec->workers,
        .costs = costs,
        .placement = setup->placement,
        .corpus = setup->corpus,
        .trace = setup->trace,
        .free_by = setup->spec->free_by,
        .gap_ns = (double)setup->spec->gap_ns,
        .serial_section_ns = section_us * 1000,
        .warm_batches = WARM_BATCHES,
        .first = 0,
        .count = setup->batches,
        .stride = setup->corpus->batch_count / setup->batches, /* spread over the text */
        .seed = setup->seed,
    };
}

static double per_batch(uint64_t total, const struct simulation_result *result) {
    if (total == UINT64_MAX || !result->statistics->batches) return NAN;
    return (double)total / (double)result->count;
}

static void read_figures(const struct simulation_result *result,
                         double values[PREDICTION_METRIC_COUNT]) {
    double parallel_ns = 0, count = (double)result->count;
    for (size_t i = 0; i < result->count; i++)
        parallel_ns += (double)result->batches[i].parallel_ns;
    const struct grainbench_statistics *s = result->statistics;
    values[PREDICTION_throughput] = simulation_mib_per_s(result);
    values[PREDICTION_batch_time] = (double)result->duration_ns / 1000 / count;
    values[PREDICTION_parallel_time] = parallel_ns / 1000 / count;
    values[PREDICTION_over_ideal] = result->ideal_ns > 0 ? parallel_ns / result->ideal_ns : NAN;
    values[PREDICTION_useful_share] = result->useful_share;
    values[PREDICTION_rmw_per_batch] = simulation_rmws_per_batch(result);
    values[PREDICTION_transfers_per_batch] = (double)result->totals.transfers / count;
    values[PREDICTION_leaves_per_batch] = per_batch(s->leaves, result);
    values[PREDICTION_joins_per_batch] = per_batch(s->joins, result);
    values[PREDICTION_steals_per_batch] = per_batch(s->steals, result);
    values[PREDICTION_parks_per_batch] = (double)result->totals.parks / count;
    values[PREDICTION_wakes_per_batch] = (double)result->totals.wakes / count;
}

static bool simulate_end(const struct prediction_setup *setup, enum profile_end end, int one,
                         enum profile_end one_end, struct simulation_result *result,
                         struct error *error) {
    struct virtual_costs costs;
    struct simulation_setup simulation = prediction_simulation(setup, end, one, one_end, &costs);
    return simulation_run(&simulation, result, error);
}

bool prediction_make(const struct prediction_setup *setup, struct prediction *prediction,
                     struct error *error) {
    double values[PREDICTION_METRIC_COUNT];
    *prediction = (struct prediction){0};
    if (!simulate_end(setup, PROFILE_TYPICAL, -1, PROFILE_TYPICAL, &prediction->typical, error))
        return false;
    prediction->operations = prediction->typical.operations;
    read_figures(&prediction->typical, values);
    for (int i = 0; i < PREDICTION_METRIC_COUNT; i++)
        prediction->figures[i] = (struct figure){values[i], NAN, NAN};
    for (int e = PROFILE_LOW; setup->bands && e <= PROFILE_HIGH; e++) {
        struct simulation_result result;
        if (!simulate_end(setup, (enum profile_end)e, -1, PROFILE_TYPICAL, &result, error)) {
            prediction_free(prediction);
            return false;
        }
        prediction->operations += result.operations;
        read_figures(&result, values);
        simulation_free(&result);
        for (int i = 0; i < PREDICTION_METRIC_COUNT; i++) {
            struct figure *figure = &prediction->figures[i];
            if (!isfinite(figure->value)) continue;
            figure->low = fmin(isnan(figure->low) ? figure->value : figure->low, values[i]);
            figure->high = fmax(isnan(figure->high) ? figure->value : figure->high, values[i]);
        }
    }
    return true;
}

void prediction_free(struct prediction *prediction) {
    simulation_free(&prediction->typical);
}

/* ---- record ---- */

/* Batches become rounds in a random order, the same for all arms: neighbours in the text resemble
 * each other, which is no property of the schedulers. */
static unsigned *shuffled_rounds(size_t count) {
    struct random random = {count};
    unsigned *rounds = calloc(count + 1, sizeof *rounds);
    for (size_t i = 0; rounds && i < count; i++) {
        size_t j = random_below(&random, i + 1);
        rounds[i] = rounds[j];
        rounds[j] = (unsigned)i;
    }
    return rounds;
}

bool prediction_record_samples(const struct prediction *prediction, unsigned arm,
                               struct record_writer *writer, struct error *error) {
    unsigned *rounds = shuffled_rounds(prediction->typical.count);
    if (!rounds) return error_set(error, "out of memory");
    bool done = true;
    for (size_t b = 0; done && b < prediction->typical.count; b++) {
        const struct simulation_batch *batch = &prediction->typical.batches[b];
        struct sample sample = {.arm = arm,
                                .round = rounds[b],
                                .duration_ns = batch->duration_ns,
                                .bytes = batch->bytes,
                                .items = batch->items,
                                .cpu_ns = RECORD_UNAVAILABLE};
        for (int p = 0; p < PHASE_COUNT; p++)
            sample.phases_ns[p] = RECORD_UNAVAILABLE;
        sample.phases_ns[PHASE_DROP] = batch->drop_ns;
        done = record_append_sample(writer, &sample, error);
    }
    free(rounds);
    return done;
}

static bool record_figures(const struct prediction *prediction, unsigned arm,
                           struct record_writer *writer, struct error *error) {
    for (int i = 0; i < PREDICTION_METRIC_COUNT; i++) {
        const struct figure *figure = &prediction->figures[i];
        json_t *line = json_pack("{s:s, s:i, s:s, s:s, s:s, s:b}", "kind", "figure", "arm",
                                 (int)arm, "metric", metrics[i].name, "unit", metrics[i].unit,
                                 "provenance", "simulated", "exact", 1);
        record_set_real(line, "value", figure->value, "this scheduler does not count it");
        if (isfinite(figure->low)) record_set_real(line, "low", figure->low, "");
        if (isfinite(figure->high)) record_set_real(line, "high", figure->high, "");
        if (!record_append(writer, line, error)) return false;
    }
    return true;
}

static json_t *worker_times(const struct simulation_result *result) {
    json_t *workers = json_array();
    for (unsigned i = 0; i < result->workers; i++) {
        const struct virtual_account *a = &result->accounts[i];
        json_array_append_new(workers, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "run_ns",
                                                 (json_int_t)(a->run_ps / 1000), "memory_ns",
                                                 (json_int_t)(a->memory_ps / 1000), "wait_ns",
                                                 (json_int_t)(a->wait_ps / 1000), "kernel_ns",
                                                 (json_int_t)(a->kernel_ps / 1000), "park_ns",
                                                 (json_int_t)(a->park_ps / 1000), "wake_ns",
                                                 (json_int_t)(a->wake_ps / 1000), "other_ns",
                                                 (json_int_t)(a->other_ps / 1000)));
    }
    return workers;
}

static json_t *sites_json(const struct simulation_result *result) {
    json_t *sites = json_array();
    for (int s = 0; s < SYNC_SITES; s++) {
        const struct virtual_site *site = &result->sites[s];
        json_t *counts = json_object();
        for (int k = 0; k < SYNC_KINDS; k++)
            if (site->counts[k])
                json_object_set_new(counts, ledger_kind_name((enum sync_kind)k),
                                    json_integer((json_int_t)site->counts[k]));
        if (json_object_size(counts))
            json_array_append_new(sites,
                                  json_pack("{s:s, s:s, s:o, s:I, s:I}", "site",
                                            ledger_site_text((enum sync_site)s), "group",
                                            ledger_site_group((enum sync_site)s), "counts", counts,
                                            "transfers", (json_int_t)site->transfers, "memory_ns",
                                            (json_int_t)(site->memory_ps / 1000)));
        else
            json_decref(counts);
    }
    return sites;
}

bool prediction_record(const struct prediction *prediction, unsigned arm,
                       struct record_writer *writer, struct error *error) {
    const struct simulation_result *result = &prediction->typical;
    json_t *line =
        json_pack("{s:s, s:i, s:s, s:I, s:o, s:o}", "kind", "simulation", "arm", (int)arm,
                  "provenance", "simulated", "batches", (json_int_t)result->count, "workers",
                  worker_times(result), "sites", sites_json(result));
    json_t *figures = json_object();
    for (int i = 0; i < PREDICTION_METRIC_COUNT; i++)
        record_set_real(figures, metrics[i].name, prediction->figures[i].value,
                        "this scheduler does not count it");
    if (line) json_object_set_new(line, "figures", figures);
    return prediction_record_samples(prediction, arm, writer, error) &&
           record_figures(prediction, arm, writer, error) && record_append(writer, line, error);
}
