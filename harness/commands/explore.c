/* `grainbench explore`: looks for schedules that break a scheduler. */
#define _GNU_SOURCE
#include "harness/command.h"
#include "harness/components.h"
#include "harness/progress.h"
#include "schedulers/schedulers.h"
#include "schedulers/virtual_coroutine.h"
#include "schedulers/virtual_explore.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct explore_options {
    const char *schedulers;
    int64_t seeds, first, workers, items, batches;
};

static const struct grainbench_option option_table[] = {
    {"schedulers", 's', GRAINBENCH_OPTION_TEXT, offsetof(struct explore_options, schedulers),
     "LIST", NULL, NULL, 0, 0,
     "schedulers separated by commas, options after ':' [default: all built-in ones]"},
    {"seeds", 'n', GRAINBENCH_OPTION_INTEGER, offsetof(struct explore_options, seeds), "N", "2000",
     NULL, 1, 1e12, "seeds to try for each scheduler"},
    {"seed", 0, GRAINBENCH_OPTION_INTEGER, offsetof(struct explore_options, first), "N", "1", NULL,
     0, 1e15, "the first seed; with --seeds 1 it replays that one"},
    {"workers", 'w', GRAINBENCH_OPTION_INTEGER, offsetof(struct explore_options, workers), "N", "0",
     NULL, 0, 1000, "workers; 0: 2, 3 and 4 in turn"},
    {"items", 'i', GRAINBENCH_OPTION_INTEGER, offsetof(struct explore_options, items), "N", "24",
     NULL, 1, 100000, "items of a batch, at most"},
    {"batches", 'b', GRAINBENCH_OPTION_INTEGER, offsetof(struct explore_options, batches), "N", "4",
     NULL, 1, 10000, "batches one after the other in a run"},
    {0}};

static struct explore_setup setup_of(const struct explore_options *options, uint64_t seed,
                                     const struct component *component) {
    return (struct explore_setup){
        .operations = schedulers_find(SCHEDULERS_VIRTUAL, component->scheduler->name),
        .options = component->options,
        .workers = options->workers ? (unsigned)options->workers : 2 + (unsigned)(seed % 3),
        .items = (size_t)options->items,
        .batches = (size_t)options->batches,
        .with_costs = seed / 3 % 2,
        .with_results = seed / 6 % 2};
}

static int explore(const struct explore_options *options, const char *text) {
    struct component component;
    struct error error;
    if (!component_parse_scheduler(text, &component, &error))
        return command_fail("explore", "%s", error.message);
    int code = EXIT_OK;
    uint64_t operations = 0, items = 0, first = (uint64_t)options->first;
    if (!schedulers_find(SCHEDULERS_VIRTUAL, component.scheduler->name))
        code = command_fail("explore", "scheduler %s is a module; built-in ones can be explored",
                            component.scheduler->name);
    for (uint64_t i = 0; code == EXIT_OK && i < (uint64_t)options->seeds; i++) {
        struct explore_setup setup = setup_of(options, first + i, &component);
        struct explore_summary summary;
        if (i % 64 == 0) progress_show(text, (double)i / (double)options->seeds);
        if (!explore_run(&setup, first + i, &summary, &error)) {
            progress_clear();
            printf("%s: seed %" PRIu64 ": %s\n", text, first + i, error.message);
            printf("  again: grainbench explore --schedulers %s --seed %" PRIu64
                   " --seeds 1 --workers %u --items %zu --batches %zu\n",
                   text, first + i, setup.workers, setup.items, setup.batches);
            code = EXIT_REGRESSION;
        }
        operations += summary.operations;
        items += summary.items;
    }
    progress_clear();
    if (code == EXIT_OK)
        printf("%s: %" PRId64 " seeds, %" PRIu64 " items, %" PRIu64 " operations: nothing found\n",
               text, options->seeds, items, operations);
    component_free(&component);
    return code;
}

static int run_explore(const void *values, int operand_count, char **operands) {
    if (operand_count) return command_fail("explore", "'%s' is not expected here", operands[0]);
    const struct explore_options *options = values;
    int code = EXIT_OK;
    if (!options->schedulers) {
        for (size_t i = 0; i < schedulers_count(); i++) {
            int one = explore(options, schedulers_at(SCHEDULERS_VIRTUAL, i)->name);
            if (one > code) code = one;
        }
    } else {
        char list[4096];
        if (strlen(options->schedulers) >= sizeof list)
            return command_fail("explore", "the list of schedulers is too long");
        snprintf(list, sizeof list, "%s", options->schedulers);
        for (char *rest = list, *text; (text = strtok_r(NULL, ",", &rest));) {
            int one = explore(options, text);
            if (one > code) code = one;
        }
    }
    coroutine_release_stacks();
    return code;
}

const struct command command_explore = {
    .name = "explore",
    .summary = "look for thread schedules that break a scheduler",
    .operands = "",
    .description =
        "Runs schedulers on small simulated machines whose order of events is disturbed by a seed: "
        "odd seeds use random priorities with a few changes (PCT), even ones random delays. Every "
        "run checks that each item runs exactly once, in its batch and before the batch returns, "
        "that results are in place, that nobody sleeps for ever and that the run ends.\n\n"
        "A failing seed is printed with the command that replays it; the same seed always gives "
        "the same run. The exit code is then 1.\n\n"
        "The simulated memory is sequentially consistent, so a memory order that is too weak is "
        "not found here: ThreadSanitizer and the models in tests/models look for those.",
    .examples = "grainbench explore\n"
                "grainbench explore --schedulers bytes-steal,adaptive --seeds 100000\n"
                "grainbench explore --schedulers rayon --seed 4711 --seeds 1 --workers 3",
    .options = option_table,
    .options_size = sizeof(struct explore_options),
    .run = run_explore,
};
