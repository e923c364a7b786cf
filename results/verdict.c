/* Verdicts from the samples of a record; see verdict.h. */
#define _GNU_SOURCE
#include "results/verdict.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *const verdict_names[VERDICT_COUNT] = {"faster",       "slower",    "same",
                                                  "inconclusive", "identical", "published"};
const struct verdict_options verdict_defaults = {
    .confidence = 0.95, .threshold = 0, .same_margin = 0.01, .metric = METRIC_THROUGHPUT};

/* However noisy the run, what may be called the same stays practically the same. */
static const double SAME_MARGIN_LIMIT = 0.02;
static const double WAITS_DIFFER = 0.1; /* share of worker time */

double change_of_log(double log_ratio) {
    return expm1(log_ratio);
}

bool arms_share_row(const struct arm_record *a, const struct arm_record *b) {
    const char *x = a->row_name ? a->row_name : "", *y = b->row_name ? b->row_name : "";
    return a->threads == b->threads && strcmp(x, y) == 0;
}

void arm_group(const struct arm_record *arm, char *text, size_t size) {
    const char *group = json_string_value(json_object_get(arm->json, "group"));
    const char *parts[] = {arm->encoder, arm->entry, arm->cost, arm->cache, arm->storage};
    size_t used = 0;
    text[0] = 0;
    if (group) {
        snprintf(text, size, "%s", group);
        return;
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (!parts[i] || used >= size) continue;
        int length = snprintf(text + used, size - used, "%s%s", used ? ", " : "", parts[i]);
        if (length > 0) used += (size_t)length;
    }
}

bool record_has_groups(const struct record *record) {
    char first[256], other[256];
    for (size_t i = 0; i < record->arm_count; i++) {
        arm_group(&record->arms[i], i ? other : first, sizeof first);
        if (i && strcmp(first, other) != 0) return true;
    }
    return false;
}

int arm_baseline(const struct record *record, unsigned arm) {
    const struct arm_record *patched = &record->arms[arm];
    char wanted[256], group[256];
    if (patched->role == ROLE_BASELINE || patched->role == ROLE_CONTROL) return -1;
    if (patched->compared_with >= 0)
        return (size_t)patched->compared_with < record->arm_count ? patched->compared_with : -1;
    arm_group(patched, wanted, sizeof wanted);
    for (size_t i = 0; i < record->arm_count; i++) {
        const struct arm_record *other = &record->arms[i];
        arm_group(other, group, sizeof group);
        if (other->role == ROLE_BASELINE && arms_share_row(other, patched) &&
            strcmp(group, wanted) == 0)
            return (int)i;
    }
    return -1;
}

/* The A/A floor: how far the median lies from 0. When even the interval lies off 0, the arm differs
 * from itself by more than chance, and the floor is the interval's far end. */
static double floor_of(const struct series *series) {
    if (!series->has_interval) return NAN;
    const struct interval *change = &series->change;
    if (change->low > 0 || change->high < 0) return fmax(fabs(change->low), fabs(change->high));
    return fabs(change->estimate);
}

static bool find_noises(const struct record *record, const struct verdict_options *options,
                        struct verdicts *verdicts, struct error *error) {
    for (size_t i = 0; i < record->arm_count; i++) {
        const struct arm_record *arm = &record->arms[i];
        if (arm->role != ROLE_CONTROL || arm->control_of < 0 ||
            (size_t)arm->control_of >= record->arm_count)
            continue;
        struct noise *noise = &verdicts->noises[verdicts->noise_count];
        *noise = (struct noise){.control = (unsigned)i, .of = (unsigned)arm->control_of};
        struct pairs pairs;
        if (!pairs_build(record, noise->of, noise->control, options->metric,
                         STATISTICS_LEAST_VALUES, &pairs, error))
            return false;
        bool analysed = series_analyse(pairs.ratios, pairs.processes, pairs.count,
                                       options->confidence, &noise->series, error);
        noise->used = pairs.count;
        noise->dropped = pairs.dropped;
        pairs_free(&pairs);
        if (!analysed) return false;
        noise->floor = floor_of(&noise->series);
        verdicts->noise_count++;
        verdicts->floor = fmax(verdicts->floor, noise->floor); /* fmax ignores NAN */
    }
    return true;
}

