/* The ledger misses nothing: this program's counted schedulers are compiled with
 * -fno-inline-atomics, so that every atomic operation in their sources is a library call, and the
 * calls are counted by intercept.c. Both counts must be the same, by kind and memory order, over
 * the whole life of a scheduler with one worker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schedulers/ledger.h"
#include "tests/schedulers/intercept.h"
#include "tests/schedulers/run_scheduler.h"

static void no_work(void *context, size_t begin, size_t end, unsigned worker) {
    (void)context, (void)begin, (void)end, (void)worker;
}

static uint64_t ledger_of(const struct ledger *ledger, unsigned kind, unsigned order) {
    uint64_t sum = 0;
    for (unsigned site = 0; site < SYNC_SITES; site++)
        sum += ledger->count[site][kind][order];
    return sum;
}

/* Runs the scheduler from creation to end and compares; returns how many operations there were. */
static uint64_t compare(const char *name, const char *options) {
    static struct ledger ledger;
    static uint64_t results[3000];
    ledger_reset();
    memset(intercept_counts, 0, sizeof intercept_counts);
    struct running running = scheduler_start(SCHEDULERS_COUNTED, name, options, 1, 0);
    for (size_t items = 0; items < 3000; items += 97) {
        struct grainbench_batch batch = {.struct_size = sizeof batch,
                                         .item_count = items,
                                         .body = no_work,
                                         .results = items % 2 ? results : NULL,
                                         .result_size = items % 2 ? sizeof results[0] : 0};
        running.operations->run(running.scheduler, &batch);
    }
    scheduler_end(&running);
    ledger_read(&ledger);
    uint64_t total = 0;
    for (unsigned kind = 0; kind < SYNC_FENCE; kind++)
        for (unsigned order = 0; order < SYNC_ORDERS; order++) {
            uint64_t counted = ledger_of(&ledger, kind, order);
            total += counted;
            if (counted != intercept_counts[kind][order])
                fail_msg("%s:%s: %s %s: the ledger has %ju, the program made %ju", name, options,
                         ledger_kind_name((enum sync_kind)kind),
                         ledger_order_name((enum sync_order)order), (uintmax_t)counted,
                         (uintmax_t)intercept_counts[kind][order]);
        }
    return total;
}

static void every_atomic_operation_of_every_scheduler_is_in_the_ledger(void **state) {
    (void)state;
    for (size_t i = 0; i < schedulers_count(); i++)
        compare(schedulers_at(SCHEDULERS_COUNTED, i)->name, "");
    assert_true(compare("counter", "") > 32 * 1000); /* one claim an item, 32 batches of 1,455 */
    assert_true(compare("rayon", "") > 32 * 100);
}

static void so_are_those_of_every_option_of_rayon(void **state) {
    (void)state;
    static const char *const options[] = {
        "call=install",   "core=1.10",     "deque=padded", "epoch=exchange",
        "epoch=barrier",  "epoch=off",     "wake=tree",    "sleep_word=padded",
        "sleep_rounds=0", "collect=place", "min_len=5",    "wake=tree:core=1.10:epoch=off"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        assert_true(compare("rayon", options[i]) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_atomic_operation_of_every_scheduler_is_in_the_ledger),
        cmocka_unit_test(so_are_those_of_every_option_of_rayon),
    };
    return cmocka_run_group_tests_name("ledger is complete", tests, NULL, NULL);
}
