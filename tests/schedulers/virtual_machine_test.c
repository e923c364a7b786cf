/* Promises of the simulated machine: order by virtual time, costs by distance, sleeping and waking,
 * the same run every time, and failures that are found rather than waited for. */
#include "schedulers/virtual_coroutine.h"
#include "schedulers/virtual_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CORES = 8 };

static const struct virtual_costs costs = {
    .hit_ns = 1,
    .transfer_ns = {1, 10, 40, 80, 140},
    .share_ns = 5,
    .rmw_ns = 5,
    .fence_ns = 6,
    .pause_ns = 20,
    .yield_ns = 400,
    .futex_wait_ns = 700,
    .futex_call_ns = 500,
    .futex_wake_ns = 900,
    .wake_latency_ns = 3000,
    .wake_long_ns = 9000,
    .allocate_ns = 10,
    .free_ns = 8,
    .remote_free_ns = 20,
    .copy_ns = 2,
    .stream_ns = 7,
    .upgrade_ns = 9,
    .crowd_factor = 1.5,
    .leaf_ns = 2,
    .smt_factor = 1.75,
    .smt_spin_factor = 1.2,
    .rmw_drains_stores = 1,
    .line_bytes = 64,
};

static struct virtual_place places[CORES]; /* 0 and 1 siblings, two cores an L3, four a package */

static struct virtual_machine *make(struct virtual_disturbance disturbance, uint64_t limit) {
    for (unsigned i = 0; i < CORES; i++)
        places[i] = (struct virtual_place){.core = (uint16_t)(i < 2 ? 0 : i),
                                           .l3 = (uint16_t)(i / 3),
                                           .slowness = i == 7 ? 2 : 0,
                                           .package = (uint16_t)(i / 6)};
    struct virtual_setup setup = {.costs = &costs,
                                  .places = places,
                                  .place_count = CORES,
                                  .disturbance = disturbance,
                                  .operation_limit = limit};
    struct error error;
    struct virtual_machine *machine = virtual_machine_create(&setup, &error);
    assert_non_null(machine);
    return machine;
}

static struct {
    _Alignas(128) uint64_t counter;
    _Alignas(128) uint64_t flag;
    _Alignas(128) uint32_t futex;
    uint64_t order[64];
    unsigned order_count;
    uint64_t end_ps;
} shared;

static void run(struct virtual_machine *machine, void (*function)(void *)) {
    memset(&shared, 0, sizeof shared);
    struct error error;
    assert_true(virtual_machine_run(machine, 0, function, NULL, &error));
}

/* Runs `function` on core `place` and waits for it. */
static void on_core(int place, void (*function)(void *)) {
    virtual_join(virtual_spawn(function, NULL, place));
}

static void add_once(void *argument) {
    (void)argument;
    uint64_t begin = virtual_now_ps();
    virtual_touch(&shared.counter, VIRTUAL_RMW, 0, 0);
    shared.counter++;
    shared.end_ps = virtual_now_ps() - begin;
}

static void cost_by_distance(void *argument) {
    (void)argument;
    static const struct {
        int core;
        uint64_t ps;
    } expected[] = {{1, 16000}, {2, 46000}, {3, 86000}, {6, 146000}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        add_once(NULL); /* core 0 takes the line */
        add_once(NULL);
        assert_int_equal(shared.end_ps, 6000);
        on_core(expected[i].core, add_once);
        assert_int_equal(shared.end_ps, expected[i].ps);
    }
}

static void test_transfer_costs_follow_distance(void **state) {
    (void)state;
    struct virtual_machine *machine = make((struct virtual_disturbance){0}, 0);
    run(machine, cost_by_distance);
    virtual_machine_destroy(machine);
}

static void posted_store(void *argument) {
    (void)argument;
    uint64_t begin = virtual_now_ps();
    virtual_touch(&shared.flag, VIRTUAL_STORE, 0, 0);
    assert_int_equal(virtual_now_ps() - begin, 1000);
    virtual_fence(0, 0);
    assert_int_equal(virtual_now_ps() - begin, 41000 + 6000);
}

static void store_then_fence(void *argument) {
    (void)argument;
    virtual_touch(&shared.flag, VIRTUAL_STORE, 0, 0); /* core 0 owns the line */
    on_core(2, posted_store);
}

static void test_a_store_is_posted_and_a_fence_waits_for_it(void **state) {
    (void)state;
    struct virtual_machine *machine = make((struct virtual_disturbance){0}, 0);
    run(machine, store_then_fence);
    virtual_machine_destroy(machine);
}

