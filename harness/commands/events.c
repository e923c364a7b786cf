/* `grainbench events`: which hardware and software events this machine can count, and why not the
 * rest. */
#define _GNU_SOURCE
#include "base/datafile.h"
#include "harness/command.h"
#include "harness/counters/counters.h"
#include "harness/counters/counters_calibration.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct events_options {
    bool check;
    int64_t operations;
    const char *table;
};

static const struct grainbench_option events_option_table[] = {
    {"check", 0, GRAINBENCH_OPTION_FLAG, offsetof(struct events_options, check), NULL, "0", NULL, 0,
     0, "calibrate: count loops of known atomic operations and show counts per operation"},
    {"operations", 0, GRAINBENCH_OPTION_INTEGER, offsetof(struct events_options, operations), "N",
     "100000", NULL, 1000, 100000000, "operations of each kind in a calibration loop"},
    {"table", 0, GRAINBENCH_OPTION_TEXT, offsetof(struct events_options, table), "FILE", NULL, NULL,
     0, 0, "use this event table instead of the one that fits the processor"},
    {0}};

static bool find_table(const struct events_options *options, struct cpu_identity *identity,
                       struct event_table *table, struct error *error) {
    char path[4096];
    if (!cpu_identity_read(identity, error) && !options->table) return false;
    if (options->table) return event_table_load(options->table, table, error);
    return datafile_find("events", path, sizeof path, error) &&
           event_table_find(path, identity, table, error);
}

static void print_calibration(struct counter_event *event, const struct events_options *options) {
    struct calibration calibration;
    struct error error;
    char text[256];
    if (!calibration_run(event, (unsigned)options->operations, &calibration, &error)) {
        printf("%26s calibration failed: %s\n", "", error.message);
        return;
    }
    calibration_describe(&calibration, text, sizeof text);
    printf("%26s calibration %s as r%" PRIx64 ", counts per operation: %s\n", "",
           calibration.accepted ? "passed" : "FAILED (shown as n/a)", calibration.config, text);
}

/* One row: name, encoding, whether it can be opened, and what it counts. */
static bool print_event(const char *name, const char *counts, const struct event_table *table,
                        const struct events_options *options, char *reason, size_t reason_size) {
    struct counter_event event;
    struct counter_group group;
    struct error error;
    char encoding[32] = "";
    bool available = counter_resolve(name, table, &event, &error);
    if (available && event.encoding.type == 4) /* PERF_TYPE_RAW */
        snprintf(encoding, sizeof encoding, "r%" PRIx64, event.encoding.config);
    available = available && counter_group_open(&group, &event, 1, 0, &error);
    bool user_only = available && group.user_only;
    if (available) counter_group_close(&group);
    printf("%-26s %-8s %-11s %s%s\n", name, encoding, available ? "yes" : "unavailable", counts,
           user_only ? " (user mode only)" : "");
    if (event.event && event.event->comparable)
        printf("%26s comparable across machines as: %s\n", "", event.event->comparable);
    if (available && options->check && event.event && event.event->calibrated)
        print_calibration(&event, options);
    if (!available) {
        /* The same reason, said once below, without the event's name. */
        const char *colon = strstr(error.message, ": ");
        snprintf(reason, reason_size, "%s", colon ? colon + 2 : error.message);
    }
    return available;
}

static void print_hardware_events(const struct event_table *table,
                                  const struct events_options *options) {
    char reason[GRAINBENCH_MESSAGE_SIZE] = "";
    unsigned unavailable = 0;
    printf("%-26s %-8s %-11s %s\n", "event", "code", "available", "counts");
    unavailable +=
        !print_event("cycles", "processor cycles", table, options, reason, sizeof reason);
    unavailable +=
        !print_event("instructions", "instructions retired", table, options, reason, sizeof reason);
    for (size_t i = 0; table && i < table->count; i++)
        unavailable += !print_event(table->events[i].name, table->events[i].counts, table, options,
                                    reason, sizeof reason);
    for (size_t i = 0; table && i < table->missing_count; i++)
        printf("%-26s %-8s %-11s %s\n", table->missing[i].name, "", "unavailable",
               table->missing[i].why);
    if (unavailable)
        printf("\n%u hardware event%s unavailable: %s.\n", unavailable,
               unavailable == 1 ? " is" : "s are", reason);
}

static void print_software_events(const struct events_options *options) {
    static const char *const counts[] = {"CPU time in ns",
                                         "times that the thread lost its processor or slept",
                                         "moves to another processor", "page faults",
                                         "futex system calls: parking and waking threads"};
    char reason[GRAINBENCH_MESSAGE_SIZE] = "";
    printf("\n%-26s %-8s %-11s %s\n", "software event", "", "available", "counts");
    for (size_t i = 0; counter_software_names[i]; i++)
        if (!print_event(counter_software_names[i], counts[i], NULL, options, reason,
                         sizeof reason))
            printf("%26s %s\n", "", reason);
}

static int print_encodings(int count, char **names, const struct event_table *table) {
    for (int i = 0; i < count; i++) {
        struct counter_event event;
        struct error error;
        if (!counter_resolve(names[i], table, &event, &error))
            return command_fail("events", "%s", error.message);
        printf("%-40s type %" PRIu32 " config 0x%" PRIx64 "%s\n", names[i], event.encoding.type,
               event.encoding.config, event.encoding.exclude_kernel ? " user mode only" : "");
    }
    return EXIT_OK;
}

static int run_events(const void *opaque, int operand_count, char **operands) {
    const struct events_options *options = opaque;
    struct cpu_identity identity;
    struct event_table table;
    struct error error;
    bool have_table = find_table(options, &identity, &table, &error);
    if (!have_table && options->table) return command_fail("events", "%s", error.message);
    int code = EXIT_OK;
    if (operand_count > 0) {
        code = print_encodings(operand_count, operands, have_table ? &table : NULL);
    } else {
        printf("processor: %s%s%s\n", identity.name[0] ? identity.name : "unknown",
               have_table ? ", table: " : "", have_table ? table.microarchitecture : "");
        if (!have_table) printf("%s.\n", error.message);
        if (have_table && table.counters)
            printf("counters: %u can count at the same time; more are refused rather than "
                   "estimated\n",
                   table.counters);
        int level = counter_paranoid_level();
        if (level >= -1) printf("kernel.perf_event_paranoid: %d\n", level);
        printf("\n");
        print_hardware_events(have_table ? &table : NULL, options);
        print_software_events(options);
    }
    if (have_table) event_table_free(&table);
    return code;
}

const struct command command_events = {
    .name = "events",
    .summary = "list the hardware events that this machine can count, and why not the rest",
    .operands = "[EVENT...]",
    .description =
        "Lists the events of this processor by the names that records and reports use, with their "
        "code, whether the kernel lets them be counted, and what each really counts: an event "
        "named after atomics may see only some of them. Events with the same 'comparable' line "
        "count the same thing on different machines.\n\n"
        "With --check each event that claims to count atomic operations is calibrated: loops of a "
        "known number of additions, exchanges, compare-and-swaps, loads, stores and fences run "
        "under it. An event that does not count what it claims is never shown as a figure.\n\n"
        "A virtual machine usually offers no hardware counters; everything else works without "
        "them. Given EVENTs, prints how each is encoded: a canonical name, a raw code such as "
        "r1f25, or a name of libpfm4.",
    .examples = "grainbench events\n"
                "grainbench events --check\n"
                "grainbench events atomics r21d0:u",
    .options = events_option_table,
    .options_size = sizeof(struct events_options),
    .run = run_events,
};
