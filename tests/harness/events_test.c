/* Event tables, encodings and calibration, without needing hardware counters. */
#define _GNU_SOURCE
#include "tests/results/cmocka_all.h"

#include "harness/counters/counters.h"
#include "harness/counters/counters_calibration.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define EVENTS GRAINBENCH_SOURCE_DIR "/data/events"

static void each_table_can_be_read_and_names_real_encodings(void **state) {
    (void)state;
    DIR *folder = opendir(EVENTS);
    unsigned tables = 0, checked = 0;
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct event_table table;
        struct error error;
        char path[512];
        if (!strstr(entry->d_name, ".json")) continue;
        snprintf(path, sizeof path, EVENTS "/%s", entry->d_name);
        if (!event_table_load(path, &table, &error)) fail_msg("%s", error.message);
        tables++;
        for (size_t i = 0; i < table.count; i++) {
            struct event_encoding encoding;
            const struct event *event = &table.events[i];
            assert_true(event->config != 0);
            if (!event->libpfm || !event_encode(event->libpfm, &encoding, &error)) continue;
            if (encoding.config != event->config)
                fail_msg("%s: %s is 0x%llx in the table, 0x%llx by libpfm4", path, event->name,
                         (unsigned long long)event->config, (unsigned long long)encoding.config);
            checked++;
        }
        event_table_free(&table);
    }
    closedir(folder);
    assert_true(tables >= 15);
    print_message("%u tables, %u encodings agree with libpfm4\n", tables, checked);
#if GRAINBENCH_HAVE_PFM && defined(__x86_64__)
    assert_true(checked >= 20); /* libpfm4 of x86 knows x86 processors only */
#endif
}

static const char *microarchitecture_of(const char *cpuinfo) {
    static char name[64];
    struct cpu_identity identity;
    struct event_table table;
    struct error error;
    assert_true(cpu_identity_parse(cpuinfo, &identity));
    if (!event_table_find(EVENTS, &identity, &table, &error)) return "none";
    snprintf(name, sizeof name, "%s", table.microarchitecture);
    event_table_free(&table);
    return name;
}

static void processors_find_their_table(void **state) {
    (void)state;
#define AMD(f, m)                                                                                  \
    "processor : 0\nvendor_id\t: AuthenticAMD\ncpu family\t: " f "\nmodel\t\t: " m                 \
    "\nmodel name\t: x\n"
#define INTEL(m)  "vendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: " m "\nmodel name\t: x\n"
#define ARM(i, p) "CPU implementer\t: " i "\nCPU part\t: " p "\n"
    assert_string_equal(microarchitecture_of(AMD("25", "17")), "AMD Zen 4");
    assert_string_equal(microarchitecture_of(AMD("25", "1")), "AMD Zen 3");
    assert_string_equal(microarchitecture_of(AMD("23", "49")), "AMD Zen 2");
    assert_string_equal(microarchitecture_of(AMD("26", "2")), "AMD Zen 5");
    assert_string_equal(microarchitecture_of(AMD("15", "1")), "none");
    assert_string_equal(microarchitecture_of(INTEL("106")), "Intel Ice Lake server (Xeon 8375C)");
    assert_string_equal(microarchitecture_of(INTEL("173")), "Intel Granite Rapids");
    assert_string_equal(microarchitecture_of(ARM("0x41", "0xd4f")), "Arm Neoverse V2");
    assert_string_equal(microarchitecture_of(ARM("0x4e", "0x010")), "NVIDIA Olympus (Vera)");
    assert_string_equal(microarchitecture_of(ARM("0x61", "0x042")), "Apple M1 to M3");
}

static void no_table_claims_a_processor_of_another(void **state) {
    (void)state;
    DIR *folder = opendir(EVENTS);
    for (int model = 0; model < 256; model++) {
        struct cpu_identity identity = {.vendor = "AuthenticAMD", .family = 25, .model = model};
        unsigned claims = 0;
        rewinddir(folder);
        for (struct dirent *entry; (entry = readdir(folder));) {
            struct event_table table;
            char path[512];
            if (!strstr(entry->d_name, "amd-")) continue;
            snprintf(path, sizeof path, EVENTS "/%s", entry->d_name);
            assert_true(event_table_load(path, &table, NULL));
            claims += event_table_matches(&table, &identity);
            event_table_free(&table);
        }
        assert_true(claims <= 1);
    }
    closedir(folder);
}

