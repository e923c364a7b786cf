/* Leaf counts of the rayon model: exact where rayon's are exact, whatever the timing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/schedulers/run_scheduler.h"

static void no_work(void *context, size_t begin, size_t end, unsigned worker) {
    (void)context, (void)begin, (void)end, (void)worker;
}

static struct grainbench_statistics statistics_of(const char *name, const char *options,
                                                  unsigned workers, size_t items) {
    struct running running = scheduler_start(SCHEDULERS_NATIVE, name, options, workers, 0);
    scheduler_run(&running, items, no_work, NULL);
    struct grainbench_statistics statistics = {.struct_size = sizeof statistics};
    running.operations->statistics(running.scheduler, &statistics);
    scheduler_end(&running);
    return statistics;
}

static uint64_t leaves(const char *name, const char *options, unsigned workers) {
    struct grainbench_statistics statistics = statistics_of(name, options, workers, 1000);
    assert_int_equal(statistics.joins, statistics.leaves ? statistics.leaves - 1 : 0);
    return statistics.leaves;
}

static void one_worker_called_from_outside_makes_8_leaves_of_125(void **state) {
    (void)state;
    struct grainbench_statistics statistics = statistics_of("rayon", "", 1, 1000);
    assert_int_equal(statistics.leaves, 8);
    assert_int_equal(statistics.leaf_sizes[125], 8);
    assert_int_equal(statistics.joins, 7);
    assert_int_equal(statistics.injections, 1);
    assert_int_equal(statistics.steals, 0);
}

static void one_worker_installed_makes_2_leaves_of_500(void **state) {
    (void)state;
    struct grainbench_statistics statistics = statistics_of("rayon", "call=install", 1, 1000);
    assert_int_equal(statistics.leaves, 2);
    assert_int_equal(statistics.leaf_sizes[500], 2);
}

static void min_len_3_at_64_workers_makes_24_leaves_of_3_and_232_of_4(void **state) {
    (void)state;
    struct grainbench_statistics statistics = statistics_of("rayon", "min_len=3", 64, 1000);
    assert_int_equal(statistics.leaves, 256);
    assert_int_equal(statistics.leaf_sizes[3], 24);
    assert_int_equal(statistics.leaf_sizes[4], 232);
}

static void min_len_8_at_16_workers_makes_80_leaves_of_8_and_24_of_15(void **state) {
    (void)state;
    struct grainbench_statistics statistics = statistics_of("rayon", "min_len=8", 16, 1000);
    assert_int_equal(statistics.leaves, 104);
    assert_int_equal(statistics.leaf_sizes[8], 80);
    assert_int_equal(statistics.leaf_sizes[15], 24);
}

/* Where the fewest leaves (nothing stolen) and the most (everything stolen) coincide. */
static void coarse_tables_are_exact_at_high_worker_counts(void **state) {
    (void)state;
    assert_int_equal(leaves("rayon", "min_len=2", 64), 488);
    assert_int_equal(leaves("rayon", "min_len=4", 64), 232);
    assert_int_equal(leaves("rayon", "min_len=4", 32), 232);
    assert_int_equal(leaves("rayon", "min_len=8", 88), 104);
    assert_int_equal(leaves("rayon", "", 128), 1000);
}

static void the_pull_requests_formula_gives_its_table(void **state) {
    (void)state;
    assert_int_equal(leaves("rayon-min-len", "", 1), 1); /* the serial path */
    assert_int_equal(leaves("rayon-min-len", "cap=8", 16), 104);
    assert_int_equal(leaves("rayon-min-len", "cap=4", 32), 232);
    assert_int_equal(leaves("rayon-min-len", "cap=2", 64), 488);
    assert_int_equal(leaves("rayon-min-len", "cap=8", 64), 232);
    assert_int_equal(leaves("rayon-min-len", "cap=4", 88), 256);
    assert_int_equal(leaves("rayon-min-len", "cap=8", 88), 256);
    assert_int_equal(leaves("rayon-min-len", "cap=8", 128), 488);
}

