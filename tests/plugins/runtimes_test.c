/* The modules around foreign runtimes keep the contract of a scheduler, whatever their options:
 * every item once, worker numbers in bounds and never shared, each worker started once. Of rayon
 * also what its splitter is known to do. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/options.h"
#include "harness/modules/modules.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ITEM_LIMIT = 3000, WORKER_LIMIT = 16 };

struct check {
    unsigned workers;
    long body_ns;
    atomic_uint started[WORKER_LIMIT], stopped[WORKER_LIMIT];
    atomic_bool busy[WORKER_LIMIT];
    atomic_uint ran[ITEM_LIMIT];
    atomic_uint wrong;
};

static void start_worker(void *context, unsigned worker) {
    struct check *check = context;
    if (worker < check->workers) atomic_fetch_add(&check->started[worker], 1);
}

static void stop_worker(void *context, unsigned worker) {
    struct check *check = context;
    if (worker < check->workers) atomic_fetch_add(&check->stopped[worker], 1);
}

static void run_items(void *context, size_t begin, size_t end, unsigned worker) {
    struct check *check = context;
    if (worker >= check->workers || atomic_exchange(&check->busy[worker], true) ||
        atomic_load(&check->started[worker]) != 1) {
        atomic_fetch_add(&check->wrong, 1);
        return;
    }
    for (size_t i = begin; i < end; i++)
        atomic_fetch_add(&check->ran[i], 1);
    if (check->body_ns)
        nanosleep(&(struct timespec){.tv_nsec = check->body_ns * (long)(end - begin)}, NULL);
    atomic_store(&check->busy[worker], false);
}

static const struct grainbench_scheduler_operations *find_or_skip(const char *module) {
    struct error error = {""};
    const struct grainbench_scheduler_operations *operations =
        modules_find_scheduler(module, &error);
    if (operations) return operations;
    if (!strstr(error.message, "there is no module")) fail_msg("%s", error.message);
    print_message("%s was not built\n", module);
    skip();
    return NULL;
}

static struct grainbench_scheduler *make(const struct grainbench_scheduler_operations *operations,
                                         const char *options, struct check *check) {
    char text[128], values[256] = {0}, message[GRAINBENCH_MESSAGE_SIZE] = "";
    struct error error = {""};
    snprintf(text, sizeof text, "%s", options);
    assert_true(operations->options_size <= sizeof values);
    if (!options_parse_list(operations->options, values, text, ':', operations->name, &error))
        fail_msg("%s", error.message);
    struct grainbench_setup setup = {.struct_size = sizeof setup,
                                     .workers = check->workers,
                                     .worker_start = start_worker,
                                     .worker_stop = stop_worker,
                                     .context = check};
    struct grainbench_scheduler *scheduler = operations->create(&setup, values, message);
    if (!scheduler) fail_msg("%s", message);
    return scheduler;
}

static void run_checked(const struct grainbench_scheduler_operations *operations,
                        struct grainbench_scheduler *scheduler, struct check *check, size_t items,
                        const char *label) {
    for (size_t i = 0; i < ITEM_LIMIT; i++)
        atomic_store(&check->ran[i], 0);
    struct grainbench_batch batch = {
        .struct_size = sizeof batch, .item_count = items, .body = run_items, .context = check};
    operations->run(scheduler, &batch);
    for (size_t i = 0; i < ITEM_LIMIT; i++)
        if (atomic_load(&check->ran[i]) != (i < items))
            fail_msg("%s: item %zu of %zu ran %u times", label, i, items,
                     atomic_load(&check->ran[i]));
    if (atomic_load(&check->wrong))
        fail_msg("%s: a worker number was out of bounds, shared or not started", label);
}

static struct grainbench_statistics *
statistics_of(const struct grainbench_scheduler_operations *operations,
              struct grainbench_scheduler *scheduler) {
    static struct grainbench_statistics statistics;
    memset(&statistics, 0, sizeof statistics);
    statistics.struct_size = sizeof statistics;
    operations->statistics(scheduler, &statistics);
    return &statistics;
}

static void check_contract(const char *module, const char *options) {
    static const size_t sizes[] = {0, 1, 2, 7, 64, 1000, 2999, 1000};
    static const unsigned worker_counts[] = {1, 2, 5};
    const struct grainbench_scheduler_operations *operations = find_or_skip(module);
    for (size_t w = 0; w < sizeof worker_counts / sizeof worker_counts[0]; w++) {
        struct check check = {.workers = worker_counts[w]};
        struct grainbench_scheduler *scheduler = make(operations, options, &check);
        operations->reset_statistics(scheduler);
        size_t total = 0, counted = 0;
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            run_checked(operations, scheduler, &check, sizes[s], options);
            total += sizes[s];
        }
        struct grainbench_statistics *statistics = statistics_of(operations, scheduler);
        for (size_t k = 0; k < GRAINBENCH_LEAF_SIZES - 1; k++)
            counted += k * statistics->leaf_sizes[k];
        if (statistics->leaf_sizes[GRAINBENCH_LEAF_SIZES - 1] == 0)
            assert_int_equal(counted, total);
        assert_int_equal(statistics->batches, sizeof sizes / sizeof sizes[0]);
        operations->destroy(scheduler);
        for (unsigned i = 0; i < check.workers; i++)
            assert_true(atomic_load(&check.stopped[i]) == atomic_load(&check.started[i]));
    }
}

static void openmp_runs_every_item_once(void **state) {
    (void)state;
    check_contract("openmp", "kind=static");
    check_contract("openmp", "kind=dynamic");
    check_contract("openmp", "kind=dynamic:grain=8");
    check_contract("openmp", "kind=guided");
    check_contract("openmp", "kind=taskloop");
    check_contract("openmp", "kind=taskloop:grain=1");
}

static void tbb_runs_every_item_once(void **state) {
    (void)state;
    check_contract("tbb", "kind=simple");
    check_contract("tbb", "kind=auto:grain=8");
    check_contract("tbb", "kind=static");
}

static void rayon_runs_every_item_once(void **state) {
    (void)state;
    check_contract("rayon-real", "");
    check_contract("rayon-real", "min_len=8:body=item");
    check_contract("rayon-real", "call=install");
}

/* Sums over the leaf sizes of one batch of 1,000 items. */
static void leaves_of(const char *options, unsigned workers, long body_ns,
                      struct grainbench_statistics *out) {
    const struct grainbench_scheduler_operations *operations = find_or_skip("rayon-real");
    struct check check = {.workers = workers, .body_ns = body_ns};
    struct grainbench_scheduler *scheduler = make(operations, options, &check);
    run_checked(operations, scheduler, &check, 1000, options);
    operations->reset_statistics(scheduler);
    run_checked(operations, scheduler, &check, 1000, options);
    *out = *statistics_of(operations, scheduler);
    operations->destroy(scheduler);
    assert_int_equal(out->joins + 1, out->leaves);
}

