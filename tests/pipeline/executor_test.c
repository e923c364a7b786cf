/* The executor: order, bounds, errors, stops, and that nothing is left behind. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/executor.h"
#include "scenarios.h"
#include <dirent.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STEP = 3 }; /* items 0, 3, 6 and 9; 1 runs them all, three times as long */

static void every_scenario_holds(void **state) {
    (void)state;
    size_t count;
    const char *complaint = scenarios_run(STEP, 30, &count);
    if (complaint) fail_msg("%s", complaint);
    print_message("%zu scenarios\n", count);
    assert_true(count > 1000);
}

/* ---- a source that counts its items while they live */

struct counted_source {
    struct iterator iterator;
    uint64_t next, count;
    size_t bytes;
    struct budget *budget;
    atomic_bool stop;
};

struct counted_item {
    struct item item;
    struct budget *budget;
};

static atomic_int alive, alive_maximum;

static void counted_release(struct item *item) {
    struct counted_item *self = (struct counted_item *)item;
    atomic_fetch_sub(&alive, 1);
    budget_remove(self->budget, item->bytes);
    free(self);
}

static enum iterator_status counted_next(struct iterator *iterator, struct item **item,
                                         struct failure *failure) {
    (void)failure;
    struct counted_source *source = (struct counted_source *)iterator;
    if (atomic_load(&source->stop)) return ITERATOR_CANCELLED;
    if (source->next == source->count) return ITERATOR_END;
    struct counted_item *made = calloc(1, sizeof *made);
    made->item.sequence = source->next++;
    made->item.bytes = source->bytes;
    made->item.release = counted_release;
    made->budget = source->budget;
    budget_add(source->budget, source->bytes);
    budget_item_started(source->budget);
    int now = atomic_fetch_add(&alive, 1) + 1, most = atomic_load(&alive_maximum);
    while (now > most && !atomic_compare_exchange_weak(&alive_maximum, &most, now)) {
    }
    *item = &made->item;
    return ITERATOR_OK;
}

static void counted_interrupt(struct iterator *iterator) {
    atomic_store(&((struct counted_source *)iterator)->stop, true);
}

static void counted_close(struct iterator *iterator) {
    free(iterator);
}

static struct iterator *counted_source(uint64_t count, size_t bytes, struct budget *budget) {
    static const struct iterator_operations operations = {"counted", counted_next,
                                                          counted_interrupt, counted_close};
    struct counted_source *source = calloc(1, sizeof *source);
    source->iterator.operations = &operations;
    source->count = count;
    source->bytes = bytes;
    source->budget = budget;
    atomic_init(&source->stop, false);
    atomic_store(&alive_maximum, 0);
    return &source->iterator;
}

static struct iterator *wrap(struct iterator *upstream, struct executor_setup setup) {
    struct error error;
    setup.name = "test";
    struct iterator *iterator = executor_create(upstream, &setup, &error);
    if (!iterator) fail_msg("%s", error.message);
    return iterator;
}

static void nap(long ns) {
    nanosleep(&(struct timespec){ns / 1000000000, ns % 1000000000}, NULL);
}

static void a_slow_consumer_meets_exactly_depth_plus_one(void **state) {
    (void)state;
    for (unsigned depth = 0; depth <= 5; depth++) {
        struct executor_report report;
        struct iterator *it =
            wrap(counted_source(20, 0, NULL),
                 (struct executor_setup){.depth = depth, .workers = 1, .report = &report});
        struct item *item;
        int received = 0;
        for (; iterator_next(it, &item, NULL) == ITERATOR_OK; received++) {
            /* Wait until the producer can do no more: the maximum is then reached for certain. */
            int full = 20 - received < (int)depth + 1 ? 20 - received : (int)depth + 1;
            while (atomic_load(&alive) < full)
                nap(50000);
            item_release(item);
        }
        iterator_close(it);
        assert_int_equal(received, 20);
        assert_int_equal(atomic_load(&alive_maximum), depth + 1);
        if (depth) assert_int_equal(report.in_flight_maximum, depth);
    }
}

static bool straggle(void *shared, void *scratch, struct item *item, struct failure *failure) {
    (void)shared, (void)scratch, (void)failure;
    nap(item->sequence == 10 ? 2000000000 : 5000000); /* one of 2 s among 5 ms */
    return true;
}

static bool straggle_briefly(void *shared, void *scratch, struct item *item,
                             struct failure *failure) {
    (void)shared, (void)scratch, (void)failure;
    nap(item->sequence == 10 ? 100000000 : 500000);
    return true;
}

static void a_straggler_never_lets_more_than_the_window_live(void **state) {
    (void)state;
    struct transform transform = {.name = "straggle", .apply = straggle};
    struct iterator *it =
        wrap(counted_source(200, 0, NULL),
             (struct executor_setup){.depth = 4, .workers = 4, .transform = &transform});
    struct item *item;
    uint64_t expected = 0;
    while (iterator_next(it, &item, NULL) == ITERATOR_OK) {
        assert_int_equal(item->sequence, expected++);
        item_release(item);
    }
    iterator_close(it);
    assert_int_equal(expected, 200);
    assert_true(atomic_load(&alive_maximum) <= 5);
}

