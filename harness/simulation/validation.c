/* Validation of predictions; see validation.h. */
#define _GNU_SOURCE
#include "harness/simulation/validation.h"

#include "base/clock.h"
#include "base/random.h"
#include "harness/arms/arm_process.h"
#include "harness/components.h"
#include "harness/experiment/evidence.h"
#include "harness/progress.h"
#include "results/grid.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MOST = 3000, KEPT_LEAST = 6, ARMS_MOST = 256, WARM_BATCHES = 64 };
#define SAMPLE_NS 50e6 /* about so long is a sample, where neighbouring batches are simulated */

struct validated_arm {
    struct arm_spec spec;
    double predicted; /* MiB/s */
    unsigned record_arm;
    bool caller_works;
    struct arm_process *process;
    double *predicted_ns;       /* of each simulated batch */
    double ratios[ROUNDS_MOST]; /* of each round: measured over predicted time; NAN: disturbed */
    unsigned kept, dropped;
    double ratio;    /* median; NAN: too few undisturbed samples */
    double scaled;   /* median of the ratio over the serial arm's of the same round */
    double measured; /* MiB/s: predicted / ratio */
};

struct validation {
    struct validation_setup setup;
    struct placement *placement; /* of this machine */
    char vocab[PATH_MAX], merges[PATH_MAX];
    struct validated_arm *arms; /* the first one is the serial one */
    size_t count;
    size_t run; /* batches of a sample */
    struct random random;
    size_t batches, stride; /* simulated ones: 0, stride, 2 stride, ... */
    unsigned rounds;
};

/* ---- arms for real ---- */

static bool caller_works(const char *scheduler) {
    struct component component;
    struct error error;
    if (!component_parse_scheduler(scheduler, &component, &error)) return true;
    bool works =
        component.scheduler->capabilities & (GRAINBENCH_CALLER_IS_WORKER | GRAINBENCH_CALLER_ONLY);
    component_free(&component);
    return works;
}

static struct validated_arm *add_arm(struct validation *validation, const struct arm_spec *spec) {
    struct validated_arm *arms =
        realloc(validation->arms, (validation->count + 1) * sizeof *validation->arms);
    if (!arms) return NULL;
    validation->arms = arms;
    struct validated_arm *arm = &arms[validation->count++];
    *arm = (struct validated_arm){.spec = *spec, .caller_works = caller_works(spec->scheduler)};
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
    if (validation->placement &&
        corpus_vocabulary_paths(setup->corpus->built_in, validation->vocab, validation->merges,
                                sizeof validation->vocab, error))
        return validation;
    validation_free(validation);
    return NULL;
}

