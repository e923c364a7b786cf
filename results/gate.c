/* The gate; see gate.h. */
#define _GNU_SOURCE
#include "results/gate.h"

#include "results/grid.h"
#include "results/tables/table.h"

#include <fnmatch.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *const gate_outcome_names[GATE_OUTCOME_COUNT] = {"nothing compared", "passed",
                                                            "inconclusive", "unfit", "REGRESSION"};

static int metric_index(const char *metric) {
    for (int i = 0; i < METRIC_COUNT; i++)
        if (strcmp(metric, metric_names[i]) == 0) return i;
    return -1;
}

/* ---- rules ---- */

static bool read_rule(json_t *object, size_t number, struct gate_rule *rule, struct error *error) {
    static const char *const known[] = {"metric", "arms", "threshold", "better", "optional"};
    const char *key;
    json_t *value;
    if (!json_is_object(object)) return error_set(error, "gate rule %zu: not an object", number);
    json_object_foreach(object, key, value) {
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            found |= strcmp(key, known[i]) == 0;
        if (!found) return error_set(error, "gate rule %zu: unknown member '%s'", number, key);
    }
    json_t *threshold = json_object_get(object, "threshold");
    const char *better = json_string_value(json_object_get(object, "better"));
    *rule = (struct gate_rule){.metric = json_string_value(json_object_get(object, "metric")),
                               .arms = json_string_value(json_object_get(object, "arms")),
                               .threshold = json_number_value(threshold),
                               .higher_is_better = better && strcmp(better, "higher") == 0,
                               .optional = json_is_true(json_object_get(object, "optional"))};
    if (!rule->metric) return error_set(error, "gate rule %zu: names no metric", number);
    if (!rule->arms) rule->arms = "*";
    if (metric_index(rule->metric) < 0 && !strchr(rule->metric, '.'))
        return error_set(error,
                         "gate rule %zu: metric '%s' is neither throughput nor cpu nor KIND.PATH, "
                         "such as ledger.totals.rmw",
                         number, rule->metric);
    if (!json_is_number(threshold) || rule->threshold < 0 || rule->threshold > 10)
        return error_set(error, "gate rule %zu: threshold must be a number from 0 to 10", number);
    if (better && strcmp(better, "higher") != 0 && strcmp(better, "lower") != 0)
        return error_set(error, "gate rule %zu: better must be 'higher' or 'lower'", number);
    return true;
}

struct gate_rule *gate_rules_read(json_t *array, size_t *count, struct error *error) {
    *count = json_array_size(array);
    if (*count == 0) {
        error_set(error, "no gate rules: give an array of at least one rule");
        return NULL;
    }
    struct gate_rule *rules = calloc(*count, sizeof *rules);
    if (!rules) error_set(error, "out of memory for gate rules");
    for (size_t i = 0; rules && i < *count; i++)
        if (!read_rule(json_array_get(array, i), i + 1, &rules[i], error)) {
            free(rules);
            rules = NULL;
        }
    return rules;
}

/* ---- checks ---- */

static struct gate_check *add_check(struct gate_result *result, const struct gate_rule *rule,
                                    unsigned baseline, unsigned patched) {
    if (result->count == result->room) {
        size_t room = result->room ? result->room * 2 : 16;
        struct gate_check *checks = reallocarray(result->checks, room, sizeof *checks);
        if (!checks) return NULL;
        result->checks = checks;
        result->room = room;
    }
    struct gate_check *check = &result->checks[result->count++];
    *check = (struct gate_check){.rule = rule,
                                 .baseline = baseline,
                                 .patched = patched,
                                 .outcome = GATE_INCONCLUSIVE,
                                 .change = NAN};
    return check;
}

static void __attribute__((format(printf, 3, 4)))
settle(struct gate_check *check, enum gate_outcome outcome, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(check->text, sizeof check->text, format, arguments);
    va_end(arguments);
    check->outcome = outcome;
}

/* A verdict as the gate sees it: only "surely not slower by more than the limit" passes. */
static void judge_comparison(const struct comparison *comparison, struct gate_check *check) {
    const struct series *series = &comparison->series;
    double limit = 100 * change_of_log(comparison->limit);
    char interval[64];
    text_of_interval(series, interval, sizeof interval);
    check->change = comparison->change;
    if (comparison->verdict == VERDICT_IDENTICAL)
        settle(check, GATE_PASSED, "identical code");
    else if (comparison->pairs.tainted_kept)
        settle(check, GATE_UNFIT, "%s", comparison->reason);
    else if (comparison->verdict == VERDICT_SLOWER)
        settle(check, GATE_REGRESSION, "%s, beyond %.2f %%", interval, limit);
    else if (comparison->verdict == VERDICT_PUBLISHED)
        settle(check, GATE_INCONCLUSIVE, "figures without samples");
    else if (!series->has_interval || isnan(comparison->floor) ||
             (comparison->verdict == VERDICT_INCONCLUSIVE &&
              (series->flaws & SERIES_AUTOCORRELATED)))
        settle(check, GATE_INCONCLUSIVE, "%s", comparison->reason);
    else if (series->change.low >= -comparison->limit)
        settle(check, GATE_PASSED, "%s, within %.2f %%", interval, limit);
    else
        settle(check, GATE_INCONCLUSIVE,
               "%s reaches beyond %.2f %%, so a regression may hide in it", interval, limit);
}

