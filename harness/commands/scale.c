/* `grainbench scale`: scaling laws fitted to a thread sweep. */
#include "harness/command.h"
#include "results/scale.h"

static int run_scale(const void *options, int operand_count, char **operands) {
    struct error error;
    (void)options;
    if (operand_count != 1) return command_fail("scale", "name one record of a thread sweep");
    struct record *record = record_read(operands[0], &error);
    if (!record) return command_fail("scale", "%s", error.message);
    if (record->warning[0]) fprintf(stderr, "grainbench scale: %s\n", record->warning);
    bool printed = scale_print(record, stdout, &error);
    record_free(record);
    return printed ? EXIT_OK : command_fail("scale", "%s", error.message);
}

const struct command command_scale = {
    .name = "scale",
    .summary = "fit scaling laws to a thread sweep",
    .operands = "RECORD",
    .description =
        "For every arm that was measured with at least three thread counts: speed-up and "
        "efficiency over the best one-thread arm of the same work, the serial share by Amdahl's "
        "law, contention and coherence by the Universal Scalability Law with 95 % intervals, and "
        "beside them the shares of time that the phase stamps saw outside the parallel part (fork, "
        "join, collect, drop), so that one sees which of them a plateau comes from.",
    .examples = "grainbench run --threads 1,2,4,8 --output sweep.jsonl\n"
                "grainbench scale sweep.jsonl",
    .run = run_scale,
};
