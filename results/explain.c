/* Tables of where the time goes; see explain.h. */
#define _GNU_SOURCE
#include "results/explain.h"

#include "results/dose.h"
#include "results/plots/plot_data.h"
#include "results/tables/table.h"
#include "results/tables/table_events.h"
#include "results/tables/table_gaps.h"
#include "results/time_shares.h"

#include <math.h>
#include <string.h>

struct printer {
    FILE *out;
    bool markdown;
    unsigned tables;
    struct error *error;
};

static bool print_grid(struct printer *printer, struct grid *grid, size_t rows, const char *heading,
                       const char *note) {
    bool ok = true;
    if (rows) {
        fprintf(printer->out, printer->markdown ? "%s### %s\n\n" : "%s%s\n\n",
                printer->tables ? "\n" : "", heading);
        ok = grid_print(grid, printer->markdown ? GRID_MARKDOWN : GRID_TEXT, printer->out,
                        printer->error);
        fprintf(printer->out, "\n%s\n", note);
        printer->tables++;
    }
    grid_free(grid);
    return ok;
}

static struct grid *make_grid(const char *const *titles, struct error *error) {
    struct grid *grid = grid_create(titles);
    if (!grid) error_set(error, "out of memory for a table");
    return grid;
}

static void row_name(const struct arm_record *arm, char *text, size_t size) {
    char group[200];
    arm_group(arm, group, sizeof group);
    snprintf(text, size, "%s%s%s", group, group[0] ? ", " : "", arm_label(arm));
}

static bool print_phases(struct printer *printer, const struct record *record) {
    static const char *const titles[] = {"<arm", "threads",      "fork", "run",
                                         "join", "collect",      "drop", "other",
                                         "sum",  "useful share", NULL};
    struct grid *grid = make_grid(titles, printer->error);
    size_t rows = 0;
    if (!grid) return false;
    for (size_t i = 0; i < record->arm_count; i++) {
        struct time_phases times = {0};
        double shares[WORKER_STATES];
        char name[300];
        const struct arm_record *arm = &record->arms[i];
        if (arm->role == ROLE_CONTROL || !time_phases_of(record, arm, &times)) continue;
        row_name(arm, name, sizeof name);
        grid_add(grid, "%s", name);
        grid_add(grid, "%u", plot_threads(arm));
        for (int phase = 0; phase <= PHASE_COUNT; phase++)
            grid_add(grid, "%.1f", times.us[phase]);
        grid_add(grid, "%.1f", times.total);
        if (worker_states_of(record, arm, shares))
            grid_add(grid, "%.1f %%", shares[0]);
        else
            grid_add(grid, "n/a");
        rows++;
    }
    return print_grid(
        printer, grid, rows, "Phases of a batch: us per 1,000 items",
        "From an instrumented run that is not timed; collecting is part of join unless it "
        "is told apart. The useful share is time inside "
        "items over workers x wall time.");
}

static bool print_workers(struct printer *printer, const struct record *record) {
    static const char *const titles[] = {"<arm", "threads", "in items", "steal", "spin",
                                         "park", "wake",    "not told", NULL};
    struct grid *grid = make_grid(titles, printer->error);
    size_t rows = 0;
    if (!grid) return false;
    for (size_t i = 0; i < record->arm_count; i++) {
        double shares[WORKER_STATES];
        char name[300];
        const struct arm_record *arm = &record->arms[i];
        if (arm->role == ROLE_CONTROL || !worker_states_of(record, arm, shares)) continue;
        row_name(arm, name, sizeof name);
        grid_add(grid, "%s", name);
        grid_add(grid, "%u", plot_threads(arm));
        for (int state = 0; state < WORKER_STATES; state++)
            grid_add(grid, "%.1f %%", shares[state]);
        rows++;
    }
    return print_grid(printer, grid, rows, "What workers do: share of workers x wall time",
                      "A scheduler that does not tell its states leaves them in 'not told'.");
}

static bool print_events(struct printer *printer, const struct record *record) {
    if (!record_has_events(record)) return true;
    if (printer->tables) fputc('\n', printer->out);
    printer->tables++;
    return table_print_events(record, printer->markdown, printer->out, printer->error);
}

