/* `grainbench simulate`: a scenario's arms on a machine that is not here. */
#include "harness/arms/arm_spec.h"
#include "harness/command.h"
#include "harness/placement.h"
#include "harness/simulation/simulate_request.h"

#include <stddef.h>

#define TEXT(name, letter, field, argument, fallback, help)                                        \
    {                                                                                              \
        name, letter, GRAINBENCH_OPTION_TEXT, offsetof(struct simulate_request, field), argument,  \
            fallback, NULL, 0, 0, help                                                             \
    }
#define FLAG(name, field, fallback, help)                                                          \
    {                                                                                              \
        name, 0, GRAINBENCH_OPTION_FLAG, offsetof(struct simulate_request, field), NULL, fallback, \
            NULL, 0, 0, help                                                                       \
    }
#define HEADING(text)                                                                              \
    { "", 0, GRAINBENCH_OPTION_HEADING, 0, NULL, NULL, NULL, 0, 0, text }

static const struct grainbench_option option_table[] = {
    HEADING("The machine"),
    TEXT("machine", 'm', machine, "NAME", "vera",
         "a profile of data/machines (vera, epyc-9124, xeon-8375c-2s, m3), or a file that "
         "'grainbench calibrate' wrote"),
    TEXT("threads", 't', threads, "LIST", "1,physical,logical",
         "thread counts: numbers, physical, logical (of the simulated machine)"),
    TEXT("placement", 'p', placement, "PLAN", NULL, "order of processing units: " PLACEMENT_PLANS),
    HEADING("What is compared"),
    TEXT("scenario", 'S', scenario, "NAME", "hf-2077", "a named experiment, or a scenario file"),
    TEXT("schedulers", 's', schedulers, "LIST", NULL,
         "schedulers separated by commas, options after ':'; the first is the baseline"),
    HEADING("The work"),
    TEXT("costs", 0, costs, "KIND", "model",
         "what items cost: model, or a file that 'grainbench trace' wrote"),
    {"serial-rate", 0, GRAINBENCH_OPTION_REAL, offsetof(struct simulate_request, serial_mib_per_s),
     "MIB/S", "0", NULL, 0, 1e6,
     "scale costs so that one thread has this throughput; 0: the profile's, and a trace as it is "
     "where the profile has none"},
    {"serial-section", 0, GRAINBENCH_OPTION_REAL, offsetof(struct simulate_request, section_us),
     "US", "-1", NULL, -1, 1e6,
     "serial work of the caller a batch beside giving results back; -1: the profile's"},
    TEXT("free", 0, free, "WHO", NULL, "who gives results back: " ARM_FREES),
    {"gap", 0, GRAINBENCH_OPTION_REAL, offsetof(struct simulate_request, gap_us), "US", "0", NULL,
     0, 1e9, "idle microseconds of the caller between batches; a long gap lets workers sleep"},
    TEXT("corpus", 'c', corpus, "FILE", NULL, "text to encode [default: big.txt]"),
    {"batch", 'b', GRAINBENCH_OPTION_INTEGER, offsetof(struct simulate_request, batch), "N", "0",
     NULL, 0, 100000000, "lines of a batch; 0: as the scenario has it"},
    {"batches", 'n', GRAINBENCH_OPTION_INTEGER, offsetof(struct simulate_request, batches), "N",
     "8", NULL, 0, 1e9, "batches to simulate, spread over the corpus; 0: all of it"},
    {"seed", 0, GRAINBENCH_OPTION_INTEGER, offsetof(struct simulate_request, seed), "N", "1", NULL,
     0, 9e15, "of schedulers' random choices"},
    HEADING("Validation"),
    FLAG("validate", validate, "0",
         "run the same arms for real and print predicted beside measured; needs a trace of this "
         "machine and the profile that 'grainbench calibrate' made of it"),
    {"validate-time", 0, GRAINBENCH_OPTION_REAL, offsetof(struct simulate_request, validate_s), "S",
     "20", NULL, 0, 1e5, "about how long to measure"},
    {"validate-processes", 0, GRAINBENCH_OPTION_INTEGER,
     offsetof(struct simulate_request, processes), "N", "3", NULL, 1, 100,
     "processes an arm, one after the other, with new memory layouts"},
    TEXT("sleeping", 0, sleeping, "LIST", NULL,
         "thread counts at which bodies sleep and leaves, joins and steals are compared (8,32,88)"),
    HEADING("Gate"),
    TEXT("against", 0, against, "RECORD", NULL,
         "compare with the same simulation of another build and exit with 1 if it got worse"),
    {"tolerance", 0, GRAINBENCH_OPTION_REAL, offsetof(struct simulate_request, tolerance), "X", "0",
     NULL, 0, 10, "how much worse is still allowed (0.01 is 1 %)"},
    HEADING("Output"),
    FLAG("bands", bands, "1", "simulate the ends of the profile's ranges too"),
    FLAG("sensitivity", sensitivity, "0",
         "say which parameters decide, arm by arm, and which the change against the first arm; "
         "costs "
         "some 50 simulations an arm: take --batches 1 first"),
    FLAG("states", states, "0", "print where workers' time goes"),
    FLAG("atomics", atomics, "0", "print operations a batch by site"),
    FLAG("table", table, "1", "print the table of the record"),
    TEXT("timeline", 0, timeline, "FOLDER", NULL,
         "draw one batch of every arm, worker by worker, into a folder"),
    TEXT("chrome", 0, chrome, "FILE", NULL, "write the same as a Chrome trace (JSON)"),
    TEXT("output", 'o', output, "FILE", NULL, "the record [default: none is kept]"),
    {0}};

