/* `grainbench list`: what there is to choose from, built in and in modules. */
#include "base/options.h"
#include "harness/command.h"
#include "harness/modules/modules.h"
#include "harness/experiment/scenario.h"
#include "schedulers/schedulers.h"
#include "tokenizer/encoders.h"

#include <stdio.h>
#include <string.h>

struct list_options {
    bool verbose;
};

static const struct grainbench_option option_table[] = {
    {"options", 'o', GRAINBENCH_OPTION_FLAG, offsetof(struct list_options, verbose), NULL, "0",
     NULL, 0, 0, "show the options of each scheduler and encoder"},
    {0}};

static void print_entry(const char *name, const char *summary,
                        const struct grainbench_option *options, bool verbose) {
    printf("  %-18s %s\n", name, summary);
    if (verbose && options && options->type) options_print_component_help(options, stdout);
}

static void print_module(void *context, const struct module_description *module) {
    const bool *verbose = context;
    char text[2 * GRAINBENCH_MESSAGE_SIZE];
    if (module->reason)
        snprintf(text, sizeof text, "cannot be used: %s", module->reason);
    else
        snprintf(text, sizeof text, "%s [module]", module->summary);
    print_entry(module->name, text, module->options, *verbose);
}

static void list_schedulers(bool verbose) {
    printf("Schedulers (options follow the name: rayon:min_len=8):\n");
    for (size_t i = 0; i < schedulers_count(); i++) {
        const struct grainbench_scheduler_operations *scheduler =
            schedulers_at(SCHEDULERS_NATIVE, i);
        print_entry(scheduler->name, scheduler->summary, scheduler->options, verbose);
    }
    modules_list_schedulers(print_module, &verbose);
}

static void list_encoders(bool verbose) {
    printf("Encoders (options follow the name: pcre2:cost=lean):\n");
    for (size_t i = 0; encoders[i]; i++)
        print_entry(encoders[i]->name, encoders[i]->summary, encoders[i]->options, verbose);
    modules_list_encoders(print_module, &verbose);
}

static void print_scenario(void *context, const struct scenario *scenario) {
    (void)context;
    printf("  %-18s %s\n", scenario->name, scenario->summary);
}

static void list_scenarios(void) {
    printf("Scenarios:\n");
    scenario_list(print_scenario, NULL);
}

static int run_list(const void *values, int operand_count, char **operands) {
    const struct list_options *options = values;
    const char *what = operand_count ? operands[0] : "all";
    bool all = strcmp(what, "all") == 0;
    if (operand_count > 1 || !(all || strcmp(what, "schedulers") == 0 ||
                               strcmp(what, "encoders") == 0 || strcmp(what, "scenarios") == 0))
        return command_fail("list", "'%s' is not schedulers, encoders or scenarios",
                            operands[operand_count - 1]);
    if (all || strcmp(what, "schedulers") == 0) list_schedulers(options->verbose);
    if (all) putchar('\n');
    if (all || strcmp(what, "encoders") == 0) list_encoders(options->verbose);
    if (all) putchar('\n');
    if (all || strcmp(what, "scenarios") == 0) list_scenarios();
    return EXIT_OK;
}

const struct command command_list = {
    .name = "list",
    .summary = "list schedulers, encoders or scenarios",
    .operands = "[schedulers|encoders|scenarios]",
    .description = "Lists what there is to choose from, built in and in loadable modules, with one "
                   "line each.",
    .examples = "grainbench list\ngrainbench list schedulers --options",
    .options = option_table,
    .options_size = sizeof(struct list_options),
    .run = run_list,
};
