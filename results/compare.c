/* Two records side by side; see compare.h. */
#define _GNU_SOURCE
#include "results/compare.h"

#include "results/grid.h"
#include "results/tables/table.h"

#include <math.h>
#include <string.h>

/* The comparison of `b` that is about the same row, group and arms. */
static const struct comparison *find_same(const struct record *a, const struct comparison *wanted,
                                          const struct record *b, const struct verdicts *verdicts) {
    const struct arm_record *arm = &a->arms[wanted->patched];
    char group[256], other_group[256];
    arm_group(arm, group, sizeof group);
    for (size_t i = 0; i < verdicts->count; i++) {
        const struct arm_record *other = &b->arms[verdicts->comparisons[i].patched];
        arm_group(other, other_group, sizeof other_group);
        if (arms_share_row(arm, other) && strcmp(group, other_group) == 0 &&
            strcmp(arm_label(arm), arm_label(other)) == 0)
            return &verdicts->comparisons[i];
    }
    return NULL;
}

/* The difference of two independent medians: each interval's half on the side that matters, added
 * in squares. Widened where an interval's own coverage is more than asked for, never less. */
static struct series difference_of(const struct series *a, const struct series *b) {
    struct series difference = {.has_interval = a->has_interval && b->has_interval};
    double middle = b->change.estimate - a->change.estimate;
    difference.change.estimate = middle;
    difference.change.low =
        middle - hypot(b->change.estimate - b->change.low, a->change.high - a->change.estimate);
    difference.change.high =
        middle + hypot(b->change.high - b->change.estimate, a->change.estimate - a->change.low);
    return difference;
}

static const char *judge(const struct series *difference) {
    if (!difference->has_interval) return "not known";
    if (difference->change.low > 0 || difference->change.high < 0) return "they differ";
    return "may be equal";
}

static void add_rates(struct grid *grid, const struct comparison *comparison) {
    char change[64], interval[64];
    text_of_change(comparison->change, change, sizeof change);
    text_of_interval(&comparison->series, interval, sizeof interval);
    grid_add(grid, comparison->series.has_interval ? "%s %s" : "%s", change, interval);
}

static size_t add_rows(struct grid *grid, const struct record *a, const struct verdicts *first,
                       const struct record *b, const struct verdicts *second) {
    size_t rows = 0;
    char text[256];
    for (size_t i = 0; i < first->count; i++) {
        const struct comparison *one = &first->comparisons[i];
        const struct comparison *other = find_same(a, one, b, second);
        if (!other) continue;
        struct series difference = difference_of(&one->series, &other->series);
        arm_group(&a->arms[one->patched], text, sizeof text);
        if (record_has_groups(a)) grid_add(grid, "%s", text);
        text_of_row(&a->arms[one->patched], text, sizeof text);
        grid_add(grid, "%s", text);
        grid_add(grid, "%s", arm_label(&a->arms[one->patched]));
        add_rates(grid, one);
        add_rates(grid, other);
        text_of_interval(&difference, text, sizeof text);
        grid_add(grid, "%s", text);
        grid_add(grid, "%s", judge(&difference));
        rows++;
    }
    return rows;
}

static void print_names(const struct record *a, const struct record *b, FILE *out) {
    const char *fingerprint = record_header_text(a, "machine.fingerprint");
    const char *other = record_header_text(b, "machine.fingerprint");
    char machine[256];
    text_of_machine(a, machine, sizeof machine);
    fprintf(out, "A  %s, %s\n", a->path, machine);
    text_of_machine(b, machine, sizeof machine);
    fprintf(out, "B  %s, %s\n", b->path, machine);
    if (!fingerprint || !other || strcmp(fingerprint, other) != 0)
        fputs("   different machines, or not known: absolute speeds cannot be compared\n", out);
    else
        fputs("   one machine, but not one run: absolute speeds prove nothing; measure both builds "
              "together\n",
              out);
}

static void print_code(const struct record *a, const struct record *b, FILE *out) {
    char code[256], other[256];
    if (!text_of_code(a, code, sizeof code) || !text_of_code(b, other, sizeof other)) return;
    if (strcmp(code, other) == 0)
        fprintf(out, "   the same code ran in both: %s\n", code);
    else
        fprintf(out, "   different code ran: %s in A, %s in B\n", code, other);
}

bool records_compare(const struct record *a, const struct record *b, FILE *out,
                     struct error *error) {
    const char *titles[] = {"<group",      "<threads",    "<patched",    "change in A",
                            "change in B", "B against A", "<difference", NULL};
    struct verdicts first, second;
    if (!verdicts_decide(a, &verdict_defaults, &first, error)) return false;
    if (!verdicts_decide(b, &verdict_defaults, &second, error)) {
        verdicts_free(&first);
        return false;
    }
    struct grid *grid = grid_create(record_has_groups(a) ? titles : titles + 1);
    bool done = grid || error_set(error, "out of memory for a table");
    if (done && !add_rows(grid, a, &first, b, &second))
        done = error_set(error, "%s and %s have no row, group and patched arm in common", a->path,
                         b->path);
    if (done) {
        print_names(a, b, out);
        print_code(a, b, out);
        fputc('\n', out);
        done = grid_print(grid, GRID_TEXT, out, error);
    }
    grid_free(grid);
    verdicts_free(&first);
    verdicts_free(&second);
    return done;
}
