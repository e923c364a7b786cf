/* `grainbench ledger`: how many atomic operations schedulers issue, counted, not timed. */
#define _GNU_SOURCE
#include "harness/build_facts.h"
#include "harness/code_hash.h"
#include "harness/command.h"
#include "harness/components.h"
#include "harness/fidelity/ledger_table.h"
#include "harness/machine.h"
#include "harness/progress.h"
#include "results/record.h"
#include "schedulers/schedulers.h"

#include <stdlib.h>
#include <string.h>

enum { SCHEDULER_LIMIT = 8 };

struct ledger_options {
    const char *schedulers, *threads, *output;
    int64_t items, batches, body_ns, gap_us, result_bytes, seed;
    double sleep_ms;
    bool slope, sites;
};

#define INTEGER(name, letter, field, argument, fallback, least, most, help)                        \
    {                                                                                              \
        name, letter, GRAINBENCH_OPTION_INTEGER, offsetof(struct ledger_options, field), argument, \
            fallback, NULL, least, most, help                                                      \
    }

static const struct grainbench_option option_table[] = {
    {"schedulers", 's', GRAINBENCH_OPTION_TEXT, offsetof(struct ledger_options, schedulers), "LIST",
     "rayon,rayon-min-len", NULL, 0, 0,
     "built-in schedulers separated by commas, options after ':' (rayon,rayon:min_len=3); the "
     "first "
     "is the baseline"},
    {"threads", 't', GRAINBENCH_OPTION_TEXT, offsetof(struct ledger_options, threads), "LIST",
     "1,logical", NULL, 0, 0,
     "thread counts: numbers, physical, logical; more than there are processing units is allowed"},
    INTEGER("items", 'n', items, "N", "1000", 1, 1e8, "items of a batch"),
    INTEGER("batches", 'b', batches, "N", "10", 1, 1e6, "batches to count, after two uncounted"),
    INTEGER("body", 0, body_ns, "NS", "0", 0, 1e9, "how long an item keeps its worker busy"),
    {"sleep", 0, GRAINBENCH_OPTION_REAL, offsetof(struct ledger_options, sleep_ms), "MS", "0", NULL,
     0, 1e5, "how long an item sleeps, so that 88 workers take part on few processing units"},
    INTEGER("gap", 0, gap_us, "US", "0", 0, 1e9,
            "idle time of the caller before a batch, so that workers have gone to sleep"),
    INTEGER("results", 0, result_bytes, "BYTES", "0", 0, 1e6,
            "size of an item's result to collect; 0: none"),
    {"slope", 0, GRAINBENCH_OPTION_FLAG, offsetof(struct ledger_options, slope), NULL, "1", NULL, 0,
     0, "count batches of twice as many items too, and show operations per further item"},
    {"sites", 0, GRAINBENCH_OPTION_FLAG, offsetof(struct ledger_options, sites), NULL, "1", NULL, 0,
     0, "show every site of an operation, by kind and memory order"},
    INTEGER("seed", 0, seed, "N", "1", 0, 9e15, "of schedulers' random choices"),
    {"output", 'o', GRAINBENCH_OPTION_TEXT, offsetof(struct ledger_options, output), "FILE", NULL,
     NULL, 0, 0, "write a record"},
    {0}};

/* Everything a run of the command holds. */
struct ledger_command {
    const struct ledger_options *options;
    struct component components[SCHEDULER_LIMIT];
    char labels[SCHEDULER_LIMIT][160];
    size_t count;
    struct placement *placement;
    struct thread_count threads[THREAD_COUNT_LIMIT];
    int thread_rows;
    struct record_writer *writer; /* NULL: no record is written */
};