static bool print_gaps(struct printer *printer, const struct record *record,
                       struct record *const *records, size_t count) {
    if (!record_has_gaps(record)) return true;
    if (printer->tables) fputc('\n', printer->out);
    printer->tables++;
    return table_print_gaps(record, records, count, printer->markdown, printer->out,
                            printer->error);
}

/* ---- dose ---- */

static void add_interval(struct grid *grid, bool has, const struct interval *interval) {
    if (has)
        grid_add(grid, "[%.3g, %.3g]", interval->low, interval->high);
    else
        grid_add(grid, "n/a");
}

static bool print_dose(struct printer *printer, const struct record *record,
                       struct record *const *records, size_t count) {
    static const char *const lines[] = {"shared", "private"};
    static const char *const titles[] = {
        "<line",         "doses", "rounds", "ns an operation", "95 % interval", "worst residual ns",
        "of the effect", NULL};
    static const char *const more_titles[] = {
        "<arm", "gain ns an item", "95 % interval", "atomics saved", "explained ns", "residual ns",
        NULL};
    struct dose_slope slopes[2];
    struct grid *grid = make_grid(titles, printer->error);
    size_t rows = 0;
    const struct dose_slope *shared = NULL;
    if (!grid) return false;
    for (int i = 0; i < 2; i++) {
        if (!dose_slope_of(record, lines[i], &slopes[i])) continue;
        if (i == 0) shared = &slopes[0];
        grid_add(grid, "%s", lines[i]);
        grid_add(grid, "%zu", slopes[i].arms);
        grid_add(grid, "%zu", slopes[i].rounds);
        grid_add(grid, "%.3g", slopes[i].ns_an_operation.estimate);
        add_interval(grid, slopes[i].has_interval, &slopes[i].ns_an_operation);
        grid_add(grid, "%.3g (dose %.0f)", slopes[i].worst_residual_ns, slopes[i].worst_dose);
        grid_add(grid, "%.1f %%", 100 * slopes[i].worst_residual_share);
        rows++;
    }
    if (!print_grid(
            printer, grid, rows,
            "Dose and response: wall time an item for one more atomic "
            "operation an item",
            "The median of regressions, one a round. The residual is the median departure from "
            "the line of the dose\nthat departs most, beside what the greatest dose adds; "
            "doses near 0 depart where fork and join hide them."))
        return false;
    if (!shared) return true;
    grid = make_grid(more_titles, printer->error);
    if (!grid) return false;
    rows = 0;
    for (size_t i = 0; i < record->arm_count; i++) {
        const struct arm_record *arm = &record->arms[i];
        struct dose_attribution attribution;
        const char *line;
        if (arm->role != ROLE_PATCHED || dose_of_arm(arm, &line) > 0 ||
            !dose_attribute(record, arm, shared, records, count, &attribution))
            continue;
        grid_add(grid, "%s", arm_label(arm));
        grid_add(grid, "%.4g", attribution.gain_ns.estimate);
        add_interval(grid, attribution.has_interval, &attribution.gain_ns);
        if (isfinite(attribution.operations_saved)) {
            grid_add(grid, "%.4f", attribution.operations_saved);
            grid_add(grid, "%.3g", attribution.explained_ns);
            grid_add(grid, "%.3g", attribution.residual_ns);
        } else {
            for (int k = 0; k < 3; k++)
                grid_add(grid, "n/a");
        }
        rows++;
    }
    return print_grid(
        printer, grid, rows, "What saved atomics explain of a gain",
        "Saved read-modify-writes an item (from a record of 'grainbench ledger' of the "
        "same schedulers and threads) times the cost of one on a shared line; the "
        "residual is the rest of the gain.");
}

bool explain_print(struct record *const *records, size_t count, bool markdown, FILE *out,
                   unsigned *tables, struct error *error) {
    struct printer printer = {out, markdown, 0, error};
    for (size_t i = 0; i < count; i++) {
        const struct record *record = records[i];
        if (!print_phases(&printer, record) || !print_workers(&printer, record) ||
            !print_events(&printer, record) || !print_gaps(&printer, record, records, count) ||
            !print_dose(&printer, record, records, count))
            return false;
    }
    *tables = printer.tables;
    return true;
}
