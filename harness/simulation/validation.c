/* Validation of predictions; see validation.h. */
#define _GNU_SOURCE
#include "harness/simulation/validation.h"

#include "harness/simulation/validation_rounds.h"
#include "results/grid.h"
#include "results/speeds.h"
#include "results/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CONFIDENCE 0.95
/* A piece is about so long and as long for every arm, because a longer one hides more of what
 * happens between two looks; a sample has so many pieces as fit into its time. */
#define PIECE_NS  5e6
#define SAMPLE_NS 90e6

struct validated_arm {
    struct arm_spec spec;
    double predicted; /* MiB/s */
    unsigned record_arm;
    double *predicted_ns;   /* of each simulated batch */
    double measured;        /* MiB/s; NAN: too few rounds */
    struct interval scaled; /* measured over predicted time, over the serial arm's of the round */
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

static struct validated_arm *add_arm(struct validation *validation, const struct arm_spec *spec) {
    struct validated_arm *arms =
        realloc(validation->arms, (validation->count + 1) * sizeof *validation->arms);
    if (!arms) return NULL;
    validation->arms = arms;
    struct validated_arm *arm = &arms[validation->count++];
    *arm = (struct validated_arm){.spec = *spec};
    snprintf(arm->spec.encoder, sizeof arm->spec.encoder, "%s", validation->setup.trace->encoder);
    arm->predicted_ns = calloc(validation->batches + 1, sizeof *arm->predicted_ns);
    return arm->predicted_ns ? arm : NULL;
}

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

/* What the trace says that a plain loop takes for each simulated batch. */
static void predict_serial(const struct validation *validation, double *predicted_ns) {
    const struct corpus *corpus = validation->setup.corpus;
    const struct cost_trace *trace = validation->setup.trace;
    const struct cost_sections *sections = &trace->sections;
    double encode = sections->lone_encode > 0 ? sections->lone_encode : 1;
    double drop = sections->lone_drop > 0 ? sections->lone_drop : 1;
    for (size_t b = 0; b < validation->batches; b++) {
        size_t number = b * validation->stride % corpus->batch_count;
        size_t start = corpus_batch_start(corpus, number);
        predicted_ns[b] = sections->reset_ns;
        for (size_t i = 0; i < corpus_batch_size(corpus, number); i++)
            predicted_ns[b] +=
                trace->encode_ns[start + i] * encode + trace->drop_ns[start + i] * drop;
    }
}

/* Rate over the simulated batches. */
static double rate_of(const struct validation *validation, const double *predicted_ns) {
    const struct corpus *corpus = validation->setup.corpus;
    double bytes = 0, ns = 0;
    for (size_t b = 0; b < validation->batches; b++) {
        bytes += (double)corpus_batch_bytes(corpus, b * validation->stride % corpus->batch_count);
        ns += predicted_ns[b];
    }
    return bytes / 0x1p20 / (ns / 1e9);
}

bool validation_add(struct validation *validation, const struct arm_spec *spec,
                    const struct prediction *prediction, unsigned number, struct error *error) {
    if (spec->workers > placement_pu_count(validation->placement))
        return error_set(error,
                         "%u workers cannot be validated on %u processing units; --threads says "
                         "which are",
                         spec->workers, placement_pu_count(validation->placement));
    bool first = validation->count == 0;
    if (first) {
        struct arm_spec serial = *spec;
        serial.workers = 1;
        snprintf(serial.label, sizeof serial.label, "serial");
        snprintf(serial.scheduler, sizeof serial.scheduler, "serial");
        validation->batches = prediction->typical.count;
        validation->stride = validation->setup.corpus->batch_count / validation->batches;
        if (!validation->stride) validation->stride = 1;
        struct validated_arm *arm = add_arm(validation, &serial);
        if (!arm) return error_set(error, "out of memory");
        predict_serial(validation, arm->predicted_ns);
        arm->predicted = rate_of(validation, arm->predicted_ns);
    }
    struct validated_arm *arm = add_arm(validation, spec);
    if (!arm) return error_set(error, "out of memory");
    for (size_t b = 0; b < validation->batches; b++)
        arm->predicted_ns[b] = (double)prediction->typical.batches[b].duration_ns;
    arm->predicted = rate_of(validation, arm->predicted_ns);
    arm->record_arm = number;
    return true;
}

/* ---- measuring ---- */

/* Over the rounds, an arm's ratio, or that over another arm's (negative: none) of the same round:
 * what the machine's speed does to both cancels. The median with a 95 % interval; NAN: too few
 * rounds. */
static struct interval ratio_of(const struct rounds *rounds, size_t arms, size_t arm, int over) {
    struct interval interval = {NAN, NAN, NAN, 0};
    double *values = malloc((rounds->count + 1) * sizeof *values);
    size_t count = 0;
    for (size_t round = 0; values && round < rounds->count; round++) {
        const double *ratios = rounds->ratios + round * arms;
        double value = over >= 0 ? ratios[arm] / ratios[over] : ratios[arm];
        if (isfinite(value)) values[count++] = value;
    }
    if (!values || !statistics_median_interval(values, count, CONFIDENCE, &interval))
        interval = (struct interval){NAN, NAN, NAN, 0};
    free(values);
    return interval;
}

static bool record_arm(const struct validated_arm *arm, const struct rounds_count *count,
                       struct record_writer *writer, struct error *error) {
    static const char *const why = "too few samples that the environment did not disturb";
    json_t *line = json_pack(
        "{s:s, s:i, s:s, s:s, s:s, s:f, s:i, s:i, s:i}", "kind", "figure", "arm",
        (int)arm->record_arm, "metric", "measured_throughput", "unit", "MiB/s", "provenance",
        "measured", "predicted", arm->predicted, "samples", (int)count->kept, "dropped",
        (int)(count->disturbed + count->slowed), "dropped_for_slow_units", (int)count->slowed);
    record_set_real(line, "value", arm->measured, why);
    record_set_real(line, "prediction_error", arm->predicted / arm->measured - 1, why);
    record_set_real(line, "prediction_error_scaled", arm->scaled.estimate - 1, why);
    record_set_real(line, "prediction_error_scaled_low", arm->scaled.low - 1, why);
    record_set_real(line, "prediction_error_scaled_high", arm->scaled.high - 1, why);
    return record_append(writer, line, error);
}

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
        arms[i] = (struct rounds_arm){&arm->spec, arm->predicted_ns, run_of(validation, arm)};
    }
    struct rounds_setup setup = {.corpus = validation->setup.corpus,
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

bool validation_measure(struct validation *validation, struct record_writer *writer,
                        struct error *error) {
    if (!measure(validation, error)) return false;
    const struct rounds *rounds = validation->rounds;
    for (size_t i = 0; i < validation->count; i++) {
        struct validated_arm *arm = &validation->arms[i];
        arm->measured = arm->predicted / ratio_of(rounds, validation->count, i, -1).estimate;
        arm->scaled = ratio_of(rounds, validation->count, i, 0);
    }
    for (size_t i = 1; i < validation->count; i++)
        if (!record_arm(&validation->arms[i], &rounds->counts[i], writer, error)) return false;
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
    if (interval && isfinite(interval->low))
        grid_add(grid, "[%+.1f, %+.1f]", 100 * (interval->low - 1), 100 * (interval->high - 1));
    else
        grid_add(grid, "%s", "");
}

/* With hardly a time at which all processing units are fast, differences of some per cent between
 * equal arms come and go. */
static void print_warning(const struct rounds *rounds, FILE *out) {
    if (rounds->slow_share < SPEEDS_OFTEN) return;
    fprintf(
        out,
        "The processing units were slow in %.0f %% of the time, as where somebody else uses them. "
        "Errors of some per\ncent are this run's; look again at another time.\n",
        100 * rounds->slow_share);
}

static bool print_arms(const struct validation *validation, FILE *out, struct error *error) {
    static const char *const titles[] = {"threads",   "<scheduler", "predicted", "measured",
                                         "error",     "to serial",  "95 %",      "samples",
                                         "disturbed", "slow unit",  NULL};
    const struct rounds *rounds = validation->rounds;
    struct grid *grid = grid_create(titles);
    if (!grid) return error_set(error, "out of memory");
    for (size_t i = 0; i < validation->count; i++) {
        const struct validated_arm *arm = &validation->arms[i];
        grid_add(grid, "%u", arm->spec.workers);
        grid_add(grid, "%s", arm->spec.label);
        grid_add(grid, "%.2f", arm->predicted);
        add_value(grid, "%.2f", arm->measured);
        add_value(grid, "%+.1f %%", 100 * (arm->predicted / arm->measured - 1));
        add_value(grid, "%+.1f %%", 100 * (arm->scaled.estimate - 1));
        add_interval(grid, i ? &arm->scaled : NULL);
        grid_add(grid, "%u", rounds->counts[i].kept);
        grid_add(grid, "%u", rounds->counts[i].disturbed);
        grid_add(grid, "%u", rounds->counts[i].slowed);
    }
    fprintf(
        out,
        "\nPredicted beside measured here, MiB/s: medians of %zu interleaved rounds, of samples "
        "of %.0f ms that the\nenvironment did not disturb and before and after which no "
        "processing unit computed slower than %.2f of its\nfast time (a unit did in %.0f %% of "
        "the time). \"to serial\" is the error of the arm's speed relative to the\n"
        "serial arm's of the same round: how fast the machine is now, against when it was "
        "traced, is left out of it.\n",
        rounds->count, validation->piece_ns / 1e6, rounds->slow_limit, 100 * rounds->slow_share);
    bool printed = grid_print(grid, GRID_TEXT, out, error);
    grid_free(grid);
    print_warning(rounds, out);
    return printed;
}

bool validation_print(const struct validation *validation, FILE *out, struct error *error) {
    return !validation->rounds || !validation->rounds->count || print_arms(validation, out, error);
}