static void rayon_at_one_worker_makes_eight_leaves_of_125(void **state) {
    (void)state;
    static struct grainbench_statistics got;
    leaves_of("", 1, 0, &got);
    assert_int_equal(got.leaves, 8);
    assert_int_equal(got.leaf_sizes[125], 8);
    assert_int_equal(got.steals, 0);
    assert_int_equal(got.injections, 1);
}

static void rayon_installed_at_one_worker_makes_two_leaves(void **state) {
    (void)state;
    static struct grainbench_statistics got;
    leaves_of("call=install", 1, 0, &got);
    assert_int_equal(got.leaves, 2);
    assert_int_equal(got.leaf_sizes[500], 2);
}

static void rayon_at_two_workers_makes_sixteen_leaves_or_more(void **state) {
    (void)state;
    static struct grainbench_statistics got;
    leaves_of("", 2, 0, &got);
    assert_true(got.leaves >= 16);
}

/* At 16 workers a floor of 8 items leaves no choice: divided to the end whoever steals what. */
static void rayon_min_len_8_at_16_workers_makes_80_leaves_of_8_and_24_of_15(void **state) {
    (void)state;
    static struct grainbench_statistics got;
    leaves_of("min_len=8", 16, 0, &got);
    assert_int_equal(got.leaves, 104);
    assert_int_equal(got.leaf_sizes[8], 80);
    assert_int_equal(got.leaf_sizes[15], 24);
}

