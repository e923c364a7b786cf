/* Events by phase and worker: a planted reader's counts come back phase by phase. */
#define _GNU_SOURCE
#include "tests/results/cmocka_all.h"

#include "harness/counters/counter_page.h"
#include "harness/counters/phase_counts.h"
#include "harness/counters/phase_counts_json.h"
#include <linux/perf_event.h>
#include <math.h>
#include <string.h>

enum { WORKERS = 2, CALLER = WORKERS, LANES = WORKERS + 1, EVENTS = 2 };

/* What each lane's group has counted; a test moves it on between borders. */
struct planted {
    struct counter_raw lanes[LANES];
    unsigned own_reads, other_reads;
    int failing; /* lane whose reading fails, or -1 */
};

static bool read_planted(void *context, unsigned lane, bool own, struct counter_raw *raw) {
    struct planted *planted = context;
    *raw = planted->lanes[lane];
    *(own ? &planted->own_reads : &planted->other_reads) += 1;
    return (int)lane != planted->failing;
}

static struct phase_counts *make(struct planted *planted) {
    struct error error;
    struct phase_counts_setup setup = {WORKERS, true, EVENTS, read_planted, planted};
    struct phase_counts *counts = phase_counts_create(&setup, &error);
    assert_non_null(counts);
    *planted = (struct planted){.failing = -1};
    return counts;
}

/* The lane's thread ran for `ns`, counted for `share` of it, and met `event` of event 1. */
static void move(struct planted *planted, unsigned lane, uint64_t ns, double share,
                 uint64_t event) {
    planted->lanes[lane].enabled_ns += ns;
    planted->lanes[lane].running_ns += (uint64_t)((double)ns * share);
    planted->lanes[lane].values[0] += (uint64_t)((double)ns * share);
    planted->lanes[lane].values[1] += event;
}

/* One batch in which worker 0 has two leaves and worker 1 none; the caller collects and drops. */
static void run_batch(struct phase_counts *counts, struct planted *planted, double share) {
    phase_counts_begin(counts);
    move(planted, 0, 1000, share, 1); /* fork */
    move(planted, 1, 500, share, 2);
    move(planted, CALLER, 50, share, 0);
    phase_counts_enter(counts, 0);
    move(planted, 0, 4000, share, 10); /* the first leaf */
    phase_counts_leave(counts, 0);
    move(planted, 0, 300, share, 3); /* between leaves: still run */
    phase_counts_enter(counts, 0);
    move(planted, 0, 5000, share, 10);
    phase_counts_leave(counts, 0);
    move(planted, 0, 200, share, 5); /* waiting for the others: join */
    phase_counts_joined(counts);
    move(planted, CALLER, 700, share, 7); /* collect */
    phase_counts_returned(counts);
    move(planted, CALLER, 900, share, 9); /* drop */
    move(planted, 1, 60, share, 1);       /* meanwhile worker 1 spins */
    phase_counts_dropped(counts);
    move(planted, CALLER, 100000, share, 1000); /* between batches: of no phase */
}

static void expect(const struct phase_counts *counts, int lane, enum phase phase, double time,
                   double event) {
    double got_time = phase_counts_value(counts, lane, phase, 0);
    double got_event = phase_counts_value(counts, lane, phase, 1);
    if (fabs(got_time - time) > 1e-6 * time + 1e-9 || fabs(got_event - event) > 1e-6)
        fail_msg("lane %d, %s: %g and %g, not %g and %g", lane, phase_names[phase], got_time,
                 got_event, time, event);
}

static void counts_fall_into_the_phase_and_worker_that_made_them(void **state) {
    (void)state;
    struct planted planted;
    struct phase_counts *counts = make(&planted);
    for (int batch = 0; batch < 3; batch++)
        run_batch(counts, &planted, 1);
    expect(counts, 0, PHASE_FORK, 3 * 1000, 3 * 1);
    expect(counts, 0, PHASE_RUN, 3 * 9300, 3 * 23);
    expect(counts, 0, PHASE_JOIN, 3 * 200, 3 * 5);
    expect(counts, 1, PHASE_FORK, 3 * 500, 3 * 2); /* never had an item */
    expect(counts, 1, PHASE_RUN, 0, 0);
    expect(counts, 1, PHASE_DROP, 3 * 60, 3 * 1);
    expect(counts, CALLER, PHASE_JOIN, 3 * 50, 0);
    expect(counts, CALLER, PHASE_COLLECT, 3 * 700, 3 * 7);
    expect(counts, CALLER, PHASE_DROP, 3 * 900, 3 * 9);
    expect(counts, PHASE_ALL_LANES, PHASE_DROP, 3 * 960, 3 * 10);
    assert_int_equal(phase_counts_batches(counts), 3);
    assert_int_equal(phase_counts_worker_reads(counts), 3 * 3);
    assert_int_equal(phase_counts_cell(counts, 1, PHASE_RUN).batches, 0);
    assert_true(phase_counts_complete(counts));
    /* Workers read their own groups; the caller reads its own and the others'. */
    assert_int_equal(planted.own_reads, 3 * (3 + 4));
    assert_int_equal(planted.other_reads, 3 * 4 * WORKERS);
    phase_counts_reset(counts);
    expect(counts, PHASE_ALL_LANES, PHASE_RUN, 0, 0);
    phase_counts_destroy(counts);
}

