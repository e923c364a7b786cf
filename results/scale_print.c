/* The scaling report of a record; see scale.h. */
#define _GNU_SOURCE
#include "results/scale.h"

#include "base/random.h"
#include "results/grid.h"
#include "results/pairs.h"
#include "results/statistics.h"
#include "results/tables/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RESAMPLES = 400, ARM_LIMIT = 64, TEXT_SIZE = 256 };

/* A sweep: arms of one group, role and label at several thread counts. */
struct sweep {
    const struct record *record;
    const struct arm_record *arms[ARM_LIMIT];
    double *values[ARM_LIMIT]; /* throughputs of each arm's clean samples */
    size_t counts[ARM_LIMIT];
    size_t count;
};

static bool same_sweep(const struct arm_record *a, const struct arm_record *b) {
    char group[TEXT_SIZE], other[TEXT_SIZE];
    arm_group(a, group, sizeof group);
    arm_group(b, other, sizeof other);
    return a->role == b->role && strcmp(group, other) == 0 &&
           strcmp(arm_label(a), arm_label(b)) == 0;
}

static void free_sweep(struct sweep *sweep) {
    for (size_t i = 0; i < sweep->count; i++)
        free(sweep->values[i]);
    sweep->count = 0;
}

static bool collect(const struct record *record, unsigned first, struct sweep *sweep) {
    *sweep = (struct sweep){.record = record};
    for (size_t i = first; i < record->arm_count && sweep->count < ARM_LIMIT; i++) {
        const struct arm_record *arm = &record->arms[i];
        size_t at = sweep->count;
        if (!same_sweep(arm, &record->arms[first]) || !arm->threads) continue;
        if (!arm_throughputs(record, arm->arm, &sweep->values[at], &sweep->counts[at], NULL))
            continue;
        if (sweep->counts[at] == 0) { /* a published figure is a single value */
            sweep->values[at][0] = arm_throughput(record, arm->arm);
            if (!isnan(sweep->values[at][0])) sweep->counts[at] = 1;
        }
        sweep->arms[at] = arm;
        sweep->count += sweep->counts[at] > 0;
        if (!sweep->counts[at]) free(sweep->values[at]);
    }
    return sweep->count >= 3;
}

/* The medians; with `random`, of samples drawn again with replacement. */
static void make_points(const struct sweep *sweep, struct random *random,
                        struct scale_point *points, double *scratch) {
    for (size_t i = 0; i < sweep->count; i++) {
        size_t count = sweep->counts[i];
        for (size_t j = 0; j < count; j++)
            scratch[j] = sweep->values[i][random ? random_below(random, count) : j];
        points[i] =
            (struct scale_point){sweep->arms[i]->threads, statistics_median(scratch, count)};
    }
}

static double *resampled(const struct sweep *sweep, bool amdahl, size_t *count) {
    struct scale_point points[ARM_LIMIT];
    struct random random = {20771};
    size_t most = 1;
    for (size_t i = 0; i < sweep->count; i++)
        most = sweep->counts[i] > most ? sweep->counts[i] : most;
    double *scratch = malloc(most * sizeof *scratch);
    double *fits = malloc(2 * RESAMPLES * sizeof *fits);
    *count = 0;
    for (int i = 0; scratch && fits && most > 1 && i < RESAMPLES; i++) {
        struct scale_fit fit;
        make_points(sweep, &random, points, scratch);
        if (!scale_fit(points, sweep->count, amdahl, &fit)) break;
        fits[*count] = fit.contention;
        fits[RESAMPLES + *count] = fit.coherence;
        ++*count;
    }
    free(scratch);
    return fits;
}

static void print_coefficient(const char *name, double value, const double *fits, size_t count,
                              FILE *out) {
    fprintf(out, "%s %.6f", name, value);
    double *sorted = count ? statistics_sorted(fits, count) : NULL;
    if (sorted)
        fprintf(out, " [%.6f, %.6f]", statistics_quantile(sorted, count, 0.025),
                statistics_quantile(sorted, count, 0.975));
    else
        fputs(" [n/a: no samples]", out);
    free(sorted);
}

static void print_fits(const struct sweep *sweep, const struct scale_point *points, FILE *out) {
    struct scale_fit amdahl, usl;
    size_t count;
    if (scale_fit(points, sweep->count, true, &amdahl)) {
        double *fits = resampled(sweep, true, &count);
        fputs("Amdahl  ", out);
        print_coefficient("serial share", amdahl.contention, fits, count, out);
        fprintf(out, ", at most %.1f times one thread\n", 1 / fmax(amdahl.contention, 1e-9));
        free(fits);
    }
    if (scale_fit(points, sweep->count, false, &usl)) {
        double *fits = resampled(sweep, false, &count);
        fputs("USL     ", out);
        print_coefficient("contention", usl.contention, fits, count, out);
        print_coefficient(", coherence", usl.coherence, fits ? fits + RESAMPLES : NULL, count, out);
        if (isfinite(scale_peak(&usl))) fprintf(out, ", peak at %.0f threads", scale_peak(&usl));
        fputc('\n', out);
        free(fits);
    }
}

