/* Regressions of time on dose; see dose.h. */
#define _GNU_SOURCE
#include "results/dose.h"

#include "results/verdict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ARM_LIMIT = 32 };

double dose_of_arm(const struct arm_record *arm, const char **line) {
    const json_t *spec = json_object_get(arm->json, "spec");
    const json_t *dose = json_object_get(spec, "dose");
    const char *where = json_string_value(json_object_get(spec, "dose_line"));
    *line = where ? where : "shared";
    return json_is_number(dose) ? json_number_value(dose) : 0;
}

static double ns_an_item(const struct sample *sample) {
    return (double)sample->duration_ns / (double)sample->items;
}

/* The arm's sample of the same round and process, or NULL. */
static const struct sample *partner(const struct record *record, const struct sample *of,
                                    unsigned arm) {
    for (size_t i = 0; i < record->sample_count; i++) {
        const struct sample *sample = &record->samples[i];
        if (sample->arm == arm && sample->round == of->round && sample->process == of->process &&
            sample->items)
            return sample;
    }
    return NULL;
}

/* Arms that differ from the baseline in their dose alone, the baseline first. */
static size_t dosed_arms(const struct record *record, const char *line,
                         const struct arm_record **arms) {
    size_t count = 0;
    for (size_t i = 0; i < record->arm_count && !count; i++)
        if (record->arms[i].role == ROLE_BASELINE) arms[count++] = &record->arms[i];
    for (size_t i = 0; count && i < record->arm_count && count < ARM_LIMIT; i++) {
        const struct arm_record *arm = &record->arms[i];
        const char *where;
        if (arm->role == ROLE_CONTROL || dose_of_arm(arm, &where) <= 0 ||
            strcmp(where, line) != 0 || arm->workers != arms[0]->workers || !arm->scheduler ||
            !arms[0]->scheduler || strcmp(arm->scheduler, arms[0]->scheduler) != 0 ||
            arm_baseline(record, arm->arm) != (int)arms[0]->arm)
            continue;
        arms[count++] = arm;
    }
    return count;
}

/* Least squares over the doses of one round; the slope is NAN if an arm has no sample in it.
 * `residuals` gets one an arm. */
static double slope_of_round(const struct record *record, const struct sample *first,
                             const struct arm_record *const *arms, size_t count,
                             double *residuals) {
    double sum_x = 0, sum_y = 0, sum_xx = 0, sum_xy = 0, xs[ARM_LIMIT], ys[ARM_LIMIT];
    for (size_t i = 0; i < count; i++) {
        const char *line;
        const struct sample *sample = i ? partner(record, first, arms[i]->arm) : first;
        if (!sample) return NAN;
        double x = xs[i] = dose_of_arm(arms[i], &line), y = ys[i] = ns_an_item(sample);
        sum_x += x, sum_y += y, sum_xx += x * x, sum_xy += x * y;
    }
    double n = (double)count, spread = n * sum_xx - sum_x * sum_x;
    if (spread <= 0) return NAN;
    double slope = (n * sum_xy - sum_x * sum_y) / spread, start = (sum_y - slope * sum_x) / n;
    for (size_t i = 0; i < count; i++)
        residuals[i] = ys[i] - start - slope * xs[i];
    return slope;
}

/* Of each dose the median residual; kept is the greatest. `residuals` holds `room` values an arm.
 */
static void find_worst_residual(const struct arm_record *const *arms, double *residuals,
                                size_t room, struct dose_slope *slope) {
    double greatest = 0;
    const char *line;
    for (size_t i = 0; i < slope->arms; i++) {
        double dose = dose_of_arm(arms[i], &line);
        double median = statistics_median(residuals + i * room, slope->rounds);
        if (dose > greatest) greatest = dose;
        if (fabs(median) < fabs(slope->worst_residual_ns)) continue;
        slope->worst_residual_ns = median;
        slope->worst_dose = dose;
    }
    slope->worst_residual_share =
        fabs(slope->worst_residual_ns) / (greatest * fabs(slope->ns_an_operation.estimate));
}

