/* The sampler finds the function that burns the time, by every way of sampling. */
#define _GNU_SOURCE
#include "tests/results/cmocka_all.h"

#include "base/clock.h"
#include "harness/profiler/profiler.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

static atomic_bool stop;

__attribute__((noinline)) uint64_t burn_time_here(uint64_t rounds);
__attribute__((noinline)) uint64_t burn_time_here(uint64_t rounds) {
    uint64_t x = 88172645463325252u;
    for (uint64_t i = 0; i < rounds; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    return x;
}

static void *burn(void *result) {
    while (!atomic_load(&stop))
        *(volatile uint64_t *)result += burn_time_here(100000);
    return NULL;
}

static void sample_and_expect_the_burner(bool timers) {
    struct profiler_options options = {.frequency = 999, .timers = timers};
    struct profile profile;
    struct error error;
    uint64_t result = 0;
    pthread_t thread;
    atomic_store(&stop, false);
    assert_int_equal(pthread_create(&thread, NULL, burn, &result), 0);
    struct profiler *profiler = profiler_create(&options, &error);
    assert_non_null(profiler);
    if (!profiler_start(profiler, &error)) {
        print_message("%s\n", error.message);
        atomic_store(&stop, true);
        pthread_join(thread, NULL);
        profiler_destroy(profiler);
        skip();
    }
    /* CPU time, not wall time: the machine may be busy. */
    uint64_t cpu_begin = clock_thread_cpu_ns();
    while (clock_thread_cpu_ns() - cpu_begin < 250000000u)
        result += burn_time_here(100000);
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    if (!profiler_finish(profiler, &profile, &error)) fail_msg("%s", error.message);
    uint64_t in_burner = 0;
    for (size_t i = 0; i < profile.symbol_count; i++)
        if (strcmp(profile.symbols[i].name, "burn_time_here") == 0)
            in_burner += profile.symbols[i].self;
    print_message("%s: %zu samples, %zu in the burner\n", profile.source, profile.sample_count,
                  (size_t)in_burner);
    assert_true(profile.sample_count >= 20);
    assert_true(in_burner * 10 > profile.sample_count * 8);
    profile_free(&profile);
    profiler_destroy(profiler);
}

static void perf_events_find_what_burns_time(void **state) {
    (void)state;
    sample_and_expect_the_burner(false);
}

static void timers_find_what_burns_time(void **state) {
    (void)state;
    sample_and_expect_the_burner(true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(perf_events_find_what_burns_time),
        cmocka_unit_test(timers_find_what_burns_time),
    };
    return cmocka_run_group_tests_name("profiler", tests, NULL, NULL);
}