static int run_simulate(const void *options, int operand_count, char **operands) {
    if (operand_count) return command_fail("simulate", "'%s' is not expected here", operands[0]);
    return simulate_request_run("simulate", options);
}

const struct command command_simulate = {
    .name = "simulate",
    .summary = "predict schedulers on a machine that is not here",
    .operands = "",
    .description =
        "Runs the same scheduler sources as 'grainbench run' on simulated cores in virtual time: "
        "every atomic operation, fence, cache-line transfer, pause, sleep and wake costs what the "
        "machine's profile says, and items cost what a trace says. Nothing is measured, and two "
        "runs give the same figures to the last digit.\n\n"
        "Predictions are only as good as the profile. Its parameters are ranges with a source; "
        "every figure is given with the band that the ends of the ranges span, and --sensitivity "
        "says which parameters decide, and which decide an arm's change against the first of its "
        "thread count. --threads may go up to the processing units of the machine. "
        "Memory is sequentially consistent in the simulation, and caches hold shared words only: "
        "what is not modelled is listed in docs/virtual.md.\n\n"
        "--sensitivity simulates every arm some 50 times and prints when all are through: at 88 "
        "threads of Vera, rayon takes some 20 s with --batches 1 and a minute with the usual 8, at "
        "176 threads four times as long; the bands come on top unless --no-bands. One batch leaves "
        "changes uncertain by some points, as the row of five seeds shows, and more narrow it.\n\n"
        "--validate runs the arms for real at thread counts that this machine has and prints "
        "predicted beside measured; the error goes into the record. On a shared machine every "
        "processing unit has another speed a moment later: between an arm's pieces plain loops on "
        "the same units record it, and the prediction is made again at these speeds. Nothing else "
        "of this command is measured.\n\n"
        "--against makes a gate of it: figures are exact, so the same simulation by two builds "
        "differs only by what the scheduler does, and a regression at 88 cores shows on a machine "
        "with two. The exit code is 1 if something got worse.\n\n"
        "Without a trace, items cost what a plain model says, scaled to the throughput that was "
        "published for one thread of the machine.",
    .examples =
        "grainbench simulate\n"
        "grainbench simulate --machine epyc-9124 --threads 16,32 --sensitivity --batches 1\n"
        "grainbench simulate --schedulers rayon,bytes-steal,adaptive --threads 88 --gap 2000\n"
        "grainbench simulate --machine my-machine.json --costs big.trace --threads 1,2 --states\n"
        "grainbench simulate --threads 88 --schedulers bytes-steal --batches 8 --output "
        "main.jsonl\n"
        "grainbench simulate --threads 88 --schedulers bytes-steal --batches 8 --against "
        "main.jsonl\n"
        "grainbench simulate --machine my-machine.json --costs big.trace --threads 1,2 --validate "
        "--sleeping 8,32,88",
    .options = option_table,
    .options_size = sizeof(struct simulate_request),
    .run = run_simulate,
};