/* Cuts the list at commas; what cannot be counted is refused. */
static bool parse_schedulers(struct ledger_command *command, struct error *error) {
    char *list = strdup(command->options->schedulers), *rest = list, *text;
    bool good = list != NULL || error_set(error, "out of memory");
    while (good && (text = strsep(&rest, ",")) != NULL) {
        if (command->count == SCHEDULER_LIMIT) {
            good = error_set(error, "at most %d schedulers at a time", SCHEDULER_LIMIT);
            break;
        }
        struct component *component = &command->components[command->count];
        good = component_parse_scheduler(text, component, error);
        if (!good) break;
        snprintf(command->labels[command->count++], sizeof command->labels[0], "%s", text);
        if (!schedulers_find(SCHEDULERS_COUNTED, component->text))
            good = error_set(error,
                             "scheduler '%s' is a module; only built-in schedulers keep a ledger",
                             component->text);
    }
    free(list);
    return good;
}

static bool prepare(struct ledger_command *command, struct error *error) {
    struct placement_source here = {NULL, NULL};
    if (!parse_schedulers(command, error)) return false;
    command->placement = placement_create(&here, PLACEMENT_CORES, error);
    if (!command->placement) return false;
    command->thread_rows = placement_parse_threads(command->placement, command->options->threads,
                                                   true, command->threads, error);
    return command->thread_rows >= 0;
}

static struct ledger_plan plan_of(const struct ledger_command *command, size_t scheduler,
                                  unsigned workers) {
    const struct ledger_options *options = command->options;
    const struct component *component = &command->components[scheduler];
    return (struct ledger_plan){.scheduler = schedulers_find(SCHEDULERS_COUNTED, component->text),
                                .options = component->options,
                                .workers = workers,
                                .items = (size_t)options->items,
                                .batches = (unsigned)options->batches,
                                .warm_ups = 2,
                                .body_ns = (uint64_t)options->body_ns,
                                .sleep_ns = (uint64_t)(options->sleep_ms * 1e6),
                                .gap_ns = (uint64_t)options->gap_us * 1000,
                                .result_size = (size_t)options->result_bytes,
                                .seed = (uint64_t)options->seed};
}

static struct ledger_result *count(const struct ledger_plan *plan, struct error *error) {
    struct ledger_result *result = malloc(sizeof *result);
    if (!result) {
        error_set(error, "out of memory");
        return NULL;
    }
    if (ledger_run(plan, result, error)) return result;
    free(result);
    return NULL;
}

static bool fill_column(const struct ledger_command *command, size_t scheduler, unsigned workers,
                        struct ledger_column *column, struct error *error) {
    *column = (struct ledger_column){.label = command->labels[scheduler],
                                     .plan = plan_of(command, scheduler, workers)};
    column->result = count(&column->plan, error);
    if (!column->result || !command->options->slope) return column->result != NULL;
    struct ledger_plan twice = column->plan;
    twice.items *= 2;
    column->twice = count(&twice, error);
    return column->twice != NULL;
}

static void free_columns(struct ledger_column *columns, size_t count_of_columns) {
    for (size_t c = 0; c < count_of_columns; c++) {
        free(columns[c].result);
        free(columns[c].twice);
    }
}

static bool record_column(const struct ledger_command *command, const struct ledger_column *column,
                          unsigned arm, unsigned column_index, int row, struct error *error) {
    struct arm_record record = {.arm = arm,
                                .role = column_index ? ROLE_PATCHED : ROLE_BASELINE,
                                .control_of = -1,
                                .compared_with = column_index ? (int)(arm - column_index) : -1,
                                .threads = column->plan.workers,
                                .row_name = command->threads[row].kind,
                                .label = column->label,
                                .scheduler = column->label,
                                .workers = column->plan.workers,
                                .json = json_object()};
    code_hash_describe(NULL, NULL, record.json); /* all schedulers of ledgers are built in */
    bool appended = record_append_arm(command->writer, &record, error);
    json_decref(record.json);
    return appended && record_append(command->writer, ledger_table_json(column, arm), error);
}

