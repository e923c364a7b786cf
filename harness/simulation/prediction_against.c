/* Comparing simulated records; see prediction_against.h. */
#include "harness/simulation/prediction_against.h"

#include "results/grid.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *metric;
    bool higher_is_better;
} judged[] = {{"throughput", true},
              {"rmw_per_batch", false},
              {"transfers_per_batch", false},
              {"parks_per_batch", false},
              {"wakes_per_batch", false}};

static bool check_comparable(const struct record *before, const struct record *now,
                             struct error *error) {
    static const char *const members[] = {"provenance", "profile", "costs",
                                          "seed",       "corpus",  "scenario"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const json_t *a = record_header_member(before, members[i]);
        const json_t *b = record_header_member(now, members[i]);
        if (!a || !b || !json_equal((json_t *)(uintptr_t)a, (json_t *)(uintptr_t)b))
            return error_set(error, "%s: cannot be compared: its %s is another one", before->path,
                             members[i]);
    }
    return true;
}

/* The figures of the arm's simulation line, or NULL. */
static const json_t *figures_of(const struct record *record, int arm) {
    size_t at = record_find_line(record, 0, "simulation", arm);
    return at < record->line_count ? json_object_get(record->lines[at].json, "figures") : NULL;
}

static int same_arm(const struct record *record, const struct arm_record *wanted) {
    for (size_t i = 0; i < record->arm_count; i++) {
        const struct arm_record *arm = &record->arms[i];
        if (arm->role != ROLE_CONTROL && arm->workers == wanted->workers && arm->label &&
            wanted->label && strcmp(arm->label, wanted->label) == 0)
            return (int)arm->arm;
    }
    return -1;
}

static void compare_arm(const struct arm_record *arm, const json_t *before, const json_t *now,
                        double tolerance, struct grid *grid, size_t *rows, bool *worse) {
    for (size_t i = 0; i < sizeof judged / sizeof *judged; i++) {
        const json_t *a = json_object_get(before, judged[i].metric);
        const json_t *b = json_object_get(now, judged[i].metric);
        if (!json_is_number(a) || !json_is_number(b)) continue;
        double from = json_number_value(a), to = json_number_value(b);
        if (from == to) continue;
        double change = from != 0 ? to / from - 1 : INFINITY;
        bool is_worse = judged[i].higher_is_better ? change < -tolerance : change > tolerance;
        grid_add(grid, "%u", arm->workers);
        grid_add(grid, "%s", arm->label);
        grid_add(grid, "%s", judged[i].metric);
        grid_add(grid, "%.6g", from);
        grid_add(grid, "%.6g", to);
        grid_add(grid, "%+.2f %%", 100 * change);
        grid_add(grid, "%s", is_worse ? "worse" : "within tolerance, or better");
        *worse |= is_worse;
        ++*rows;
    }
}

static bool compare_arms(const struct record *before, const struct record *now, double tolerance,
                         struct grid *grid, size_t *rows, bool *worse, struct error *error) {
    for (size_t i = 0; i < now->arm_count; i++) {
        const struct arm_record *arm = &now->arms[i];
        if (arm->role == ROLE_CONTROL) continue;
        int old = same_arm(before, arm);
        const json_t *from = old >= 0 ? figures_of(before, old) : NULL;
        const json_t *to = figures_of(now, (int)arm->arm);
        if (!from || !to)
            return error_set(error, "%s: has no arm '%s' at %u workers", before->path,
                             arm->label ? arm->label : "?", arm->workers);
        compare_arm(arm, from, to, tolerance, grid, rows, worse);
    }
    return true;
}

bool prediction_compare(const struct record *before, const struct record *now, double tolerance,
                        FILE *out, bool *worse, struct error *error) {
    static const char *const titles[] = {"threads", "<scheduler", "<metric",    "before",
                                         "now",     "change",     "<judgement", NULL};
    *worse = false;
    if (!check_comparable(before, now, error)) return false;
    struct grid *grid = grid_create(titles);
    if (!grid) return error_set(error, "out of memory");
    size_t rows = 0;
    bool done = compare_arms(before, now, tolerance, grid, &rows, worse, error);
    if (done) {
        fprintf(out, "\nAgainst %s: %s\n", before->path,
                rows ? (*worse ? "worse" : "not worse") : "the same to the last digit");
        if (rows) done = grid_print(grid, GRID_TEXT, out, error);
    }
    grid_free(grid);
    return done;
}
