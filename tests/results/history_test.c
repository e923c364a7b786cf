/* History: writers at once, a writer killed in the middle, and change points. */
#define _GNU_SOURCE
#include "cmocka_all.h"

#include "results/change_points.h"
#include "results/history.h"
#include "simulate.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64], database[96];

static int make_folder(void **state) {
    (void)state;
    strcpy(folder, "/tmp/grainbench-history-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(database, sizeof database, "%s/history.sqlite", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

/* A record unlike any other, by `writer` and `number`. */
static void write_record(char *path, size_t size, int writer, int number) {
    struct error error;
    snprintf(path, size, "%s/%d-%d.jsonl", folder, writer, number);
    struct record_writer *file =
        record_create(path,
                      json_pack("{s:s, s:s, s:i}", "scenario", "test", "created",
                                "2026-01-01T00:00:00Z", "seed", writer * 1000 + number),
                      &error);
    assert_non_null(file);
    struct arm_record arm = {.role = ROLE_BASELINE, .control_of = -1, .compared_with = -1};
    assert_true(record_append_arm(file, &arm, &error));
    struct sample sample = {.duration_ns = 1000000000, .bytes = 1 << 20, .items = 1};
    for (int p = 0; p < PHASE_COUNT; p++)
        sample.phases_ns[p] = RECORD_UNAVAILABLE;
    sample.cpu_ns = RECORD_UNAVAILABLE;
    assert_true(record_append_sample(file, &sample, &error));
    assert_true(record_end(file, &error));
}

static void count_entry(void *context, const struct history_entry *entry) {
    assert_true(entry->id > 0);
    ++*(size_t *)context;
}

static size_t count_records(void) {
    struct error error;
    struct history *history = history_open(database, &error);
    assert_non_null(history);
    size_t count = 0;
    assert_true(history_list(history, NULL, NULL, count_entry, &count, &error));
    history_close(history);
    return count;
}

/* In a child process: adds `count` records and says so through `pipe` after each. */
static void add_records(int writer, int count, int pipe_end) {
    struct error error;
    struct history *history = history_open(database, &error);
    if (!history) _exit(1);
    for (int i = 0; i < count; i++) {
        char path[160];
        long long id;
        bool known;
        snprintf(path, sizeof path, "%s/%d-%d.jsonl", folder, writer, i);
        if (!history_add(history, path, &id, &known, &error) || known) {
            fprintf(stderr, "%s\n", error.message);
            _exit(1);
        }
        if (pipe_end >= 0 && write(pipe_end, "+", 1) != 1) _exit(1);
    }
    history_close(history);
    _exit(0);
}

static void writers_at_once_lose_nothing(void **state) {
    (void)state;
    enum { WRITERS = 4, EACH = 8 };
    char path[160];
    pid_t children[WRITERS];
    for (int writer = 0; writer < WRITERS; writer++)
        for (int i = 0; i < EACH; i++)
            write_record(path, sizeof path, writer, i);
    for (int writer = 0; writer < WRITERS; writer++) {
        children[writer] = fork();
        if (children[writer] == 0) add_records(writer, EACH, -1);
    }
    for (int writer = 0; writer < WRITERS; writer++) {
        int status;
        assert_int_equal(waitpid(children[writer], &status, 0), children[writer]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(count_records(), WRITERS * EACH);
}

static void a_killed_writer_loses_nothing_that_it_added(void **state) {
    (void)state;
    enum { COUNT = 40, KILL_AFTER = 10 };
    char path[160], byte;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    for (int i = 0; i < COUNT; i++)
        write_record(path, sizeof path, 9, i);
    size_t before = count_records(), added = 0;
    pid_t child = fork();
    if (child == 0) add_records(9, COUNT, ends[1]);
    close(ends[1]);
    while (added < KILL_AFTER && read(ends[0], &byte, 1) == 1)
        added++;
    assert_int_equal(kill(child, SIGKILL), 0);
    while (read(ends[0], &byte, 1) == 1)
        added++;
    close(ends[0]);
    int status;
    waitpid(child, &status, 0);
    size_t now = count_records();
    assert_true(now >= before + added);     /* what was acknowledged is there */
    assert_true(now <= before + added + 1); /* and at most the one under way */
}

static void adding_again_changes_nothing(void **state) {
    (void)state;
    struct error error;
    char path[160];
    long long first, second;
    bool known;
    write_record(path, sizeof path, 20, 0);
    struct history *history = history_open(database, &error);
    assert_true(history_add(history, path, &first, &known, &error));
    assert_false(known);
    assert_true(history_add(history, path, &second, &known, &error));
    assert_true(known);
    assert_int_equal(first, second);
    struct record *record = history_load(history, first, &error);
    assert_non_null(record);
    assert_int_equal(record->sample_count, 1);
    record_free(record);
    assert_null(history_load(history, 123456, &error));
    struct history_series *series;
    size_t count;
    assert_true(history_series(history, "test", NULL, &series, &count, &error));
    assert_int_equal(count, 1);
    assert_true(series[0].count > 1 && series[0].values[0] == 1);
    history_series_free(series, count);
    history_close(history);
}

static void change_points_are_found_where_they_are(void **state) {
    (void)state;
    struct random random = {31};
    struct change_point points[60];
    int near = 0, exact_count = 0;
    for (int trial = 0; trial < SIMULATED(200); trial++) {
        double values[60];
        for (int i = 0; i < 60; i++)
            values[i] = 100 + simulate_normal(&random) + (i >= 20 ? 5 : 0) + (i >= 45 ? -3 : 0);
        size_t found = change_points_find(values, 60, 0.0001, points);
        exact_count += found == 2;
        near += found >= 2 && points[0].index >= 19 && points[0].index <= 21;
    }
    assert_true(exact_count >= SIMULATED(180) && near >= SIMULATED(190));
}

static void a_steady_series_has_no_change_points(void **state) {
    (void)state;
    struct random random = {37};
    struct change_point points[60];
    int alarms = 0;
    for (int trial = 0; trial < 1000; trial++) {
        double values[60];
        for (int i = 0; i < 60; i++)
            values[i] = 100 + simulate_normal(&random);
        alarms += change_points_find(values, 60, 0.0001, points) > 0;
    }
    assert_true(alarms <= 30);
}

/* With two values a side of equal spread there are two degrees of freedom, and Student's
 * distribution has the closed form p = 1 - t / sqrt(2 + t^2). */
static void welch_agrees_with_the_closed_form(void **state) {
    (void)state;
    double a[] = {0, 2}, b[] = {10, 12}, c[] = {1, 3};
    double t = 10 / sqrt(2);
    assert_true(fabs(welch_test(a, 2, b, 2) - (1 - t / sqrt(2 + t * t))) < 1e-9);
    t = 1 / sqrt(2);
    assert_true(fabs(welch_test(a, 2, c, 2) - (1 - t / sqrt(2 + t * t))) < 1e-9);
    assert_true(welch_test(a, 2, a, 2) == 1);
    assert_true(welch_test(a, 1, b, 2) == 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writers_at_once_lose_nothing),
        cmocka_unit_test(a_killed_writer_loses_nothing_that_it_added),
        cmocka_unit_test(adding_again_changes_nothing),
        cmocka_unit_test(change_points_are_found_where_they_are),
        cmocka_unit_test(a_steady_series_has_no_change_points),
        cmocka_unit_test(welch_agrees_with_the_closed_form),
    };
    return cmocka_run_group_tests_name("history", tests, make_folder, remove_folder);
}
