/* `grainbench fidelity`: a model of a runtime beside the runtime itself. */
#include "harness/command.h"
#include "harness/fidelity/fidelity_request.h"

#include <stddef.h>

#define AT(field) offsetof(struct fidelity_request, field)

static const struct grainbench_option option_table[] = {
    {"model", 'm', GRAINBENCH_OPTION_TEXT, AT(model), "SCHEDULER", "rayon", NULL, 0, 0,
     "the model, with options after ':'"},
    {"real", 'r', GRAINBENCH_OPTION_TEXT, AT(real), "SCHEDULER", "rayon-real", NULL, 0, 0,
     "what it is a model of: a module"},
    {"threads", 't', GRAINBENCH_OPTION_TEXT, AT(threads), "LIST", "1,2,4,8", NULL, 0, 0,
     "numbers of workers; more than there are processing units is allowed"},
    {"items", 'n', GRAINBENCH_OPTION_INTEGER, AT(items), "N", "1000", NULL, 1, 1000000,
     "items of a batch"},
    {"rounds", 0, GRAINBENCH_OPTION_INTEGER, AT(rounds), "N", "30", NULL, 2, 1000,
     "rounds of every timed figure; both sides are measured in each"},
    {"batches", 0, GRAINBENCH_OPTION_INTEGER, AT(batches), "N", "80", NULL, 4, 1000,
     "batches a side of every counted figure; at one worker a quarter of it"},
    {"sleep", 0, GRAINBENCH_OPTION_REAL, AT(sleep_us), "US", "100", NULL, 1, 900000,
     "microseconds that an item's body sleeps where bodies sleep"},
    {"pin", 0, GRAINBENCH_OPTION_FLAG, AT(pin), NULL, "1", NULL, 0, 0,
     "bind every worker to its processing unit"},
    {"seed", 0, GRAINBENCH_OPTION_INTEGER, AT(seed), "N", "1", NULL, 0, 9e15,
     "of the order of the two sides and of schedulers' random choices"},
    {"output", 'o', GRAINBENCH_OPTION_TEXT, AT(output), "FILE", NULL, NULL, 0, 0,
     "the record [default: records/rayon-fidelity-DATE.jsonl, or the folder of "
     "$GRAINBENCH_RECORDS]"},
    {"check", 0, GRAINBENCH_OPTION_FLAG, AT(check), NULL, "0", NULL, 0, 0,
     "exit with 1 when the whole interval of a figure lies outside its limits"},
    {0}};

static int run_fidelity(const void *options, int operand_count, char **operands) {
    if (operand_count) return command_fail("fidelity", "'%s' is not expected here", operands[0]);
    return fidelity_request_run("fidelity", options);
}

const struct command command_fidelity = {
    .name = "fidelity",
    .summary = "compare the model of rayon with the real rayon",
    .operands = "",
    .description =
        "Runs the same batches by a model and by the real thing, in turns in one process: leaves, "
        "joins and steals of a batch, what an item costs with empty and with busy bodies, how long "
        "a batch takes after the caller was idle. Prints the ratio of every figure and the leaves "
        "by size; writes a record.\n\nThe limits are: leaves within 10 %, joins and steals within "
        "15 % where bodies sleep, and at two workers 0.7 to 1.5 for the cost of an empty item. "
        "With more workers than processing units, figures with busy bodies depend on how the "
        "operating system shares them out. 'grainbench run --scenario rayon-fidelity' is the same.",
    .examples = "grainbench fidelity\n"
                "grainbench fidelity --threads 2 --rounds 100\n"
                "grainbench fidelity --model rayon:min_len=8 --real rayon-real:min_len=8",
    .options = option_table,
    .options_size = sizeof(struct fidelity_request),
    .run = run_fidelity,
};
