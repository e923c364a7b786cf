/* The ledger: the same counts in every run at one worker, and the counts that theory gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/options.h"
#include "schedulers/ledger_run.h"
#include "schedulers/schedulers.h"
#include <stdlib.h>
#include <string.h>

static struct ledger_result *run(const char *name, const char *list, struct ledger_plan plan) {
    struct error error = {"no such scheduler"};
    char text[64], options[512];
    snprintf(text, sizeof text, "%s", list);
    plan.scheduler = schedulers_find(SCHEDULERS_COUNTED, name);
    assert_non_null(plan.scheduler);
    assert_true(plan.scheduler->options_size <= sizeof options);
    memset(options, 0, sizeof options);
    if (plan.scheduler->options &&
        !options_parse_list(plan.scheduler->options, options, text, ':', name, &error))
        fail_msg("%s", error.message);
    plan.options = options;
    struct ledger_result *result = calloc(1, sizeof *result);
    assert_non_null(result);
    if (!ledger_run(&plan, result, &error)) fail_msg("%s", error.message);
    return result;
}

static const struct ledger_plan one_worker = {
    .workers = 1, .items = 1000, .batches = 20, .warm_ups = 2, .seed = 1};

static void five_of_five_runs_agree_at_one_worker(void **state) {
    (void)state;
    for (size_t i = 0; i < schedulers_count(); i++) {
        const char *name = schedulers_at(SCHEDULERS_COUNTED, i)->name;
        struct ledger_plan plan = one_worker;
        plan.result_size = i % 2 ? 16 : 0;
        struct ledger_result *first = run(name, "", plan);
        assert_true(first->exact);
        for (unsigned repeat = 1; repeat < 5; repeat++) {
            struct ledger_result *again = run(name, "", plan);
            if (memcmp(&first->ledger, &again->ledger, sizeof first->ledger) != 0)
                fail_msg("%s: run %u differs from the first", name, repeat + 1);
            free(again);
        }
        free(first);
    }
}

/* The caller keeps what it did to itself: alone, it reports nothing. */
static void a_counter_claims_once_a_window_and_once_a_worker(void **state) {
    (void)state;
    struct ledger_result *result = run("counter", "window=8", one_worker);
    uint64_t claims = result->ledger.count[SITE_COUNTER_CLAIM][SYNC_FETCH_SUB][SYNC_ACQUIRE];
    assert_int_equal(claims, 20 * (1000 / 8 + 1));
    assert_int_equal(ledger_sum(&result->ledger, LEDGER_READ_MODIFY_WRITE, "claim"), claims);
    assert_int_equal(ledger_sum(&result->ledger, LEDGER_READ_MODIFY_WRITE, "done"), 0);
    free(result);
}

static void the_two_point_slope_of_a_counter_is_one_eighth(void **state) {
    (void)state;
    struct ledger_plan plan = one_worker;
    plan.items = 10000;
    struct ledger_result *low = run("counter", "window=8", plan);
    plan.items = 30000;
    struct ledger_result *high = run("counter", "window=8", plan);
    uint64_t more = ledger_sum(&high->ledger, LEDGER_READ_MODIFY_WRITE, NULL) -
                    ledger_sum(&low->ledger, LEDGER_READ_MODIFY_WRITE, NULL);
    assert_int_equal(more, 20 * 20000 / 8);
    free(low);
    free(high);
}

/* One worker, outside call: 8 leaves, 7 joins; each join's second half is the last job of its
 * deque or not; 7 pushes publish 7 jobs with one release store each. */
static void rayon_at_one_worker_pushes_seven_jobs_a_batch(void **state) {
    (void)state;
    struct ledger_result *result = run("rayon", "", one_worker);
    const struct ledger *ledger = &result->ledger;
    assert_int_equal(result->statistics.joins, 20 * 7);
    assert_int_equal(ledger->count[SITE_DEQUE_PUSH][SYNC_STORE][SYNC_RELEASE], 20 * 7);
    assert_int_equal(ledger->count[SITE_DEQUE_PUSH][SYNC_FENCE][SYNC_RELEASE], 20 * 7);
    assert_int_equal(ledger_sum(ledger, LEDGER_READ_MODIFY_WRITE, "injector"), 20 * 4);
    assert_int_equal(result->statistics.parks, 20);
    assert_int_equal(result->statistics.wakes, 20);
    free(result);
}

