/* `grainbench calibrate`: measures this machine's costs for simulations. */
#include "harness/simulation/calibrate.h"
#include "base/clock.h"
#include "base/file.h"
#include "harness/command.h"
#include "harness/machine.h"
#include "results/grid.h"
#include "results/statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct calibrate_options {
    const char *output, *name;
    int64_t rounds, trials;
};

static const struct grainbench_option option_table[] = {
    {"output", 'o', GRAINBENCH_OPTION_TEXT, offsetof(struct calibrate_options, output), "FILE",
     NULL, NULL, 0, 0, "write the profile there, for 'grainbench simulate --machine FILE'"},
    {"name", 0, GRAINBENCH_OPTION_TEXT, offsetof(struct calibrate_options, name), "NAME",
     "this-machine", NULL, 0, 0, "what the profile is called"},
    {"rounds", 'r', GRAINBENCH_OPTION_INTEGER, offsetof(struct calibrate_options, rounds), "N",
     "61", NULL, 1, CALIBRATION_ROUNDS_MOST,
     "rounds, each a process that measures everything; their median and spread are kept"},
    {"trials", 'n', GRAINBENCH_OPTION_INTEGER, offsetof(struct calibrate_options, trials), "N", "9",
     NULL, 1, CALIBRATION_TRIALS_MOST, "measurements a value and round"},
    {0}};

struct calibration {
    struct placement *placement;
    struct machine_profile profile;
    struct calibration_round rounds[CALIBRATION_ROUNDS_MOST];
    unsigned round_count;
};

enum { VALUES_A_LINE = 20 };

/* Of the rounds; an empty cell where none counts. */
static void add_end(struct grid *grid, const struct calibration_spread *spread, double value) {
    if (spread->counted)
        grid_add(grid, "%.4g", value);
    else
        grid_add(grid, "%s", "");
}

static bool print_values(const struct calibration *calibration, struct error *error) {
    static const char *const titles[] = {"<parameter", "typical",  "low",     "high",
                                         "least",      "greatest", "<source", NULL};
    struct grid *grid = grid_create(titles);
    if (!grid) return error_set(error, "out of memory");
    for (int i = 0; i < PROFILE_PARAMETER_COUNT; i++) {
        const struct profile_value *v = &calibration->profile.values[i];
        struct calibration_spread spread = calibration_spread_of(
            calibration->rounds, calibration->round_count, (enum profile_parameter)i);
        grid_add(grid, "%s", profile_parameter_name((enum profile_parameter)i));
        grid_add(grid, "%.4g", v->typical);
        grid_add(grid, "%.4g", v->low);
        grid_add(grid, "%.4g", v->high);
        add_end(grid, &spread, spread.least);
        add_end(grid, &spread, spread.greatest);
        grid_add(grid, "%s", v->source);
    }
    bool printed = grid_print(grid, GRID_TEXT, stdout, error);
    grid_free(grid);
    return printed;
}

/* ---- checks of the model ---- */

static bool print_checks(const struct machine_profile *profile, struct error *error) {
    static const char *const titles[] = {"<check", "measured", "low",     "high", "model",
                                         "error",  "<what",    "<source", NULL};
    struct grid *grid = grid_create(titles);
    if (!grid) return error_set(error, "out of memory");
    for (int i = 0; i < PROFILE_CHECK_COUNT; i++) {
        const struct profile_check *check = &profile->checks[i];
        const double values[] = {check->measured, check->low, check->high, check->model};
        grid_add(grid, "%s", profile_check_name((enum profile_check_kind)i));
        for (size_t v = 0; v < sizeof values / sizeof *values; v++)
            grid_add(grid, isnan(values[v]) ? "n/a" : "%.4g", values[v]);
        double off = profile_check_error(check);
        grid_add(grid, isnan(off) ? "n/a" : "%+.0f %%", 100 * off);
        grid_add(grid, "%s", profile_check_what((enum profile_check_kind)i));
        grid_add(grid, "%s", check->source);
    }
    bool printed = grid_print(grid, GRID_TEXT, stdout, error);
    grid_free(grid);
    return printed;
}

static void print_far(const struct machine_profile *profile) {
    for (int i = 0; i < PROFILE_CHECK_COUNT; i++) {
        const struct profile_check *check = &profile->checks[i];
        double off = profile_check_error(check);
        if (fabs(off) > PROFILE_CHECK_FAR)
            printf("The model is far off in %s: %.3g ns, measured %.3g (%+.0f %%).\n",
                   profile_check_name((enum profile_check_kind)i), check->model, check->measured,
                   100 * off);
    }
}

/* ---- what moved, and the rest ---- */

/* The values of every round, in their order, where a distance moved or a value cannot be. */
static void print_moved(const struct calibration *calibration) {
    for (int i = 0; i < PROFILE_PARAMETER_COUNT; i++) {
        enum profile_parameter parameter = (enum profile_parameter)i;
        struct calibration_spread spread =
            calibration_spread_of(calibration->rounds, calibration->round_count, parameter);
        if (!spread.refused && !calibration_moved(&spread, parameter)) continue;
        printf("%s", profile_parameter_name(parameter));
        if (calibration_moved(&spread, parameter))
            printf(" moved between rounds, %.1fx", spread.greatest / spread.least);
        printf(", by round%s:", spread.refused ? " (in brackets what cannot be)" : "");
        for (unsigned r = 0; r < calibration->round_count; r++) {
            if (r % VALUES_A_LINE == 0) printf("\n   ");
            const struct calibration_round *round = &calibration->rounds[r];
            printf(calibration_possible(round, parameter) ? " %.3g" : " [%.3g]",
                   round->values[parameter]);
        }
        putchar('\n');
    }
}

