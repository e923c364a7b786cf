/* Times per worker state under GRAINBENCH_OBSERVE: they are there, and what is known of them holds.
 */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/schedulers/run_scheduler.h"
#include <time.h>

enum { WORKERS = 3, ITEMS = 60, BATCHES = 5 };

static void nap(void *context, size_t begin, size_t end, unsigned worker) {
    (void)context, (void)worker;
    for (size_t i = begin; i < end; i++)
        nanosleep(&(struct timespec){0, 200000}, NULL);
}

static void run_batches(const struct running *running) {
    for (unsigned i = 0; i < BATCHES; i++) {
        nanosleep(&(struct timespec){0, 3000000}, NULL); /* workers fall asleep */
        scheduler_run(running, ITEMS, nap, NULL);
    }
}

static void observed_times_cover_the_items_and_no_more_than_the_wall(void **state) {
    (void)state;
    static const char *const names[] = {"rayon", "static", "counter", "serial"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        uint64_t start_ns = clock_now_ns();
        struct running running =
            scheduler_start(SCHEDULERS_NATIVE, names[i], "", WORKERS, GRAINBENCH_OBSERVE);
        run_batches(&running);
        struct grainbench_worker_time times[WORKERS];
        struct grainbench_statistics statistics = {
            .struct_size = sizeof statistics, .worker_times = times, .worker_time_count = WORKERS};
        running.operations->statistics(running.scheduler, &statistics);
        uint64_t wall_ns = clock_now_ns() - start_ns, run_ns = 0, park_ns = 0;
        for (unsigned w = 0; w < WORKERS; w++) {
            run_ns += times[w].run_ns;
            park_ns += times[w].park_ns;
            /* Stealing joiners run bodies inside their wait, but no time is counted twice. */
            assert_true(times[w].run_ns + times[w].steal_ns + times[w].spin_ns + times[w].park_ns +
                            times[w].wake_ns <=
                        wall_ns);
        }
        assert_true(run_ns >= (uint64_t)BATCHES * ITEMS * 200000);
        if (statistics.wakes > 0) assert_true(park_ns > 0);
        scheduler_end(&running);
    }
}

static void nothing_is_timed_unless_asked_for(void **state) {
    (void)state;
    struct running running = scheduler_start(SCHEDULERS_NATIVE, "rayon", "", WORKERS, 0);
    run_batches(&running);
    struct grainbench_worker_time times[WORKERS];
    struct grainbench_statistics statistics = {
        .struct_size = sizeof statistics, .worker_times = times, .worker_time_count = WORKERS};
    running.operations->statistics(running.scheduler, &statistics);
    for (unsigned w = 0; w < WORKERS; w++)
        assert_int_equal(times[w].run_ns + times[w].steal_ns + times[w].spin_ns + times[w].park_ns,
                         0);
    scheduler_end(&running);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(observed_times_cover_the_items_and_no_more_than_the_wall),
        cmocka_unit_test(nothing_is_timed_unless_asked_for),
    };
    return cmocka_run_group_tests_name("times", tests, NULL, NULL);
}
