/* Grids of predictions; see prediction_print.h. */
#define _GNU_SOURCE
#include "harness/simulation/prediction_print.h"

#include "harness/build_facts.h"
#include "results/grid.h"
#include "schedulers/ledger.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PUBLISHED_COLUMN = 5, COLUMNS_MOST = 16, CHANGE_ROWS_MOST = 6 };

struct prediction_print {
    const char *titles[COLUMNS_MOST];  /* of figures, which keeps no copy */
    const struct published *published; /* NULL: no column for it */
    struct grid *figures, *states, *atomics, *sensitivity, *changes;
    struct sensitivity first; /* of the first arm of the thread count */
    unsigned workers;         /* of the last row: a gap goes between thread counts */
    double baseline[2];       /* throughput and band-free marker of the row's first arm */
    uint64_t operations;
};

struct prediction_print *prediction_print_create(bool states, bool atomics, bool sensitivity,
                                                 const struct published *published) {
    static const char *const titles[] = {"threads",  "<scheduler", "MiB/s",       "<band",
                                         "vs first", "<published", "parallel us", "x ideal",
                                         "useful",   "RMW/batch",  "transfers",   "leaves",
                                         "steals",   "parks",      "wakes",       NULL};
    static const char *const state_titles[] = {"threads",   "<scheduler", "items %",  "memory %",
                                               "waiting %", "kernel %",   "asleep %", "waking %",
                                               "other %",   NULL};
    static const char *const atomic_titles[] = {"threads", "<scheduler", "<site",   "<operation",
                                                "a batch", "transfers",  "ns each", NULL};
    static const char *const sensitivity_titles[] = {"threads",      "<scheduler",    "<parameter",
                                                     "at low",       "at high",       "swing %",
                                                     "vs first low", "vs first high", NULL};
    static const char *const change_titles[] = {"threads", "<scheduler", "<parameter", "at low",
                                                "at high", "points",     NULL};
    struct prediction_print *print = calloc(1, sizeof *print);
    if (!print) return NULL;
    if (published && published_any(published)) print->published = published;
    size_t columns = 0;
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        if (i != PUBLISHED_COLUMN || print->published) print->titles[columns++] = titles[i];
    print->figures = grid_create(print->titles);
    print->states = states ? grid_create(state_titles) : NULL;
    print->atomics = atomics ? grid_create(atomic_titles) : NULL;
    print->sensitivity = sensitivity ? grid_create(sensitivity_titles) : NULL;
    print->changes = sensitivity ? grid_create(change_titles) : NULL;
    if (print->figures) return print;
    prediction_print_free(print);
    return NULL;
}

void prediction_print_free(struct prediction_print *print) {
    if (!print) return;
    grid_free(print->figures);
    if (print->states) grid_free(print->states);
    if (print->atomics) grid_free(print->atomics);
    if (print->sensitivity) grid_free(print->sensitivity);
    if (print->changes) grid_free(print->changes);
    free(print);
}

static void add_number(struct grid *grid, const char *format, double value) {
    if (isfinite(value))
        grid_add(grid, format, value);
    else
        grid_add(grid, "n/a");
}

static void add_figures(struct prediction_print *print, const struct experiment_arm *arm,
                        const struct prediction *prediction) {
    const struct figure *f = prediction->figures;
    const struct figure *rate = &f[PREDICTION_throughput];
    struct grid *grid = print->figures;
    bool first = print->workers != arm->spec.workers;
    if (first && print->workers) grid_gap(grid);
    if (first) print->baseline[0] = rate->value;
    grid_add(grid, "%u", arm->spec.workers);
    grid_add(grid, "%s", arm->spec.label);
    add_number(grid, "%.2f", rate->value);
    if (isfinite(rate->low))
        grid_add(grid, "[%.2f, %.2f]", rate->low, rate->high);
    else
        grid_add(grid, "n/a");
    if (first)
        grid_add(grid, " ");
    else
        grid_add(grid, "%+.1f %%", 100 * (rate->value / print->baseline[0] - 1));
    if (print->published) {
        char text[200];
        published_text(print->published, &arm->spec, text, sizeof text);
        grid_add(grid, "%s", text[0] ? text : " ");
    }
    add_number(grid, "%.1f", f[PREDICTION_parallel_time].value);
    add_number(grid, "%.2f", f[PREDICTION_over_ideal].value);
    add_number(grid, "%.2f", f[PREDICTION_useful_share].value);
    add_number(grid, "%.0f", f[PREDICTION_rmw_per_batch].value);
    add_number(grid, "%.0f", f[PREDICTION_transfers_per_batch].value);
    add_number(grid, "%.1f", f[PREDICTION_leaves_per_batch].value);
    add_number(grid, "%.1f", f[PREDICTION_steals_per_batch].value);
    add_number(grid, "%.1f", f[PREDICTION_parks_per_batch].value);
    add_number(grid, "%.1f", f[PREDICTION_wakes_per_batch].value);
    print->workers = arm->spec.workers;
}