/* The greatest floor among controls of either arm; else among those of the same row; else of all.
 */
static void choose_floor(const struct record *record, const struct verdicts *verdicts,
                         struct comparison *comparison) {
    double own = NAN, row = NAN;
    for (size_t i = 0; i < verdicts->noise_count; i++) {
        const struct noise *noise = &verdicts->noises[i];
        if (noise->of == comparison->baseline || noise->of == comparison->patched)
            own = fmax(own, noise->floor);
        if (arms_share_row(&record->arms[noise->of], &record->arms[comparison->patched]))
            row = fmax(row, noise->floor);
    }
    comparison->floor = !isnan(own) ? own : !isnan(row) ? row : verdicts->floor;
    comparison->floor_of_another_row = isnan(own) && isnan(row) && !isnan(verdicts->floor);
}

static bool same_text(json_t *a, json_t *b, const char *key) {
    const char *x = json_string_value(json_object_get(a, key));
    const char *y = json_string_value(json_object_get(b, key));
    return x && y && strcmp(x, y) == 0;
}

/* Members of an arm's line that say which arm it is, where its program lies and how the run went,
 * not what is run. */
static const char *const unlike_members[] = {
    "arm",       "role",  "label",           "control_of",     "baseline",
    "row",       "group", "group_index",     "spec",           "pus",
    "code_hash", "code",  "unbound_workers", "unbound_reason", "code_hash_unavailable"};

static json_t *what_is_run(const struct arm_record *arm) {
    json_t *copy = json_copy(arm->json), *spec = json_copy(json_object_get(arm->json, "spec"));
    for (size_t i = 0; i < sizeof unlike_members / sizeof unlike_members[0]; i++)
        json_object_del(copy, unlike_members[i]);
    json_object_del(spec, "label");
    json_object_del(spec, "program");
    if (spec) json_object_set_new(copy, "spec", spec);
    return copy;
}

/* The same code with the same configuration: whatever such arms differ by is noise. */
static bool run_the_same(const struct arm_record *a, const struct arm_record *b) {
    if (!same_text(a->json, b->json, "code_hash")) return false;
    json_t *one = what_is_run(a), *other = what_is_run(b);
    bool same = one && other && json_equal(one, other);
    json_decref(one);
    json_decref(other);
    return same;
}

static void compare_figures(struct comparison *comparison) {
    comparison->change = log(comparison->patched_rate / comparison->baseline_rate);
    comparison->verdict = VERDICT_PUBLISHED;
}

static bool measure(const struct record *record, const struct verdict_options *options,
                    struct comparison *comparison, struct error *error) {
    if (!pairs_build(record, comparison->baseline, comparison->patched, options->metric,
                     STATISTICS_LEAST_VALUES, &comparison->pairs, error) ||
        !series_analyse(comparison->pairs.ratios, comparison->pairs.processes,
                        comparison->pairs.count, options->confidence, &comparison->series, error))
        return false;
    comparison->change = comparison->series.change.estimate;
    if (options->metric == METRIC_THROUGHPUT && comparison->pairs.count &&
        comparison->verdict != VERDICT_IDENTICAL)
        comparison->patched_rate = comparison->baseline_rate * exp(comparison->change);
    comparison->limit = log1p(options->threshold);
    if (!isnan(comparison->floor)) comparison->limit = fmax(comparison->limit, comparison->floor);
    if (comparison->series.has_interval)
        comparison->p = series_p_beyond(&comparison->series, comparison->limit);
    return true;
}