static void below_that_the_count_lies_between_floor_and_ceiling(void **state) {
    (void)state;
    static const struct {
        unsigned workers;
        const char *options;
        uint64_t fewest, most;
    } rows[] = {{2, "", 16, 1000},           {2, "min_len=2", 16, 488}, {2, "min_len=8", 16, 104},
                {4, "", 32, 1000},           {8, "", 64, 1000},         {8, "min_len=8", 64, 104},
                {16, "min_len=2", 128, 488}, {32, "", 256, 1000}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t count = leaves("rayon", rows[i].options, rows[i].workers);
        assert_in_range(count, rows[i].fewest, rows[i].most);
    }
}

static void a_batch_too_short_to_divide_runs_on_the_caller(void **state) {
    (void)state;
    assert_int_equal(statistics_of("rayon", "", 4, 1).injections, 0);
    assert_int_equal(statistics_of("rayon", "", 4, 1).leaves, 1);
    assert_int_equal(statistics_of("rayon", "min_len=8", 4, 15).leaves, 1);
    assert_int_equal(statistics_of("rayon", "min_len=8", 4, 16).leaves, 2);
    assert_int_equal(statistics_of("rayon", "", 4, 0).leaves, 0);
}

static void every_leaf_keeps_the_minimum(void **state) {
    (void)state;
    for (unsigned items = 16; items < 400; items += 23) {
        struct grainbench_statistics statistics = statistics_of("rayon", "min_len=8", 4, items);
        for (unsigned size = 0; size < 8; size++)
            assert_int_equal(statistics.leaf_sizes[size], 0);
    }
}

static void results_collected_as_a_list_make_a_node_a_leaf(void **state) {
    (void)state;
    uint64_t results[1000];
    for (size_t i = 0; i < 1000; i++)
        results[i] = i * i;
    struct running running = scheduler_start(SCHEDULERS_NATIVE, "rayon", "", 1, 0);
    struct grainbench_batch batch = {.struct_size = sizeof batch,
                                     .item_count = 1000,
                                     .body = no_work,
                                     .results = results,
                                     .result_size = sizeof results[0]};
    running.operations->run(running.scheduler, &batch);
    struct grainbench_statistics statistics = {.struct_size = sizeof statistics};
    running.operations->statistics(running.scheduler, &statistics);
    scheduler_end(&running);
    assert_int_equal(statistics.list_nodes, 8);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(results[i], i * i);
}

static void the_static_schedulers_make_one_leaf_a_worker(void **state) {
    (void)state;
    assert_int_equal(statistics_of("static", "", 4, 1000).leaf_sizes[250], 4);
    assert_int_equal(statistics_of("static", "", 4, 3).leaves, 3);
    assert_int_equal(statistics_of("static-bytes", "", 4, 1000).leaf_sizes[250], 4);
}

static void a_counter_makes_a_leaf_a_window(void **state) {
    (void)state;
    assert_int_equal(statistics_of("counter", "window=8", 4, 1001).leaf_sizes[8], 125);
    assert_int_equal(statistics_of("counter", "window=8", 4, 1001).leaf_sizes[1], 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_worker_called_from_outside_makes_8_leaves_of_125),
        cmocka_unit_test(one_worker_installed_makes_2_leaves_of_500),
        cmocka_unit_test(min_len_3_at_64_workers_makes_24_leaves_of_3_and_232_of_4),
        cmocka_unit_test(min_len_8_at_16_workers_makes_80_leaves_of_8_and_24_of_15),
        cmocka_unit_test(coarse_tables_are_exact_at_high_worker_counts),
        cmocka_unit_test(the_pull_requests_formula_gives_its_table),
        cmocka_unit_test(below_that_the_count_lies_between_floor_and_ceiling),
        cmocka_unit_test(a_batch_too_short_to_divide_runs_on_the_caller),
        cmocka_unit_test(every_leaf_keeps_the_minimum),
        cmocka_unit_test(results_collected_as_a_list_make_a_node_a_leaf),
        cmocka_unit_test(the_static_schedulers_make_one_leaf_a_worker),
        cmocka_unit_test(a_counter_makes_a_leaf_a_window),
    };
    return cmocka_run_group_tests_name("leaves", tests, NULL, NULL);
}
