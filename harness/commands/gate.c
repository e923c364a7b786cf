/* `grainbench gate`: fails on a regression, and only on one. */
#define _GNU_SOURCE
#include "results/gate.h"
#include "harness/command.h"
#include "harness/commands/measure_builds.h"
#include "harness/experiment/self_test.h"
#include "harness/json_file.h"
#include "results/tables/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gate_arguments {
    struct builds_options builds; /* the self-test takes some of them, too */
    const char *rules, *scheduler, *encoder;
    double confidence, threshold, slowdown;
    int64_t trials;
    bool self_test;
};

#define TEXT(name, letter, field, argument, fallback, help)                                        \
    {                                                                                              \
        name, letter, GRAINBENCH_OPTION_TEXT, offsetof(struct gate_arguments, field), argument,    \
            fallback, NULL, 0, 0, help                                                             \
    }
#define HEADING(text)                                                                              \
    { "", 0, GRAINBENCH_OPTION_HEADING, 0, NULL, NULL, NULL, 0, 0, text }

static const struct grainbench_option option_table[] = {
    HEADING("Rules"),
    TEXT("rules", 'r', rules, "FILE", NULL,
         "JSON file with the rules, or a scenario file with a member \"gate\" [default: those of "
         "the record's scenario; else throughput within 2 %]"),
    {"confidence", 0, GRAINBENCH_OPTION_REAL, offsetof(struct gate_arguments, confidence), "X",
     "0.95", NULL, 0.5, 0.9999, "confidence of the intervals"},
    HEADING("Two builds, measured against each other"),
    TEXT("baseline-build", 0, builds.baseline, "DIR", NULL,
         "build folder (or program) of the baseline"),
    TEXT("candidate-build", 0, builds.candidate, "DIR", NULL,
         "build folder (or program) to be judged"),
    TEXT("scenario", 'S', builds.scenario, "NAME", "gate", "what to measure with both"),
    TEXT("threads", 't', builds.threads, "LIST", NULL, "thread counts instead of the scenario's"),
    TEXT("corpus", 'c', builds.corpus, "FILE", NULL,
         "text to encode, one item a line [default: big.txt]"),
    {"time", 'T', GRAINBENCH_OPTION_REAL, offsetof(struct gate_arguments, builds.time_s), "S", "0",
     NULL, 0, 1e6, "seconds to measure instead of the scenario's; of the self-test, at most"},
    {"rounds", 0, GRAINBENCH_OPTION_INTEGER, offsetof(struct gate_arguments, builds.rounds), "N",
     "0", NULL, 0, 1e6, "rounds to measure instead"},
    TEXT("output", 'o', builds.output, "FILE", NULL, "the record [default: gate.jsonl]"),
    HEADING("Self-test"),
    {"self-test", 0, GRAINBENCH_OPTION_FLAG, offsetof(struct gate_arguments, self_test), NULL, NULL,
     NULL, 0, 0, "find out what the gate is worth on this machine as it is now"},
    {"trials", 0, GRAINBENCH_OPTION_INTEGER, offsetof(struct gate_arguments, trials), "N", "200",
     NULL, 6, 100000, "A/A trials of 20 pairs each"},
    {"slowdown", 0, GRAINBENCH_OPTION_REAL, offsetof(struct gate_arguments, slowdown), "X", "0.02",
     NULL, 0, 1, "planted slowdown (0.02 is 2 %), sought in 50 pairs"},
    {"threshold", 0, GRAINBENCH_OPTION_REAL, offsetof(struct gate_arguments, threshold), "X",
     "0.005", NULL, 0, 1, "threshold of the gate under test"},
    TEXT("scheduler", 0, scheduler, "NAME", "serial", "scheduler of the arms under test"),
    TEXT("encoder", 0, encoder, "NAME", "fast", "encoder of the arms under test"),
    {0}};

static const char default_rules[] = "[{\"metric\": \"throughput\", \"threshold\": 0.02}]";

