/* Measuring a model beside the real thing; see fidelity.h. */
#define _GNU_SOURCE
#include "harness/fidelity/fidelity.h"

#include "base/clock.h"
#include "base/random.h"
#include "harness/components.h"
#include "harness/progress.h"
#include "results/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

enum { WARM_BATCHES = 3, ROUND_LIMIT = 1000, RESAMPLES = 500, RESULT_LIMIT = 256 };

/* One way to run batches. A counted case looks at the statistics of every batch; a timed one at the
 * median duration of a block of batches. */
struct kind {
    const char *body_name;
    enum fidelity_body body;
    uint64_t body_ns; /* 0 for sleeping bodies: the plan's */
    bool counted, timed;
    uint64_t gap_ns;    /* the caller sleeps so long before every timed batch */
    const char *metric; /* of the timing */
    bool per_item;      /* ns an item; else us a batch */
    unsigned block;     /* timed batches a block */
    double time_low, time_high, leaves_limit, steals_limit; /* 0: no limit */
    size_t result_size; /* of an item, collected by the scheduler; 0: nothing to collect */
};

/* Limits as docs/plugins.md states them: leaves within 10 %, joins and steals within 15 % where
 * bodies sleep, the cost of an empty item within 0.7 to 1.5. */
#define TIMED(text, batches) .timed = true, .metric = text, .block = batches
#define PER_ITEM(batches)    TIMED("ns an item", batches), .per_item = true
static const struct kind kinds[] = {
    {"sleeping", FIDELITY_SLEEPING, .counted = true, .leaves_limit = 0.10, .steals_limit = 0.15},
    {"busy 12 us", FIDELITY_BUSY, .body_ns = 12000, .counted = true, PER_ITEM(3)},
    {"busy 1 us", FIDELITY_BUSY, .body_ns = 1000, .counted = true, PER_ITEM(10)},
    {"empty", .counted = true, PER_ITEM(100), .time_low = 0.7, .time_high = 1.5},
    {"empty", TIMED("ns an item, 256 B results", 40), .per_item = true, .result_size = 256},
    {"empty", TIMED("us a batch, no gap", 40)},
    {"empty", TIMED("us a batch after 50 us", 40), .gap_ns = 50000},
    {"empty", TIMED("us a batch after 500 us", 12), .gap_ns = 500000},
};
#undef TIMED
#undef PER_ITEM
enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

struct side {
    struct component component;
    struct grainbench_scheduler *scheduler;
};

/* Both schedulers at one number of workers, and the batch they run. */
struct bench {
    const struct fidelity_plan *plan;
    unsigned workers;
    struct side sides[FIDELITY_SIDES];
    const struct kind *kind;
    uint32_t *ran; /* [items] times the item ran in this batch */
    char *results; /* [items][RESULT_LIMIT] */
    struct grainbench_statistics statistics;
    struct random random;
};

static void bind_worker(void *context, unsigned worker) {
    const struct bench *bench = context;
    if (bench->plan->pin) placement_bind(bench->plan->placement, worker, NULL);
}

static inline void stay_busy(uint64_t duration_ns) {
    for (uint64_t until = clock_now_ns() + duration_ns; clock_now_ns() < until;) {
    }
}

static void run_items(void *context, size_t begin, size_t end, unsigned worker) {
    struct bench *bench = context;
    uint64_t body_ns = bench->kind->body_ns;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        bench->ran[i]++;
        if (bench->kind->body == FIDELITY_BUSY)
            stay_busy(body_ns);
        else if (bench->kind->body == FIDELITY_SLEEPING)
            nanosleep(&(struct timespec){.tv_nsec = (long)bench->plan->sleep_ns}, NULL);
    }
}

/* ---- making ---- */

static bool make_side(struct bench *bench, int which, struct error *error) {
    struct side *side = &bench->sides[which];
    char message[GRAINBENCH_MESSAGE_SIZE] = "";
    if (!component_parse_scheduler(bench->plan->schedulers[which], &side->component, error))
        return false;
    const struct grainbench_scheduler_operations *operations = side->component.scheduler;
    if (!operations->statistics || !operations->reset_statistics)
        return error_set(error, "scheduler %s keeps no statistics to compare", operations->name);
    struct grainbench_setup setup = {.struct_size = sizeof setup,
                                     .workers = bench->workers,
                                     .worker_start = bind_worker,
                                     .context = bench,
                                     .seed = bench->plan->seed};
    side->scheduler = operations->create(&setup, side->component.options, message);
    return side->scheduler || error_set(error, "scheduler %s: %s", operations->name, message);
}

