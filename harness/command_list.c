/* `grainbench list`: what there is to choose from. */
#include "harness/command.h"

static int run_list(const void *options, int operand_count, char **operands) {
    (void)options, (void)operand_count, (void)operands;
    return EXIT_OK;
}

const struct command command_list = {
    .name = "list",
    .summary = "list schedulers, encoders or scenarios",
    .operands = "[schedulers|encoders|scenarios]",
    .description = "Lists what the program offers, with one line each.",
    .run = run_list,
};
