/* Validation of predictions; see validation.h. */
#define _GNU_SOURCE
#include "harness/validation.h"

#include "base/clock.h"
#include "harness/arm_process.h"
#include "harness/components.h"
#include "harness/modules.h"
#include "harness/progress.h"
#include "results/grid.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS_LEAST = 5, ROUNDS_MOST = 99, SLEEP_ITEMS = 1000, SLEEP_BATCHES = 6 };
enum { SLEEP_NS = 2000000 };

struct validated_arm {
    struct arm_spec spec;
    double predicted; /* MiB/s */
    unsigned record_arm;
    struct arm_process *process;
    double rates[ROUNDS_MOST];
    double measured; /* median */
};

struct validation {
    struct validation_setup setup;
    struct placement *placement; /* of this machine */
    char vocab[PATH_MAX], merges[PATH_MAX];
    struct validated_arm *arms; /* the first one is the serial one */
    size_t count;
    unsigned rounds;
    struct grid *sleeping; /* NULL: nothing was run with sleeping bodies */
};

/* ---- arms for real ---- */

static struct validated_arm *add_arm(struct validation *validation, const struct arm_spec *spec) {
    struct validated_arm *arms =
        realloc(validation->arms, (validation->count + 1) * sizeof *validation->arms);
    if (!arms) return NULL;
    validation->arms = arms;
    struct validated_arm *arm = &arms[validation->count++];
    *arm = (struct validated_arm){.spec = *spec};
    snprintf(arm->spec.encoder, sizeof arm->spec.encoder, "%s", validation->setup.trace->encoder);
    return arm;
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
    for (size_t i = 0; i < validation->count; i++)
        arm_process_stop(validation->arms[i].process);
    free(validation->arms);
    if (validation->sleeping) grid_free(validation->sleeping);
    placement_destroy(validation->placement);
    free(validation);
}

bool validation_add(struct validation *validation, const struct arm_spec *spec,
                    const struct prediction *prediction, unsigned record_arm, struct error *error) {
    if (spec->workers > placement_pu_count(validation->placement))
        return error_set(error,
                         "%u workers cannot be validated on %u processing units; --threads says "
                         "which are",
                         spec->workers, placement_pu_count(validation->placement));
    if (!validation->count) {
        struct arm_spec serial = *spec;
        serial.workers = 1;
        snprintf(serial.label, sizeof serial.label, "serial");
        snprintf(serial.scheduler, sizeof serial.scheduler, "serial");
        struct validated_arm *arm = add_arm(validation, &serial);
        if (!arm) return error_set(error, "out of memory");
        arm->predicted = cost_trace_mib_per_s(validation->setup.trace, validation->setup.corpus);
    }
    struct validated_arm *arm = add_arm(validation, spec);
    if (!arm) return error_set(error, "out of memory");
    arm->predicted = prediction->figures[PREDICTION_throughput].value;
    arm->record_arm = record_arm;
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
        if (!arm->process || !arm_process_digest(arm->process, 0, corpus->batch_count, &digest,
                                                 &ids, &duration_ns, error))
            return false;
    }
    return true;
}