/* The median over the rounds of a real number at `offset` in them. */
static double median_at(const struct calibration *calibration, size_t offset) {
    double values[CALIBRATION_ROUNDS_MOST];
    for (unsigned r = 0; r < calibration->round_count; r++)
        memcpy(&values[r], (const char *)&calibration->rounds[r] + offset, sizeof values[r]);
    return statistics_median(values, calibration->round_count);
}

static void print_contention(const struct calibration *calibration) {
#define MEDIAN(field) median_at(calibration, offsetof(struct calibration_round, field))
    if (placement_pu_count(calibration->placement) < 2) return;
    printf("contended fetch-and-add, two cores: %.1f ns each\n", MEDIAN(contended_rmw_ns));
    printf("malloc and free of 256 bytes, ns: alone %.1f, two threads with an arena each %.1f, "
           "two on one arena %.1f\nfree of another thread's 256 bytes, ns: while it sleeps "
           "%.1f, while it allocates and frees %.1f\n",
           MEDIAN(contention.alone_ns), MEDIAN(contention.separate_ns),
           MEDIAN(contention.one_arena_ns), MEDIAN(contention.remote_ns),
           MEDIAN(contention.remote_busy_ns));
#undef MEDIAN
}

static bool print_calibration(const struct calibration *calibration, double duration_s,
                              struct error *error) {
    unsigned pairs = calibration->rounds[0].pairs;
    if (!print_values(calibration, error)) return false;
    putchar('\n');
    if (!print_checks(&calibration->profile, error)) return false;
    print_far(&calibration->profile);
    putchar('\n');
    print_moved(calibration);
    print_contention(calibration);
    printf("%s; %u pair%s of processing units, %u rounds in %.0f s\n", calibration->profile.title,
           pairs, pairs == 1 ? "" : "s", calibration->round_count, duration_s);
    return true;
}

static void name_profile(struct machine_profile *profile, const char *name,
                         const struct placement *placement) {
    char topology[128];
    json_t *machine = machine_describe(placement);
    const char *cpu = json_string_value(json_object_get(machine, "cpu"));
    placement_describe(placement, topology, sizeof topology);
    snprintf(profile->name, sizeof profile->name, "%s", name);
    snprintf(profile->title, sizeof profile->title, "%.90s, %.60s", cpu ? cpu : "unknown processor",
             topology);
    json_decref(machine);
}

static bool calibrate(const struct calibrate_options *options, struct calibration *calibration,
                      struct error *error) {
    uint64_t begin = clock_now_ns();
    calibration->round_count = (unsigned)options->rounds;
    calibration->placement = placement_create(NULL, PLACEMENT_CORES, error);
    if (!calibration->placement ||
        !calibrate_rounds(calibration->placement, (unsigned)options->trials,
                          calibration->round_count, calibration->rounds, error) ||
        !calibration_profile(calibration->placement, calibration->rounds, calibration->round_count,
                             &calibration->profile, error))
        return false;
    name_profile(&calibration->profile, options->name, calibration->placement);
    return print_calibration(calibration, (double)(clock_now_ns() - begin) / 1e9, error) &&
           (!options->output ||
            machine_profile_save(&calibration->profile, options->output, error));
}

static int run_calibrate(const void *values, int operand_count, char **operands) {
    const struct calibrate_options *options = values;
    struct error error = {"out of memory"};
    if (operand_count) return command_fail("calibrate", "'%s' is not expected here", operands[0]);
    if (options->output && !file_can_be_written(options->output, &error))
        return command_fail("calibrate", "%s", error.message);
    struct calibration *calibration = calloc(1, sizeof *calibration);
    bool done = calibration && calibrate(options, calibration, &error);
    if (done && options->output) printf("profile: %s\n", options->output);
    if (calibration) {
        machine_profile_free(&calibration->profile);
        placement_destroy(calibration->placement);
        free(calibration);
    }
    return done ? EXIT_OK : command_fail("calibrate", "%s", error.message);
}

const struct command command_calibrate = {
    .name = "calibrate",
    .summary = "measure this machine's costs for simulations",
    .operands = "",
    .description =
        "Measures what a simulated machine needs to know: how long a cache line takes between "
        "pinned threads of every kind of pair there is, atomic operations with and without "
        "contention, fences, spin hints, sched_yield, sleeping and waking, allocating and freeing "
        "here and on another thread.\n\n"
        "Everything is measured in rounds, each a process of its own, because on a shared host a "
        "guest's processors move and because where memory lies changes what copying costs. A "
        "round's value is the median of its trials. The typical value is the median of the rounds, "
        "low and high are their tenth and ninetieth percentile. Rounds whose value cannot be, such "
        "as a line fetched from another core for less than one that is held, are left out and "
        "listed. A distance that moved by more than half between rounds is listed round by round; "
        "the profile's sources say so, too.\n\n"
        "What a probe of another worker's deque and a steal from it cost is no parameter: in the "
        "model they are the lines that move. They are checks: the deque of the rayon schedulers is "
        "timed here, the same program is simulated with the profile just measured, and where the "
        "model is off by more than 30 % of what was measured a line says so.\n\n"
        "What a machine does not have gets a plain value, and its source says so. Run it on an "
        "idle machine: waking is slower and wider where others run. It takes about a minute; "
        "--rounds and --trials make it shorter or longer.",
    .examples = "grainbench calibrate\n"
                "grainbench calibrate --output my-machine.json\n"
                "grainbench simulate --machine my-machine.json --threads 1,2",
    .options = option_table,
    .options_size = sizeof(struct calibrate_options),
    .run = run_calibrate,
};