/* The rules to apply: of --rules, of the record's scenario, or the default. A new reference. */
static json_t *find_rules(const struct gate_arguments *arguments, const struct record *record,
                          struct error *error) {
    if (!arguments->rules) {
        json_t *own = record_header_member(record, "scenario_file.gate");
        return own ? json_incref(own) : json_loads(default_rules, 0, NULL);
    }
    json_t *file = json_file_read(arguments->rules, error);
    if (!file) return NULL;
    json_t *rules = json_is_array(file) ? file : json_object_get(file, "gate");
    if (!json_is_array(rules)) {
        error_set(error, "%s: neither an array of rules nor an object with a member 'gate'",
                  arguments->rules);
        json_decref(file);
        return NULL;
    }
    json_incref(rules);
    json_decref(file);
    return rules;
}

static int exit_code_of(enum gate_outcome outcome) {
    static const int codes[GATE_OUTCOME_COUNT] = {[GATE_SKIPPED] = EXIT_INCONCLUSIVE,
                                                  [GATE_PASSED] = EXIT_OK,
                                                  [GATE_INCONCLUSIVE] = EXIT_INCONCLUSIVE,
                                                  [GATE_UNFIT] = EXIT_UNFIT,
                                                  [GATE_REGRESSION] = EXIT_REGRESSION};
    return codes[outcome];
}

static int apply(const struct gate_arguments *arguments, const struct record *record) {
    struct error error;
    struct gate_result result;
    size_t count;
    json_t *array = find_rules(arguments, record, &error);
    struct gate_rule *rules = array ? gate_rules_read(array, &count, &error) : NULL;
    int code = EXIT_USAGE;
    if (!rules || !gate_apply(record, rules, count, arguments->confidence, &result, &error)) {
        command_fail("gate", "%s", error.message);
    } else {
        code = gate_print(record, &result, stdout, &error)
                   ? exit_code_of(result.outcome)
                   : command_fail("gate", "%s", error.message);
        gate_free(&result);
    }
    free(rules);
    json_decref(array);
    return code;
}

static int gate_record(const struct gate_arguments *arguments, const char *path) {
    struct error error;
    struct record *record = record_read(path, &error);
    if (!record) return command_fail("gate", "%s", error.message);
    if (record->warning[0]) fprintf(stderr, "grainbench gate: %s\n", record->warning);
    int code = apply(arguments, record);
    record_free(record);
    return code;
}

static int gate_builds(const struct gate_arguments *arguments) {
    struct builds_options builds = arguments->builds;
    int code;
    if (!builds.output) builds.output = "gate.jsonl";
    enum builds_status status = measure_builds("gate", &builds, &code);
    if (status == BUILDS_IDENTICAL) puts("\ngate: passed");
    return status == BUILDS_MEASURED ? gate_record(arguments, builds.output) : code;
}

static void print_self_test(const struct self_test_options *options,
                            const struct self_test_result *result) {
    printf("A/A:     %u trials of 20 pairs, %u false alarms (%.1f %%)\n", result->equal_trials,
           result->false_alarms, 100.0 * result->false_alarms / fmax(result->equal_trials, 1));
    printf("planted: %u trials of 50 pairs, %g %% slowdown found in %u (%.1f %%), taken for a "
           "speed-up in %u\n",
           result->planted_trials, 100 * options->slowdown, result->found,
           100.0 * result->found / fmax(result->planted_trials, 1), result->wrong);
    if (result->equal_trials < options->trials)
        printf("         the time was up before %u trials\n", options->trials);
    if (result->unfit)
        printf("unfit:   %u trials had too few samples that the environment left alone\n",
               result->unfit);
}