static bool check_interval(const struct record *record, const struct gate_rule *rule,
                           double confidence, struct gate_result *result, struct error *error) {
    struct verdict_options options = {.confidence = confidence,
                                      .threshold = rule->threshold,
                                      .same_margin = rule->threshold,
                                      .metric = (enum metric)metric_index(rule->metric)};
    struct verdicts verdicts;
    bool done = verdicts_decide(record, &options, &verdicts, error);
    for (size_t i = 0; done && i < verdicts.count; i++) {
        const struct comparison *comparison = &verdicts.comparisons[i];
        const char *label = arm_label(&record->arms[comparison->patched]);
        if (fnmatch(rule->arms, label, 0) != 0) continue;
        struct gate_check *check =
            add_check(result, rule, comparison->baseline, comparison->patched);
        if (!check)
            done = error_set(error, "out of memory for the gate");
        else if (comparison->pairs.count == 0 && options.metric == METRIC_CPU && !rule->optional)
            done = error_set(error, "metric 'cpu': arm '%s' has no samples with CPU time", label);
        else if (comparison->pairs.count == 0 && options.metric == METRIC_CPU)
            settle(check, GATE_SKIPPED, "no samples with CPU time");
        else
            judge_comparison(comparison, check);
    }
    if (done || verdicts.comparisons) verdicts_free(&verdicts);
    return done;
}

/* Why a line has no number at `path`: the place itself says so, or the whole line, or the line's
 * list of what is unavailable, about a name on the path. */
static const char *why_absent(json_t *line, const char *path) {
    json_t *whole = json_object_get(line, "unavailable");
    const char *why = json_string_value(json_object_get(json_path(line, path), "unavailable"));
    if (!why) why = json_string_value(whole);
    while (!why && *path) {
        char place[80];
        size_t length = strcspn(path, ".");
        snprintf(place, sizeof place, "%.*s.why", (int)length, path);
        why = json_string_value(json_path(whole, place));
        path += length + (path[length] == '.');
    }
    return why ? why : "the arm's line has no such number";
}

