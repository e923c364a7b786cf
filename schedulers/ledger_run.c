/* See ledger_run.h. */
#define _GNU_SOURCE
#include "schedulers/ledger_run.h"
#include "base/clock.h"
#include <errno.h>
#include <stdlib.h>
#include <time.h>

static void sleep_for(uint64_t duration_ns) {
    struct timespec left = {(time_t)(duration_ns / 1000000000), (long)(duration_ns % 1000000000)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

static void body(void *context, size_t begin, size_t end, unsigned worker) {
    const struct ledger_plan *plan = context;
    (void)worker;
    if (plan->body_ns == 0 && plan->sleep_ns == 0) return;
    for (size_t item = begin; item < end; item++) {
        if (plan->body_ns) {
            uint64_t until = clock_now_ns() + plan->body_ns;
            while (clock_now_ns() < until)
                continue;
        }
        if (plan->sleep_ns) sleep_for(plan->sleep_ns);
    }
}

/* What is known of a scheduler's statistics when it has none. */
static void read_statistics(const struct ledger_plan *plan, struct grainbench_scheduler *scheduler,
                            struct grainbench_statistics *statistics) {
    *statistics = (struct grainbench_statistics){.struct_size = sizeof *statistics};
    if (plan->scheduler->statistics) {
        plan->scheduler->statistics(scheduler, statistics);
        return;
    }
    statistics->leaves = statistics->joins = statistics->steals = statistics->probes = UINT64_MAX;
    statistics->injections = statistics->pins = statistics->collections = UINT64_MAX;
    statistics->idle_episodes = statistics->parks = statistics->wakes = UINT64_MAX;
    statistics->wake_scan_locks = statistics->list_nodes = UINT64_MAX;
}

static void run_batches(const struct ledger_plan *plan, struct grainbench_scheduler *scheduler,
                        const struct grainbench_batch *batch, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        if (plan->gap_ns) sleep_for(plan->gap_ns);
        plan->scheduler->run(scheduler, batch);
    }
}

bool ledger_run(const struct ledger_plan *plan, struct ledger_result *result, struct error *error) {
    struct grainbench_setup setup = {
        .struct_size = sizeof setup, .workers = plan->workers, .seed = plan->seed};
    char *results = plan->result_size ? calloc(plan->items, plan->result_size) : NULL;
    struct ledger *before = malloc(sizeof *before);
    if (!before || (plan->result_size && plan->items && !results)) {
        free(before);
        free(results);
        return error_set(error, "no memory for the results of %zu items", plan->items);
    }
    struct grainbench_batch batch = {.struct_size = sizeof batch,
                                     .item_count = plan->items,
                                     .body = body,
                                     .context = (void *)plan,
                                     .results = results,
                                     .result_size = plan->result_size};
    struct grainbench_scheduler *scheduler =
        plan->scheduler->create(&setup, plan->options, error ? error->message : NULL);
    if (scheduler) {
        run_batches(plan, scheduler, &batch, plan->warm_ups);
        ledger_read(before);
        if (plan->scheduler->reset_statistics) plan->scheduler->reset_statistics(scheduler);
        run_batches(plan, scheduler, &batch, plan->batches);
        ledger_read(&result->ledger);
        ledger_subtract(&result->ledger, before, &result->ledger);
        read_statistics(plan, scheduler, &result->statistics);
        result->batches = plan->batches;
        result->exact =
            plan->workers == 1 || (plan->scheduler->capabilities & GRAINBENCH_CALLER_ONLY);
        plan->scheduler->destroy(scheduler);
    }
    free(before);
    free(results);
    return scheduler != NULL;
}
