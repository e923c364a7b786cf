/* schedulers_stress: random batches through every scheduler with random options, more workers than
 * cores included; every item must run exactly once, in the batch it belongs to, and results must
 * come back in place.
 *
 *     schedulers_stress [--batches N] [--seed N] [--scheduler NAME] [--workers N]
 *                       [--copy native|counted] [--every]
 *
 * --every: instead of random ones, every scheduler at 1 to 8 workers, with --batches each.
 *
 * Items' counters are plain memory: under ThreadSanitizer two workers on one item are a report. */
#include "base/options.h"
#include "base/random.h"
#include "schedulers/schedulers.h"
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { MAXIMUM_ITEMS = 5000, MAXIMUM_WORKERS = 16 };

struct settings {
    int64_t batches;
    int64_t seed;
    int64_t workers;
    const char *scheduler;
    int copy;
    bool every;
};

static const struct grainbench_option options[] = {
    {"batches", 'n', GRAINBENCH_OPTION_INTEGER, offsetof(struct settings, batches), "N", "1M", NULL,
     1, 1e12, "batches to run"},
    {"seed", 's', GRAINBENCH_OPTION_INTEGER, offsetof(struct settings, seed), "N", "1", NULL, 0,
     1e12, "the same seed gives the same batches, workers and options"},
    {"workers", 'w', GRAINBENCH_OPTION_INTEGER, offsetof(struct settings, workers), "N", "0", NULL,
     0, 16, "workers of every scheduler; 0: a random number from 1 to 16"},
    {"scheduler", 0, GRAINBENCH_OPTION_TEXT, offsetof(struct settings, scheduler), "NAME", NULL,
     NULL, 0, 0, "only this one"},
    {"copy", 0, GRAINBENCH_OPTION_CHOICE, offsetof(struct settings, copy), "COPY", "native",
     "native|counted", 0, 0, "which compiled copy of the schedulers"},
    {"every", 'e', GRAINBENCH_OPTION_FLAG, offsetof(struct settings, every), NULL, "0", NULL, 0, 0,
     "every scheduler at 1 to 8 workers, so many batches each"},
    {0}};

/* One batch and what its items saw. */
struct work {
    uint32_t runs[MAXIMUM_ITEMS];    /* by item */
    uint64_t results[MAXIMUM_ITEMS]; /* by item; where the batch collects */
    uint64_t number;                 /* of the batch, in its high half; the items' salt */
    bool collects;
    bool yields;
    unsigned workers;
    size_t count;
    bool bad_range;
};

static uint64_t result_of(const struct work *work, size_t item) {
    return (work->number << 16 | item) * 0x9E3779B97F4A7C15u;
}

static void body(void *context, size_t begin, size_t end, unsigned worker) {
    struct work *work = context;
    if (begin >= end || end > work->count || worker >= work->workers) {
        work->bad_range = true;
        return;
    }
    for (size_t item = begin; item < end; item++) {
        work->runs[item]++;
        if (work->collects) work->results[item] = result_of(work, item);
        if (work->yields && (item * 2654435761u >> 20) % 32 == 0) sched_yield();
    }
}

/* Every value of a FLAG or CHOICE is likely; numbers are the default or small. */
static void choose_options(const struct grainbench_scheduler_operations *operations, void *target,
                           struct random *random) {
    struct error error;
    options_set_defaults(operations->options, target, &error);
    for (const struct grainbench_option *row = operations->options; row->type; row++) {
        char *field = (char *)target + row->offset;
        if (row->type == GRAINBENCH_OPTION_FLAG) {
            *(bool *)field = random_below(random, 2);
        } else if (row->type == GRAINBENCH_OPTION_CHOICE) {
            unsigned words = 1;
            for (const char *c = row->choices; *c; c++)
                words += *c == '|';
            *(int *)field = (int)random_below(random, words);
        } else if (row->type == GRAINBENCH_OPTION_INTEGER && random_below(random, 2)) {
            int64_t value = (int64_t)(row->minimum + random_below(random, 12));
            *(int64_t *)field = value > row->maximum ? (int64_t)row->maximum : value;
        }
    }
}

static void print_options(const struct grainbench_scheduler_operations *operations,
                          const void *values) {
    fprintf(stderr, "  options:");
    for (const struct grainbench_option *row = operations->options; row && row->type; row++) {
        char text[64];
        options_value_text(row, values, text, sizeof text);
        fprintf(stderr, " %s=%s", row->name, text);
    }
    fprintf(stderr, "\n");
}