void validation_free(struct validation *validation) {
    if (!validation) return;
    for (size_t i = 0; i < validation->count; i++) {
        arm_process_stop(validation->arms[i].process);
        free(validation->arms[i].predicted_ns);
    }
    free(validation->arms);
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

static bool start_arms(struct validation *validation, struct error *error) {
    const struct corpus *corpus = validation->setup.corpus;
    struct arm_process_setup setup = {.corpus_path = corpus->path,
                                      .vocab_path = validation->vocab,
                                      .merges_path = validation->merges,
                                      .batch_lines = corpus->batch_lines,
                                      .pin = true};
    for (size_t i = 0; i < validation->count; i++) {
        struct validated_arm *arm = &validation->arms[i];
        uint64_t digest, ids, duration_ns;
        progress_show("starting the real arms", (double)i / (double)validation->count);
        arm->process = arm_process_start(&arm->spec, &setup, error);
        if (!arm->process ||
            !arm_process_digest(arm->process, 0, WARM_BATCHES, &digest, &ids, &duration_ns, error))
            return false;
    }
    return true;
}

static int compare_reals(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Threads that run when the scheduler does: where that is more than there are processing units,
 * waiting for one is part of the arm and no disturbance. */
static unsigned threads_of(const struct validated_arm *arm) {
    return arm->spec.workers + !arm->caller_works;
}

/* What such an arm's own waiting does not tell, the others' of the same round does. */
static void judge_crowded_arms(struct validation *validation) {
    unsigned units = placement_pu_count(validation->placement);
    bool disturbed = false;
    for (size_t i = 0; i < validation->count; i++)
        disturbed |= isnan(validation->arms[i].ratios[validation->rounds]);
    for (size_t i = 0; disturbed && i < validation->count; i++) {
        struct validated_arm *arm = &validation->arms[i];
        if (threads_of(arm) <= units || isnan(arm->ratios[validation->rounds])) continue;
        arm->ratios[validation->rounds] = NAN;
        arm->dropped++;
        arm->kept--;
    }
}

/* Some batches by every arm, in a random order; samples that the environment disturbed are left
 * out. Arms are processes: whoever is measured twice in a row would find its caches warm, so nobody
 * is more often than by chance, and a sample is long enough that its beginning does not count. */
static bool measure_round(struct validation *validation, struct error *error) {
    size_t order[ARMS_MOST];
    size_t at = random_below(&validation->random, validation->batches);
    size_t first = at * validation->stride % validation->setup.corpus->batch_count;
    for (size_t i = 0; i < validation->count; i++) {
        size_t j = random_below(&validation->random, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (size_t i = 0; i < validation->count; i++) {
        struct validated_arm *arm = &validation->arms[order[i]];
        struct arm_sample sample;
        char text[160];
        if (!arm_process_measure(arm->process, first, validation->run, &sample, error))
            return false;
        double predicted_ns = 0;
        for (size_t k = 0; k < validation->run; k++)
            predicted_ns += arm->predicted_ns[(at + k) % validation->batches];
        bool disturbed = evidence_taint(&sample.evidence, sample.duration_ns, threads_of(arm), text,
                                        sizeof text) != NULL;
        arm->dropped += disturbed;
        arm->kept += !disturbed;
        arm->ratios[validation->rounds] =
            disturbed ? NAN : (double)sample.duration_ns / predicted_ns;
    }
    judge_crowded_arms(validation);
    validation->rounds++;
    return true;
}

/* Median over the rounds of the arm's ratio, or of that over another arm's of the same round: what
 * the machine's speed does to both cancels. NAN: too few rounds. */
static double median_ratio(const struct validation *validation, const struct validated_arm *arm,
                           const struct validated_arm *over) {
    static double values[ROUNDS_MOST];
    size_t count = 0;
    for (unsigned round = 0; round < validation->rounds; round++) {
        double value = over ? arm->ratios[round] / over->ratios[round] : arm->ratios[round];
        if (isfinite(value)) values[count++] = value;
    }
    qsort(values, count, sizeof *values, compare_reals);
    return count < KEPT_LEAST ? NAN : values[count / 2];
}

static bool record_arm(const struct validated_arm *arm, struct record_writer *writer,
                       struct error *error) {
    static const char *const why = "too few samples that the environment did not disturb";
    json_t *line = json_pack("{s:s, s:i, s:s, s:s, s:s, s:f, s:i, s:i}", "kind", "figure", "arm",
                             (int)arm->record_arm, "metric", "measured_throughput", "unit", "MiB/s",
                             "provenance", "measured", "predicted", arm->predicted, "samples",
                             (int)arm->kept, "dropped", (int)arm->dropped);
    record_set_real(line, "value", arm->measured, why);
    record_set_real(line, "prediction_error", arm->predicted / arm->measured - 1, why);
    record_set_real(line, "prediction_error_scaled", arm->scaled - 1, why);
    return record_append(writer, line, error);
}

/* Batches of a sample: neighbours, as a run has them, if all batches are simulated. */
static void choose_run(struct validation *validation) {
    double batch_ns = 0;
    for (size_t b = 0; b < validation->batches; b++)
        batch_ns += validation->arms[0].predicted_ns[b] / (double)validation->batches;
    double run = batch_ns > 0 ? SAMPLE_NS / batch_ns : 1;
    validation->run = validation->stride == 1 && run > 1 ? (size_t)run : 1;
    if (validation->run > validation->batches) validation->run = validation->batches;
}

/* One generation of the arms' processes: where memory lies differs from one to the next, and with
 * it an arm's speed by some per cent. */
static bool measure_processes(struct validation *validation, struct error *error) {
    if (!start_arms(validation, error)) return false;
    uint64_t begin = clock_now_ns();
    uint64_t limit =
        (uint64_t)(validation->setup.time_s * 1e9 / (double)validation->setup.processes);
    while (validation->rounds < ROUNDS_MOST && clock_now_ns() - begin < limit) {
        progress_show("measuring the real arms",
                      (double)(clock_now_ns() - begin) / (double)(limit + 1));
        if (!measure_round(validation, error)) return false;
    }
    for (size_t i = 0; i < validation->count; i++) {
        arm_process_stop(validation->arms[i].process);
        validation->arms[i].process = NULL;
    }
    return true;
}

bool validation_measure(struct validation *validation, struct record_writer *writer,
                        struct error *error) {
    if (validation->count > ARMS_MOST)
        return error_set(error, "--validate takes at most %d arms", ARMS_MOST);
    choose_run(validation);
    for (unsigned p = 0; p < validation->setup.processes; p++)
        if (!measure_processes(validation, error)) return false;
    for (size_t i = 0; i < validation->count; i++) {
        struct validated_arm *arm = &validation->arms[i];
        arm->ratio = median_ratio(validation, arm, NULL);
        arm->scaled = median_ratio(validation, arm, &validation->arms[0]);
        arm->measured = arm->predicted / arm->ratio;
    }
    for (size_t i = 1; i < validation->count; i++)
        if (!record_arm(&validation->arms[i], writer, error)) return false;
    return true;
}

/* ---- print ---- */

static void add_value(struct grid *grid, const char *format, double value) {
    if (isfinite(value))
        grid_add(grid, format, value);
    else
        grid_add(grid, "n/a");
}

static bool print_arms(const struct validation *validation, FILE *out, struct error *error) {
    static const char *const titles[] = {"threads",  "<scheduler", "predicted",
                                         "measured", "error",      "to serial",
                                         "samples",  "dropped",    NULL};
    struct grid *grid = grid_create(titles);
    if (!grid) return error_set(error, "out of memory");
    for (size_t i = 0; i < validation->count; i++) {
        const struct validated_arm *arm = &validation->arms[i];
        grid_add(grid, "%u", arm->spec.workers);
        grid_add(grid, "%s", arm->spec.label);
        grid_add(grid, "%.2f", arm->predicted);
        add_value(grid, "%.2f", arm->measured);
        add_value(grid, "%+.1f %%", 100 * (arm->predicted / arm->measured - 1));
        add_value(grid, "%+.1f %%", 100 * (arm->scaled - 1));
        grid_add(grid, "%u", arm->kept);
        grid_add(grid, "%u", arm->dropped);
    }
    fprintf(
        out,
        "\nPredicted beside measured here, MiB/s: the median over interleaved samples of %zu "
        "batches that the\nenvironment did not disturb. \"to serial\" is the error of the arm's "
        "speed relative to the serial arm's of the\nsame round: how fast the machine is now, "
        "against when it was traced, is left out of it.\n",
        validation->run);
    bool printed = grid_print(grid, GRID_TEXT, out, error);
    grid_free(grid);
    return printed;
}

bool validation_print(const struct validation *validation, FILE *out, struct error *error) {
    return !validation->count || !validation->rounds || print_arms(validation, out, error);
}
