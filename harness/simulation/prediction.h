/* Predictions: an arm simulated with the profile's typical costs, and again with all costs at the
 * kind and at the harsh end of their ranges, which gives every figure its band. */
#ifndef HARNESS_PREDICTION_H
#define HARNESS_PREDICTION_H

#include "harness/arms/arm_spec.h"
#include "harness/simulation/machine_profile.h"
#include "harness/simulation/simulation.h"
#include "results/record.h"

/* What is predicted of an arm; the order of prediction.figures. */
#define PREDICTION_METRICS(METRIC)                                                                 \
    METRIC(throughput, "MiB/s", "throughput of the timed region")                                  \
    METRIC(batch_time, "us", "mean timed region of a batch")                                       \
    METRIC(parallel_time, "us", "of it, from handing over until all items are done")               \
    METRIC(over_ideal, "", "parallel time over the items' time spread evenly")                     \
    METRIC(useful_share, "", "time in items over workers x timed region")                          \
    METRIC(rmw_per_batch, "", "atomic read-modify-writes")                                         \
    METRIC(transfers_per_batch, "", "cache lines moved from core to core")                         \
    METRIC(leaves_per_batch, "", "calls of the body")                                              \
    METRIC(joins_per_batch, "", "splits in two")                                                   \
    METRIC(steals_per_batch, "", "pieces of work taken from another worker")                       \
    METRIC(parks_per_batch, "", "times a worker went to sleep")                                    \
    METRIC(wakes_per_batch, "", "threads woken")

enum prediction_metric {
#define METRIC(name, unit, meaning) PREDICTION_##name,
    PREDICTION_METRICS(METRIC)
#undef METRIC
        PREDICTION_METRIC_COUNT
};

const char *prediction_metric_name(enum prediction_metric metric);
const char *prediction_metric_unit(enum prediction_metric metric);

struct figure {
    double value, low, high; /* low and high are NAN without a band; NAN: not known */
};

struct prediction_setup {
    const struct machine_profile *profile;
    const struct placement *placement;
    const struct corpus *corpus;
    const struct cost_trace *trace; /* scaled as it should be for the typical machine */
    const struct arm_spec *spec;
    size_t batches; /* that count; two more go before */
    uint64_t seed;
    bool bands;
    double serial_section_us; /* instead of the profile's; negative: the profile's */
};

struct prediction {
    struct figure figures[PREDICTION_METRIC_COUNT];
    struct simulation_result typical; /* with batches, accounts and sites */
    uint64_t operations;              /* simulated in all */
};

bool prediction_make(const struct prediction_setup *setup, struct prediction *prediction,
                     struct error *error);
void prediction_free(struct prediction *prediction);

/* Fills a simulation from a prediction's setup; costs at `end`, one parameter (-1: none) at
 * `one_end`. `costs` must outlive the simulation. */
struct simulation_setup prediction_simulation(const struct prediction_setup *setup,
                                              enum profile_end end, int one,
                                              enum profile_end one_end,
                                              struct virtual_costs *costs);

/* Appends the arm's samples (one a batch), figures, worker times and atomics by site. */
bool prediction_record(const struct prediction *prediction, unsigned arm,
                       struct record_writer *writer, struct error *error);
/* The samples alone, for a control arm: simulated twice, the same comes out. */
bool prediction_record_samples(const struct prediction *prediction, unsigned arm,
                               struct record_writer *writer, struct error *error);

#endif
