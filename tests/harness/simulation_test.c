/* Promises of simulated arms: every built-in scheduler runs on them, each item's cost is spent
 * once, two runs are equal to the last bit, and the schedulers' structural counts are what their
 * rules say. */
#include "base/random.h"
#include "harness/arms/arm_spec.h"
#include "harness/simulation/published.h"
#include "harness/simulation/simulation.h"
#include "schedulers/schedulers.h"
#include "schedulers/virtual_coroutine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LINES = 1000 };

static const struct virtual_costs costs = {.hit_ns = 1,
                                           .transfer_ns = {1, 10, 45, 60, 139},
                                           .share_ns = 10,
                                           .rmw_ns = 6,
                                           .fence_ns = 8,
                                           .pause_ns = 12,
                                           .yield_ns = 400,
                                           .futex_wait_ns = 1200,
                                           .futex_call_ns = 600,
                                           .futex_wake_ns = 900,
                                           .wake_latency_ns = 6000,
                                           .leaf_ns = 15,
                                           .allocate_ns = 25,
                                           .free_ns = 15,
                                           .remote_free_ns = 40,
                                           .smt_factor = 1.75,
                                           .smt_spin_factor = 1.25,
                                           .line_bytes = 64};

/* One batch of 1,000 lines with the shape of the model's costs. */
static struct {
    struct corpus corpus;
    struct cost_trace trace;
    struct placement *placement;
    uint32_t hints[LINES];
    size_t lengths[LINES], spans[LINES];
    double encode_ns[LINES], drop_ns[LINES], sum_ns;
} data;

static int make_data(void **state) {
    (void)state;
    struct random random = {1};
    for (size_t i = 0; i < LINES; i++) {
        size_t length = random_below(&random, 5) ? 20 + random_below(&random, 60) : 0;
        data.lengths[i] = length;
        data.spans[i] = length + 1;
        data.hints[i] = (uint32_t)length;
        data.encode_ns[i] = 600 + 230 * (double)length;
        data.sum_ns += data.encode_ns[i];
    }
    data.corpus = (struct corpus){.line_count = LINES,
                                  .lengths = data.lengths,
                                  .costs = data.hints,
                                  .spans = data.spans,
                                  .batch_lines = LINES,
                                  .batch_count = 1};
    data.trace =
        (struct cost_trace){.count = LINES, .encode_ns = data.encode_ns, .drop_ns = data.drop_ns};
    struct placement_source source = {.synthetic = "pack:1 numa:1 l3:1 core:88 pu:2"};
    struct error error;
    data.placement = placement_create(&source, PLACEMENT_CORES, &error);
    return data.placement ? 0 : -1;
}

static int free_data(void **state) {
    (void)state;
    placement_destroy(data.placement);
    coroutine_release_stacks();
    return 0;
}

static struct simulation_setup setup_of(const char *scheduler, unsigned workers) {
    return (struct simulation_setup){.scheduler = scheduler,
                                     .workers = workers,
                                     .costs = &costs,
                                     .placement = data.placement,
                                     .corpus = &data.corpus,
                                     .trace = &data.trace,
                                     .free_by = ARM_FREE_UNTIMED,
                                     .warm_batches = 1,
                                     .count = 3,
                                     .seed = 1};
}

static struct simulation_result run(const struct simulation_setup *setup) {
    struct simulation_result result;
    struct error error;
    if (!simulation_run(setup, &result, &error))
        fail_msg("%s: %s", setup->scheduler, error.message);
    return result;
}

static void test_every_scheduler_spends_every_item_once(void **state) {
    (void)state;
    static const unsigned workers[] = {1, 2, 7, 88};
    for (size_t s = 0; s < schedulers_count(); s++)
        for (size_t w = 0; w < sizeof workers / sizeof *workers; w++) {
            const char *name = schedulers_at(SCHEDULERS_VIRTUAL, s)->name;
            struct simulation_setup setup = setup_of(name, workers[w]);
            struct simulation_result result = run(&setup);
            double run_ns = 0;
            for (unsigned i = 0; i <= result.workers; i++)
                run_ns += (double)result.accounts[i].run_ps / 1000;
            if (run_ns < 3 * data.sum_ns - 1 || run_ns > 3 * data.sum_ns + 1)
                fail_msg("%s at %u workers: %.0f ns in items, not %.0f", name, workers[w], run_ns,
                         3 * data.sum_ns);
            for (size_t b = 0; b < result.count; b++)
                assert_true((double)result.batches[b].parallel_ns >= data.sum_ns / workers[w] - 1);
            simulation_free(&result);
        }
}

static void test_two_runs_are_equal(void **state) {
    (void)state;
    static const char *const names[] = {"rayon", "counter", "bytes-steal"};
    for (size_t i = 0; i < 3; i++) {
        struct simulation_setup setup = setup_of(names[i], 88);
        struct simulation_result one = run(&setup), two = run(&setup);
        assert_memory_equal(one.batches, two.batches, one.count * sizeof *one.batches);
        assert_memory_equal(one.accounts, two.accounts, (one.workers + 1) * sizeof *one.accounts);
        assert_memory_equal(&one.totals, &two.totals, sizeof one.totals);
        assert_memory_equal(one.sites, two.sites, sizeof one.sites);
        simulation_free(&one);
        simulation_free(&two);
    }
}

