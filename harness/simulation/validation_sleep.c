/* Counts with sleeping bodies; see validation_sleep.h.
 *
 * The real threads share the processing units that this process may use, so the simulated ones
 * share as many. Asked to sleep, a thread sleeps longer, and differently each time: timers have a
 * slack, and a woken thread may have to wait for a unit. So the real bodies note by how much each
 * overslept, and a simulated leaf oversleeps like the real one that its first item was in. */
#define _GNU_SOURCE
#include "harness/simulation/validation_sleep.h"

#include "base/clock.h"
#include "harness/arms/arm_spec.h"
#include "harness/components.h"
#include "harness/modules/modules.h"
#include "harness/simulation/simulation.h"
#include "results/grid.h"

#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ITEMS = 1000, BATCHES = 48, SLEEP_NS = 2000000, COUNTS = 3, SEEDS = 4 };

static const char *const count_names[COUNTS] = {"leaves", "joins", "steals"};

/* A batch's counts: mean over the batches. NAN: the scheduler does not count it. */
struct counts {
    double values[COUNTS];
};

struct sleep_row {
    unsigned workers;
    char scheduler[ARM_TEXT], against[ARM_TEXT];
    struct counts simulated, real;
    double spread[COUNTS]; /* standard error of the real mean */
    double sleep_ns;       /* median of an item's real time */
};

/* One item of the last run. */
struct slept {
    double item_ns;      /* its share of the time of its leaf */
    double overshoot_ns; /* of its leaf, beyond what that asked for */
};

struct sleep_validation {
    struct slept *slept; /* [BATCHES * ITEMS] */
    struct sleep_row *rows;
    size_t count;
};

struct sleep_validation *sleep_validation_create(struct error *error) {
    struct sleep_validation *validation = calloc(1, sizeof *validation);
    if (validation) validation->slept = calloc(BATCHES * ITEMS, sizeof *validation->slept);
    if (validation && validation->slept) return validation;
    sleep_validation_free(validation);
    error_set(error, "out of memory");
    return NULL;
}

void sleep_validation_free(struct sleep_validation *validation) {
    if (!validation) return;
    free(validation->slept);
    free(validation->rows);
    free(validation);
}

/* ---- for real ---- */

static void sleep_items(void *context, size_t begin, size_t end, unsigned worker) {
    (void)worker;
    struct slept *slept = context;
    uint64_t ns = (uint64_t)SLEEP_NS * (end - begin), start = clock_now_ns();
    struct timespec pause = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    while (nanosleep(&pause, &pause) != 0)
        continue;
    double took_ns = (double)(clock_now_ns() - start);
    double asked_ns = (double)SLEEP_NS * (double)(end - begin);
    for (size_t i = begin; i < end; i++)
        slept[i] = (struct slept){took_ns / (double)(end - begin), took_ns - asked_ns};
}

static struct counts counts_of(const struct grainbench_statistics *s, double batches) {
    const uint64_t all[COUNTS] = {s->leaves, s->joins, s->steals};
    struct counts counts;
    for (int i = 0; i < COUNTS; i++)
        counts.values[i] = all[i] == UINT64_MAX ? NAN : (double)all[i] / batches;
    return counts;
}

/* Counts of one batch; the scheduler's totals are set back before it. */
static void run_batch(const struct grainbench_scheduler_operations *operations,
                      struct grainbench_scheduler *scheduler, struct grainbench_batch *batch,
                      struct grainbench_statistics *statistics, struct counts *counts) {
    if (operations->reset_statistics) operations->reset_statistics(scheduler);
    operations->run(scheduler, batch);
    *statistics = (struct grainbench_statistics){.struct_size = sizeof *statistics};
    if (operations->statistics) operations->statistics(scheduler, statistics);
    *counts = counts_of(statistics, 1);
}

static void summarise(const struct counts *batches, struct sleep_row *row) {
    for (int k = 0; k < COUNTS; k++) {
        double sum = 0, squares = 0;
        for (int b = 0; b < BATCHES; b++) {
            sum += batches[b].values[k];
            squares += batches[b].values[k] * batches[b].values[k];
        }
        double mean = sum / BATCHES, variance = fmax(0, squares / BATCHES - mean * mean);
        row->real.values[k] = mean;
        row->spread[k] = sqrt(variance / (BATCHES - 1));
    }
}