bool dose_slope_of(const struct record *record, const char *line, struct dose_slope *slope) {
    const struct arm_record *arms[ARM_LIMIT];
    *slope = (struct dose_slope){.line = line, .arms = dosed_arms(record, line, arms)};
    if (slope->arms < 2) return false;
    size_t room = record->sample_count + 1;
    double *slopes = calloc(room, sizeof *slopes);
    double *residuals = calloc(room * slope->arms, sizeof *residuals);
    for (size_t i = 0; slopes && residuals && i < record->sample_count; i++) {
        const struct sample *sample = &record->samples[i];
        double of_round[ARM_LIMIT];
        if (sample->arm != arms[0]->arm || !sample->items) continue;
        double value = slope_of_round(record, sample, arms, slope->arms, of_round);
        if (!isfinite(value)) continue;
        for (size_t k = 0; k < slope->arms; k++)
            residuals[k * room + slope->rounds] = of_round[k];
        slopes[slope->rounds++] = value;
    }
    bool found = slope->rounds > 0;
    if (found) {
        slope->has_interval =
            statistics_median_interval(slopes, slope->rounds, 0.95, &slope->ns_an_operation);
        if (!slope->has_interval)
            slope->ns_an_operation.estimate = statistics_median(slopes, slope->rounds);
        find_worst_residual(arms, residuals, room, slope);
    }
    free(slopes);
    free(residuals);
    return found;
}

/* Read-modify-writes an item that a scheduler issues, from any record's ledger; NAN if none is
 * about this scheduler at this number of workers. */
static double operations_of(struct record *const *records, size_t count,
                            const struct arm_record *arm) {
    for (size_t r = 0; r < count; r++)
        for (size_t i = 0; i < records[r]->line_count; i++) {
            const struct record_line *line = &records[r]->lines[i];
            if (strcmp(line->kind, "ledger") != 0 || line->arm < 0) continue;
            const struct arm_record *other = &records[r]->arms[line->arm];
            if (!other->scheduler || !arm->scheduler || other->workers != arm->workers ||
                strcmp(other->scheduler, arm->scheduler) != 0)
                continue;
            double items = json_number_value(json_object_get(line->json, "items")) *
                           json_number_value(json_object_get(line->json, "batches"));
            const json_t *totals = json_object_get(line->json, "totals");
            if (items > 0) return json_number_value(json_object_get(totals, "rmw")) / items;
        }
    return NAN;
}

bool dose_attribute(const struct record *record, const struct arm_record *patched,
                    const struct dose_slope *slope, struct record *const *records, size_t count,
                    struct dose_attribution *attribution) {
    int base = arm_baseline(record, patched->arm);
    double *gains = calloc(record->sample_count + 1, sizeof *gains);
    size_t used = 0;
    *attribution = (struct dose_attribution){.patched = patched};
    for (size_t i = 0; gains && base >= 0 && i < record->sample_count; i++) {
        const struct sample *sample = &record->samples[i];
        if (sample->arm != (unsigned)base || !sample->items) continue;
        const struct sample *other = partner(record, sample, patched->arm);
        if (other) gains[used++] = ns_an_item(sample) - ns_an_item(other);
    }
    if (used) {
        attribution->has_interval =
            statistics_median_interval(gains, used, 0.95, &attribution->gain_ns);
        if (!attribution->has_interval)
            attribution->gain_ns.estimate = statistics_median(gains, used);
        attribution->operations_saved = operations_of(records, count, &record->arms[base]) -
                                        operations_of(records, count, patched);
        attribution->explained_ns = attribution->operations_saved * slope->ns_an_operation.estimate;
        attribution->residual_ns = attribution->gain_ns.estimate - attribution->explained_ns;
    }
    free(gains);
    return used > 0;
}