static void a_serial_scheduler_issues_nothing(void **state) {
    (void)state;
    static const char *const names[] = {"null", "serial", "rayon-min-len"};
    for (size_t i = 0; i < 3; i++) {
        struct ledger_result *result = run(names[i], "", one_worker);
        for (enum ledger_class class = 0; class < LEDGER_CLASSES; class ++)
            assert_int_equal(ledger_sum(&result->ledger, class, NULL), 0);
        free(result);
    }
}

static void without_epochs_nothing_is_pinned(void **state) {
    (void)state;
    struct ledger_result *with = run("rayon", "epoch=exchange", one_worker);
    struct ledger_result *barrier = run("rayon", "epoch=barrier", one_worker);
    struct ledger_result *without = run("rayon", "epoch=off", one_worker);
    assert_int_equal(ledger_sum(&with->ledger, LEDGER_READ_MODIFY_WRITE, "epoch"),
                     with->statistics.pins);
    assert_true(with->statistics.pins > 0);
    assert_int_equal(ledger_sum(&barrier->ledger, LEDGER_READ_MODIFY_WRITE, "epoch"), 0);
    assert_int_equal(barrier->ledger.count[SITE_EPOCH_PIN][SYNC_FENCE][SYNC_SEQ_CST],
                     barrier->statistics.pins);
    assert_int_equal(without->statistics.pins, 0);
    assert_int_equal(ledger_sum(&without->ledger, LEDGER_LOAD, "epoch"), 0);
    free(with);
    free(barrier);
    free(without);
}

static void several_workers_are_not_called_exact(void **state) {
    (void)state;
    struct ledger_plan plan = one_worker;
    plan.workers = 3;
    struct ledger_result *result = run("counter", "", plan);
    assert_false(result->exact);
    /* Even so every item is claimed once: 1,000 good claims and at least the caller's last. */
    assert_true(ledger_sum(&result->ledger, LEDGER_READ_MODIFY_WRITE, "claim") >= 20 * 1001);
    free(result);
    result = run("serial", "", plan);
    assert_true(result->exact);
    free(result);
}

static void coarser_leaves_cut_joins_and_shared_operations(void **state) {
    (void)state;
    struct ledger_plan plan = {
        .workers = 88, .items = 1000, .batches = 2, .warm_ups = 1, .sleep_ns = 2000000, .seed = 1};
    struct ledger_result *fine = run("rayon", "min_len=1", plan);
    struct ledger_result *coarse = run("rayon", "min_len=3", plan);
    assert_int_equal(coarse->statistics.leaves, 2 * 256);
    assert_int_equal(coarse->statistics.joins, 2 * 255);
    /* The finest possible is 1,000 leaves; without any steal it would be 512. */
    assert_in_range(fine->statistics.leaves, 2 * 512, 2 * 1000);
    assert_true(ledger_sum(&fine->ledger, LEDGER_READ_MODIFY_WRITE, LEDGER_SHARED) >
                ledger_sum(&coarse->ledger, LEDGER_READ_MODIFY_WRITE, LEDGER_SHARED));
    free(fine);
    free(coarse);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_of_five_runs_agree_at_one_worker),
        cmocka_unit_test(a_counter_claims_once_a_window_and_once_a_worker),
        cmocka_unit_test(the_two_point_slope_of_a_counter_is_one_eighth),
        cmocka_unit_test(rayon_at_one_worker_pushes_seven_jobs_a_batch),
        cmocka_unit_test(a_serial_scheduler_issues_nothing),
        cmocka_unit_test(without_epochs_nothing_is_pinned),
        cmocka_unit_test(several_workers_are_not_called_exact),
        cmocka_unit_test(coarser_leaves_cut_joins_and_shared_operations),
    };
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
