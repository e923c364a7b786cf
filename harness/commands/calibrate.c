/* `grainbench calibrate`: measures this machine's costs for simulations. */
#include "harness/simulation/calibrate.h"
#include "base/file.h"
#include "harness/command.h"
#include "harness/machine.h"
#include "results/grid.h"

#include <stdio.h>
#include <string.h>

struct calibrate_options {
    const char *output, *name;
    int64_t trials;
};

static const struct grainbench_option option_table[] = {
    {"output", 'o', GRAINBENCH_OPTION_TEXT, offsetof(struct calibrate_options, output), "FILE",
     NULL, NULL, 0, 0, "write the profile there, for 'grainbench simulate --machine FILE'"},
    {"name", 0, GRAINBENCH_OPTION_TEXT, offsetof(struct calibrate_options, name), "NAME",
     "this-machine", NULL, 0, 0, "what the profile is called"},
    {"trials", 'n', GRAINBENCH_OPTION_INTEGER, offsetof(struct calibrate_options, trials), "N",
     "21", NULL, 5, 100, "measurements a value; their median and spread are kept"},
    {0}};

static bool print_profile(const struct machine_profile *profile,
                          const struct calibration_extra *extra, struct error *error) {
    static const char *const titles[] = {"<parameter", "typical", "low", "high", "<source", NULL};
    struct grid *grid = grid_create(titles);
    if (!grid) return error_set(error, "out of memory");
    for (int i = 0; i < PROFILE_PARAMETER_COUNT; i++) {
        const struct profile_value *v = &profile->values[i];
        grid_add(grid, "%s", profile_parameter_name((enum profile_parameter)i));
        grid_add(grid, "%.4g", v->typical);
        grid_add(grid, "%.4g", v->low);
        grid_add(grid, "%.4g", v->high);
        grid_add(grid, "%s", v->source);
    }
    bool printed = grid_print(grid, GRID_TEXT, stdout, error);
    grid_free(grid);
    if (extra->contended_rmw_ns > 0)
        printf("contended fetch-and-add, two cores: %.1f ns each\n", extra->contended_rmw_ns);
    const struct memory_contention *c = &extra->contention;
    if (c->alone_ns > 0)
        printf("malloc and free of 256 bytes, ns: alone %.1f, two threads with an arena each %.1f, "
               "two on one arena %.1f\nfree of another thread's 256 bytes, ns: while it sleeps "
               "%.1f, while it allocates and frees %.1f\n",
               c->alone_ns, c->separate_ns, c->one_arena_ns, c->remote_ns, c->remote_busy_ns);
    printf("%s; %u pair%s of processing units\n", profile->title, extra->pairs,
           extra->pairs == 1 ? "" : "s");
    return printed;
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

static int run_calibrate(const void *values, int operand_count, char **operands) {
    const struct calibrate_options *options = values;
    struct error error;
    if (operand_count) return command_fail("calibrate", "'%s' is not expected here", operands[0]);
    if (options->output && !file_can_be_written(options->output, &error))
        return command_fail("calibrate", "%s", error.message);
    struct placement *placement = placement_create(NULL, PLACEMENT_CORES, &error);
    struct machine_profile profile = {0};
    struct calibration_extra extra;
    bool done = placement &&
                calibrate_machine(placement, (unsigned)options->trials, &profile, &extra, &error);
    if (done) {
        name_profile(&profile, options->name, placement);
        done = print_profile(&profile, &extra, &error) &&
               (!options->output || machine_profile_save(&profile, options->output, &error));
        if (done && options->output) printf("profile: %s\n", options->output);
    }
    machine_profile_free(&profile);
    placement_destroy(placement);
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
        "here and on another thread. Every value is the median of the trials; low and high are "
        "their tenth and ninetieth percentile.\n\n"
        "What a machine does not have gets a plain value, and its source says so. Run it on an "
        "idle machine: waking is slower and wider where others run.",
    .examples = "grainbench calibrate\n"
                "grainbench calibrate --output my-machine.json\n"
                "grainbench simulate --machine my-machine.json --threads 1,2",
    .options = option_table,
    .options_size = sizeof(struct calibrate_options),
    .run = run_calibrate,
};