static void rayon_steals_when_bodies_sleep(void **state) {
    (void)state;
    static struct grainbench_statistics got;
    leaves_of("min_len=8", 4, 100000, &got);
    assert_in_range(got.steals, 3, got.joins + 1);
}

/* Bytes that a body wrote come back to their places after the trip through vectors. */
static void write_number(void *context, size_t begin, size_t end, unsigned worker) {
    (void)worker;
    for (size_t i = begin; i < end; i++)
        ((uint64_t *)context)[i] = i * 7;
}

static void rayon_collects_results_in_a_list_of_vectors(void **state) {
    (void)state;
    const struct grainbench_scheduler_operations *operations = find_or_skip("rayon-real");
    struct check check = {.workers = 3};
    struct grainbench_scheduler *scheduler = make(operations, "collect=list", &check);
    static uint64_t results[1000];
    struct grainbench_batch batch = {.struct_size = sizeof batch,
                                     .item_count = 1000,
                                     .body = write_number,
                                     .context = results,
                                     .results = results,
                                     .result_size = sizeof results[0]};
    operations->run(scheduler, &batch);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(results[i], i * 7);
    struct grainbench_statistics *statistics = statistics_of(operations, scheduler);
    assert_int_equal(statistics->list_nodes, statistics->leaves);
    operations->destroy(scheduler);
}

/* A process has one global pool of one size; here two sizes live side by side, and a third user of
 * a size that was given back gets it again with its own workers started. */
static void rayon_keeps_global_pools_of_several_sizes(void **state) {
    (void)state;
    const struct grainbench_scheduler_operations *operations = find_or_skip("rayon-real");
    struct check one = {.workers = 1}, four = {.workers = 4}, again = {.workers = 4};
    struct grainbench_scheduler *first = make(operations, "", &one);
    struct grainbench_scheduler *second = make(operations, "", &four);
    for (int round = 0; round < 20; round++) {
        run_checked(operations, first, &one, 1000, "one worker");
        run_checked(operations, second, &four, 1000, "four workers");
    }
    assert_int_equal(statistics_of(operations, first)->leaves, 20 * 8);
    operations->destroy(second);
    struct grainbench_scheduler *third = make(operations, "", &again);
    run_checked(operations, third, &again, 1000, "four workers again");
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(atomic_load(&again.started[i]), 1);
    operations->destroy(third);
    operations->destroy(first);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openmp_runs_every_item_once),
        cmocka_unit_test(tbb_runs_every_item_once),
        cmocka_unit_test(rayon_runs_every_item_once),
        cmocka_unit_test(rayon_at_one_worker_makes_eight_leaves_of_125),
        cmocka_unit_test(rayon_installed_at_one_worker_makes_two_leaves),
        cmocka_unit_test(rayon_at_two_workers_makes_sixteen_leaves_or_more),
        cmocka_unit_test(rayon_min_len_8_at_16_workers_makes_80_leaves_of_8_and_24_of_15),
        cmocka_unit_test(rayon_steals_when_bodies_sleep),
        cmocka_unit_test(rayon_collects_results_in_a_list_of_vectors),
        cmocka_unit_test(rayon_keeps_global_pools_of_several_sizes),
    };
    return cmocka_run_group_tests_name("runtimes", tests, NULL, NULL);
}