static void test_rayon_makes_its_known_leaves(void **state) {
    (void)state;
    static const struct {
        const char *scheduler;
        unsigned workers;
        uint64_t least, most;
    } expected[] = {{"rayon", 1, 8, 8}, /* 2^(floor(log2 T) + 3), called from outside the pool */
                    {"rayon", 2, 16, 40},
                    {"rayon", 88, 950, 1000},
                    {"rayon:min_len=3", 88, 256, 256},
                    {"rayon:min_len=8", 88, 104, 104},
                    {"rayon-windows", 1, 1, 1},
                    {"rayon-windows", 88, 334, 334}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        struct simulation_setup setup = setup_of(expected[i].scheduler, expected[i].workers);
        struct simulation_result result = run(&setup);
        uint64_t leaves = result.statistics->leaves / result.count;
        if (leaves < expected[i].least || leaves > expected[i].most)
            fail_msg("%s at %u workers: %llu leaves a batch", expected[i].scheduler,
                     expected[i].workers, (unsigned long long)leaves);
        simulation_free(&result);
    }
}

static void test_smt_siblings_share_a_core(void **state) {
    (void)state;
    struct simulation_setup setup = setup_of("static", 176);
    struct simulation_result result = run(&setup);
    double run_ns = 0;
    for (unsigned i = 0; i < result.workers; i++)
        run_ns += (double)result.accounts[i].run_ps / 1000;
    assert_true(run_ns > 3 * 1.3 * data.sum_ns && run_ns <= 3 * 1.75 * data.sum_ns);
    simulation_free(&result);
}

/* Rayon's leaves a batch where eight threads share two units and bodies sleep 2 ms an item and 60
 * to 140 us more. */
static double leaves_of_sleepers(void) {
    static double sleep_ns[LINES], overshoot_ns[LINES];
    struct random random = {2};
    for (size_t i = 0; i < LINES; i++) {
        sleep_ns[i] = 2e6;
        overshoot_ns[i] = 60e3 + (double)random_below(&random, 80000);
    }
    struct cost_trace trace = data.trace;
    trace.encode_ns = sleep_ns;
    struct simulation_setup setup = setup_of("rayon", 8);
    setup.trace = &trace;
    setup.overshoot_ns = overshoot_ns;
    setup.sharing =
        (struct virtual_sharing){.units = 2, .switch_ns = 1200, .queue_ns = 1200, .slice_ns = 4e6};
    setup.count = 48;
    double leaves = 0;
    for (setup.seed = 1; setup.seed <= 8; setup.seed++) {
        struct simulation_result result = run(&setup);
        leaves += (double)result.statistics->leaves / (double)result.count / 8;
        simulation_free(&result);
    }
    return leaves;
}

/* Eight threads of the real rayon on two units have 408 to 444 (docs/virtual.md, "Counts"). */
static void test_sleepers_on_two_units_divide_like_real_ones(void **state) {
    (void)state;
    double leaves = leaves_of_sleepers();
    if (leaves < 410 || leaves > 455) fail_msg("%.1f leaves", leaves);
}

static void test_too_many_workers_are_refused(void **state) {
    (void)state;
    struct simulation_setup setup = setup_of("counter", 177);
    struct simulation_result result;
    struct error error;
    assert_false(simulation_run(&setup, &result, &error));
    assert_non_null(strstr(error.message, "do not fit on the 176"));
}

/* A list of one vector a leaf, put together by the caller, is what coarser leaves save. */
static void test_collecting_costs_the_caller_by_the_leaf(void **state) {
    (void)state;
    static const char *const schedulers[] = {"rayon:collect=place", "rayon:min_len=8", "rayon"};
    double extra_ns[3];
    for (int i = 0; i < 3; i++) {
        struct simulation_setup setup = setup_of(schedulers[i], 88);
        data.trace.sections.result_bytes = 0;
        struct simulation_result without = run(&setup);
        data.trace.sections.result_bytes = 256;
        struct simulation_result with = run(&setup);
        data.trace.sections.result_bytes = 0;
        extra_ns[i] = ((double)with.duration_ns - (double)without.duration_ns) / 3;
        simulation_free(&without);
        simulation_free(&with);
    }
    assert_true(extra_ns[0] < 20000);
    assert_true(extra_ns[1] > extra_ns[0] && extra_ns[2] > extra_ns[1] + 20000);
}