static void note_order(void *argument) {
    virtual_spend((uint64_t)(uintptr_t)argument);
    virtual_touch(&shared.counter, VIRTUAL_RMW, 0, 0);
    shared.order[shared.order_count++] = (uintptr_t)argument;
}

static void spawn_out_of_order(void *argument) {
    (void)argument;
    static const uintptr_t delays[] = {500000, 100000, 900000, 300000};
    unsigned cores[4];
    for (unsigned i = 0; i < 4; i++)
        cores[i] = virtual_spawn(note_order, (void *)delays[i], (int)i + 1);
    for (unsigned i = 0; i < 4; i++)
        virtual_join(cores[i]);
}

static void test_cores_act_in_order_of_virtual_time(void **state) {
    (void)state;
    struct virtual_machine *machine = make((struct virtual_disturbance){0}, 0);
    run(machine, spawn_out_of_order);
    static const uint64_t expected[] = {100000, 300000, 500000, 900000};
    assert_int_equal(shared.order_count, 4);
    assert_memory_equal(shared.order, expected, sizeof expected);
    virtual_machine_destroy(machine);
}

static void sleeper(void *argument) {
    (void)argument;
    assert_true(virtual_futex_wait(&shared.futex, 0, 0, 0));
    virtual_touch(&shared.counter, VIRTUAL_RMW, 0, 0);
    shared.order[shared.order_count++] = virtual_now_ps();
}

static void wake_three(void *argument) {
    (void)argument;
    unsigned cores[3];
    for (unsigned i = 0; i < 3; i++)
        cores[i] = virtual_spawn(sleeper, NULL, (int)i + 2);
    virtual_work(100000 * 1000);
    virtual_touch(&shared.futex, VIRTUAL_STORE, 0, 0);
    shared.futex = 1;
    uint64_t begin = virtual_now_ps();
    assert_int_equal(virtual_futex_wake(&shared.futex, 100, 0, 0), 3);
    assert_int_equal(virtual_now_ps() - begin, (500 + 3 * 900) * 1000);
    for (unsigned i = 0; i < 3; i++)
        virtual_join(cores[i]);
    for (unsigned i = 0; i < 3; i++)
        assert_true(shared.order[i] >= begin + (500 + (i + 1) * 900 + 3000) * 1000u);
}

static void test_a_waker_pays_for_each_sleeper_and_sleepers_start_later(void **state) {
    (void)state;
    struct virtual_machine *machine = make((struct virtual_disturbance){0}, 0);
    run(machine, wake_three);
    assert_int_equal(virtual_machine_totals(machine)->wakes, 3);
    assert_true(virtual_machine_account(machine, 2)->park_ps > 0);
    virtual_machine_destroy(machine);
}

static void work_a_while(void *argument) {
    (void)argument;
    uint64_t begin = virtual_now_ps();
    for (int i = 0; i < 10; i++)
        virtual_work(1000000);
    shared.end_ps = virtual_now_ps() - begin;
}

static void work_beside_sibling(void *argument) {
    (void)argument;
    unsigned sibling = virtual_spawn(work_a_while, NULL, 1);
    for (int i = 0; i < 100; i++)
        virtual_work(1000000);
    virtual_join(sibling);
    assert_int_equal(shared.end_ps, 17500000);
    on_core(2, work_a_while);
    assert_int_equal(shared.end_ps, 10000000);
}

static void test_items_take_longer_while_the_sibling_works(void **state) {
    (void)state;
    struct virtual_machine *machine = make((struct virtual_disturbance){0}, 0);
    run(machine, work_beside_sibling);
    virtual_machine_destroy(machine);
}

/* ---- copying, arenas, slow cores ---- */

static _Alignas(128) char block[512], copy[512];

static void write_block(void *argument) {
    (void)argument;
    virtual_own(block, sizeof block);
}

static uint64_t move_block_ps(void) {
    uint64_t begin = virtual_now_ps();
    virtual_move(copy, block, sizeof block, 0);
    return virtual_now_ps() - begin;
}

static void copy_what_another_wrote(void *argument) {
    (void)argument;
    on_core(2, write_block); /* under the same L3 */
    assert_int_equal(move_block_ps(), (40 + 7 * 7 + 8 * 2) * 1000);
    assert_int_equal(move_block_ps(), 8 * 2 * 1000);
}