/* Share of a phase in the arm's time, from observations (or samples, where they stamp it); NAN. */
static double phase_share(const struct record *record, unsigned arm, enum phase phase) {
    size_t line = record_find_line(record, 0, "observation", (int)arm);
    double share = NAN;
    if (line < record->line_count) {
        json_t *json = record->lines[line].json;
        json_t *part = json_object_get(json_object_get(json, "phases_ns"), phase_names[phase]);
        double whole = json_number_value(json_object_get(json, "duration_ns"));
        if (json_is_number(part) && whole > 0) share = json_number_value(part) / whole;
    }
    double part = 0, whole = 0;
    for (size_t i = 0; isnan(share) && i < record->sample_count; i++) {
        const struct sample *sample = &record->samples[i];
        if (sample->arm != arm || sample->phases_ns[phase] == RECORD_UNAVAILABLE) continue;
        part += (double)sample->phases_ns[phase];
        whole += (double)sample->duration_ns;
    }
    return isnan(share) && whole > 0 ? part / whole : share;
}

static void add_shares(const struct sweep *sweep, size_t i, struct grid *grid) {
    static const enum phase serial[] = {PHASE_FORK, PHASE_JOIN, PHASE_COLLECT, PHASE_DROP};
    double sum = 0;
    bool any = false;
    for (size_t p = 0; p < sizeof serial / sizeof serial[0]; p++) {
        double share = phase_share(sweep->record, sweep->arms[i]->arm, serial[p]);
        if (isnan(share))
            grid_add(grid, "n/a");
        else
            grid_add(grid, "%.2f %%", 100 * share);
        if (isnan(share)) continue;
        sum += share;
        any = true;
    }
    if (any)
        grid_add(grid, "%.2f %%", 100 * sum);
    else
        grid_add(grid, "n/a");
}

static bool print_sweep(const struct sweep *sweep, double base, FILE *out, struct error *error) {
    struct scale_point points[ARM_LIMIT];
    const char *titles[] = {"<threads",     record_unit(sweep->record),
                            "speed-up",     "efficiency",
                            "fork",         "join",
                            "collect",      "drop",
                            "not parallel", NULL};
    struct grid *grid = grid_create(titles);
    if (!grid) return error_set(error, "out of memory for a table");
    for (size_t i = 0; i < sweep->count; i++) {
        char text[TEXT_SIZE];
        double rate = statistics_median(sweep->values[i], sweep->counts[i]);
        points[i] = (struct scale_point){sweep->arms[i]->threads, rate};
        text_of_row(sweep->arms[i], text, sizeof text);
        grid_add(grid, "%s", text);
        text_of_rate(rate, text, sizeof text);
        grid_add(grid, "%s", text);
        grid_add(grid, isnan(base) ? "n/a" : "%.2f", rate / base);
        grid_add(grid, isnan(base) ? "n/a" : "%.1f %%", 100 * rate / base / points[i].threads);
        add_shares(sweep, i, grid);
    }
    char group[TEXT_SIZE];
    arm_group(sweep->arms[0], group, sizeof group);
    fprintf(out, "%s%s%s\n\n", group, group[0] ? "; " : "", arm_label(sweep->arms[0]));
    bool printed = grid_print(grid, GRID_TEXT, out, error);
    grid_free(grid);
    fputc('\n', out);
    print_fits(sweep, points, out);
    fputc('\n', out);
    return printed;
}

/* The best arm with one thread in the group: what speed-ups are over. */
static double best_single(const struct record *record, const struct arm_record *about) {
    double best = NAN;
    char group[TEXT_SIZE], other[TEXT_SIZE];
    arm_group(about, group, sizeof group);
    for (size_t i = 0; i < record->arm_count; i++) {
        arm_group(&record->arms[i], other, sizeof other);
        if (record->arms[i].threads == 1 && strcmp(group, other) == 0)
            best = fmax(best, arm_throughput(record, (unsigned)i));
    }
    return best;
}

bool scale_print(const struct record *record, FILE *out, struct error *error) {
    size_t printed = 0;
    bool done = true;
    for (unsigned i = 0; done && i < record->arm_count; i++) {
        struct sweep sweep;
        bool first = record->arms[i].role != ROLE_CONTROL;
        for (unsigned j = 0; j < i && first; j++)
            first = !same_sweep(&record->arms[j], &record->arms[i]);
        if (!first) continue;
        if (collect(record, i, &sweep)) {
            done = print_sweep(&sweep, best_single(record, &record->arms[i]), out, error);
            printed++;
        }
        free_sweep(&sweep);
    }
    if (done && !printed)
        return error_set(error,
                         "%s: no arm was measured with three thread counts; run with --threads "
                         "1,2,4,... first",
                         record->path);
    if (done) fputs("Speed-ups are over the best arm with one thread of the same work.\n", out);
    return done;
}