/* One thread count: count every scheduler, print the table, write the lines. */
static bool count_row(const struct ledger_command *command, int row, struct error *error) {
    struct ledger_column columns[SCHEDULER_LIMIT] = {{0}};
    unsigned workers = command->threads[row].workers;
    bool good = true;
    for (size_t c = 0; c < command->count && good; c++) {
        double done = ((double)row * (double)command->count + (double)c) /
                      ((double)command->thread_rows * (double)command->count);
        progress_show("counting", done);
        good = fill_column(command, c, workers, &columns[c], error);
    }
    progress_clear();
    if (good) {
        if (row) printf("\n");
        ledger_table_print(columns, command->count, command->options->sites, stdout);
    }
    for (size_t c = 0; c < command->count && good && command->writer; c++) {
        unsigned arm = (unsigned)((size_t)row * command->count + c);
        good = record_column(command, &columns[c], arm, (unsigned)c, row, error);
    }
    free_columns(columns, command->count);
    return good;
}

static json_t *describe(const struct ledger_command *command) {
    return json_pack("{s:s, s:{s:s, s:s, s:s, s:s, s:s}, s:s, s:I, s:o, s:o}", "provenance",
                     "counted", "program", "version", BUILD_VERSION, "commit", BUILD_COMMIT,
                     "compiler", BUILD_COMPILER, "build_type", BUILD_TYPE, "flags", BUILD_FLAGS,
                     "scenario", "ledger", "seed", (json_int_t)command->options->seed, "machine",
                     machine_describe(command->placement), "environment", machine_environment());
}

static int run_ledger(const void *opaque, int operand_count, char **operands) {
    struct ledger_command command = {.options = opaque};
    struct error error;
    (void)operands;
    if (operand_count) return command_fail("ledger", "it takes no operands, only options");
    bool good = prepare(&command, &error);
    if (good && command.options->output) {
        command.writer = record_create(command.options->output, describe(&command), &error);
        good = command.writer != NULL;
    }
    for (int row = 0; row < command.thread_rows && good; row++)
        good = count_row(&command, row, &error);
    if (command.writer && good) {
        good = record_end(command.writer, &error);
        if (good) printf("\nRecord: %s\n", command.options->output);
    } else if (command.writer) {
        record_abandon(command.writer);
    }
    for (size_t i = 0; i < command.count; i++)
        component_free(&command.components[i]);
    if (command.placement) placement_destroy(command.placement);
    return good ? EXIT_OK : command_fail("ledger", "%s", error.message);
}

const struct command command_ledger = {
    .name = "ledger",
    .summary = "count the atomic operations that schedulers issue",
    .operands = "",
    .description =
        "Runs batches through copies of the schedulers in which every atomic operation, fence, "
        "pause, yield, park and wake is entered into a ledger of its worker, and prints the counts "
        "per batch and per item, the first scheduler as the baseline. Nothing is timed.\n\n"
        "With one worker the counts are exact: worker and caller take turns, so every run gives "
        "the same ones, on every machine of an architecture. That makes them a metric for "
        "continuous integration "
        "where no hardware counter is to be had. With several workers what was counted is what "
        "happened, but steals, polling and waiting depend on the interleaving.\n\n"
        "Shared read-modify-writes are those on words that all workers contend for: claims, "
        "completion, deques, injector, latches and the sleep word; epoch pins and mutexes are "
        "listed apart.\n\n"
        "The two-point slope takes fixed costs away: operations of batches of 2N items less those "
        "of N items, by N. For schedulers that halve ranges it steps with N; choose N so that "
        "leaves have the same size, or compare counts at the same N.",
    .examples = "grainbench ledger\n"
                "grainbench ledger --schedulers rayon,rayon:min_len=3 --no-slope --no-sites "
                "--threads 88 --sleep 2\n"
                "grainbench ledger --schedulers rayon,counter:window=8,bytes-steal --threads 1",
    .options = option_table,
    .options_size = sizeof(struct ledger_options),
    .run = run_ledger,
};
