/* Validation of predictions; see validation.h. */
#define _GNU_SOURCE
#include "harness/simulation/validation.h"

#include "harness/progress.h"
#include "harness/simulation/validation_rounds.h"
#include "results/grid.h"
#include "results/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CONFIDENCE 0.95
/* A piece is about so long and as long for every arm; a sample has so many pieces as fit into its
 * time. */
#define PIECE_NS  5e6
#define SAMPLE_NS 25e6

struct validated_arm {
    struct arm_spec spec;
    struct prediction_setup setup; /* its spec is the one above */
    unsigned record_arm;
    double predicted;      /* MiB/s, with units as fast as when they were traced */
    double *predicted_ns;  /* of each simulated batch */
    double slowed;         /* MiB/s, with units as fast as they were in the rounds */
    double measured;       /* MiB/s; NAN: too few rounds */
    struct interval error; /* slowed over measured, of the same round */
};

struct validation {
    struct validation_setup setup;
    struct placement *placement; /* of this machine */
    struct validated_arm *arms;  /* the first one is the serial one */
    size_t count;
    double piece_ns;
    size_t batches, stride; /* simulated ones: 0, stride, 2 stride, ... */
    struct rounds *rounds;  /* as measured */
};

struct validation *validation_create(const struct validation_setup *setup, struct error *error) {
    struct validation *validation = calloc(1, sizeof *validation);
    if (!validation) {
        error_set(error, "out of memory");
        return NULL;
    }
    validation->setup = *setup;
    validation->placement = placement_create(NULL, PLACEMENT_CORES, error);
    if (validation->placement) return validation;
    validation_free(validation);
    return NULL;
}

void validation_free(struct validation *validation) {
    if (!validation) return;
    for (size_t i = 0; i < validation->count; i++)
        free(validation->arms[i].predicted_ns);
    free(validation->arms);
    rounds_free(validation->rounds);
    placement_destroy(validation->placement);
    free(validation);
}

/* ---- what is predicted ---- */

static bool add_arm(struct validation *validation, const struct prediction_setup *setup,
                    const struct prediction *prediction, unsigned number, struct error *error) {
    struct validated_arm *arms =
        realloc(validation->arms, (validation->count + 1) * sizeof *validation->arms);
    double *predicted_ns = calloc(validation->batches + 1, sizeof *predicted_ns);
    if (arms) validation->arms = arms;
    if (!arms || !predicted_ns) {
        free(predicted_ns);
        return error_set(error, "out of memory");
    }
    struct validated_arm *arm = &arms[validation->count++];
    *arm = (struct validated_arm){.spec = *setup->spec,
                                  .setup = *setup,
                                  .record_arm = number,
                                  .predicted = prediction->figures[PREDICTION_throughput].value,
                                  .predicted_ns = predicted_ns};
    snprintf(arm->spec.encoder, sizeof arm->spec.encoder, "%s", validation->setup.trace->encoder);
    for (size_t b = 0; b < validation->batches; b++)
        predicted_ns[b] = (double)prediction->typical.batches[b].duration_ns;
    return true;
}

/* A plain loop beside the arms: what is wrong with it is not a scheduler's. */
static bool add_serial(struct validation *validation, const struct prediction_setup *like,
                       struct error *error) {
    struct arm_spec spec = *like->spec;
    struct prediction_setup setup = *like;
    struct prediction prediction;
    spec.workers = 1;
    snprintf(spec.label, sizeof spec.label, "serial");
    snprintf(spec.scheduler, sizeof spec.scheduler, "serial");
    setup.spec = &spec;
    setup.bands = false;
    if (!prediction_make(&setup, &prediction, error)) return false;
    bool added = add_arm(validation, &setup, &prediction, 0, error);
    prediction_free(&prediction);
    return added;
}

bool validation_add(struct validation *validation, const struct prediction_setup *setup,
                    const struct prediction *prediction, unsigned number, struct error *error) {
    if (setup->spec->workers > placement_pu_count(validation->placement))
        return error_set(error,
                         "%u workers cannot be validated on %u processing units; --threads says "
                         "which are",
                         setup->spec->workers, placement_pu_count(validation->placement));
    if (!validation->count) {
        validation->batches = prediction->typical.count;
        validation->stride = validation->setup.corpus->batch_count / validation->batches;
        if (!validation->stride) validation->stride = 1;
        if (!add_serial(validation, setup, error)) return false;
    }
    return add_arm(validation, setup, prediction, number, error);
}

/* The arm once more, from the round's text on, at the speeds that the units had around it in this
 * round: its time over that with units at one speed. NAN where no speed was recorded. */