static void free_bench(struct bench *bench) {
    for (int which = 0; which < FIDELITY_SIDES; which++) {
        struct side *side = &bench->sides[which];
        if (side->scheduler) side->component.scheduler->destroy(side->scheduler);
        if (side->component.text) component_free(&side->component);
    }
    free(bench->ran);
    free(bench->results);
    free(bench);
}

static struct bench *make_bench(const struct fidelity_plan *plan, unsigned workers,
                                struct error *error) {
    struct bench *bench = calloc(1, sizeof *bench);
    uint32_t *ran = calloc(plan->items, sizeof *ran);
    char *results = calloc(plan->items, RESULT_LIMIT);
    if (!bench || !ran || !results) {
        error_set(error, "out of memory");
        free(bench);
        free(ran);
        free(results);
        return NULL;
    }
    *bench = (struct bench){
        .plan = plan, .workers = workers, .ran = ran, .results = results, .random = {plan->seed}};
    if (plan->pin) placement_bind_any(plan->placement, workers, NULL);
    for (int which = 0; which < FIDELITY_SIDES; which++)
        if (!make_side(bench, which, error)) {
            free_bench(bench);
            return NULL;
        }
    return bench;
}

/* ---- running ---- */

/* Runs one batch; its duration, or 0 with a sentence when an item did not run exactly once. */
static uint64_t run_batch(struct bench *bench, int which, struct error *error) {
    const struct side *side = &bench->sides[which];
    struct grainbench_batch batch = {.struct_size = sizeof batch,
                                     .item_count = bench->plan->items,
                                     .body = run_items,
                                     .context = bench,
                                     .results = bench->kind->result_size ? bench->results : NULL,
                                     .result_size = bench->kind->result_size};
    uint64_t gap_ns = bench->kind->gap_ns;
    if (gap_ns) nanosleep(&(struct timespec){.tv_nsec = (long)gap_ns}, NULL);
    memset(bench->ran, 0, bench->plan->items * sizeof *bench->ran);
    uint64_t begin = clock_now_ns();
    side->component.scheduler->run(side->scheduler, &batch);
    uint64_t duration = clock_now_ns() - begin;
    for (size_t i = 0; i < bench->plan->items; i++)
        if (bench->ran[i] != 1) {
            error_set(error, "scheduler %s ran item %zu of %zu %u times",
                      side->component.scheduler->name, i, bench->plan->items, bench->ran[i]);
            return 0;
        }
    return duration ? duration : 1;
}

static bool warm_up(struct bench *bench, int which, unsigned batches, struct error *error) {
    for (unsigned i = 0; i < batches; i++)
        if (!run_batch(bench, which, error)) return false;
    return true;
}

/* The median duration of a block of batches. */
static bool run_block(struct bench *bench, int which, double *median, struct error *error) {
    double durations[128];
    if (!warm_up(bench, which, WARM_BATCHES, error)) return false;
    for (unsigned i = 0; i < bench->kind->block; i++) {
        uint64_t duration = run_batch(bench, which, error);
        if (!duration) return false;
        durations[i] = (double)duration;
    }
    *median = statistics_median(durations, bench->kind->block);
    return true;
}

static struct fidelity_figure *add_figure(struct fidelity_result *result, const struct bench *bench,
                                          const char *metric) {
    size_t count = result->figure_count;
    struct fidelity_figure *larger =
        realloc(result->figures, (count + 1) * sizeof *result->figures);
    if (!larger) return NULL;
    result->figures = larger;
    result->figure_count = count + 1;
    larger[count] = (struct fidelity_figure){
        .workers = bench->workers, .body = bench->kind->body_name, .metric = metric};
    return &larger[count];
}

static bool record_figure(struct record_writer *writer, const struct fidelity_figure *figure,
                          struct error *error) {
    json_t *line = json_pack("{s:s, s:i, s:s, s:s}", "kind", "fidelity", "workers",
                             (int)figure->workers, "body", figure->body, "metric", figure->metric);
    const char *none = "too few rounds, or the real one has none";
    record_set_real(line, "model", figure->values[FIDELITY_MODEL], none);
    record_set_real(line, "real", figure->values[FIDELITY_REAL], none);
    record_set_real(line, "ratio", figure->ratio, none);
    record_set_real(line, "low", figure->low, none);
    record_set_real(line, "high", figure->high, none);
    if (figure->limit_high > 0) {
        record_set_real(line, "limit_low", figure->limit_low, none);
        record_set_real(line, "limit_high", figure->limit_high, none);
    }
    return record_append(writer, line, error);
}