static int threads_listed(void) {
    int count = 0;
    DIR *folder = opendir("/proc/self/task");
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

/* A thread that was joined is listed until the kernel has cleared it away: up to two seconds' grace. */
static int threads_left(int expected) {
    for (int tries = 0; tries < 2000 && threads_listed() != expected; tries++)
        usleep(1000);
    return threads_listed();
}

static void fifty_epochs_of_nested_pipelines_leave_no_thread(void **state) {
    (void)state;
    int before = threads_listed();
    for (int epoch = 0; epoch < 50; epoch++) {
        struct iterator *it = counted_source(30, 0, NULL);
        it = wrap(it, (struct executor_setup){.depth = 2, .workers = 1});
        it = wrap(it, (struct executor_setup){.depth = 3, .workers = 3});
        it = wrap(it, (struct executor_setup){.depth = 1, .workers = 1});
        struct item *item;
        for (int i = 0; i < epoch && iterator_next(it, &item, NULL) == ITERATOR_OK; i++)
            item_release(item);
        iterator_close(it);
        assert_int_equal(threads_left(before), before);
        assert_int_equal(atomic_load(&alive), 0);
    }
}

/* Runs `count` items of `bytes` through a budget; returns the most bytes that were booked. */
static size_t bytes_used(size_t limit, size_t bytes, unsigned depth, uint64_t count) {
    struct error error;
    struct budget *budget = budget_create(limit, bytes < limit ? bytes : 1, &error);
    struct iterator *it =
        wrap(counted_source(count, bytes, budget),
             (struct executor_setup){.depth = depth, .workers = 2, .budget = budget});
    struct item *item;
    uint64_t received = 0;
    for (; iterator_next(it, &item, NULL) == ITERATOR_OK; received++) {
        budget_item_delivered(budget);
        nap(200000);
        item_release(item);
    }
    iterator_close(it);
    assert_int_equal(received, count);
    assert_int_equal(budget_used(budget), 0);
    size_t maximum = budget_maximum(budget);
    budget_destroy(budget);
    return maximum;
}

static void bytes_are_capped_whatever_the_depth(void **state) {
    (void)state;
    assert_true(bytes_used(1000, 100, 64, 100) <= 1000);
    assert_true(bytes_used(1000, 300, 64, 50) <= 1000);
    assert_int_equal(bytes_used(0, 100, 4, 50) / 100 <= 5, 1);
}

static void an_item_above_the_cap_passes_alone(void **state) {
    (void)state;
    /* One with the consumer and one on its way, and never a wait without end. */
    assert_true(bytes_used(1000, 5000, 64, 20) <= 10000);
}

static void a_child_process_is_told_to_make_its_own(void **state) {
    (void)state;
    struct iterator *it =
        wrap(counted_source(5, 0, NULL), (struct executor_setup){.depth = 2, .workers = 1});
    pid_t child = fork();
    if (child == 0) {
        struct item *item;
        struct failure failure = {0};
        enum iterator_status status = iterator_next(it, &item, &failure);
        iterator_close(it);
        _exit(status == ITERATOR_ERROR && failure.code == FAILURE_OTHER_PROCESS ? 0 : 1);
    }
    int code = -1;
    assert_int_equal(waitpid(child, &code, 0), child);
    iterator_close(it);
    assert_int_equal(code, 0);
}

static void depth_zero_returns_the_upstream_itself(void **state) {
    (void)state;
    struct iterator *source = counted_source(1, 0, NULL);
    struct iterator *it = wrap(source, (struct executor_setup){.depth = 0, .workers = 1});
    assert_ptr_equal(it, source);
    iterator_close(it);
}

static void every_ns_of_a_thread_is_accounted_for(void **state) {
    (void)state;
    struct error error;
    struct recorder *recorder = recorder_create(1000, &error);
    assert_non_null(recorder);
    struct transform transform = {
        .name = "format", .stage = recorder_stage(recorder, "format"), .apply = straggle_briefly};
    int consume = recorder_stage(recorder, "consume");
    account_begin(recorder, "consumer", consume);
    struct iterator *it =
        wrap(counted_source(30, 0, NULL), (struct executor_setup){.depth = 2,
                                                                  .workers = 2,
                                                                  .transform = &transform,
                                                                  .recorder = recorder,
                                                                  .stage = transform.stage});
    struct item *item;
    while (iterator_next(it, &item, NULL) == ITERATOR_OK)
        item_release(item);
    iterator_close(it);
    account_end();
    int threads = 0;
    uint64_t formatted = 0;
    for (struct account *a = recorder_accounts(recorder); a; a = a->next, threads++) {
        uint64_t wall = a->end_ns - a->start_ns, sum = account_total_ns(a);
        assert_true(sum <= wall);
        /* The two clock reads at the ends are outside; being descheduled between them may cost ms.
         */
        assert_true(wall - sum < 100000000);
        assert_int_equal(atomic_load(&a->visible), ACCOUNT_ENDED);
        formatted += a->stages[transform.stage].count;
        assert_int_equal(a->intervals_dropped, 0);
        uint64_t kept = 0;
        for (size_t i = 0; i < a->interval_count; i++)
            kept += a->intervals[i].end_ns - a->intervals[i].start_ns;
        assert_int_equal(kept, sum - account_activity_ns(a, ACTIVITY_OTHER));
    }
    assert_int_equal(threads, 3);
    assert_int_equal(formatted, 30);
    recorder_destroy(recorder);
}

int main(void) {
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* short naps stay short; threads inherit it */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scenario_holds),
        cmocka_unit_test(a_slow_consumer_meets_exactly_depth_plus_one),
        cmocka_unit_test(a_straggler_never_lets_more_than_the_window_live),
        cmocka_unit_test(fifty_epochs_of_nested_pipelines_leave_no_thread),
        cmocka_unit_test(bytes_are_capped_whatever_the_depth),
        cmocka_unit_test(an_item_above_the_cap_passes_alone),
        cmocka_unit_test(a_child_process_is_told_to_make_its_own),
        cmocka_unit_test(depth_zero_returns_the_upstream_itself),
        cmocka_unit_test(every_ns_of_a_thread_is_accounted_for),
    };
    return cmocka_run_group_tests_name("executor", tests, NULL, NULL);
}
