/* Samples of a round put side by side; see pairs.h. */
#define _GNU_SOURCE
#include "results/pairs.h"

#include "results/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SLICE_LIMIT = 64 }; /* further ones are ignored */

const char *const metric_names[METRIC_COUNT] = {"throughput", "cpu"};

const char *record_unit(const struct record *record) {
    const char *unit = record_header_text(record, "unit");
    return unit ? unit : "MiB/s";
}

bool record_counts_items(const struct record *record) {
    return strncmp(record_unit(record), "MiB", 3) != 0;
}

static double sample_work(const struct record *record, const struct sample *sample) {
    return record_counts_items(record) ? (double)sample->items : (double)sample->bytes / 0x1p20;
}

static size_t slice_count(const struct sample *sample) {
    return json_array_size(sample->slices_ns);
}

static double slice_ns(const struct sample *sample, size_t i) {
    return json_number_value(json_array_get(sample->slices_ns, i));
}

static bool slice_is_tainted(const struct sample *sample, size_t slice) {
    size_t index;
    json_t *value;
    json_array_foreach(sample->slices_tainted, index, value) {
        if ((size_t)json_integer_value(value) == slice) return true;
    }
    return false;
}

double sample_throughput(const struct record *record, const struct sample *sample) {
    return sample_work(record, sample) / (double)sample->duration_ns * 1e9;
}

/* The trimmed mean of the log ratios of the slices that are clean on both sides: slices of one
 * index were taken within milliseconds of each other, so most of what disturbs the machine hits
 * both or neither. NAN if fewer than half of them are clean. */
static double slices_ratio(const struct sample *baseline, const struct sample *patched, bool all) {
    double ratios[SLICE_LIMIT];
    size_t slices = slice_count(baseline), count = 0;
    for (size_t i = 0; i < slices && i < SLICE_LIMIT; i++)
        if (all || (!slice_is_tainted(baseline, i) && !slice_is_tainted(patched, i)))
            ratios[count++] = log(slice_ns(baseline, i) / slice_ns(patched, i));
    return 2 * count >= slices ? statistics_trimmed_mean(ratios, count) : NAN;
}

/* Log of work per time; NAN where the record does not say. */
static double log_rate(const struct record *record, const struct sample *sample,
                       enum metric metric) {
    double time_ns = metric == METRIC_CPU ? (double)sample->cpu_ns : (double)sample->duration_ns;
    if (metric == METRIC_CPU && sample->cpu_ns == RECORD_UNAVAILABLE) return NAN;
    double work = sample_work(record, sample);
    if (work <= 0) work = 1; /* both arms did the same unknown amount */
    return log(work / time_ns);
}

/* How far the environment disturbed a pair. */
enum disturbance { CLEAN, WAITED, DISTURBED };

static enum disturbance disturbance_of(const char *tainted) {
    static const char *const waits[] = {"run-queue wait", "involuntary switches"};
    if (!tainted) return CLEAN;
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++)
        if (strncmp(tainted, waits[i], strlen(waits[i])) == 0) return WAITED;
    return DISTURBED;
}

static enum disturbance worse(enum disturbance a, enum disturbance b) {
    return a > b ? a : b;
}

/* The log ratio of a pair; `all` uses every slice, tainted or not. */
static double pair_ratio(const struct record *record, const struct sample *baseline,
                         const struct sample *patched, enum metric metric, bool all,
                         enum disturbance *disturbance) {
    double plain = log_rate(record, patched, metric) - log_rate(record, baseline, metric);
    size_t slices = slice_count(baseline);
    *disturbance = worse(disturbance_of(baseline->tainted), disturbance_of(patched->tainted));
    if (metric != METRIC_THROUGHPUT || slices < 2 || slices != slice_count(patched)) return plain;
    double ratio = slices_ratio(baseline, patched, all);
    if (!isnan(ratio)) return ratio;
    *disturbance = worse(*disturbance, WAITED);
    return slices_ratio(baseline, patched, true);
}

struct half {
    const struct sample *sample;
    size_t place; /* in the record */
};