/* ---- timed cases ---- */

static bool time_kind(struct bench *bench, struct record_writer *writer,
                      struct fidelity_result *result, struct error *error) {
    static double values[FIDELITY_SIDES][ROUND_LIMIT], ratios[ROUND_LIMIT];
    const struct kind *kind = bench->kind;
    unsigned rounds = bench->plan->rounds;
    int first = 0; /* who begins: random in even rounds, the other one in odd rounds */
    for (unsigned round = 0; round < rounds; round++) {
        first = round % 2 ? 1 - first : (int)(random_next(&bench->random) & 1);
        for (int turn = 0; turn < FIDELITY_SIDES; turn++) {
            int which = turn ? 1 - first : first;
            if (!run_block(bench, which, &values[which][round], error)) return false;
        }
        ratios[round] = values[FIDELITY_MODEL][round] / values[FIDELITY_REAL][round];
    }
    struct fidelity_figure *figure = add_figure(result, bench, kind->metric);
    if (!figure) return error_set(error, "out of memory");
    double unit = kind->per_item ? (double)bench->plan->items : 1000;
    for (int which = 0; which < FIDELITY_SIDES; which++)
        figure->values[which] = statistics_median(values[which], rounds) / unit;
    struct interval interval = {0};
    bool known = statistics_median_interval(ratios, rounds, 0.95, &interval);
    figure->ratio = interval.estimate;
    figure->low = known ? interval.low : NAN;
    figure->high = known ? interval.high : NAN;
    figure->limit_low = bench->workers == 2 ? kind->time_low : 0;
    figure->limit_high = bench->workers == 2 ? kind->time_high : 0;
    return record_figure(writer, figure, error);
}

/* ---- counted cases ---- */

struct batch_counts {
    double leaves[ROUND_LIMIT], joins[ROUND_LIMIT], steals[ROUND_LIMIT];
};

/* One worker takes long over a batch of sleeping bodies, and always divides it the same way. */
static unsigned batches_to_count(const struct bench *bench) {
    unsigned all = bench->plan->batches;
    unsigned share = bench->workers == 1 ? all / 4 : all;
    return share > 0 ? share : 1;
}

static bool count_batch(struct bench *bench, int which, unsigned batch, struct batch_counts *counts,
                        struct fidelity_histogram *histogram, struct error *error) {
    const struct side *side = &bench->sides[which];
    if (!warm_up(bench, which, bench->kind->body == FIDELITY_SLEEPING ? 0 : 1, error)) return false;
    side->component.scheduler->reset_statistics(side->scheduler);
    if (!run_batch(bench, which, error)) return false;
    bench->statistics = (struct grainbench_statistics){.struct_size = sizeof bench->statistics};
    side->component.scheduler->statistics(side->scheduler, &bench->statistics);
    counts->leaves[batch] = (double)bench->statistics.leaves;
    counts->joins[batch] = (double)bench->statistics.joins;
    counts->steals[batch] = (double)bench->statistics.steals;
    for (size_t size = 1; size < GRAINBENCH_LEAF_SIZES; size++) {
        int bucket = 63 - __builtin_clzll((unsigned long long)size);
        if (bucket >= FIDELITY_BUCKETS) bucket = FIDELITY_BUCKETS - 1;
        histogram->leaves[which][bucket] +=
            (double)bench->statistics.leaf_sizes[size] / batches_to_count(bench);
    }
    return true;
}

/* The median of leaves, as the limits are about it; of joins and steals, which are few, the mean.
 */
static double middle(const double *values, unsigned count, bool use_mean) {
    return use_mean ? statistics_mean(values, count) : statistics_median(values, count);
}

static double ratio_of(double model, double real) {
    return model == 0 && real == 0 ? 1 : model / real;
}

/* A 95 % interval of the ratio by resampling both sides' batches (percentiles of 500 resamples). */
static void resample(struct bench *bench, const double *model, const double *real, unsigned count,
                     bool use_mean, struct fidelity_figure *figure) {
    static double ratios[RESAMPLES], drawn[FIDELITY_SIDES][ROUND_LIMIT];
    for (unsigned r = 0; r < RESAMPLES; r++) {
        for (unsigned i = 0; i < count; i++) {
            drawn[FIDELITY_MODEL][i] = model[random_below(&bench->random, count)];
            drawn[FIDELITY_REAL][i] = real[random_below(&bench->random, count)];
        }
        ratios[r] = ratio_of(middle(drawn[FIDELITY_MODEL], count, use_mean),
                             middle(drawn[FIDELITY_REAL], count, use_mean));
    }
    double *sorted = statistics_sorted(ratios, RESAMPLES);
    figure->low = sorted ? statistics_quantile(sorted, RESAMPLES, 0.025) : NAN;
    figure->high = sorted ? statistics_quantile(sorted, RESAMPLES, 0.975) : NAN;
    free(sorted);
}