static void collecting_is_part_of_joining_where_it_is_not_told(void **state) {
    (void)state;
    struct planted planted;
    struct phase_counts *counts = make(&planted);
    phase_counts_begin(counts);
    phase_counts_enter(counts, 0);
    move(&planted, 0, 100, 1, 1);
    phase_counts_leave(counts, 0);
    move(&planted, CALLER, 70, 1, 7);
    phase_counts_returned(counts);
    expect(counts, CALLER, PHASE_JOIN, 70, 7);
    assert_int_equal(phase_counts_cell(counts, PHASE_ALL_LANES, PHASE_COLLECT).batches, 0);
    phase_counts_destroy(counts);
}

static void a_group_that_took_turns_is_scaled_and_one_that_hardly_counted_is_refused(void **state) {
    (void)state;
    struct planted planted;
    struct phase_counts *counts = make(&planted);
    run_batch(counts, &planted, 0.5);
    assert_int_equal(phase_counts_standing(counts, 0, PHASE_RUN), PHASE_ESTIMATED);
    expect(counts, 0, PHASE_RUN, 9300, 46); /* 23 seen in half of the time */
    phase_counts_reset(counts);
    run_batch(counts, &planted, 0.05);
    assert_int_equal(phase_counts_standing(counts, 0, PHASE_RUN), PHASE_REFUSED);
    assert_int_equal(phase_counts_standing(counts, PHASE_ALL_LANES, PHASE_RUN), PHASE_REFUSED);
    /* A thread that did not run at all has counted all there was. */
    assert_int_equal(phase_counts_standing(counts, 1, PHASE_COLLECT), PHASE_COUNTED);
    phase_counts_destroy(counts);
}

static void a_failed_reading_is_not_passed_over(void **state) {
    (void)state;
    struct planted planted;
    struct phase_counts *counts = make(&planted);
    planted.failing = 1;
    run_batch(counts, &planted, 1);
    assert_false(phase_counts_complete(counts));
    phase_counts_destroy(counts);
}

static double number(const json_t *object, const char *a, const char *b, size_t index) {
    const json_t *inner = json_object_get(json_object_get(object, a), b);
    return json_number_value(json_is_array(inner) ? json_array_get(inner, index) : inner);
}

static void the_line_of_a_record_holds_phases_workers_and_refusals(void **state) {
    (void)state;
    struct planted planted;
    struct phase_counts *counts = make(&planted);
    run_batch(counts, &planted, 1);
    struct counter_list list = {.count = EVENTS, .unavailable = json_array()};
    strcpy(list.events[0].name, "task-clock");
    strcpy(list.events[1].name, "page-faults");
    struct phase_counts_facts facts = {.items = 10, .read_ns = 500, .caller_is_last = true};
    json_t *line = phase_counts_to_json(counts, &list, &facts);
    assert_non_null(line);
    const json_t *phases = json_object_get(line, "phases");
    assert_true(fabs(number(phases, "run", "counts", 1) - 23) < 1e-9);
    assert_true(fabs(number(phases, "drop", "counts", 1) - 10) < 1e-9);
    const json_t *workers = json_object_get(line, "workers");
    assert_int_equal(json_array_size(workers), LANES);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(workers, CALLER), "worker")), "caller");
    assert_null(json_object_get(json_array_get(workers, 1), "run"));
    const json_t *faults = json_array_get(json_object_get(line, "events"), 1);
    assert_true(fabs(json_number_value(json_object_get(faults, "per_item")) - 4.8) < 1e-9);
    assert_true(fabs(json_number_value(json_object_get(faults, "run_per_item")) - 2.3) < 1e-9);
    json_decref(line);
    phase_counts_reset(counts);
    run_batch(counts, &planted, 0.05);
    line = phase_counts_to_json(counts, &list, &facts);
    phases = json_object_get(line, "phases");
    const json_t *run = json_object_get(phases, "run");
    assert_string_equal(json_string_value(json_object_get(run, "standing")), "refused");
    assert_true(json_is_null(json_array_get(json_object_get(run, "counts"), 1)));
    assert_null(json_object_get(json_array_get(json_object_get(line, "events"), 1), "per_item"));
    assert_null(
        json_object_get(json_array_get(json_object_get(line, "events"), 1), "run_per_item"));
    json_decref(line);
    counter_list_free(&list);
    phase_counts_destroy(counts);
}