static int compare_halves(const void *a, const void *b) {
    const struct half *x = a, *y = b;
    if (x->sample->process != y->sample->process)
        return x->sample->process < y->sample->process ? -1 : 1;
    if (x->sample->round != y->sample->round) return x->sample->round < y->sample->round ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

/* The arm's samples by process and round. */
static struct half *collect(const struct record *record, unsigned arm, size_t *count) {
    struct half *halves = malloc((record->sample_count + 1) * sizeof *halves);
    *count = 0;
    for (size_t i = 0; halves && i < record->sample_count; i++)
        if (record->samples[i].arm == arm)
            halves[(*count)++] = (struct half){&record->samples[i], i};
    if (halves) qsort(halves, *count, sizeof *halves, compare_halves);
    return halves;
}

/* The kind of taint, without the sample's figures. */
static void note_taint(struct pairs *pairs, const struct sample *a, const struct sample *b) {
    const char *why = a->tainted ? a->tainted : b->tainted ? b->tainted : "run-queue wait";
    if (pairs->cause[0]) return;
    size_t length = strcspn(why, "0123456789");
    while (length && why[length - 1] == ' ')
        length--;
    snprintf(pairs->cause, sizeof pairs->cause, "%.*s", (int)length, why);
}

static void add_pair(struct pairs *pairs, double ratio, unsigned process) {
    pairs->ties += ratio == 0;
    pairs->ratios[pairs->count] = ratio;
    pairs->processes[pairs->count++] = process;
}

static int same_round(const struct half *a, const struct half *b) {
    if (a->sample->process != b->sample->process)
        return a->sample->process < b->sample->process ? -1 : 1;
    if (a->sample->round != b->sample->round) return a->sample->round < b->sample->round ? -1 : 1;
    return 0;
}

/* Pairs up; those disturbed at most as `keep` says go to `ratios`, the others are counted. */
static void merge(const struct record *record, enum metric metric, enum disturbance keep,
                  const struct half *a, size_t a_count, const struct half *b, size_t b_count,
                  struct pairs *pairs) {
    pairs->count = pairs->dropped = pairs->waited = pairs->alone = pairs->ties = 0;
    pairs->processes_seen = 0;
    for (size_t i = 0, j = 0; i < a_count || j < b_count;) {
        int order = i == a_count ? 1 : j == b_count ? -1 : same_round(&a[i], &b[j]);
        if (order != 0) {
            pairs->alone++;
            order < 0 ? i++ : j++;
            continue;
        }
        const struct sample *x = a[i++].sample, *y = b[j++].sample;
        enum disturbance disturbance;
        double ratio = pair_ratio(record, x, y, metric, keep != CLEAN, &disturbance);
        if (disturbance != CLEAN) note_taint(pairs, x, y);
        pairs->waited += disturbance == WAITED;
        if (isnan(ratio)) {
            pairs->alone++;
        } else if (disturbance > keep) {
            pairs->dropped++;
        } else {
            if (!pairs->count || pairs->processes[pairs->count - 1] != x->process)
                pairs->processes_seen++;
            add_pair(pairs, ratio, x->process);
        }
    }
}

/* The mean share of worker time that an arm's samples waited for a processor that was not their
 * own threads'. */
static double wait_share(const struct record *record, unsigned arm, const struct half *halves,
                         size_t count) {
    double waited = 0, worked = 0;
    unsigned workers = record->arms[arm].workers ? record->arms[arm].workers : 1;
    for (size_t i = 0; i < count; i++) {
        const struct sample *sample = halves[i].sample;
        const json_t *wait = json_object_get(sample->evidence, "run_queue_wait_ns");
        const json_t *own = json_object_get(sample->evidence, "own_wait_ns");
        if (!json_is_integer(wait)) continue;
        waited += fmax(0, (double)(json_integer_value(wait) - json_integer_value(own)));
        worked += (double)sample->duration_ns * workers;
    }
    return worked > 0 ? waited / worked : NAN;
}

bool pairs_build(const struct record *record, unsigned baseline, unsigned patched,
                 enum metric metric, size_t least, struct pairs *pairs, struct error *error) {
    *pairs = (struct pairs){0};
    size_t a_count, b_count;
    struct half *a = collect(record, baseline, &a_count), *b = collect(record, patched, &b_count);
    pairs->ratios = malloc((a_count + 1) * sizeof *pairs->ratios);
    pairs->processes = malloc((a_count + 1) * sizeof *pairs->processes);
    bool built = a && b && pairs->ratios && pairs->processes;
    if (built) {
        pairs->baseline_waits = wait_share(record, baseline, a, a_count);
        pairs->patched_waits = wait_share(record, patched, b, b_count);
        merge(record, metric, CLEAN, a, a_count, b, b_count, pairs);
        pairs->busy = pairs->waited > pairs->count;
        if (pairs->busy) merge(record, metric, WAITED, a, a_count, b, b_count, pairs);
        if (pairs->count < least && pairs->dropped) {
            size_t dropped = pairs->dropped;
            merge(record, metric, DISTURBED, a, a_count, b, b_count, pairs);
            pairs->dropped = dropped;
            pairs->tainted_kept = true;
        }
    }
    free(a);
    free(b);
    if (built) return true;
    pairs_free(pairs);
    return error_set(error, "out of memory for the pairs of two arms");
}

void pairs_free(struct pairs *pairs) {
    free(pairs->ratios);
    free(pairs->processes);
    *pairs = (struct pairs){0};
}

bool arm_throughputs(const struct record *record, unsigned arm, double **values, size_t *count,
                     struct error *error) {
    *count = 0;
    *values = malloc((record->sample_count + 1) * sizeof **values);
    if (!*values) return error_set(error, "out of memory for the samples of an arm");
    size_t clean = 0, all = 0;
    for (size_t i = 0; i < record->sample_count; i++) {
        all += record->samples[i].arm == arm;
        clean += record->samples[i].arm == arm && !record->samples[i].tainted;
    }
    for (size_t i = 0; i < record->sample_count; i++) {
        const struct sample *sample = &record->samples[i];
        if (sample->arm == arm && (2 * clean < all || !sample->tainted))
            (*values)[(*count)++] = sample_throughput(record, sample);
    }
    return true;
}

static double published_throughput(const struct record *record, unsigned arm) {
    for (size_t i = 0; i < record->line_count; i++) {
        const struct record_line *line = &record->lines[i];
        const char *metric = json_string_value(json_object_get(line->json, "metric"));
        if (strcmp(line->kind, "figure") == 0 && line->arm == (int)arm && metric &&
            strcmp(metric, "throughput") == 0 &&
            json_is_number(json_object_get(line->json, "value")))
            return json_number_value(json_object_get(line->json, "value"));
    }
    return NAN;
}

/* Over all rounds, disturbed ones too: every arm had the same batches in the same rounds, so only
 * then are the figures of two arms comparable. */
double arm_throughput(const struct record *record, unsigned arm) {
    double *logs = malloc((record->sample_count + 1) * sizeof *logs);
    size_t count = 0;
    for (size_t i = 0; logs && i < record->sample_count; i++)
        if (record->samples[i].arm == arm)
            logs[count++] = log(sample_throughput(record, &record->samples[i]));
    double typical =
        count ? exp(statistics_trimmed_mean(logs, count)) : published_throughput(record, arm);
    free(logs);
    return typical;
}