static bool simulate_round(const struct validation *validation, const struct validated_arm *arm,
                           size_t round, double *slowness, struct error *error) {
    size_t index = (size_t)(arm - validation->arms);
    const struct virtual_speeds *speeds =
        &validation->rounds->speeds[round * validation->count + index];
    double recorded_ns = (double)speeds->steps * (double)speeds->step_ps / 1000, even_ns = 0;
    size_t at = validation->rounds->firsts[round], count = 0;
    *slowness = NAN;
    if (!speeds->steps) return true;
    while (even_ns < recorded_ns) /* a little more than once through it, if units are slow */
        even_ns += arm->predicted_ns[(at + count++) % validation->batches];
    struct virtual_costs costs;
    struct simulation_result result;
    struct simulation_setup simulation =
        prediction_simulation(&arm->setup, PROFILE_TYPICAL, -1, PROFILE_TYPICAL, &costs);
    simulation.first = at * simulation.stride;
    simulation.count = count;
    simulation.speeds = *speeds;
    if (!simulation_run(&simulation, &result, error)) return false;
    *slowness = (double)result.duration_ns / even_ns;
    simulation_free(&result);
    return true;
}

/* ---- measuring ---- */

static double batch_ns(const struct validation *validation, const struct validated_arm *arm) {
    double sum = 0;
    for (size_t b = 0; b < validation->batches; b++)
        sum += arm->predicted_ns[b];
    return sum / (double)validation->batches;
}

/* Batches of an arm's piece: neighbours, as a run has them, if all batches are simulated. */
static size_t run_of(const struct validation *validation, const struct validated_arm *arm) {
    double run = validation->piece_ns / batch_ns(validation, arm) + 0.5;
    if (validation->stride != 1 || !(run > 1)) return 1;
    return run < (double)validation->batches ? (size_t)run : validation->batches;
}

static bool measure(struct validation *validation, struct error *error) {
    struct rounds_arm *arms = calloc(validation->count + 1, sizeof *arms);
    if (!arms) return error_set(error, "out of memory");
    validation->piece_ns = PIECE_NS;
    for (size_t i = 0; i < validation->count; i++)
        validation->piece_ns =
            fmax(validation->piece_ns, batch_ns(validation, &validation->arms[i]));
    for (size_t i = 0; i < validation->count; i++) {
        struct validated_arm *arm = &validation->arms[i];
        arm->setup.spec = &arm->spec;
        arms[i] = (struct rounds_arm){&arm->spec, arm->predicted_ns, run_of(validation, arm)};
    }
    struct rounds_setup setup = {.corpus = validation->setup.corpus,
                                 .trace = validation->setup.trace,
                                 .placement = validation->placement,
                                 .arms = arms,
                                 .arm_count = validation->count,
                                 .batches = validation->batches,
                                 .stride = validation->stride,
                                 .pieces = (unsigned)fmax(1, SAMPLE_NS / validation->piece_ns),
                                 .time_s = validation->setup.time_s,
                                 .processes = validation->setup.processes};
    validation->rounds = rounds_measure(&setup, error);
    free(arms);
    return validation->rounds != NULL;
}

/* Of the finite values; returns how many. */
static size_t median_of(double *values, size_t count, struct interval *interval) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (isfinite(values[i])) values[kept++] = values[i];
    if (!statistics_median_interval(values, kept, CONFIDENCE, interval))
        *interval = (struct interval){NAN, NAN, NAN, 0};
    return kept;
}

/* What was measured in a round is held against what the speeds of the round let expect: whatever
 * changes from round to round cancels. */
static bool judge(struct validation *validation, struct validated_arm *arm, struct error *error) {
    const struct rounds *rounds = validation->rounds;
    size_t index = (size_t)(arm - validation->arms);
    double *values = calloc(3 * rounds->count + 1, sizeof *values);
    if (!values) return error_set(error, "out of memory");
    double *measured = values, *slowed = values + rounds->count, *errors = slowed + rounds->count;
    bool done = true;
    for (size_t round = 0; done && round < rounds->count; round++) {
        measured[round] = rounds->ratios[round * validation->count + index];
        done = simulate_round(validation, arm, round, &slowed[round], error);
        errors[round] = measured[round] / slowed[round];
    }
    struct interval interval;
    median_of(measured, rounds->count, &interval);
    arm->measured = arm->predicted / interval.estimate;
    median_of(slowed, rounds->count, &interval);
    arm->slowed = arm->predicted / interval.estimate;
    median_of(errors, rounds->count, &arm->error);
    free(values);
    return done;
}