/* 0 if the gate keeps its promise here, 3 if it cannot find the slowdown, 1 if it cries wolf. */
static int self_test(const struct gate_arguments *arguments) {
    struct error error;
    struct self_test_result result;
    struct self_test_options options = {
        .trials = (unsigned)arguments->trials,
        .slowdown = arguments->slowdown,
        .threshold = arguments->threshold,
        .confidence = arguments->confidence,
        .threads = arguments->builds.threads ? arguments->builds.threads : "1",
        .scheduler = arguments->scheduler,
        .encoder = arguments->encoder,
        .corpus = arguments->builds.corpus,
        .output = arguments->builds.output ? arguments->builds.output : "gate-self-test.jsonl",
        .time_s = arguments->builds.time_s};
    struct self_test_time time;
    if (!self_test_estimate(&options, &time, &error))
        return command_fail("gate", "%s", error.message);
    printf(
        "self-test of the gate: threshold %g %%, %s threads, %s, %s; takes about %.0f s, at most "
        "%.0f s\n",
        100 * options.threshold, options.threads, options.scheduler, options.encoder,
        fmin(time.about_s, time.at_most_s), time.at_most_s);
    fflush(stdout);
    if (!self_test_run(&options, &time, &result, &error))
        return command_fail("gate", "%s", error.message);
    printf("took     %.0f s\n", result.seconds);
    print_self_test(&options, &result);
    bool quiet = result.false_alarms <= 0.05 * result.equal_trials;
    bool keen = result.planted_trials && result.found >= 0.9 * result.planted_trials;
    printf("\nself-test: %s\n",
           !quiet  ? "the gate cries wolf here: raise --threshold"
           : !keen ? "the gate cannot find such a slowdown here: measure longer, or quieten the "
                     "machine"
                   : "the gate can be trusted here");
    return !quiet ? EXIT_REGRESSION : !keen ? EXIT_INCONCLUSIVE : EXIT_OK;
}

static int run_gate(const void *options, int operand_count, char **operands) {
    const struct gate_arguments *arguments = options;
    bool builds = arguments->builds.baseline || arguments->builds.candidate;
    if (arguments->self_test + builds + (operand_count > 0) != 1)
        return command_fail("gate", "name one record, or two builds, or ask for --self-test");
    if (operand_count > 1)
        return command_fail("gate", "one record at a time; '%s' is one too many", operands[1]);
    if (arguments->self_test) return self_test(arguments);
    return builds ? gate_builds(arguments) : gate_record(arguments, operands[0]);
}

const struct command command_gate = {
    .name = "gate",
    .summary = "fail on a regression: for continuous integration",
    .operands = "[RECORD]",
    .description =
        "Judges a record, or measures two builds against each other and judges that, by rules with "
        "a threshold each. Exit codes: 0 surely no regression beyond the threshold, 1 regression, "
        "2 bad usage or a file that cannot be read or written, 3 inconclusive, 4 the environment "
        "spoilt the measurement, 5 the outputs differ.\n\n"
        "A rule is {\"metric\": M, \"arms\": PATTERN, \"threshold\": X}. M is throughput or cpu, "
        "judged by paired samples with an interval, a threshold that the run's own noise floor "
        "bounds from below, and Holm's correction; or KIND.PATH, a number in a line of the record, "
        "such as ledger.totals.rmw or counter.events.instructions.run_per_item, compared as it is. "
        "\"better\": \"higher\" turns such a number "
        "round; \"optional\": true leaves out one that this machine does not have. A metric that is "
        "missing or a pattern that matches nothing is an error, never a pass.\n\n"
        "Two builds are measured interleaved, every arm of the scenario with each of them and once "
        "more with the baseline as the A/A control. --self-test measures equal arms and one with a "
        "planted slowdown, and tells how often the gate cries wolf and how often it finds it.",
    .examples = "grainbench gate run.jsonl\n"
                "grainbench gate --baseline-build main/build --candidate-build pr/build\n"
                "grainbench gate --self-test",
    .options = option_table,
    .options_size = sizeof(struct gate_arguments),
    .run = run_gate,
};