static bool run_real(struct sleep_validation *validation, struct sleep_row *row,
                     const uint32_t *hints, struct error *error) {
    struct component component;
    if (!component_parse_scheduler(row->against, &component, error)) return false;
    const struct grainbench_scheduler_operations *operations = component.scheduler;
    struct grainbench_setup setup = {
        .struct_size = sizeof setup, .workers = row->workers, .seed = 1};
    char message[GRAINBENCH_MESSAGE_SIZE] = "no reason given";
    struct grainbench_statistics *statistics = calloc(1, sizeof *statistics);
    struct grainbench_scheduler *made =
        statistics ? operations->create(&setup, component.options, message) : NULL;
    if (made) {
        struct counts batches[BATCHES];
        struct grainbench_batch batch = {.struct_size = sizeof batch,
                                         .item_count = ITEMS,
                                         .item_costs = hints,
                                         .body = sleep_items,
                                         .context = validation->slept};
        run_batch(operations, made, &batch, statistics, &batches[0]); /* the warm-up */
        for (int b = 0; b < BATCHES; b++) {
            batch.context = validation->slept + (size_t)b * ITEMS;
            run_batch(operations, made, &batch, statistics, &batches[b]);
        }
        summarise(batches, row);
        operations->destroy(made);
    } else
        error_set(error, "scheduler %s: %s", row->against, message);
    free(statistics);
    component_free(&component);
    return made != NULL;
}

/* ---- simulated ---- */

/* Processing units that the real threads could run on. */
static unsigned units_here(void) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return (unsigned)CPU_COUNT(&allowed);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

/* One run of 48 batches is uncertain by as much as the real one. */
static bool simulate_seeds(struct simulation_setup *setup, struct counts *mean,
                           struct error *error) {
    *mean = (struct counts){{0}};
    for (setup->seed = 1; setup->seed <= SEEDS; setup->seed++) {
        struct simulation_result result;
        if (!simulation_run(setup, &result, error)) return false;
        struct counts counts = counts_of(result.statistics, (double)result.count);
        for (int k = 0; k < COUNTS; k++)
            mean->values[k] += counts.values[k] / SEEDS;
        simulation_free(&result);
    }
    return true;
}

static bool simulate(const struct sleep_validation *validation, struct sleep_row *row,
                     uint32_t *hints, const struct machine_profile *profile, struct error *error) {
    static size_t lengths[BATCHES * ITEMS], spans[BATCHES * ITEMS];
    static double sleep_ns[BATCHES * ITEMS], overshoot_ns[BATCHES * ITEMS],
        drop_ns[BATCHES * ITEMS];
    char topology[64];
    snprintf(topology, sizeof topology, "pack:1 numa:1 l3:1 core:%u pu:1", row->workers);
    struct placement_source source = {.synthetic = topology};
    struct placement *placement = placement_create(&source, PLACEMENT_CORES, error);
    if (!placement) return false;
    for (size_t i = 0; i < BATCHES * ITEMS; i++) {
        lengths[i] = hints[i];
        spans[i] = hints[i] + 1;
        sleep_ns[i] = SLEEP_NS;
        overshoot_ns[i] = validation->slept[i].overshoot_ns;
    }
    struct corpus corpus = {.line_count = BATCHES * ITEMS,
                            .lengths = lengths,
                            .costs = hints,
                            .spans = spans,
                            .batch_lines = ITEMS,
                            .batch_count = BATCHES};
    struct cost_trace trace = {.count = BATCHES * ITEMS, .encode_ns = sleep_ns, .drop_ns = drop_ns};
    struct virtual_costs costs = machine_profile_costs(profile, PROFILE_TYPICAL, -1, PROFILE_LOW);
    struct simulation_setup setup = {.scheduler = row->scheduler,
                                     .workers = row->workers,
                                     .costs = &costs,
                                     .placement = placement,
                                     .corpus = &corpus,
                                     .trace = &trace,
                                     .free_by = ARM_FREE_UNTIMED,
                                     .sharing = VIRTUAL_SHARING_LINUX,
                                     .overshoot_ns = overshoot_ns,
                                     .warm_batches = 1,
                                     .count = BATCHES};
    setup.sharing.units = units_here();
    bool done = simulate_seeds(&setup, &row->simulated, error);
    placement_destroy(placement);
    return done;
}