/* The number at `path` in the arm's first line of `kind`; NAN, and why, if there is none. */
static double find_number(const struct record *record, unsigned arm, const char *metric,
                          const char **why) {
    char kind[64];
    size_t length = strcspn(metric, ".");
    snprintf(kind, sizeof kind, "%.*s", (int)length, metric);
    size_t line = record_find_line(record, 0, kind, (int)arm);
    *why = "the record has no such line for the arm";
    if (line == record->line_count) return NAN;
    json_t *json = record->lines[line].json, *value = json_path(json, metric + length + 1);
    *why = why_absent(json, metric + length + 1);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* Counts of several workers depend on the interleaving, and their ledger says so. */
static bool is_exact(const struct record *record, unsigned arm, const char *metric) {
    if (strncmp(metric, "ledger.", 7) != 0) return true;
    size_t line = record_find_line(record, 0, "ledger", (int)arm);
    return line == record->line_count ||
           !json_is_false(json_object_get(record->lines[line].json, "exact"));
}

static bool check_number(const struct record *record, const struct gate_rule *rule,
                         unsigned baseline, unsigned patched, struct gate_result *result,
                         struct error *error) {
    const char *why_before, *why_after;
    double before = find_number(record, baseline, rule->metric, &why_before);
    double after = find_number(record, patched, rule->metric, &why_after);
    struct gate_check *check = add_check(result, rule, baseline, patched);
    if (!check) return error_set(error, "out of memory for the gate");
    if (isnan(before) || isnan(after)) {
        const char *why = isnan(before) ? why_before : why_after;
        const char *label = arm_label(&record->arms[isnan(before) ? baseline : patched]);
        if (!rule->optional)
            return error_set(error, "metric '%s' of arm '%s': %s", rule->metric, label, why);
        settle(check, GATE_SKIPPED, "%s", why);
        return true;
    }
    if (!is_exact(record, baseline, rule->metric) || !is_exact(record, patched, rule->metric)) {
        settle(check, GATE_INCONCLUSIVE, "%.10g before, %.10g after, but the counts are not exact",
               before, after);
        return true;
    }
    double worse = rule->higher_is_better ? before - after : after - before;
    check->change = before > 0 && after > 0
                        ? log(rule->higher_is_better ? after / before : before / after)
                        : NAN;
    settle(check, worse > fabs(before) * rule->threshold ? GATE_REGRESSION : GATE_PASSED,
           "%.10g before, %.10g after, limit %g %%", before, after, 100 * rule->threshold);
    return true;
}

static bool check_numbers(const struct record *record, const struct gate_rule *rule,
                          struct gate_result *result, struct error *error) {
    for (size_t i = 0; i < record->arm_count; i++) {
        int baseline = arm_baseline(record, (unsigned)i);
        if (baseline < 0 || fnmatch(rule->arms, arm_label(&record->arms[i]), 0) != 0) continue;
        if (!check_number(record, rule, (unsigned)baseline, (unsigned)i, result, error))
            return false;
    }
    return true;
}

bool gate_apply(const struct record *record, const struct gate_rule *rules, size_t rule_count,
                double confidence, struct gate_result *result, struct error *error) {
    *result = (struct gate_result){0};
    bool done = true;
    for (size_t i = 0; done && i < rule_count; i++) {
        size_t before = result->count;
        done = metric_index(rules[i].metric) >= 0
                   ? check_interval(record, &rules[i], confidence, result, error)
                   : check_numbers(record, &rules[i], result, error);
        if (done && result->count == before)
            done = error_set(error, "gate rule %zu: no patched arm is called '%s' in %s", i + 1,
                             rules[i].arms, record->path);
    }
    for (size_t i = 0; i < result->count; i++)
        if (result->checks[i].outcome > result->outcome)
            result->outcome = result->checks[i].outcome;
    if (!done) gate_free(result);
    return done;
}

void gate_free(struct gate_result *result) {
    free(result->checks);
    *result = (struct gate_result){0};
}

static bool print_compared(const struct record *record, const struct gate_result *result, FILE *out,
                           struct error *error) {
    const char *titles[] = {"<metric", "<group",   "<threads", "<arm",
                            "change",  "<outcome", "<why",     NULL};
    bool grouped = record_has_groups(record);
    if (!grouped) memmove(&titles[1], &titles[2], 6 * sizeof titles[0]);
    struct grid *grid = grid_create(titles);
    if (!grid) return error_set(error, "out of memory for a table");
    for (size_t i = 0; i < result->count; i++) {
        const struct gate_check *check = &result->checks[i];
        char text[256];
        if (check->outcome == GATE_SKIPPED) continue;
        grid_add(grid, "%s", check->rule->metric);
        arm_group(&record->arms[check->patched], text, sizeof text);
        if (grouped) grid_add(grid, "%s", text);
        text_of_row(&record->arms[check->patched], text, sizeof text);
        grid_add(grid, "%s", text);
        grid_add(grid, "%s", arm_label(&record->arms[check->patched]));
        text_of_change(check->change, text, sizeof text);
        grid_add(grid, "%s", text);
        grid_add(grid, "%s", gate_outcome_names[check->outcome]);
        grid_add(grid, "%s", check->text);
    }
    bool printed = grid_print(grid, GRID_TEXT, out, error);
    grid_free(grid);
    return printed;
}

static bool skipped_alike(const struct gate_check *a, const struct gate_check *b) {
    return a->outcome == GATE_SKIPPED && b->outcome == GATE_SKIPPED && a->rule == b->rule &&
           strcmp(a->text, b->text) == 0;
}

/* A line a rule and reason: what a machine does not have is the same in every row. */
static void print_skipped(const struct gate_result *result, FILE *out) {
    for (size_t i = 0; i < result->count; i++) {
        const struct gate_check *check = &result->checks[i];
        size_t first = 0;
        while (first < i && !skipped_alike(check, &result->checks[first]))
            first++;
        if (check->outcome == GATE_SKIPPED && first == i)
            fprintf(out, "not compared: %s: %s\n", check->rule->metric, check->text);
    }
}

bool gate_print(const struct record *record, const struct gate_result *result, FILE *out,
                struct error *error) {
    bool compared = false, skipped = false;
    for (size_t i = 0; i < result->count; i++) {
        compared |= result->checks[i].outcome != GATE_SKIPPED;
        skipped |= result->checks[i].outcome == GATE_SKIPPED;
    }
    if (compared && !print_compared(record, result, out, error)) return false;
    if (compared && skipped) putc('\n', out);
    print_skipped(result, out);
    fprintf(out, "\ngate: %s\n", gate_outcome_names[result->outcome]);
    return true;
}
