/* The timed program at the deque ends, each of its steals finds what was there, and its times are
 * times. */
#define _GNU_SOURCE
#include "schedulers/steal_timing.h"

#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int started[2];

static void note_start(void *context, unsigned worker) {
    int *counts = context;
    counts[worker == 1]++; /* no assertion here: it may be the owner's thread */
}

static void test_every_probe_and_steal_ends_as_expected(void **state) {
    (void)state;
    cpu_set_t cpus;
    /* On one processing unit every order would take the other thread's time slice. */
    if (sched_getaffinity(0, sizeof cpus, &cpus) != 0 || CPU_COUNT(&cpus) < 2) skip();
    struct grainbench_setup setup = {
        .struct_size = sizeof setup, .workers = 2, .worker_start = note_start, .context = started};
    struct steal_timing timing;
    struct error error = {""};
    if (!scheduler_native_steal_timing(&setup, &timing, &error)) fail_msg("%s", error.message);
    assert_int_equal(started[0], 1);
    assert_int_equal(started[1], 1);
    for (int k = 0; k < STEAL_TIMING_KINDS; k++) {
        unsigned above = 0;
        for (unsigned b = 0; b < STEAL_TIMING_BLOCKS; b++) {
            assert_true(isfinite(timing.ns[k][b]));
            above += timing.ns[k][b] > 0;
        }
        assert_true(above > STEAL_TIMING_BLOCKS / 2);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_probe_and_steal_ends_as_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