static bool record_arm(const struct validated_arm *arm, const struct rounds_count *count,
                       struct record_writer *writer, struct error *error) {
    static const char *const why = "too few samples that the environment did not disturb";
    json_t *line = json_pack("{s:s, s:i, s:s, s:s, s:s, s:f, s:i, s:i}", "kind", "figure", "arm",
                             (int)arm->record_arm, "metric", "measured_throughput", "unit", "MiB/s",
                             "provenance", "measured", "predicted", arm->predicted, "samples",
                             (int)count->kept, "dropped", (int)count->disturbed);
    record_set_real(line, "value", arm->measured, why);
    record_set_real(line, "predicted_at_speeds", arm->slowed, why);
    record_set_real(line, "prediction_error", arm->predicted / arm->measured - 1, why);
    record_set_real(line, "prediction_error_at_speeds", arm->error.estimate - 1, why);
    record_set_real(line, "prediction_error_at_speeds_low", arm->error.low - 1, why);
    record_set_real(line, "prediction_error_at_speeds_high", arm->error.high - 1, why);
    return record_append(writer, line, error);
}

bool validation_measure(struct validation *validation, struct record_writer *writer,
                        struct error *error) {
    if (!measure(validation, error)) return false;
    for (size_t i = 0; i < validation->count; i++) {
        progress_show("simulating at the recorded speeds", (double)i / (double)validation->count);
        if (!judge(validation, &validation->arms[i], error)) return false;
    }
    for (size_t i = 1; i < validation->count; i++)
        if (!record_arm(&validation->arms[i], &validation->rounds->counts[i], writer, error))
            return false;
    return true;
}

/* ---- print ---- */

static void add_value(struct grid *grid, const char *format, double value) {
    if (isfinite(value))
        grid_add(grid, format, value);
    else
        grid_add(grid, "n/a");
}

static void add_interval(struct grid *grid, const struct interval *interval) {
    if (isfinite(interval->low))
        grid_add(grid, "[%+.1f, %+.1f]", 100 * (interval->low - 1), 100 * (interval->high - 1));
    else
        grid_add(grid, "n/a");
}

static bool print_speeds(const struct rounds *rounds, FILE *out, struct error *error) {
    size_t count = 0, most = 0;
    for (size_t i = 0; i < rounds->count * rounds->arm_count; i++)
        most += rounds->speeds[i].steps * rounds->speeds[i].units;
    double *values = calloc(most + 1, sizeof *values);
    if (!values) return error_set(error, "out of memory");
    for (size_t i = 0; i < rounds->count * rounds->arm_count; i++)
        for (size_t k = 0; k < rounds->speeds[i].steps * rounds->speeds[i].units; k++)
            values[count++] = 1 / (double)rounds->speeds[i].slowness[k];
    statistics_sort(values, count);
    fprintf(
        out,
        "A processing unit's speed meanwhile, of that in the trace: median %.2f, a tenth of the "
        "time below %.2f, a tenth above %.2f.\n",
        statistics_quantile(values, count, 0.5), statistics_quantile(values, count, 0.1),
        statistics_quantile(values, count, 0.9));
    free(values);
    return true;
}

static bool print_arms(const struct validation *validation, FILE *out, struct error *error) {
    static const char *const titles[] = {"threads",   "<scheduler", "predicted", "at speeds",
                                         "measured",  "error",      "95 %",      "samples",
                                         "disturbed", NULL};
    const struct rounds *rounds = validation->rounds;
    struct grid *grid = grid_create(titles);
    if (!grid) return error_set(error, "out of memory");
    for (size_t i = 0; i < validation->count; i++) {
        const struct validated_arm *arm = &validation->arms[i];
        grid_add(grid, "%u", arm->spec.workers);
        grid_add(grid, "%s", arm->spec.label);
        grid_add(grid, "%.2f", arm->predicted);
        add_value(grid, "%.2f", arm->slowed);
        add_value(grid, "%.2f", arm->measured);
        add_value(grid, "%+.1f %%", 100 * (arm->error.estimate - 1));
        add_interval(grid, &arm->error);
        grid_add(grid, "%u", rounds->counts[i].kept);
        grid_add(grid, "%u", rounds->counts[i].disturbed);
    }
    fprintf(
        out,
        "\nPredicted beside measured here, MiB/s: medians of %zu interleaved rounds, of samples "
        "of %.0f ms that the\nenvironment did not disturb. \"At speeds\" is the simulation with "
        "every processing unit as fast as it was in\nthe round, by a plain loop on each; the "
        "error is that simulation's, round by round.\n",
        rounds->count, validation->piece_ns / 1e6);
    bool printed = grid_print(grid, GRID_TEXT, out, error) && print_speeds(rounds, out, error);
    grid_free(grid);
    return printed;
}

bool validation_print(const struct validation *validation, FILE *out, struct error *error) {
    return !validation->rounds || !validation->rounds->count || print_arms(validation, out, error);
}