static void test_the_first_fetched_line_of_a_copy_pays_the_distance(void **state) {
    (void)state;
    struct virtual_machine *machine = make((struct virtual_disturbance){0}, 0);
    run(machine, copy_what_another_wrote);
    virtual_machine_destroy(machine);
}

static void read_block(void *argument) {
    (void)argument;
    move_block_ps();
}

static uint64_t write_block_ps(void) {
    uint64_t begin = virtual_now_ps();
    write_block(NULL);
    return virtual_now_ps() - begin;
}

static void write_what_another_had(void *argument) {
    (void)argument;
    write_block(NULL);
    assert_int_equal(write_block_ps(), 0);
    on_core(2, write_block);
    assert_int_equal(write_block_ps(), 8 * 7 * 1000);
    on_core(2, read_block);
    assert_int_equal(write_block_ps(), 8 * 9 * 1000);
    assert_int_equal(write_block_ps(), 0);
}

static void test_writing_what_another_core_has_read_takes_its_copies_away(void **state) {
    (void)state;
    struct virtual_machine *machine = make((struct virtual_disturbance){0}, 0);
    run(machine, write_what_another_had);
    virtual_machine_destroy(machine);
}

enum { BLOCKS = 9 };
static void *blocks[BLOCKS];

static void allocate_blocks(void *argument) {
    (void)argument;
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = virtual_allocate(64);
}

static void free_what_another_allocated(void *argument) {
    (void)argument;
    on_core(2, allocate_blocks);
    uint64_t before[BLOCKS + 1] = {virtual_now_ps()};
    for (int i = 0; i < BLOCKS; i++) {
        virtual_free(blocks[i]);
        before[i + 1] = virtual_now_ps();
    }
    for (int i = 0; i < 7; i++) /* fit into the core's own cache */
        assert_int_equal(before[i + 1] - before[i], 20000);
    assert_int_equal(before[8] - before[7], 20000 + 40000); /* the arena's lock comes over */
    assert_int_equal(before[9] - before[8], 20000);
}

static void test_blocks_beyond_the_cache_go_to_the_arena_they_came_from(void **state) {
    (void)state;
    struct virtual_machine *machine = make((struct virtual_disturbance){0}, 0);
    run(machine, free_what_another_allocated);
    virtual_machine_destroy(machine);
}

static void work_once(void *argument) {
    uint64_t begin = virtual_now_ps();
    virtual_work(1000000);
    *(uint64_t *)argument = virtual_now_ps() - begin;
}

static void work_on_a_slow_core(void *argument) {
    (void)argument;
    uint64_t slow_ps = 0;
    unsigned core = virtual_spawn(work_once, &slow_ps, 7);
    virtual_join(core);
    assert_int_equal(slow_ps, 2000000);
}

static void test_items_take_longer_on_a_slow_core(void **state) {
    (void)state;
    struct virtual_machine *machine = make((struct virtual_disturbance){0}, 0);
    run(machine, work_on_a_slow_core);
    virtual_machine_destroy(machine);
}

static void sleep_once(void *argument) {
    (void)argument;
    while (!shared.futex)
        virtual_futex_wait(&shared.futex, 0, 0, 0);
    shared.end_ps = virtual_now_ps();
}

/* Halfway between a short and a long sleep, and far beyond: a core sleeps ever deeper. */
static void wake_after_long_sleeps(void *argument) {
    (void)argument;
    static const struct {
        uint64_t slept_us, latency_ns;
    } expected[] = {{100, 3000}, {825, 6000}, {9000, 9000}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        shared.futex = 0;
        uint64_t begin = virtual_now_ps();
        unsigned core = virtual_spawn(sleep_once, NULL, 2);
        /* The sleeper's call takes 700 ns, the waker's store 1 and its call up to the wake 1,400.
         */
        virtual_work((expected[i].slept_us * 1000 + 700 - 1401) * 1000);
        virtual_touch(&shared.futex, VIRTUAL_STORE, 0, 0);
        shared.futex = 1;
        virtual_futex_wake(&shared.futex, 1, 0, 0);
        virtual_join(core);
        assert_int_equal(shared.end_ps - begin,
                         (expected[i].slept_us * 1000 + 700 + expected[i].latency_ns) * 1000);
    }
}

static void test_waking_takes_longer_after_a_long_sleep(void **state) {
    (void)state;
    struct virtual_machine *machine = make((struct virtual_disturbance){0}, 0);
    run(machine, wake_after_long_sleeps);
    virtual_machine_destroy(machine);
}