static bool add_count(struct bench *bench, struct record_writer *writer,
                      struct fidelity_result *result, const char *metric, const double *model,
                      const double *real, bool use_mean, double limit, struct error *error) {
    struct fidelity_figure *figure = add_figure(result, bench, metric);
    if (!figure) return error_set(error, "out of memory");
    unsigned count = batches_to_count(bench);
    double a = middle(model, count, use_mean), b = middle(real, count, use_mean);
    figure->values[FIDELITY_MODEL] = a;
    figure->values[FIDELITY_REAL] = b;
    figure->ratio = ratio_of(a, b);
    resample(bench, model, real, count, use_mean, figure);
    figure->limit_low = limit > 0 ? 1 - limit : 0;
    figure->limit_high = limit > 0 ? 1 + limit : 0;
    return record_figure(writer, figure, error);
}

static bool record_histogram(struct record_writer *writer,
                             const struct fidelity_histogram *histogram, struct error *error) {
    json_t *line = json_pack("{s:s, s:i, s:s}", "kind", "fidelity_leaves", "workers",
                             (int)histogram->workers, "body", histogram->body);
    static const char *const names[FIDELITY_SIDES] = {"model", "real"};
    for (int which = 0; which < FIDELITY_SIDES; which++) {
        json_t *buckets = json_array();
        for (int b = 0; b < FIDELITY_BUCKETS; b++)
            json_array_append_new(buckets, json_real(histogram->leaves[which][b]));
        json_object_set_new(line, names[which], buckets);
    }
    return record_append(writer, line, error);
}

static bool count_kind(struct bench *bench, struct record_writer *writer,
                       struct fidelity_result *result, struct error *error) {
    static struct batch_counts counts[FIDELITY_SIDES];
    const struct kind *kind = bench->kind;
    struct fidelity_histogram histogram = {.workers = bench->workers, .body = kind->body_name};
    for (unsigned batch = 0; batch < batches_to_count(bench); batch++)
        for (int turn = 0; turn < FIDELITY_SIDES; turn++) {
            int which = (int)(batch + (unsigned)turn) % FIDELITY_SIDES;
            if (!count_batch(bench, which, batch, &counts[which], &histogram, error)) return false;
        }
    struct fidelity_histogram *larger =
        realloc(result->histograms, (result->histogram_count + 1) * sizeof *result->histograms);
    if (!larger) return error_set(error, "out of memory");
    result->histograms = larger;
    larger[result->histogram_count++] = histogram;
    const struct batch_counts *model = &counts[FIDELITY_MODEL], *real = &counts[FIDELITY_REAL];
    return record_histogram(writer, &histogram, error) &&
           add_count(bench, writer, result, "leaves", model->leaves, real->leaves, false,
                     kind->leaves_limit, error) &&
           add_count(bench, writer, result, "joins", model->joins, real->joins, true,
                     kind->steals_limit, error) &&
           add_count(bench, writer, result, "steals", model->steals, real->steals, true,
                     kind->steals_limit, error);
}

bool fidelity_measure(const struct fidelity_plan *plan, struct record_writer *writer,
                      struct fidelity_result *result, struct error *error) {
    *result = (struct fidelity_result){0};
    /* Sleeps end when they should: the kernel's default is up to 50 us later. Threads inherit it.
     */
    prctl(PR_SET_TIMERSLACK, 1ul);
    for (int c = 0; c < plan->count; c++) {
        struct bench *bench = make_bench(plan, plan->counts[c].workers, error);
        if (!bench) return false;
        bool good = true;
        for (size_t k = 0; good && k < KIND_COUNT; k++) {
            progress_show("model beside the real one",
                          ((double)c + (double)k / KIND_COUNT) / (double)plan->count);
            bench->kind = &kinds[k];
            good = (!kinds[k].counted || count_kind(bench, writer, result, error)) &&
                   (!kinds[k].timed || time_kind(bench, writer, result, error));
        }
        free_bench(bench);
        if (!good) return false;
    }
    return true;
}

void fidelity_free(struct fidelity_result *result) {
    free(result->figures);
    free(result->histograms);
    *result = (struct fidelity_result){0};
}
