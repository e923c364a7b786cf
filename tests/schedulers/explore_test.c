/* Exploration finds each planted bug within 10,000 seeds, replays it from its seed, and finds
 * nothing in the schedulers that are meant to be right. */
#include "base/options.h"
#include "planted.h"
#include "schedulers/schedulers.h"
#include "schedulers/virtual_coroutine.h"
#include "schedulers/virtual_explore.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEEDS = 10000, SEEDS_OF_RIGHT_ONES = 60 };

static struct explore_setup setup_of(const struct grainbench_scheduler_operations *operations,
                                     uint64_t seed) {
    return (struct explore_setup){.operations = operations,
                                  .workers = 2 + (unsigned)(seed % 3),
                                  .items = 24,
                                  .batches = 4,
                                  .with_costs = seed / 3 % 2,
                                  .with_results = seed / 6 % 2};
}

/* The first failing seed, 0 if there is none. */
static uint64_t first_failure(const struct grainbench_scheduler_operations *operations,
                              struct error *error) {
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct explore_setup setup = setup_of(operations, seed);
        struct explore_summary summary;
        if (!explore_run(&setup, seed, &summary, error)) return seed;
    }
    return 0;
}

static void find_and_replay(const struct grainbench_scheduler_operations *operations) {
    struct error first, again;
    uint64_t seed = first_failure(operations, &first);
    if (!seed) fail_msg("%s: not found in %d seeds", operations->name, SEEDS);
    print_message("%s: seed %llu: %s\n", operations->name, (unsigned long long)seed, first.message);
    struct explore_setup setup = setup_of(operations, seed);
    struct explore_summary summary, summary_again;
    assert_false(explore_run(&setup, seed, &summary, &again));
    assert_string_equal(first.message, again.message);
    assert_false(explore_run(&setup, seed, &summary_again, &again));
    assert_int_equal(summary.operations, summary_again.operations);
}

static void test_a_range_word_without_a_tag_is_found(void **state) {
    (void)state;
    find_and_replay(&planted_no_tag);
}

static void test_a_sleeper_that_does_not_check_again_is_found(void **state) {
    (void)state;
    find_and_replay(&planted_no_check);
}

static void test_a_completion_before_the_results_is_found(void **state) {
    (void)state;
    find_and_replay(&planted_early_done);
}

static void test_the_planted_scheduler_without_a_bug_survives(void **state) {
    (void)state;
    struct error error;
    for (uint64_t seed = 1; seed <= 800; seed++) {
        struct explore_setup setup = setup_of(&planted_none, seed);
        struct explore_summary summary;
        if (!explore_run(&setup, seed, &summary, &error))
            fail_msg("seed %llu: %s", (unsigned long long)seed, error.message);
    }
}

static void test_every_scheduler_survives(void **state) {
    (void)state;
    for (size_t s = 0; s < schedulers_count(); s++) {
        const struct grainbench_scheduler_operations *operations =
            schedulers_at(SCHEDULERS_VIRTUAL, s);
        void *options = calloc(1, operations->options_size + 1);
        struct error error;
        if (operations->options)
            assert_true(options_set_defaults(operations->options, options, &error));
        for (uint64_t seed = 1; seed <= SEEDS_OF_RIGHT_ONES; seed++) {
            struct explore_setup setup = setup_of(operations, seed);
            struct explore_summary summary;
            setup.options = options;
            if (!explore_run(&setup, seed, &summary, &error))
                fail_msg("%s: seed %llu: %s", operations->name, (unsigned long long)seed,
                         error.message);
        }
        free(options);
    }
}

static int release_stacks(void **state) {
    (void)state;
    coroutine_release_stacks();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_range_word_without_a_tag_is_found),
        cmocka_unit_test(test_a_sleeper_that_does_not_check_again_is_found),
        cmocka_unit_test(test_a_completion_before_the_results_is_found),
        cmocka_unit_test(test_the_planted_scheduler_without_a_bug_survives),
        cmocka_unit_test(test_every_scheduler_survives),
    };
    return cmocka_run_group_tests(tests, NULL, release_stacks);
}