/* ---- the page that rdpmc is for ---- */

static uint64_t planted_counter, planted_cycles;
static uint32_t asked_index;

static uint64_t fake_counter(uint32_t index) {
    asked_index = index;
    return planted_counter;
}

static uint64_t fake_cycles(void) {
    return planted_cycles;
}

static const struct counter_page_source fake_source = {fake_counter, fake_cycles};

static void a_page_is_read_as_the_kernel_documents_it(void **state) {
    (void)state;
    struct counter_page_reading reading;
    struct perf_event_mmap_page page = {0};
    page.index = 3;
    page.offset = 1000;
    page.pmc_width = 48;
    page.time_enabled = 500;
    page.time_running = 400;
    page.time_mult = 1 << 4;
    page.time_shift = 4;
    page.time_offset = 7;
    planted_counter = 25;
    planted_cycles = 93;
    assert_true(counter_page_read(&page, &fake_source, &reading));
    assert_int_equal(asked_index, 2);
    assert_int_equal(reading.value, 1025);
    assert_int_equal(reading.enabled_ns, 500 + 7 + 93);
    assert_int_equal(reading.running_ns, 400 + 7 + 93);
    planted_counter = ((uint64_t)1 << 48) - 10; /* the kernel starts counters below zero */
    assert_true(counter_page_read(&page, &fake_source, &reading));
    assert_int_equal(reading.value, 990);
    page.index = 0; /* its turn is over: only the time it waits goes on */
    assert_true(counter_page_read(&page, &fake_source, &reading));
    assert_int_equal(reading.value, 1000);
    assert_int_equal(reading.running_ns, 400);
    assert_int_equal(reading.enabled_ns, 600);
}

static struct perf_event_mmap_page *changing;

static uint64_t changing_counter(uint32_t index) {
    (void)index;
    changing->lock++;
    return 0;
}

static void a_page_that_keeps_changing_is_not_believed(void **state) {
    (void)state;
    static const struct counter_page_source source = {changing_counter, fake_cycles};
    struct counter_page_reading reading;
    struct perf_event_mmap_page page = {.index = 1, .pmc_width = 48};
    changing = &page;
    assert_false(counter_page_read(&page, &source, &reading));
}

/* ---- the kernel's software events ---- */

static void events_that_cannot_be_counted_are_named_and_the_rest_is_counted(void **state) {
    (void)state;
    struct counter_list list;
    struct error error;
    assert_true(counter_list_make("no-such-event,page-faults", &list, &error));
    const json_t *missing = json_array_get(list.unavailable, 0);
    assert_string_equal(json_string_value(json_object_get(missing, "name")), "no-such-event");
    assert_non_null(json_string_value(json_object_get(missing, "why")));
    if (list.count == 0) { /* perf_event_open is blocked here: then both are named */
        assert_int_equal(json_array_size(list.unavailable), 2);
        counter_list_free(&list);
        return;
    }
    assert_int_equal(list.count, 1);
    struct counter_group group;
    struct counter_raw before, after;
    assert_true(counter_group_open(&group, list.events, list.count, 0, &error));
    counter_group_start(&group);
    assert_true(counter_group_read_raw(&group, true, &before));
    enum { PAGES = 64, PAGE = 65536 };
    volatile char *fresh = calloc(PAGES, PAGE); /* by mmap: each page faults when it is touched */
    for (int i = 0; i < PAGES; i++)
        fresh[i * PAGE] = 1;
    assert_true(counter_group_read_raw(&group, true, &after));
    assert_true(after.values[0] - before.values[0] >= 2);
    assert_true(after.running_ns <= after.enabled_ns);
    free((void *)fresh);
    counter_group_close(&group);
    counter_list_free(&list);
    assert_false(counter_list_make("", &list, &error));
    assert_false(counter_list_make("task-clock,,page-faults", &list, &error));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_fall_into_the_phase_and_worker_that_made_them),
        cmocka_unit_test(collecting_is_part_of_joining_where_it_is_not_told),
        cmocka_unit_test(a_group_that_took_turns_is_scaled_and_one_that_hardly_counted_is_refused),
        cmocka_unit_test(a_failed_reading_is_not_passed_over),
        cmocka_unit_test(the_line_of_a_record_holds_phases_workers_and_refusals),
        cmocka_unit_test(a_page_is_read_as_the_kernel_documents_it),
        cmocka_unit_test(a_page_that_keeps_changing_is_not_believed),
        cmocka_unit_test(events_that_cannot_be_counted_are_named_and_the_rest_is_counted),
    };
    return cmocka_run_group_tests_name("phase counts", tests, NULL, NULL);
}
