/* Promises of simulated threads that share processing units: no more of them run at once than there
 * are units, who waits is served in order, who sleeps holds none, and who is bound runs on its own.
 */
#include "schedulers/virtual_coroutine.h"
#include "schedulers/virtual_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { THREADS = 8, US = 1000000 /* ps */ };

/* What is not here is free of charge. */
static const struct virtual_costs costs = {.futex_wait_ns = 2000,
                                           .futex_call_ns = 500,
                                           .futex_wake_ns = 6000,
                                           .wake_latency_ns = 10000,
                                           .transfer_ns = {[VIRTUAL_L3] = 100},
                                           .yield_ns = 400,
                                           .smt_factor = 1,
                                           .smt_spin_factor = 1,
                                           .line_bytes = 64};

static struct {
    _Alignas(128) uint32_t futex;
    uint64_t end_ps[THREADS];
    unsigned order[64], order_count;
} shared;

static struct virtual_machine *machine;
static unsigned bound; /* threads below this number, to the unit of their number */

static bool run_on(unsigned units, double slice_ns, void (*function)(void *), struct error *error) {
    struct virtual_place places[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        places[i] = (struct virtual_place){.core = (uint16_t)i};
    struct virtual_setup setup = {.costs = &costs,
                                  .places = places,
                                  .place_count = THREADS,
                                  .sharing = {.units = units,
                                              .bound = bound,
                                              .switch_ns = 1000,
                                              .queue_ns = 1500,
                                              .slice_ns = slice_ns}};
    memset(&shared, 0, sizeof shared);
    machine = virtual_machine_create(&setup, error);
    assert_non_null(machine);
    return virtual_machine_run(machine, 0, function, NULL, error);
}

static void run(unsigned units, double slice_ns, void (*function)(void *)) {
    struct error error;
    if (!run_on(units, slice_ns, function, &error)) fail_msg("%s", error.message);
    virtual_machine_destroy(machine);
}

static void note(unsigned thread) {
    virtual_fence(0, 0); /* its turn, when nobody else is behind it in time */
    shared.order[shared.order_count++] = thread;
    shared.end_ps[thread] = virtual_now_ps();
}

/* Starts the function on threads 1 to `count` and waits for all; the argument is the thread. */
static void spawn_and_join(unsigned count, void (*function)(void *)) {
    for (unsigned i = 1; i <= count; i++)
        virtual_spawn(function, (void *)(uintptr_t)i, (int)i);
    for (unsigned i = 1; i <= count; i++)
        virtual_join(i);
}

/* ---- at most as many as there are units ---- */

static void work_50_us(void *argument) {
    for (int i = 0; i < 10; i++)
        virtual_work(5 * US);
    note((unsigned)(uintptr_t)argument);
}

static void six_threads(void *argument) {
    (void)argument;
    spawn_and_join(6, work_50_us);
}

static void test_no_more_threads_run_than_there_are_units(void **state) {
    (void)state;
    run(2, 0, six_threads);
    /* Unit 1 wakes up for the first, in 10 us; unit 0 is the second's when the caller waits. */
    static const uint64_t expected_us[] = {60, 51, 102, 111, 153, 162};
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(shared.end_ps[i + 1], expected_us[i] * US);
}

static void test_threads_without_units_to_share_have_their_own(void **state) {
    (void)state;
    run(0, 0, six_threads);
    for (unsigned i = 1; i <= 6; i++)
        assert_int_equal(shared.end_ps[i], 50 * US);
}

static void test_a_slice_ends_where_others_wait(void **state) {
    (void)state;
    run(1, 20000, six_threads);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(shared.order[i], i + 1);
    /* All have had two slices of 20 us before the first has its third, of which it needs half. */
    assert_int_equal(shared.end_ps[1], (12 * 20 + 12 + 1 + 10) * US);
    assert_int_equal(shared.end_ps[6], (6 * 50 + 18) * US);
}

/* ---- bodies that sleep ---- */

static void sleep_100_us(void *argument) {
    virtual_sleep(100 * US);
    note((unsigned)(uintptr_t)argument);
}

static void six_sleepers(void *argument) {
    (void)argument;
    spawn_and_join(6, sleep_100_us);
}

static void test_a_sleeping_body_holds_no_unit(void **state) {
    (void)state;
    run(1, 0, six_sleepers);
    /* Each is on the unit while it falls asleep, 2 us, after 1 us of switching. */
    for (unsigned i = 1; i <= 6; i++)
        assert_int_equal(shared.end_ps[i], (100 + 1 + 3 * (i - 1)) * US);
}

static void work_300_us(void *argument) {
    virtual_work(300 * US);
    note((unsigned)(uintptr_t)argument);
}

static void sleep_and_work(void *argument) {
    virtual_sleep(100 * US);
    virtual_work(50 * US);
    note((unsigned)(uintptr_t)argument);
}

static void a_sleeper_and_a_worker(void *argument) {
    (void)argument;
    unsigned sleeper = virtual_spawn(sleep_and_work, (void *)(uintptr_t)1, 1);
    unsigned worker = virtual_spawn(work_300_us, (void *)(uintptr_t)2, 2);
    virtual_join(sleeper);
    virtual_join(worker);
}

static void test_a_body_that_has_slept_preempts(void **state) {
    (void)state;
    run(1, 0, a_sleeper_and_a_worker);
    assert_int_equal(shared.end_ps[1], (1 + 100 + 50) * US);
    /* Its item began at 4 us and goes on when the sleeper has ended. */
    assert_int_equal(shared.end_ps[2], (4 + 300 + 50 + 1) * US);
}

/* ---- waking ---- */

static void wait_for_futex(void *argument) {
    unsigned thread = (unsigned)(uintptr_t)argument;
    while (!shared.futex)
        virtual_futex_wait(&shared.futex, 0, 0, 0);
    note(thread);
    if (thread == 1) virtual_work(50 * US);
}

static uint64_t wake_call_ps(void) {
    shared.futex = 1;
    uint64_t begin = virtual_now_ps();
    assert_int_equal(virtual_futex_wake(&shared.futex, 10, 0, 0), 2);
    return virtual_now_ps() - begin;
}

static void wake_two(void *argument) {
    (void)argument;
    unsigned first = virtual_spawn(wait_for_futex, (void *)(uintptr_t)1, 1);
    unsigned second = virtual_spawn(wait_for_futex, (void *)(uintptr_t)2, 2);
    virtual_sleep(50 * US);
    shared.end_ps[0] = wake_call_ps();
    virtual_work(20 * US);
    note(3);
    virtual_join(first);
    virtual_join(second);
}

static void test_a_woken_thread_without_a_unit_queues_up(void **state) {
    (void)state;
    run(1, 0, wake_two);
    assert_int_equal(shared.end_ps[0], (500 + 2 * 1500) * 1000);
    static const unsigned expected[] = {3, 1, 2};
    assert_memory_equal(shared.order, expected, sizeof expected);
    assert_int_equal(shared.end_ps[1], shared.end_ps[3] + 1 * US);
    assert_int_equal(shared.end_ps[2], shared.end_ps[1] + (50 + 1) * US);
}

static void test_a_woken_thread_takes_the_idle_unit_and_wakes_it(void **state) {
    (void)state;
    run(2, 0, wake_two);
    assert_int_equal(shared.end_ps[0], (500 + 6000 + 1500) * 1000);
    /* Thread 2 slept first: it had the caller's unit while unit 1 woke up for thread 1. Calling
     * takes 0.5 us and the first wake 6, then the unit wakes up; it is thread 1's next. */
    assert_int_equal(shared.end_ps[2], (50 * 1000 + 500 + 6000 + 10000) * 1000);
    assert_int_equal(shared.end_ps[1], shared.end_ps[2] + 1 * US);
}

static void yield_thrice(void *argument) {
    for (int i = 0; i < 3; i++) {
        shared.order[shared.order_count++] = (unsigned)(uintptr_t)argument;
        virtual_yield(0, 0);
    }
    note((unsigned)(uintptr_t)argument);
}

static void two_yielders(void *argument) {
    (void)argument;
    spawn_and_join(2, yield_thrice);
}

static void test_yielding_lets_the_next_one_run(void **state) {
    (void)state;
    run(1, 0, two_yielders);
    static const unsigned expected[] = {1, 2, 1, 2, 1, 2, 1, 2};
    assert_int_equal(shared.order_count, 8);
    assert_memory_equal(shared.order, expected, sizeof expected);
    assert_int_equal(shared.end_ps[1], (7 * 1000 + 6 * 400) * 1000);
}

/* ---- bound threads ---- */

static void one_bound_one_not(void *argument) {
    (void)argument;
    unsigned anywhere = virtual_spawn(work_300_us, (void *)(uintptr_t)2, 2);
    unsigned on_unit_1 = virtual_spawn(work_50_us, (void *)(uintptr_t)1, 1);
    virtual_join(anywhere);
    virtual_join(on_unit_1);
}

static void test_a_bound_thread_waits_for_its_unit(void **state) {
    (void)state;
    run(2, 0, one_bound_one_not); /* unit 0 is idle as soon as the caller waits */
    assert_int_equal(shared.end_ps[1], (1 + 50) * US);
    bound = 2;
    run(2, 0, one_bound_one_not);
    bound = 0;
    assert_int_equal(shared.end_ps[2], (10 + 300) * US);
    assert_int_equal(shared.end_ps[1], (10 + 300 + 1 + 50) * US);
}

static void read_word(void *argument) {
    (void)argument;
    virtual_touch(&shared.futex, VIRTUAL_LOAD, 0, 0);
    virtual_work(50 * US);
}

static void write_and_let_read(void *argument) {
    (void)argument;
    virtual_touch(&shared.futex, VIRTUAL_RMW, 0, 0);
    spawn_and_join(2, read_word);
    for (unsigned i = 1; i <= 2; i++)
        shared.end_ps[i] = virtual_machine_account(machine, i)->memory_ps;
}

static void test_lines_are_the_units_where_threads_are_bound(void **state) {
    (void)state;
    run(2, 0, write_and_let_read);
    assert_int_equal(shared.end_ps[1], 100 * 1000);
    assert_int_equal(shared.end_ps[2], 100 * 1000);
    bound = 2;
    run(2, 0, write_and_let_read);
    bound = 0;
    assert_int_equal(shared.end_ps[1], 100 * 1000);
    assert_int_equal(shared.end_ps[2], 0); /* it runs where the word was written */
}

/* ---- everything at once ---- */

static void do_all_kinds(void *argument) {
    unsigned thread = (unsigned)(uintptr_t)argument;
    for (unsigned i = 0; i < 40; i++) {
        unsigned kind = (thread * 7 + i * 5) % 11;
        if (kind < 3)
            virtual_sleep((kind + 1) * 9 * US);
        else if (kind < 8)
            virtual_work(kind * 3 * US);
        else if (kind == 8)
            virtual_yield(0, 0);
        else if (kind == 9)
            virtual_futex_wake(&shared.futex, 1, 0, 0);
        else if (thread != 1) /* somebody must be left to wake */
            virtual_futex_wait(&shared.futex, 0, 0, 0);
    }
    note(thread);
    shared.futex = 1;
    virtual_futex_wake(&shared.futex, 10, 0, 0);
}

static void mix(void *argument) {
    (void)argument;
    spawn_and_join(7, do_all_kinds);
}

static void test_two_runs_are_equal_and_times_add_up(void **state) {
    (void)state;
    unsigned order[2][7];
    uint64_t end_ps[2][THREADS], busy_ps = 0, last_ps = 0;
    for (int i = 0; i < 2; i++) {
        struct error error;
        if (!run_on(2, 25000, mix, &error)) fail_msg("%s", error.message);
        memcpy(order[i], shared.order, sizeof order[i]);
        memcpy(end_ps[i], shared.end_ps, sizeof end_ps[i]);
        for (unsigned t = 1; i == 0 && t < THREADS; t++) {
            const struct virtual_account *a = virtual_machine_account(machine, t);
            busy_ps += a->wait_ps + a->kernel_ps;
            last_ps = end_ps[0][t] > last_ps ? end_ps[0][t] : last_ps;
        }
        virtual_machine_destroy(machine);
    }
    assert_memory_equal(order[0], order[1], sizeof order[0]);
    assert_memory_equal(end_ps[0], end_ps[1], sizeof end_ps[0]);
    assert_true(busy_ps <= 2 * last_ps);
}

static void wait_for_ever(void *argument) {
    (void)argument;
    virtual_futex_wait(&shared.futex, 0, 0, 0);
}

static void lose_a_wake(void *argument) {
    (void)argument;
    spawn_and_join(2, wait_for_ever);
}

static void test_a_deadlock_is_reported(void **state) {
    (void)state;
    struct error error;
    assert_false(run_on(1, 0, lose_a_wake, &error));
    assert_non_null(strstr(error.message, "deadlock"));
    virtual_machine_destroy(machine);
}

static int release_stacks(void **state) {
    (void)state;
    coroutine_release_stacks();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_more_threads_run_than_there_are_units),
        cmocka_unit_test(test_threads_without_units_to_share_have_their_own),
        cmocka_unit_test(test_a_slice_ends_where_others_wait),
        cmocka_unit_test(test_a_sleeping_body_holds_no_unit),
        cmocka_unit_test(test_a_body_that_has_slept_preempts),
        cmocka_unit_test(test_a_woken_thread_without_a_unit_queues_up),
        cmocka_unit_test(test_a_woken_thread_takes_the_idle_unit_and_wakes_it),
        cmocka_unit_test(test_yielding_lets_the_next_one_run),
        cmocka_unit_test(test_a_bound_thread_waits_for_its_unit),
        cmocka_unit_test(test_lines_are_the_units_where_threads_are_bound),
        cmocka_unit_test(test_two_runs_are_equal_and_times_add_up),
        cmocka_unit_test(test_a_deadlock_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, release_stacks);
}