/* Runs one batch and checks it; false with a sentence on a failure. */
static bool run_batch(const struct grainbench_scheduler_operations *operations,
                      struct grainbench_scheduler *scheduler, struct work *work,
                      const uint32_t *costs, struct random *random) {
    work->count = random_below(random, 4) ? random_below(random, 200)
                                          : random_below(random, MAXIMUM_ITEMS + 1);
    work->number++;
    work->collects = random_below(random, 2);
    work->yields = random_below(random, 16) == 0;
    memset(work->runs, 0, work->count * sizeof work->runs[0]);
    memset(work->results, 0, work->count * sizeof work->results[0]);
    struct grainbench_batch batch = {.struct_size = sizeof batch,
                                     .item_count = work->count,
                                     .item_costs = random_below(random, 2) ? costs : NULL,
                                     .body = body,
                                     .context = work,
                                     .results = work->collects ? work->results : NULL,
                                     .result_size = work->collects ? sizeof work->results[0] : 0};
    operations->run(scheduler, &batch);
    if (work->bad_range) {
        fprintf(stderr, "%s: the body was called with a bad range or worker\n", operations->name);
        return false;
    }
    for (size_t item = 0; item < work->count; item++) {
        if (work->runs[item] != 1 ||
            (work->collects && work->results[item] != result_of(work, item))) {
            fprintf(stderr, "%s, %u workers, batch of %zu: item %zu ran %" PRIu32 " times%s\n",
                    operations->name, work->workers, work->count, item, work->runs[item],
                    work->runs[item] == 1 ? " but its result was lost" : "");
            return false;
        }
    }
    return true;
}

/* A scheduler with random options, and up to `batches` batches through it; returns how many ran,
 * negative on a failure. */
static int64_t run_one_scheduler(const struct settings *settings,
                                 const struct grainbench_scheduler_operations *operations,
                                 int64_t batches, struct work *work, const uint32_t *costs,
                                 struct random *random) {
    struct grainbench_setup setup = {
        .struct_size = sizeof setup,
        .workers = settings->workers ? (unsigned)settings->workers
                                     : 1 + (unsigned)random_below(random, MAXIMUM_WORKERS),
        .flags = random_below(random, 4) == 0 ? GRAINBENCH_OBSERVE : 0,
        .seed = random_next(random)};
    void *values = calloc(1, operations->options_size ? operations->options_size : 1);
    if (!values) return -1;
    if (operations->options) choose_options(operations, values, random);
    char message[GRAINBENCH_MESSAGE_SIZE];
    struct grainbench_scheduler *scheduler = operations->create(&setup, values, message);
    if (!scheduler) {
        fprintf(stderr, "%s: %s\n", operations->name, message);
        free(values);
        return -1;
    }
    work->workers = setup.workers;
    int64_t ran = 0;
    bool good = true;
    while (good && ran < batches) {
        good = run_batch(operations, scheduler, work, costs, random);
        ran++;
    }
    if (!good) print_options(operations, values);
    operations->destroy(scheduler);
    free(values);
    return good ? ran : -1;
}

/* Random schedulers until all batches have run; returns how many schedulers, negative on failure.
 */
static int64_t run_random(struct settings *settings, struct work *work, const uint32_t *costs,
                          struct random *random) {
    enum schedulers_copy copy = (enum schedulers_copy)settings->copy;
    int64_t left = settings->batches, schedulers = 0;
    while (left > 0) {
        const struct grainbench_scheduler_operations *operations =
            settings->scheduler ? schedulers_find(copy, settings->scheduler)
                                : schedulers_at(copy, random_below(random, schedulers_count()));
        if (!operations) {
            fprintf(stderr, "schedulers_stress: no scheduler '%s'\n", settings->scheduler);
            return -1;
        }
        int64_t most = 1 + (int64_t)random_below(random, 200);
        int64_t ran =
            run_one_scheduler(settings, operations, most < left ? most : left, work, costs, random);
        if (ran < 0) return -1;
        left -= ran;
        schedulers++;
    }
    return schedulers;
}

static int64_t run_every(struct settings *settings, struct work *work, const uint32_t *costs,
                         struct random *random) {
    int64_t schedulers = 0;
    for (size_t i = 0; i < schedulers_count(); i++)
        for (settings->workers = 1; settings->workers <= 8; settings->workers++, schedulers++)
            if (run_one_scheduler(settings, schedulers_at((enum schedulers_copy)settings->copy, i),
                                  settings->batches, work, costs, random) < 0)
                return -1;
    return schedulers;
}

int main(int argc, char **argv) {
    struct settings settings = {0};
    struct error error;
    int first;
    if (!options_parse_arguments(options, &settings, argc, argv, &first, &error)) {
        fprintf(stderr, "schedulers_stress: %s\n", error.message);
        return 2;
    }
    struct random random = {.state = (uint64_t)settings.seed};
    struct work *work = calloc(1, sizeof *work);
    uint32_t *costs = calloc(MAXIMUM_ITEMS, sizeof *costs);
    if (!work || !costs) return 2;
    for (size_t i = 0; i < MAXIMUM_ITEMS; i++)
        costs[i] = (uint32_t)random_below(&random, 200);
    int64_t schedulers = settings.every ? run_every(&settings, work, costs, &random)
                                        : run_random(&settings, work, costs, &random);
    if (schedulers >= 0)
        printf("%" PRId64 " batches through %" PRId64 " schedulers: every item ran exactly once\n",
               settings.every ? settings.batches * schedulers : settings.batches, schedulers);
    free(work);
    free(costs);
    return schedulers >= 0 ? 0 : 1;
}