static bool add_comparison(const struct record *record, const struct verdict_options *options,
                           unsigned baseline, unsigned patched, struct verdicts *verdicts,
                           struct error *error) {
    struct comparison *comparison = &verdicts->comparisons[verdicts->count++];
    *comparison = (struct comparison){.baseline = baseline,
                                      .patched = patched,
                                      .verdict = VERDICT_INCONCLUSIVE,
                                      .change = NAN,
                                      .p = NAN,
                                      .p_adjusted = NAN};
    comparison->baseline_rate = arm_throughput(record, baseline);
    comparison->patched_rate = arm_throughput(record, patched);
    choose_floor(record, verdicts, comparison);
    if (run_the_same(&record->arms[baseline], &record->arms[patched]))
        comparison->verdict = VERDICT_IDENTICAL;
    if (!measure(record, options, comparison, error)) return false;
    bool sampled = comparison->pairs.count || comparison->pairs.alone;
    if (!sampled && comparison->verdict != VERDICT_IDENTICAL) compare_figures(comparison);
    return true;
}

static void __attribute__((format(printf, 2, 3)))
explain(struct comparison *comparison, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(comparison->reason, sizeof comparison->reason, format, arguments);
    va_end(arguments);
}

/* Dependence between pairs makes the interval too narrow, by a factor of a few at most. A change
 * that exceeds the limit by more than the whole interval once again stands all the same. */
static bool is_overwhelming(const struct comparison *comparison) {
    const struct interval *change = &comparison->series.change;
    double width = change->high - change->low;
    return change->low - width > comparison->limit || change->high + width < -comparison->limit;
}

/* On a busy machine waiting for a processor is borne if it meets both sides alike; more of it on
 * one side than WAITS_DIFFER of its worker time would be taken for a difference between the arms.
 */
static bool waits_differ(const struct pairs *pairs) {
    return pairs->busy && fabs(pairs->baseline_waits - pairs->patched_waits) > WAITS_DIFFER;
}

/* Reasons that forbid any verdict. */
static bool is_refused(struct comparison *comparison) {
    const struct pairs *pairs = &comparison->pairs;
    if (!comparison->series.has_interval)
        explain(comparison, "%zu pairs; an interval takes at least %d", pairs->count,
                STATISTICS_LEAST_VALUES);
    else if (pairs->tainted_kept)
        explain(comparison, "%zu of %zu pairs tainted (%s), shown all the same", pairs->dropped,
                pairs->count, pairs->cause);
    else if (waits_differ(pairs))
        explain(comparison,
                "the sides waited unequally for a processor, %.0f %% and %.0f %% of worker time",
                100 * pairs->baseline_waits, 100 * pairs->patched_waits);
    else if ((comparison->series.flaws & SERIES_AUTOCORRELATED) && !is_overwhelming(comparison))
        explain(comparison, "neighbouring pairs depend on each other (lag-1 %+.2f)",
                comparison->series.lag1);
    else if (isnan(comparison->floor))
        explain(comparison, "no A/A control in this record, so its noise floor is not known");
    else
        return false;
    return true;
}

static const char *flaw_text(const struct series *series) {
    if (series->flaws & SERIES_AUTOCORRELATED) return "neighbouring pairs depend on each other";
    if (series->flaws & SERIES_DRIFTS) return "the change drifts over the run";
    if (series->flaws & SERIES_TWO_HEAPS) return "the changes fall into two separate heaps";
    if (series->flaws & SERIES_PROCESSES_DIFFER) return "processes differ by more than chance";
    return NULL;
}

/* What the numbers say when nothing forbids to say it. A flaw that splits the series (drift, heaps,
 * processes) lets a verdict stand only if every part supports it. */