static void names_resolve_to_encodings(void **state) {
    (void)state;
    struct event_table table;
    struct counter_event event;
    struct error error;
    assert_true(event_table_load(EVENTS "/amd-zen2.json", &table, &error));
    assert_true(counter_resolve("atomics:u", &table, &event, &error));
    assert_int_equal(event.encoding.type, 4);
    assert_int_equal(event.encoding.config, 0xe25);
    assert_true(event.encoding.exclude_kernel);
    assert_true(counter_resolve("r21d0", &table, &event, &error));
    assert_int_equal(event.encoding.config, 0x21d0);
    assert_false(event.encoding.exclude_kernel);
    assert_false(counter_resolve("no-such-event", &table, &event, &error));
    assert_non_null(strstr(error.message, "no-such-event"));
    event_table_free(&table);
}

static void calibration_accepts_and_refuses(void **state) {
    (void)state;
    struct event_table zen, olympus;
    struct error error;
    assert_true(event_table_load(EVENTS "/amd-zen5.json", &zen, &error));
    assert_true(event_table_load(EVENTS "/nvidia-olympus.json", &olympus, &error));
    const double all[] = {1, 1.005, 1, 0.995, 0, 0, 1};
    const double compare_and_swap[] = {0, 0, 1, 1, 0, 0, 0};
    const double bus_locks[] = {0, 0, 0, 0, 0, 0, 0};
    const struct event *atomics = event_find(&zen, "atomics");
    const struct event *near = event_find(&olympus, "cas-near");
    assert_true(calibration_judge(atomics->expected, all));
    assert_false(calibration_judge(atomics->expected, compare_and_swap));
    assert_false(calibration_judge(atomics->expected, bus_locks));
    assert_true(calibration_judge(near->expected, compare_and_swap));
    assert_false(calibration_judge(near->expected, all));
    event_table_free(&zen);
    event_table_free(&olympus);
}

/* A software event counts without hardware: the machinery is exercised, and an event that does
 * not count atomics is refused. */
static void an_event_that_counts_something_else_fails_calibration(void **state) {
    (void)state;
    struct event_table table;
    struct counter_event event;
    struct calibration calibration;
    struct error error;
    assert_true(event_table_load(EVENTS "/amd-zen5.json", &table, &error));
    assert_true(counter_resolve("page-faults", &table, &event, &error));
    event.event = event_find(&table, "atomics");
    if (!calibration_run(&event, 2000, &calibration, &error)) {
        print_message("%s\n", error.message);
        event_table_free(&table);
        skip();
    }
    assert_false(calibration.accepted);
    event_table_free(&table);
}

static void a_group_counts_and_tells_how_much_of_the_time(void **state) {
    (void)state;
    struct counter_event events[2];
    struct counter_group group;
    struct counter_reading reading;
    struct error error;
    assert_true(counter_resolve("task-clock", NULL, &events[0], &error));
    assert_true(counter_resolve("context-switches", NULL, &events[1], &error));
    if (!counter_group_open(&group, events, 2, 0, &error)) {
        print_message("%s\n", error.message);
        skip();
    }
    counter_group_start(&group);
    volatile unsigned work = 0;
    for (unsigned i = 0; i < 3000000; i++)
        work += i;
    (void)work;
    counter_group_stop(&group);
    assert_true(counter_group_read(&group, &reading, &error));
    assert_int_equal(reading.count, 2);
    assert_true(reading.values[0] > 0);
    assert_true(reading.running_ratio > 0 && reading.running_ratio <= 1);
    counter_group_close(&group);
}

static void failures_are_told_apart(void **state) {
    (void)state;
    struct error error;
    counter_explain_failure(ENOENT, "cycles", &error);
    assert_non_null(strstr(error.message, "virtual machine"));
    counter_explain_failure(EACCES, "cycles", &error);
    assert_non_null(strstr(error.message, "perf_event_paranoid"));
    counter_explain_failure(ENOSYS, "cycles", &error);
    assert_non_null(strstr(error.message, "seccomp"));
}

int main(void) {
    event_encode_absent_processors();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_table_can_be_read_and_names_real_encodings),
        cmocka_unit_test(processors_find_their_table),
        cmocka_unit_test(no_table_claims_a_processor_of_another),
        cmocka_unit_test(names_resolve_to_encodings),
        cmocka_unit_test(calibration_accepts_and_refuses),
        cmocka_unit_test(an_event_that_counts_something_else_fails_calibration),
        cmocka_unit_test(a_group_counts_and_tells_how_much_of_the_time),
        cmocka_unit_test(failures_are_told_apart),
    };
    return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