static void work_in_a_crowd(void *argument) {
    (void)argument;
    uint64_t first_ps = 0;
    unsigned other = virtual_spawn(work_a_while, NULL, 2);
    virtual_work(1000); /* until the other has begun */
    work_once(&first_ps);
    assert_int_equal(first_ps, 1500000);
    virtual_join(other);
}

static void test_items_take_longer_while_other_cores_run_items(void **state) {
    (void)state;
    struct virtual_machine *machine = make((struct virtual_disturbance){0}, 0);
    run(machine, work_in_a_crowd);
    virtual_machine_destroy(machine);
}

/* ---- stacks ---- */

static uint64_t *passed;

static void add_to_passed(void *argument) {
    (void)argument;
    uint64_t begin = virtual_now_ps();
    virtual_touch(passed, VIRTUAL_RMW, 0, 0);
    ++*passed;
    shared.end_ps = virtual_now_ps() - begin;
}

/* What the running core and then another one pay for the first object of two on its stack, and the
 * running core for the second. */
static void touch_two_on_stack(uint64_t *first, uint64_t *second, uint64_t took_ps[3]) {
    virtual_on_stack(first, sizeof *first);
    virtual_on_stack(second, sizeof *second);
    passed = first;
    add_to_passed(NULL);
    took_ps[0] = shared.end_ps;
    on_core(2, add_to_passed);
    took_ps[1] = shared.end_ps;
    passed = second;
    add_to_passed(NULL);
    took_ps[2] = shared.end_ps;
    virtual_off_stack(second, sizeof *second);
    virtual_off_stack(first, sizeof *first);
}

static void put_on_stack(void *argument) {
    (void)argument;
    _Alignas(128) uint64_t objects[4][16] = {{0}};
    uint64_t took_ps[3];
    touch_two_on_stack(objects[0], objects[1], took_ps);
    assert_int_equal(took_ps[0], 6000);
    assert_int_equal(took_ps[1], 46000);
    assert_int_equal(took_ps[2], 6000);
    touch_two_on_stack(objects[3], objects[2], took_ps); /* the same lines at other addresses */
    assert_int_equal(took_ps[0], 46000);
    assert_int_equal(took_ps[1], 46000);
    assert_int_equal(took_ps[2], 6000);
}

static void test_what_is_on_a_stack_has_lines_by_order_not_by_address(void **state) {
    (void)state;
    struct virtual_machine *machine = make((struct virtual_disturbance){0}, 0);
    run(machine, put_on_stack);
    virtual_machine_destroy(machine);
}

static void reach_a_frame(void *argument) {
    (void)argument;
    virtual_touch(__builtin_frame_address(0), VIRTUAL_LOAD, 0, 0);
}

static void reach_what_was_taken_off(void *argument) {
    (void)argument;
    _Alignas(128) uint64_t object = 0;
    virtual_on_stack(&object, sizeof object);
    virtual_touch(&object, VIRTUAL_LOAD, 0, 0);
    virtual_off_stack(&object, sizeof object);
    virtual_touch(&object, VIRTUAL_LOAD, 0, 0);
}

static void put_on_within_a_line(void *argument) {
    (void)argument;
    _Alignas(128) uint64_t object[2] = {0};
    virtual_on_stack(&object[1], sizeof object[1]);
}

