/* `grainbench history`: records over time. */
#define _GNU_SOURCE
#include "harness/command.h"
#include "results/change_points.h"
#include "results/grid.h"
#include "results/history.h"
#include "results/tables/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct history_arguments {
    const char *database, *scenario, *machine;
    double p_limit;
};

static const struct grainbench_option option_table[] = {
    {"database", 'd', GRAINBENCH_OPTION_TEXT, offsetof(struct history_arguments, database), "FILE",
     NULL, NULL, 0, 0, "the history [default: $GRAINBENCH_HISTORY, else records/history.sqlite]"},
    {"scenario", 'S', GRAINBENCH_OPTION_TEXT, offsetof(struct history_arguments, scenario), "NAME",
     NULL, NULL, 0, 0, "this scenario only (list, trend)"},
    {"machine", 'm', GRAINBENCH_OPTION_TEXT, offsetof(struct history_arguments, machine),
     "FINGERPRINT", NULL, NULL, 0, 0, "this machine only (list, trend)"},
    {"p", 'p', GRAINBENCH_OPTION_REAL, offsetof(struct history_arguments, p_limit), "P", "0.0001",
     NULL, 0, 1, "greatest p-value of a change point (trend)"},
    {0}};

static void add_entry(void *context, const struct history_entry *entry) {
    struct grid *grid = context;
    grid_add(grid, "%lld", entry->id);
    grid_add(grid, "%s", entry->created);
    grid_add(grid, "%s", entry->commit);
    grid_add(grid, "%s", entry->fingerprint);
    grid_add(grid, "%s", entry->scenario);
    grid_add(grid, "%lld", entry->samples);
    grid_add(grid, "%s", entry->path);
}

static bool list(struct history *history, const struct history_arguments *arguments,
                 struct error *error) {
    const char *titles[] = {"id",        "<created", "<commit", "<machine",
                            "<scenario", "samples",  "<path",   NULL};
    struct grid *grid = grid_create(titles);
    if (!grid) return error_set(error, "out of memory");
    bool done =
        history_list(history, arguments->scenario, arguments->machine, add_entry, grid, error) &&
        grid_print(grid, GRID_TEXT, stdout, error);
    grid_free(grid);
    return done;
}

static bool add(struct history *history, int count, char **paths, struct error *error) {
    for (int i = 0; i < count; i++) {
        long long id;
        bool known;
        if (!history_add(history, paths[i], &id, &known, error)) return false;
        printf("%lld  %s%s\n", id, paths[i], known ? " (was there already)" : "");
        fflush(stdout);
        struct record *record = history_load(history, id, error);
        if (!record) return false;
        if (record->warning[0]) fprintf(stderr, "grainbench history: %s\n", record->warning);
        record_free(record);
    }
    return count > 0 || error_set(error, "name at least one record to add");
}

static bool show(struct history *history, int count, char **numbers, struct error *error) {
    for (int i = 0; i < count; i++) {
        char *end;
        long long id = strtoll(numbers[i], &end, 10);
        if (end == numbers[i] || *end)
            return error_set(error, "'%s' is no record number; 'history list' shows them",
                             numbers[i]);
        struct record *record = history_load(history, id, error);
        bool shown = record && table_print(record, &table_defaults, stdout, error);
        record_free(record);
        if (!shown) return false;
    }
    return count > 0 || error_set(error, "name the number of a record; 'history list' shows them");
}

static bool print_series(const struct history_series *series, double p_limit, struct error *error) {
    struct change_point *points = calloc(series->count + 1, sizeof *points);
    if (!points) return error_set(error, "out of memory");
    size_t found = change_points_find(series->values, series->count, p_limit, points);
    printf("%s; %s%s%s; %s; %s\n  %zu values, %.2f to %.2f %s", series->scenario, series->group,
           series->group[0] ? "; " : "", series->label, series->row, series->fingerprint,
           series->count, series->values[0], series->values[series->count - 1], series->unit);
    puts(found ? ", changes:" : ", no change");
    for (size_t i = 0; i < found; i++) {
        size_t at = points[i].index;
        printf("  %+.1f %% at record %lld, %s, commit %s (before: %s): %.2f to %.2f, p %.2g\n",
               100 * (points[i].after / points[i].before - 1), series->ids[at], series->created[at],
               series->commits[at], series->commits[at - 1], points[i].before, points[i].after,
               points[i].p);
    }
    free(points);
    return true;
}

static bool trend(struct history *history, const struct history_arguments *arguments,
                  struct error *error) {
    struct history_series *series;
    size_t count;
    if (!history_series(history, arguments->scenario, arguments->machine, &series, &count, error))
        return false;
    bool done = count > 0 || error_set(error, "the history holds nothing of that kind");
    for (size_t i = 0; done && i < count; i++)
        done = print_series(&series[i], arguments->p_limit, error);
    history_series_free(series, count);
    return done;
}

static int run_history(const void *options, int operand_count, char **operands) {
    const struct history_arguments *arguments = options;
    const char *verb = operand_count ? operands[0] : "";
    struct error error;
    const char *path = arguments->database ? arguments->database : getenv("GRAINBENCH_HISTORY");
    bool adds = strcmp(verb, "add") == 0, lists = strcmp(verb, "list") == 0;
    bool shows = strcmp(verb, "show") == 0, trends = strcmp(verb, "trend") == 0;
    if (!adds && !lists && !shows && !trends)
        return command_fail("history", "say add, list, show or trend");
    if (!path) {
        if (adds) mkdir("records", 0777); /* if this fails, opening the file says so */
        path = "records/history.sqlite";
    }
    struct history *history = history_open(path, &error);
    if (!history) return command_fail("history", "%s", error.message);
    bool done = adds    ? add(history, operand_count - 1, operands + 1, &error)
                : lists ? list(history, arguments, &error)
                : shows ? show(history, operand_count - 1, operands + 1, &error)
                        : trend(history, arguments, &error);
    history_close(history);
    return done ? EXIT_OK : command_fail("history", "%s", error.message);
}

const struct command command_history = {
    .name = "history",
    .summary = "keep records over time and find when something changed",
    .operands = "add RECORD...|list|show ID...|trend",
    .description =
        "Keeps records in one SQLite file by commit, machine and scenario. 'add' puts records in "
        "(again does nothing), 'list' shows what there is, 'show' prints the table of a record.\n\n"
        "'trend' follows the throughput of every arm on each machine over time and tells where it "
        "changed: E-divisive splits, judged by a t-test so that the same history gives the same "
        "answer. Speeds of one machine at different times are compared here, so a change may be "
        "the "
        "machine's; measure both commits with 'grainbench compare' to be sure.\n\n"
        "Several writers may add at once; a writer that is killed leaves whole records or none.",
    .examples = "grainbench history add run.jsonl\n"
                "grainbench history list --scenario hf-2077\n"
                "grainbench history show 3\n"
                "grainbench history trend",
    .options = option_table,
    .options_size = sizeof(struct history_arguments),
    .run = run_history,
};