static void add_states(struct grid *grid, const struct experiment_arm *arm,
                       const struct simulation_result *result) {
    uint64_t sums[7] = {0}, total = 0;
    for (unsigned i = 0; i < result->workers; i++) {
        const struct virtual_account *a = &result->accounts[i];
        const uint64_t times[7] = {a->run_ps,  a->memory_ps, a->wait_ps, a->kernel_ps,
                                   a->park_ps, a->wake_ps,   a->other_ps};
        for (int k = 0; k < 7; k++) {
            sums[k] += times[k];
            total += times[k];
        }
    }
    grid_add(grid, "%u", arm->spec.workers);
    grid_add(grid, "%s", arm->spec.label);
    for (int k = 0; k < 7; k++)
        add_number(grid, "%.1f", total ? 100 * (double)sums[k] / (double)total : NAN);
}

static void add_atomics(struct grid *grid, const struct experiment_arm *arm,
                        const struct simulation_result *result) {
    double batches = (double)result->count;
    for (int s = 0; s < SYNC_SITES; s++) {
        const struct virtual_site *site = &result->sites[s];
        uint64_t all = 0;
        for (int k = 0; k < SYNC_KINDS; k++)
            all += site->counts[k];
        for (int k = 0; k < SYNC_KINDS; k++) {
            if (!site->counts[k]) continue;
            grid_add(grid, "%u", arm->spec.workers);
            grid_add(grid, "%s", arm->spec.label);
            grid_add(grid, "%s", ledger_site_text((enum sync_site)s));
            grid_add(grid, "%s", ledger_kind_name((enum sync_kind)k));
            grid_add(grid, "%.1f", (double)site->counts[k] / batches);
            grid_add(grid, "%.1f",
                     (double)site->transfers / batches * (double)site->counts[k] / (double)all);
            grid_add(grid, "%.1f", (double)site->memory_ps / 1000 / (double)all);
        }
    }
}

static const char *row_name(const struct sensitivity_row *row) {
    return row->parameter == SENSITIVITY_OF_SEEDS
               ? "(five seeds)"
               : profile_parameter_name((enum profile_parameter)row->parameter);
}

static void add_change(struct grid *grid, double percent) {
    if (isfinite(percent))
        grid_add(grid, "%+.1f %%", percent);
    else
        grid_add(grid, " ");
}

static void add_rates(struct grid *grid, const struct experiment_arm *arm,
                      const struct sensitivity *sensitivity, const struct sensitivity *first) {
    struct sensitivity_row rows[SENSITIVITY_ROWS];
    int count = sensitivity_of_rate(sensitivity, first, rows);
    for (int i = 0; i < count; i++) {
        if (rows[i].swing < 0.05 && rows[i].parameter != SENSITIVITY_OF_SEEDS) continue;
        grid_add(grid, "%u", arm->spec.workers);
        grid_add(grid, "%s", arm->spec.label);
        grid_add(grid, "%s", row_name(&rows[i]));
        grid_add(grid, "%.2f", rows[i].at_low);
        grid_add(grid, "%.2f", rows[i].at_high);
        grid_add(grid, "%.1f", rows[i].swing);
        add_change(grid, rows[i].first_low);
        add_change(grid, rows[i].first_high);
    }
}

static void add_changes(struct grid *grid, const struct experiment_arm *arm,
                        const struct sensitivity *sensitivity, const struct sensitivity *first) {
    struct sensitivity_row rows[SENSITIVITY_ROWS];
    int count = sensitivity_of_change(sensitivity, first, rows);
    for (int i = 0; i < count; i++) {
        if (i >= CHANGE_ROWS_MOST && rows[i].parameter != SENSITIVITY_OF_SEEDS) continue;
        grid_add(grid, "%u", arm->spec.workers);
        grid_add(grid, "%s", arm->spec.label);
        grid_add(grid, "%s", row_name(&rows[i]));
        add_change(grid, rows[i].at_low);
        add_change(grid, rows[i].at_high);
        grid_add(grid, "%.1f", rows[i].swing);
    }
}

