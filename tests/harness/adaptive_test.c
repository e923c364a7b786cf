/* `adaptive` on simulated machines with items of some 70 ns: batches about as large as what is just
 * worth sharing, awake and asleep, are never slower than a plain loop. Simulations are exact, so
 * the bound is no matter of chance. */
#include "base/random.h"
#include "harness/arms/arm_spec.h"
#include "harness/simulation/machine_profile.h"
#include "harness/simulation/simulation.h"
#include "schedulers/virtual_coroutine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LINES = 100000 };

/* Lines whose mean length wanders from 10 to 100, as texts' does. */
static struct {
    struct corpus corpus;
    struct cost_trace trace;
    uint32_t hints[LINES];
    size_t lengths[LINES], spans[LINES];
    double encode_ns[LINES], drop_ns[LINES];
} data;

static int make_data(void **state) {
    (void)state;
    struct random random = {1};
    unsigned longest = 100;
    for (size_t i = 0; i < LINES; i++) {
        if (i % 400 == 0) longest = 20 + (unsigned)random_below(&random, 180);
        data.lengths[i] = random_below(&random, longest);
        data.spans[i] = data.lengths[i] + 1;
        data.hints[i] = (uint32_t)data.lengths[i];
        data.encode_ns[i] = 3.5 + 1.34 * (double)data.lengths[i];
    }
    data.corpus = (struct corpus){
        .line_count = LINES, .lengths = data.lengths, .costs = data.hints, .spans = data.spans};
    data.trace =
        (struct cost_trace){.count = LINES, .encode_ns = data.encode_ns, .drop_ns = data.drop_ns};
    return 0;
}

static int free_data(void **state) {
    (void)state;
    coroutine_release_stacks();
    return 0;
}

static double time_of(const struct machine_profile *profile, const struct placement *placement,
                      const char *scheduler, unsigned workers, size_t count, double gap_us) {
    struct virtual_costs costs = machine_profile_costs(profile, PROFILE_TYPICAL, -1, 0);
    struct simulation_setup setup = {
        .scheduler = scheduler,
        .workers = workers,
        .costs = &costs,
        .placement = placement,
        .corpus = &data.corpus,
        .trace = &data.trace,
        .free_by = ARM_FREE_WORKER,
        .efficiency_groups = profile->efficiency_groups,
        .efficiency_speed = profile_value(profile, PROFILE_efficiency_speed, PROFILE_TYPICAL),
        .gap_ns = gap_us * 1000,
        .warm_batches = 2,
        .count = count,
        .seed = 1};
    struct simulation_result result;
    struct error error;
    if (!simulation_run(&setup, &result, &error)) fail_msg("%s: %s", scheduler, error.message);
    double duration_ns = 0;
    for (size_t i = 0; i < result.count; i++)
        duration_ns += (double)result.batches[i].duration_ns;
    simulation_free(&result);
    return duration_ns;
}

/* Of a plain loop's speed, in batches of `lines`. */
static double speed(const struct machine_profile *profile, const struct placement *placement,
                    unsigned workers, size_t lines, size_t count, double gap_us) {
    data.corpus.batch_lines = lines;
    data.corpus.batch_count = LINES / lines;
    return time_of(profile, placement, "serial", 1, count, gap_us) /
           time_of(profile, placement, "adaptive", workers, count, gap_us);
}

static const struct {
    const char *name;
    unsigned workers;
} machines[] = {{"vera", 88}, {"xeon-8375c-2s", 64}, {"m3", 12}, {"vera", 2}};

static void test_adaptive_is_never_slower_than_serial(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 10, 50, 80, 120, 140, 150, 160, 200, 300};
    static const double gaps_us[] = {0, 100, 2000};
    double least = 2;
    for (size_t m = 0; m < sizeof machines / sizeof *machines; m++) {
        struct machine_profile profile;
        struct error error;
        assert_true(machine_profile_load(machines[m].name, &profile, &error));
        struct placement *placement = machine_profile_placement(&profile, PLACEMENT_CORES, &error);
        assert_non_null(placement);
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (size_t g = 0; g < sizeof gaps_us / sizeof *gaps_us; g++) {
                double ratio =
                    speed(&profile, placement, machines[m].workers, sizes[s], 600, gaps_us[g]);
                if (ratio < least) least = ratio;
                if (ratio < 0.999)
                    fail_msg("%s, %u workers, %zu items, gap %.0f us: %.5f of serial",
                             machines[m].name, machines[m].workers, sizes[s], gaps_us[g], ratio);
            }
        placement_destroy(placement);
        machine_profile_free(&profile);
    }
    printf("at least %.5f of serial\n", least);
}

/* What sharing gains must not be lost to caution. */
static void test_adaptive_shares_large_batches(void **state) {
    (void)state;
    static const struct {
        size_t lines;
        double gap_us, least;
    } expected[] = {{140, 0, 1.6}, {300, 0, 3.5}, {1000, 0, 7}, {300, 100, 1.2}, {1000, 2000, 1.9}};
    struct machine_profile profile;
    struct error error;
    assert_true(machine_profile_load("vera", &profile, &error));
    struct placement *placement = machine_profile_placement(&profile, PLACEMENT_CORES, &error);
    assert_non_null(placement);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        double ratio = speed(&profile, placement, 88, expected[i].lines, 500, expected[i].gap_us);
        if (ratio < expected[i].least)
            fail_msg("%zu items, gap %.0f us: %.2f of serial, not %.1f", expected[i].lines,
                     expected[i].gap_us, ratio, expected[i].least);
    }
    placement_destroy(placement);
    machine_profile_free(&profile);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adaptive_is_never_slower_than_serial),
        cmocka_unit_test(test_adaptive_shares_large_batches),
    };
    return cmocka_run_group_tests(tests, make_data, free_data);
}