/* A scheduler that starts no thread leaves malloc without atomic operations. */
static void test_a_process_with_one_thread_has_its_own_costs(void **state) {
    (void)state;
    static const char *const schedulers[] = {"serial", "static", "rayon"};
    for (int i = 0; i < 3; i++) {
        struct simulation_setup setup = setup_of(schedulers[i], 1);
        struct simulation_result beside = run(&setup);
        data.trace.sections.lone_encode = data.trace.sections.lone_drop = 0.5;
        struct simulation_result lone = run(&setup);
        data.trace.sections.lone_encode = data.trace.sections.lone_drop = 0;
        double ratio = (double)lone.duration_ns / (double)beside.duration_ns;
        assert_true(i < 2 ? ratio < 0.51 : ratio > 0.999);
        simulation_free(&beside);
        simulation_free(&lone);
    }
}

/* Of the run at these speeds, of that with all units as fast as costs say. */
static double slowdown(const char *scheduler, unsigned workers, float *slowness, unsigned units,
                       size_t steps, uint64_t step_ns) {
    struct simulation_setup setup = setup_of(scheduler, workers);
    struct simulation_result even = run(&setup);
    setup.speeds = (struct virtual_speeds){slowness, units, steps, step_ns * 1000};
    struct simulation_result slowed = run(&setup);
    double ratio = (double)slowed.duration_ns / (double)even.duration_ns;
    simulation_free(&even);
    simulation_free(&slowed);
    return ratio;
}

static void test_items_take_as_long_as_their_unit_is_slow(void **state) {
    (void)state;
    float same[] = {1}, slow[] = {1.5F}, one_of_two[] = {1, 2}, turns[] = {1, 3};
    assert_true(slowdown("serial", 1, same, 1, 1, 1000) == 1);
    assert_float_equal(slowdown("serial", 1, slow, 1, 1, 1000), 1.5, 1e-3);
    /* Who divides evenly waits for the slow unit; who balances shares 1 + 1/2 units' work. */
    assert_float_equal(slowdown("static", 2, one_of_two, 2, 1, 1000), 2, 0.05);
    assert_float_equal(slowdown("guided", 2, one_of_two, 2, 1, 1000), 4.0 / 3, 0.02);
    /* In two steps 1 + 1/3 of a step's work is done. */
    assert_float_equal(slowdown("serial", 1, turns, 1, 2, 500), 1.5, 1e-2);
    /* Items that last for many steps, and for a small part of one. */
    assert_float_equal(slowdown("serial", 1, turns, 1, 2, 10), 1.5, 1e-2);
    assert_float_equal(slowdown("serial", 1, turns, 1, 2, 100000), 1.5, 5e-2);
}

static void test_a_scaled_trace_forgets_what_was_measured_here(void **state) {
    (void)state;
    struct error error;
    struct cost_trace *trace = cost_trace_model(&data.corpus, &error);
    struct corpus corpus = data.corpus;
    corpus.size_bytes = 1 << 20;
    assert_non_null(trace);
    trace->sections.remote_drop = 3;
    cost_trace_scale(trace, &corpus, 2);
    assert_true(trace->sections.remote_drop == 0 && trace->sections.result_bytes == 256);
    double rate = cost_trace_mib_per_s(trace, &corpus);
    assert_true(rate > 1.999999 && rate < 2.000001);
    cost_trace_free(trace);
}

static void test_published_figures_are_found_by_scheduler_and_threads(void **state) {
    (void)state;
    struct corpus corpus = {.size_bytes = 6488666}, other = {.size_bytes = 1};
    struct error error;
    struct published *published = published_load("vera", &corpus, &error);
    assert_non_null(published);
    struct arm_spec spec;
    char text[200];
    arm_spec_init(&spec);
    spec.workers = 88;
    snprintf(spec.scheduler, sizeof spec.scheduler, "rayon-min-len"); /* cap=8 is the default */
    published_text(published, &spec, text, sizeof text);
    assert_string_equal(text, "19.57 +8.5 % (hf-2077)");
    snprintf(spec.scheduler, sizeof spec.scheduler, "rayon-min-len:cap=4");
    published_text(published, &spec, text, sizeof text);
    assert_string_equal(text, "");
    published_free(published);
    published = published_load("vera", &other, &error);
    assert_true(published && !published_any(published));
    published_free(published);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_scheduler_spends_every_item_once),
        cmocka_unit_test(test_two_runs_are_equal),
        cmocka_unit_test(test_rayon_makes_its_known_leaves),
        cmocka_unit_test(test_smt_siblings_share_a_core),
        cmocka_unit_test(test_sleepers_on_two_units_divide_like_real_ones),
        cmocka_unit_test(test_too_many_workers_are_refused),
        cmocka_unit_test(test_collecting_costs_the_caller_by_the_leaf),
        cmocka_unit_test(test_a_process_with_one_thread_has_its_own_costs),
        cmocka_unit_test(test_items_take_as_long_as_their_unit_is_slow),
        cmocka_unit_test(test_a_scaled_trace_forgets_what_was_measured_here),
        cmocka_unit_test(test_published_figures_are_found_by_scheduler_and_threads),
    };
    return cmocka_run_group_tests(tests, make_data, free_data);
}