static void add_sensitivity(struct prediction_print *print, const struct experiment_arm *arm,
                            bool first, const struct sensitivity *sensitivity) {
    print->operations += sensitivity->operations;
    if (first) print->first = *sensitivity;
    add_rates(print->sensitivity, arm, sensitivity, first ? NULL : &print->first);
    if (!first) add_changes(print->changes, arm, sensitivity, &print->first);
}

void prediction_print_add(struct prediction_print *print, const struct experiment_arm *arm,
                          const struct prediction *prediction,
                          const struct sensitivity *sensitivity) {
    bool first = print->workers != arm->spec.workers;
    print->operations += prediction->operations;
    add_figures(print, arm, prediction);
    if (print->states) add_states(print->states, arm, &prediction->typical);
    if (print->atomics) add_atomics(print->atomics, arm, &prediction->typical);
    if (print->sensitivity) add_sensitivity(print, arm, first, sensitivity);
}

bool prediction_print_out(struct prediction_print *print, FILE *out, struct error *error) {
    fprintf(out, "\nSimulated; bands span the ends of the profile's ranges.\n");
    if (!grid_print(print->figures, GRID_TEXT, out, error)) return false;
    if (print->states) {
        fprintf(out, "\nWorkers' time, all batches with what lies between them.\n");
        if (!grid_print(print->states, GRID_TEXT, out, error)) return false;
    }
    if (print->atomics) {
        fprintf(out, "\nOperations by site.\n");
        if (!grid_print(print->atomics, GRID_TEXT, out, error)) return false;
    }
    if (print->sensitivity) {
        fprintf(out, "\nMiB/s with one parameter at the ends of its range, all others typical.\n");
        if (!grid_print(print->sensitivity, GRID_TEXT, out, error)) return false;
        fprintf(out,
                "\nChange against the first arm of the thread count, both with one parameter at "
                "the ends\nof its range; the most decisive first. Five seeds say what "
                "chance does.\n");
        if (!grid_print(print->changes, GRID_TEXT, out, error)) return false;
    }
    fprintf(out, "%" PRIu64 " operations simulated\n", print->operations);
    return true;
}

static json_t *profile_json(const struct machine_profile *profile) {
    json_t *costs = json_object();
    for (int i = 0; i < PROFILE_PARAMETER_COUNT; i++) {
        const struct profile_value *v = &profile->values[i];
        json_object_set_new(
            costs, profile_parameter_name((enum profile_parameter)i),
            json_pack("{s:f, s:f, s:f}", "typical", v->typical, "low", v->low, "high", v->high));
    }
    return json_pack("{s:s, s:o}", "name", profile->name, "costs", costs);
}

json_t *prediction_header(const struct machine_profile *profile, const struct placement *placement,
                          const struct corpus *corpus, const struct cost_trace *trace,
                          const char *scenario, uint64_t seed) {
    char digest[32], fingerprint[96];
    const char *slash = strrchr(corpus->path, '/');
    snprintf(digest, sizeof digest, "%016" PRIx64, corpus->digest);
    snprintf(fingerprint, sizeof fingerprint, "simulated-%s", profile->name);
    return json_pack(
        "{s:s, s:s, s:s, s:{s:s, s:s}, s:I, s:s, s:{s:s, s:i, s:i, s:s}, s:{s:s, s:I, s:I, s:I, "
        "s:b, "
        "s:s}, s:{s:s, s:b, s:s}, s:s, s:o}",
        "kind", "header", "provenance", "simulated", "created", "simulated", "program", "version",
        BUILD_VERSION, "commit", BUILD_COMMIT, "seed", (json_int_t)seed, "scenario", scenario,
        "machine", "name", profile->title, "physical", (int)placement_core_count(placement),
        "logical", (int)placement_pu_count(placement), "fingerprint", fingerprint, "corpus", "name",
        slash ? slash + 1 : corpus->path, "bytes", (json_int_t)corpus->size_bytes, "lines",
        (json_int_t)corpus->line_count, "batch_lines", (json_int_t)corpus->batch_lines, "built_in",
        corpus->built_in, "xxh3", digest, "placement", "rule", placement_rule(placement), "pinned",
        1, "text", placement_rule(placement), "costs", trace->source, "profile",
        profile_json(profile));
}