static void test_what_would_depend_on_a_frame_s_layout_fails(void **state) {
    (void)state;
    static const struct {
        void (*function)(void *);
        const char *message;
    } wrong[] = {{reach_a_frame, "needs sync_on_stack"},
                 {reach_what_was_taken_off, "needs sync_on_stack"},
                 {put_on_within_a_line, "begins within a cache line"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct virtual_machine *machine = make((struct virtual_disturbance){0}, 0);
        struct error error;
        assert_false(virtual_machine_run(machine, 0, wrong[i].function, NULL, &error));
        assert_non_null(strstr(error.message, wrong[i].message));
        virtual_machine_destroy(machine);
    }
}

static void sleep_for_ever(void *argument) {
    (void)argument;
    virtual_futex_wait(&shared.futex, 0, 0, 0);
}

static void test_a_deadlock_is_reported(void **state) {
    (void)state;
    struct virtual_machine *machine = make((struct virtual_disturbance){0}, 0);
    struct error error;
    assert_false(virtual_machine_run(machine, 0, sleep_for_ever, NULL, &error));
    assert_non_null(strstr(error.message, "deadlock"));
    virtual_machine_destroy(machine);
}

static void spin_for_ever(void *argument) {
    (void)argument;
    for (;;) {
        virtual_touch(&shared.flag, VIRTUAL_LOAD, 0, 0);
        if (shared.flag) return;
        virtual_pause(0, 0);
    }
}

static void test_endless_spinning_is_reported(void **state) {
    (void)state;
    struct virtual_machine *machine = make((struct virtual_disturbance){0}, 10000);
    struct error error;
    assert_false(virtual_machine_run(machine, 0, spin_for_ever, NULL, &error));
    assert_non_null(strstr(error.message, "no end after 10000 operations"));
    virtual_machine_destroy(machine);
}

static void contend(void *argument) {
    (void)argument;
    for (int i = 0; i < 50; i++) {
        virtual_touch(&shared.counter, VIRTUAL_RMW, 0, 0);
        shared.counter++;
        if (shared.order_count < 64) shared.order[shared.order_count++] = virtual_core();
        virtual_work(1000 * (1 + virtual_core()));
    }
}

static void contend_all(void *argument) {
    (void)argument;
    unsigned cores[CORES - 1];
    for (unsigned i = 1; i < CORES; i++)
        cores[i - 1] = virtual_spawn(contend, NULL, (int)i);
    contend(NULL);
    for (unsigned i = 1; i < CORES; i++)
        virtual_join(cores[i - 1]);
    shared.end_ps = virtual_now_ps();
}

static void contend_with(struct virtual_disturbance disturbance, uint64_t *end_ps,
                         uint64_t order[64]) {
    struct virtual_machine *machine = make(disturbance, 0);
    run(machine, contend_all);
    assert_int_equal(shared.counter, 50 * CORES);
    *end_ps = shared.end_ps;
    memcpy(order, shared.order, sizeof shared.order);
    virtual_machine_destroy(machine);
}

static void test_a_seed_replays_and_another_differs(void **state) {
    (void)state;
    const struct virtual_disturbance kinds[] = {
        {.seed = 7, .delay_probability = 0.2, .delay_max_ns = 500},
        {.seed = 7, .change_points = 5, .horizon = 500}};
    for (size_t i = 0; i < 2; i++) {
        uint64_t end[3], order[3][64];
        struct virtual_disturbance other = kinds[i];
        other.seed = 8;
        contend_with(kinds[i], &end[0], order[0]);
        contend_with(kinds[i], &end[1], order[1]);
        contend_with(other, &end[2], order[2]);
        assert_int_equal(end[0], end[1]);
        assert_memory_equal(order[0], order[1], sizeof order[0]);
        assert_memory_not_equal(order[0], order[2], sizeof order[0]);
    }
}

static void test_without_disturbance_two_runs_are_equal(void **state) {
    (void)state;
    uint64_t end[2], order[2][64];
    for (int i = 0; i < 2; i++)
        contend_with((struct virtual_disturbance){0}, &end[i], order[i]);
    assert_int_equal(end[0], end[1]);
    assert_memory_equal(order[0], order[1], sizeof order[0]);
}

static int release_stacks(void **state) {
    (void)state;
    coroutine_release_stacks();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transfer_costs_follow_distance),
        cmocka_unit_test(test_a_store_is_posted_and_a_fence_waits_for_it),
        cmocka_unit_test(test_cores_act_in_order_of_virtual_time),
        cmocka_unit_test(test_a_waker_pays_for_each_sleeper_and_sleepers_start_later),
        cmocka_unit_test(test_items_take_longer_while_the_sibling_works),
        cmocka_unit_test(test_the_first_fetched_line_of_a_copy_pays_the_distance),
        cmocka_unit_test(test_writing_what_another_core_has_read_takes_its_copies_away),
        cmocka_unit_test(test_blocks_beyond_the_cache_go_to_the_arena_they_came_from),
        cmocka_unit_test(test_waking_takes_longer_after_a_long_sleep),
        cmocka_unit_test(test_items_take_longer_on_a_slow_core),
        cmocka_unit_test(test_items_take_longer_while_other_cores_run_items),
        cmocka_unit_test(test_what_is_on_a_stack_has_lines_by_order_not_by_address),
        cmocka_unit_test(test_what_would_depend_on_a_frame_s_layout_fails),
        cmocka_unit_test(test_a_deadlock_is_reported),
        cmocka_unit_test(test_endless_spinning_is_reported),
        cmocka_unit_test(test_a_seed_replays_and_another_differs),
        cmocka_unit_test(test_without_disturbance_two_runs_are_equal),
    };
    return cmocka_run_group_tests(tests, NULL, release_stacks);
}
