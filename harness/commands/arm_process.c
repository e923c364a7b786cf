/* `grainbench arm-process`: the far end of an arm's pipes. Not for people; see arm_process.h. */
#include "harness/arms/arm_process.h"
#include "harness/command.h"

static int run_arm_process(const void *options, int operand_count, char **operands) {
    (void)options, (void)operand_count, (void)operands;
    return arm_process_serve();
}

const struct command command_arm_process = {
    .name = "arm-process",
    .summary = NULL, /* left out of help, man page and completions */
    .operands = "",
    .description = "Runs one arm for 'grainbench run', which starts it.",
    .run = run_arm_process,
};