static int compare_reals(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool measure_round(struct validation *validation, struct error *error) {
    for (size_t i = 0; i < validation->count; i++) {
        /* The order turns round every round. */
        size_t at = validation->rounds % 2 ? validation->count - 1 - i : i;
        struct validated_arm *arm = &validation->arms[at];
        struct arm_sample sample;
        if (!arm_process_measure(arm->process, 0, validation->setup.corpus->batch_count, &sample,
                                 error))
            return false;
        arm->rates[validation->rounds] =
            (double)sample.bytes / 0x1p20 / ((double)sample.duration_ns / 1e9);
    }
    validation->rounds++;
    return true;
}

/* How fast the machine is now, against the trace. */
static double machine_factor(const struct validation *validation) {
    return validation->arms[0].measured / validation->arms[0].predicted;
}

static bool record_arm(const struct validation *validation, const struct validated_arm *arm,
                       struct record_writer *writer, struct error *error) {
    double scaled = arm->predicted * machine_factor(validation);
    json_t *line =
        json_pack("{s:s, s:i, s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:i}", "kind", "figure", "arm",
                  (int)arm->record_arm, "metric", "measured_throughput", "unit", "MiB/s",
                  "provenance", "measured", "value", arm->measured, "predicted", arm->predicted,
                  "prediction_error", arm->predicted / arm->measured - 1, "prediction_error_scaled",
                  scaled / arm->measured - 1, "rounds", (int)validation->rounds);
    return record_append(writer, line, error);
}

bool validation_measure(struct validation *validation, struct record_writer *writer,
                        struct error *error) {
    if (!start_arms(validation, error)) return false;
    uint64_t begin = clock_now_ns(), limit = (uint64_t)(validation->setup.time_s * 1e9);
    while (validation->rounds < ROUNDS_LEAST ||
           (validation->rounds < ROUNDS_MOST && clock_now_ns() - begin < limit)) {
        progress_show("measuring the real arms",
                      (double)(clock_now_ns() - begin) / (double)(limit + 1));
        if (!measure_round(validation, error)) return false;
    }
    for (size_t i = 0; i < validation->count; i++) {
        struct validated_arm *arm = &validation->arms[i];
        qsort(arm->rates, validation->rounds, sizeof *arm->rates, compare_reals);
        arm->measured = arm->rates[validation->rounds / 2];
    }
    for (size_t i = 1; i < validation->count; i++)
        if (!record_arm(validation, &validation->arms[i], writer, error)) return false;
    return true;
}

/* ---- sleeping bodies ---- */

static void sleep_items(void *context, size_t begin, size_t end, unsigned worker) {
    (void)context, (void)worker;
    uint64_t ns = (uint64_t)SLEEP_NS * (end - begin);
    struct timespec pause = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    while (nanosleep(&pause, &pause) != 0)
        continue;
}

/* The structural counts of a batch: leaves, joins, steals. */
struct counts {
    double values[3];
};

static struct counts counts_of(const struct grainbench_statistics *s, double batches) {
    const uint64_t all[3] = {s->leaves, s->joins, s->steals};
    struct counts counts;
    for (int i = 0; i < 3; i++)
        counts.values[i] = all[i] == UINT64_MAX ? NAN : (double)all[i] / batches;
    return counts;
}

static bool run_sleeping(const char *scheduler, unsigned workers, const uint32_t *hints,
                         struct counts *counts, struct error *error) {
    struct component component;
    if (!component_parse_scheduler(scheduler, &component, error)) return false;
    const struct grainbench_scheduler_operations *operations = component.scheduler;
    struct grainbench_setup setup = {.struct_size = sizeof setup, .workers = workers, .seed = 1};
    char message[GRAINBENCH_MESSAGE_SIZE] = "no reason given";
    struct grainbench_statistics *statistics = calloc(1, sizeof *statistics);
    struct grainbench_scheduler *made =
        statistics ? operations->create(&setup, component.options, message) : NULL;
    if (made) {
        struct grainbench_batch batch = {.struct_size = sizeof batch,
                                         .item_count = SLEEP_ITEMS,
                                         .item_costs = hints,
                                         .body = sleep_items};
        statistics->struct_size = sizeof *statistics;
        operations->run(made, &batch);
        if (operations->reset_statistics) operations->reset_statistics(made);
        for (int b = 0; b < SLEEP_BATCHES; b++)
            operations->run(made, &batch);
        if (operations->statistics) operations->statistics(made, statistics);
        *counts = counts_of(statistics, SLEEP_BATCHES);
        operations->destroy(made);
    } else
        error_set(error, "scheduler %s: %s", scheduler, message);
    free(statistics);
    component_free(&component);
    return made != NULL;
}

static bool simulate_sleeping(const char *scheduler, unsigned workers, uint32_t *hints,
                              const struct machine_profile *profile, struct counts *counts,
                              struct error *error) {
    char topology[64];
    static double encode_ns[SLEEP_ITEMS], drop_ns[SLEEP_ITEMS];
    static size_t lengths[SLEEP_ITEMS], spans[SLEEP_ITEMS];
    snprintf(topology, sizeof topology, "pack:1 numa:1 l3:1 core:%u pu:1", workers);
    struct placement_source source = {.synthetic = topology};
    struct placement *placement = placement_create(&source, PLACEMENT_CORES, error);
    if (!placement) return false;
    for (int i = 0; i < SLEEP_ITEMS; i++) {
        encode_ns[i] = SLEEP_NS;
        lengths[i] = hints[i];
        spans[i] = hints[i] + 1;
    }
    struct corpus corpus = {.line_count = SLEEP_ITEMS,
                            .lengths = lengths,
                            .costs = hints,
                            .spans = spans,
                            .batch_lines = SLEEP_ITEMS,
                            .batch_count = 1};
    struct cost_trace trace = {.count = SLEEP_ITEMS, .encode_ns = encode_ns, .drop_ns = drop_ns};
    struct virtual_costs costs = machine_profile_costs(profile, PROFILE_TYPICAL, -1, PROFILE_LOW);
    struct simulation_setup setup = {.scheduler = scheduler,
                                     .workers = workers,
                                     .costs = &costs,
                                     .placement = placement,
                                     .corpus = &corpus,
                                     .trace = &trace,
                                     .free_by = ARM_FREE_UNTIMED,
                                     .warm_batches = 1,
                                     .count = SLEEP_BATCHES,
                                     .seed = 1};
    struct simulation_result result;
    bool done = simulation_run(&setup, &result, error);
    if (done) {
        *counts = counts_of(result.statistics, (double)result.count);
        simulation_free(&result);
    }
    placement_destroy(placement);
    return done;
}

bool validation_sleep(struct validation *validation, const char *scheduler, const unsigned *counts,
                      size_t count, const struct machine_profile *profile, struct error *error) {
    static const char *const titles[] = {"threads",   "<scheduler", "<against", "<a batch",
                                         "simulated", "real",       "error",    NULL};
    static const char *const names[] = {"leaves", "joins", "steals"};
    static uint32_t hints[SLEEP_ITEMS];
    for (int i = 0; i < SLEEP_ITEMS; i++)
        hints[i] = 64;
    if (!validation->sleeping) validation->sleeping = grid_create(titles);
    if (!validation->sleeping) return error_set(error, "out of memory");
    bool real_rayon = strcmp(scheduler, "rayon") == 0 && modules_exist("rayon-real");
    const char *against = real_rayon ? "rayon-real" : scheduler;
    for (size_t i = 0; i < count; i++) {
        struct counts simulated, real;
        progress_show("running with sleeping bodies", (double)i / (double)count);
        if (!simulate_sleeping(scheduler, counts[i], hints, profile, &simulated, error) ||
            !run_sleeping(against, counts[i], hints, &real, error))
            return false;
        for (int k = 0; k < 3; k++) {
            if (!isfinite(real.values[k]) || !isfinite(simulated.values[k])) continue;
            grid_add(validation->sleeping, "%u", counts[i]);
            grid_add(validation->sleeping, "%s", scheduler);
            grid_add(validation->sleeping, "%s", against);
            grid_add(validation->sleeping, "%s", names[k]);
            grid_add(validation->sleeping, "%.1f", simulated.values[k]);
            grid_add(validation->sleeping, "%.1f", real.values[k]);
            if (real.values[k] > 0)
                grid_add(validation->sleeping, "%+.1f %%",
                         100 * (simulated.values[k] / real.values[k] - 1));
            else
                grid_add(validation->sleeping, "n/a");
        }
    }
    return true;
}

/* ---- print ---- */

static bool print_arms(const struct validation *validation, FILE *out, struct error *error) {
    static const char *const titles[] = {"threads", "<scheduler", "predicted", "measured",
                                         "error",   "scaled",     "error",     NULL};
    struct grid *grid = grid_create(titles);
    if (!grid) return error_set(error, "out of memory");
    for (size_t i = 0; i < validation->count; i++) {
        const struct validated_arm *arm = &validation->arms[i];
        double scaled = arm->predicted * machine_factor(validation);
        grid_add(grid, "%u", arm->spec.workers);
        grid_add(grid, "%s", arm->spec.label);
        grid_add(grid, "%.2f", arm->predicted);
        grid_add(grid, "%.2f", arm->measured);
        grid_add(grid, "%+.1f %%", 100 * (arm->predicted / arm->measured - 1));
        grid_add(grid, "%.2f", scaled);
        grid_add(grid, "%+.1f %%", 100 * (scaled / arm->measured - 1));
    }
    fprintf(out,
            "\nPredicted beside measured here, MiB/s: medians of %u interleaved passes. \"scaled\" "
            "multiplies\npredictions by what the serial arm got against the trace.\n",
            validation->rounds);
    bool printed = grid_print(grid, GRID_TEXT, out, error);
    grid_free(grid);
    return printed;
}

bool validation_print(const struct validation *validation, FILE *out, struct error *error) {
    if (validation->count && validation->rounds && !print_arms(validation, out, error))
        return false;
    if (!validation->sleeping) return true;
    fprintf(out,
            "\nCounts with bodies that sleep 2 ms, %d items a batch; real threads share this "
            "machine.\n",
            SLEEP_ITEMS);
    return grid_print(validation->sleeping, GRID_TEXT, out, error);
}