static enum verdict conclude(struct comparison *comparison, const struct verdict_options *options) {
    const struct series *series = &comparison->series;
    const char *flaw = flaw_text(series);
    double margin = fmax(log1p(options->same_margin), fmin(comparison->limit, SAME_MARGIN_LIMIT));
    enum verdict verdict = VERDICT_INCONCLUSIVE;
    bool parts_agree = true;
    if (comparison->p_adjusted <= 1 - options->confidence) {
        verdict = comparison->change > 0 ? VERDICT_FASTER : VERDICT_SLOWER;
        if (flaw && isfinite(series->least_part))
            parts_agree = comparison->change > 0 ? series->least_part > comparison->limit
                                                 : series->greatest_part < -comparison->limit;
    } else if (series->change.low > -margin && series->change.high < margin) {
        verdict = VERDICT_SAME;
        if (flaw && isfinite(series->least_part))
            parts_agree = series->least_part > -margin && series->greatest_part < margin;
    } else if (comparison->p_adjusted > comparison->p && comparison->p <= 1 - options->confidence) {
        explain(comparison, "not beyond chance once corrected for the rows of the table (p %.2g)",
                comparison->p_adjusted);
    } else if (comparison->limit > fmax(SAME_MARGIN_LIMIT, log1p(options->same_margin))) {
        explain(comparison, "too noisy to tell: what must be exceeded is %.2f %%",
                100 * change_of_log(comparison->limit));
    } else if (series->change.low > 0 || series->change.high < 0) {
        explain(comparison, "not clearly beyond the limit of %.2f %%",
                100 * change_of_log(comparison->limit));
    } else {
        explain(comparison, "the interval holds no change as well as changes over %.2f %%",
                100 * change_of_log(margin));
    }
    if (flaw && verdict != VERDICT_INCONCLUSIVE) explain(comparison, "%s", flaw);
    return parts_agree ? verdict : VERDICT_INCONCLUSIVE;
}

static bool correct_and_conclude(const struct verdict_options *options, struct verdicts *verdicts,
                                 struct error *error) {
    double *p = malloc((verdicts->count + 1) * 2 * sizeof *p);
    double *adjusted = p ? p + verdicts->count + 1 : NULL;
    for (size_t i = 0; p && i < verdicts->count; i++)
        p[i] = verdicts->comparisons[i].p;
    if (!p || !statistics_holm(p, verdicts->count, adjusted)) {
        free(p);
        return error_set(error, "out of memory for verdicts");
    }
    for (size_t i = 0; i < verdicts->count; i++) {
        struct comparison *comparison = &verdicts->comparisons[i];
        comparison->p_adjusted = adjusted[i];
        if (comparison->verdict == VERDICT_INCONCLUSIVE && !is_refused(comparison))
            comparison->verdict = conclude(comparison, options);
    }
    free(p);
    return true;
}

bool verdicts_decide(const struct record *record, const struct verdict_options *options,
                     struct verdicts *verdicts, struct error *error) {
    *verdicts = (struct verdicts){.comparisons =
                                      calloc(record->arm_count + 1, sizeof *verdicts->comparisons),
                                  .noises = calloc(record->arm_count + 1, sizeof *verdicts->noises),
                                  .floor = NAN};
    bool decided = verdicts->comparisons && verdicts->noises;
    if (!decided) error_set(error, "out of memory for verdicts");
    decided = decided && find_noises(record, options, verdicts, error);
    for (size_t i = 0; decided && i < record->arm_count; i++) {
        int baseline = arm_baseline(record, (unsigned)i);
        if (baseline >= 0)
            decided =
                add_comparison(record, options, (unsigned)baseline, (unsigned)i, verdicts, error);
    }
    decided = decided && correct_and_conclude(options, verdicts, error);
    if (!decided) verdicts_free(verdicts);
    return decided;
}

void verdicts_free(struct verdicts *verdicts) {
    for (size_t i = 0; i < verdicts->count; i++) {
        pairs_free(&verdicts->comparisons[i].pairs);
        series_free(&verdicts->comparisons[i].series);
    }
    for (size_t i = 0; i < verdicts->noise_count; i++)
        series_free(&verdicts->noises[i].series);
    free(verdicts->comparisons);
    free(verdicts->noises);
    *verdicts = (struct verdicts){0};
}

bool verdict_precise_enough(const struct record *record, const struct stop_rule *rule,
                            size_t rounds) {
    if (rule->most && rounds >= rule->most) return true;
    struct verdict_options options = verdict_defaults;
    struct verdicts verdicts;
    options.confidence = rule->confidence;
    if (!stop_rule_looks(rule, rounds) || !verdicts_decide(record, &options, &verdicts, NULL))
        return false;
    bool precise = verdicts.count > 0;
    for (size_t i = 0; precise && i < verdicts.count; i++)
        precise = series_is_precise(&verdicts.comparisons[i].series, rule->half_width);
    verdicts_free(&verdicts);
    return precise;
}