static int compare_slept(const void *a, const void *b) {
    double x = ((const struct slept *)a)->item_ns, y = ((const struct slept *)b)->item_ns;
    return (x > y) - (x < y);
}

bool sleep_validation_run(struct sleep_validation *validation, const char *scheduler,
                          unsigned workers, const struct machine_profile *profile,
                          struct error *error) {
    static uint32_t hints[BATCHES * ITEMS];
    for (size_t i = 0; i < BATCHES * ITEMS; i++)
        hints[i] = 64;
    struct sleep_row *rows =
        realloc(validation->rows, (validation->count + 1) * sizeof *validation->rows);
    if (!rows) return error_set(error, "out of memory");
    validation->rows = rows;
    struct sleep_row *row = &rows[validation->count];
    *row = (struct sleep_row){.workers = workers};
    bool real_rayon = strcmp(scheduler, "rayon") == 0 && modules_exist("rayon-real");
    snprintf(row->scheduler, sizeof row->scheduler, "%s", scheduler);
    snprintf(row->against, sizeof row->against, "%s", real_rayon ? "rayon-real" : scheduler);
    if (!run_real(validation, row, hints, error) ||
        !simulate(validation, row, hints, profile, error))
        return false;
    qsort(validation->slept, BATCHES * ITEMS, sizeof *validation->slept, compare_slept);
    row->sleep_ns = validation->slept[BATCHES * ITEMS / 2].item_ns;
    validation->count++;
    return true;
}

/* ---- record and print ---- */

bool sleep_validation_record(const struct sleep_validation *validation,
                             struct record_writer *writer, struct error *error) {
    for (size_t i = 0; i < validation->count; i++) {
        const struct sleep_row *row = &validation->rows[i];
        for (int k = 0; k < COUNTS; k++) {
            json_t *line =
                json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:f}", "kind", "validation", "scheduler",
                          row->scheduler, "against", row->against, "metric", count_names[k],
                          "workers", (int)row->workers, "body", "sleeps", "item_ns", row->sleep_ns);
            const char *why = "this scheduler does not count it";
            record_set_real(line, "simulated", row->simulated.values[k], why);
            record_set_real(line, "real", row->real.values[k], why);
            record_set_real(line, "prediction_error",
                            row->simulated.values[k] / row->real.values[k] - 1, why);
            if (!record_append(writer, line, error)) return false;
        }
    }
    return true;
}

bool sleep_validation_print(const struct sleep_validation *validation, FILE *out,
                            struct error *error) {
    static const char *const titles[] = {"threads",   "<scheduler", "<against", "<a batch",
                                         "simulated", "real",       "error",    NULL};
    if (!validation->count) return true;
    struct grid *grid = grid_create(titles);
    if (!grid) return error_set(error, "out of memory");
    for (size_t i = 0; i < validation->count; i++) {
        const struct sleep_row *row = &validation->rows[i];
        for (int k = 0; k < COUNTS; k++) {
            double simulated = row->simulated.values[k], real = row->real.values[k];
            if (!isfinite(real) || !isfinite(simulated)) continue;
            grid_add(grid, "%u", row->workers);
            grid_add(grid, "%s", row->scheduler);
            grid_add(grid, "%s", row->against);
            grid_add(grid, "%s", count_names[k]);
            grid_add(grid, "%.1f", simulated);
            grid_add(grid, "%.1f +- %.1f", real, row->spread[k]);
            if (real > 0)
                grid_add(grid, "%+.1f %%", 100 * (simulated / real - 1));
            else
                grid_add(grid, "n/a");
        }
    }
    fprintf(out,
            "\nCounts with bodies that sleep 2 ms, %d items a batch, %d batches: simulated threads "
            "share %u processing\nunits as the real ones do here, and oversleep as these did (+-: "
            "standard error of the real mean).\n",
            ITEMS, BATCHES, units_here());
    bool printed = grid_print(grid, GRID_TEXT, out, error);
    grid_free(grid);
    return printed;
}
