/* The tables of a model beside the real thing; see fidelity.h. */
#include "harness/fidelity/fidelity.h"
#include "results/grid.h"

#include <math.h>
#include <string.h>

enum fidelity_verdict fidelity_judge(const struct fidelity_figure *figure) {
    if (figure->limit_high <= 0) return FIDELITY_NO_LIMITS;
    if (figure->ratio >= figure->limit_low && figure->ratio <= figure->limit_high)
        return FIDELITY_WITHIN;
    bool outside = figure->low > figure->limit_high || figure->high < figure->limit_low;
    return outside ? FIDELITY_OUTSIDE : FIDELITY_UNDECIDED;
}

bool fidelity_agrees(const struct fidelity_result *result) {
    for (size_t i = 0; i < result->figure_count; i++)
        if (fidelity_judge(&result->figures[i]) == FIDELITY_OUTSIDE) return false;
    return true;
}

static void add_number(struct grid *grid, double value) {
    if (!isfinite(value))
        grid_add(grid, "n/a");
    else
        grid_add(grid, value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : "%.2f", value);
}

static void add_figure(struct grid *grid, const struct fidelity_figure *figure) {
    grid_add(grid, "%u", figure->workers);
    grid_add(grid, "%s", figure->body);
    grid_add(grid, "%s", figure->metric);
    for (int which = 0; which < FIDELITY_SIDES; which++)
        add_number(grid, figure->values[which]);
    add_number(grid, figure->ratio);
    if (isfinite(figure->low))
        grid_add(grid, "[%.2f, %.2f]", figure->low, figure->high);
    else
        grid_add(grid, "%s", "");
    static const char *const words[] = {"", "within", "OUTSIDE", "undecided:"};
    enum fidelity_verdict verdict = fidelity_judge(figure);
    if (verdict == FIDELITY_NO_LIMITS)
        grid_add(grid, "%s", "");
    else
        grid_add(grid, "%s %.2f to %.2f", words[verdict], figure->limit_low, figure->limit_high);
}

static bool print_figures(const struct fidelity_result *result, FILE *out, struct error *error) {
    static const char *const titles[] = {"workers", "<body",          "<figure", "model", "real",
                                         "ratio",   "<95 % interval", "<limits", NULL};
    struct grid *grid = grid_create(titles);
    if (!grid) return error_set(error, "out of memory");
    for (size_t i = 0; i < result->figure_count; i++) {
        if (i && result->figures[i].workers != result->figures[i - 1].workers) grid_gap(grid);
        add_figure(grid, &result->figures[i]);
    }
    bool good = grid_print(grid, GRID_TEXT, out, error);
    grid_free(grid);
    return good;
}

/* The columns of a histogram: as far as any leaf is that large. */
static int last_bucket(const struct fidelity_result *result) {
    int last = 0;
    for (size_t i = 0; i < result->histogram_count; i++)
        for (int b = 0; b < FIDELITY_BUCKETS; b++)
            if (result->histograms[i].leaves[0][b] > 0 || result->histograms[i].leaves[1][b] > 0)
                last = b > last ? b : last;
    return last;
}

static bool print_histograms(const struct fidelity_result *result, FILE *out, struct error *error) {
    char names[FIDELITY_BUCKETS][32];
    const char *titles[FIDELITY_BUCKETS + 4] = {"workers", "<body", "<of"};
    int last = last_bucket(result);
    for (int b = 0; b <= last; b++) {
        if (b == 0)
            snprintf(names[b], sizeof names[b], "1 item");
        else if (b == FIDELITY_BUCKETS - 1)
            snprintf(names[b], sizeof names[b], "%d or more", 1 << b);
        else
            snprintf(names[b], sizeof names[b], "%d-%d", 1 << b, (2 << b) - 1);
        titles[3 + b] = names[b];
    }
    struct grid *grid = grid_create(titles);
    if (!grid) return error_set(error, "out of memory");
    for (size_t i = 0; i < result->histogram_count; i++) {
        const struct fidelity_histogram *histogram = &result->histograms[i];
        if (i && histogram->workers != result->histograms[i - 1].workers) grid_gap(grid);
        for (int which = 0; which < FIDELITY_SIDES; which++) {
            grid_add(grid, "%u", histogram->workers);
            grid_add(grid, "%s", histogram->body);
            grid_add(grid, "%s", which == FIDELITY_MODEL ? "model" : "real");
            for (int b = 0; b <= last; b++)
                grid_add(grid, "%.1f", histogram->leaves[which][b]);
        }
    }
    bool good = grid_print(grid, GRID_TEXT, out, error);
    grid_free(grid);
    return good;
}

bool fidelity_print(const struct fidelity_plan *plan, const struct fidelity_result *result,
                    FILE *out, struct error *error) {
    fprintf(out,
            "model %s beside real %s; batches of %zu items; medians (joins and steals: means)\n\n",
            plan->schedulers[FIDELITY_MODEL], plan->schedulers[FIDELITY_REAL], plan->items);
    if (!print_figures(result, out, error)) return false;
    fprintf(out, "\nLeaves of a batch by size, mean over batches\n\n");
    return print_histograms(result, out, error);
}
