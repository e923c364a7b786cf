/* `null` and `serial`: everything on the calling thread. `null` is the floor of the harness: one
 * call of the body and nothing else. `serial` keeps statistics and can hand out windows, so that
 * the price of many calls is seen without any other worker. */
#include "base/error.h"
#include "schedulers/sync.h"
#include "schedulers/tallies.h"
#include <stdlib.h>

struct options {
    int64_t window;
};

struct grainbench_scheduler {
    struct sync_domain *domain;
    struct grainbench_setup setup;
    size_t window;
    uint64_t batches;
    struct tallies tallies;
};

static const struct grainbench_option serial_options[] = {
    {.name = "window",
     .type = GRAINBENCH_OPTION_INTEGER,
     .offset = offsetof(struct options, window),
     .argument = "N",
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e9,
     .help = "items a call of the body gets; 0: all of them"},
    {0}};

static struct grainbench_scheduler *create(const struct grainbench_setup *setup, size_t window,
                                           char *message) {
    struct grainbench_scheduler *scheduler = aligned_alloc(SYNC_LINE, sizeof *scheduler);
    struct sync_domain *domain = scheduler ? sync_domain_create(setup, 1) : NULL;
    if (!domain) {
        error_write(message, "no memory for the scheduler");
        free(scheduler);
        return NULL;
    }
    scheduler->domain = domain;
    scheduler->setup = *setup;
    scheduler->window = window;
    scheduler->batches = 0;
    tallies_reset(&scheduler->tallies);
    if (setup->worker_start) setup->worker_start(setup->context, 0);
    return scheduler;
}

static struct grainbench_scheduler *create_null(const struct grainbench_setup *setup,
                                                const void *options, char *message) {
    (void)options;
    return create(setup, 0, message);
}

static struct grainbench_scheduler *create_serial(const struct grainbench_setup *setup,
                                                  const void *options, char *message) {
    return create(setup, (size_t)((const struct options *)options)->window, message);
}

static void run_null(struct grainbench_scheduler *scheduler, const struct grainbench_batch *batch) {
    sync_enter(scheduler->domain, 0);
    if (batch->item_count) sync_body(batch, 0, batch->item_count, 0);
    sync_leave(scheduler->domain);
}

static void run_serial(struct grainbench_scheduler *scheduler,
                       const struct grainbench_batch *batch) {
    size_t count = batch->item_count, window = scheduler->window ? scheduler->window : count;
    bool observe = scheduler->setup.flags & GRAINBENCH_OBSERVE;
    sync_enter(scheduler->domain, 0);
    uint64_t start_ns = observe ? sync_now_ns() : 0;
    for (size_t begin = 0; begin < count;) {
        size_t end = count - begin > window ? begin + window : count;
        sync_body(batch, begin, end, 0);
        tallies_leaf(&scheduler->tallies, end - begin);
        begin = end;
    }
    if (observe) sync_tally_add(&scheduler->tallies.run_ns, sync_now_ns() - start_ns);
    scheduler->batches++;
    sync_leave(scheduler->domain);
}

static void statistics(struct grainbench_scheduler *scheduler, struct grainbench_statistics *out) {
    tallies_begin(out);
    tallies_add(&scheduler->tallies, 0, out);
    out->batches = scheduler->batches;
}

static void reset_statistics(struct grainbench_scheduler *scheduler) {
    tallies_reset(&scheduler->tallies);
    scheduler->batches = 0;
}

static void destroy(struct grainbench_scheduler *scheduler) {
    if (scheduler->setup.worker_stop) scheduler->setup.worker_stop(scheduler->setup.context, 0);
    sync_domain_destroy(scheduler->domain);
    free(scheduler);
}

const struct grainbench_scheduler_operations SYNC_EXPORT(null) = {
    .struct_size = sizeof(struct grainbench_scheduler_operations),
    .abi = GRAINBENCH_SCHEDULER_ABI,
    .name = "null",
    .summary = "one call of the body on the calling thread: the floor of the harness",
    .capabilities = GRAINBENCH_CALLER_IS_WORKER | GRAINBENCH_CALLER_ONLY,
    .create = create_null,
    .run = run_null,
    .destroy = destroy,
};

const struct grainbench_scheduler_operations SYNC_EXPORT(serial) = {
    .struct_size = sizeof(struct grainbench_scheduler_operations),
    .abi = GRAINBENCH_SCHEDULER_ABI,
    .name = "serial",
    .summary = "every item on the calling thread, in order",
    .capabilities = GRAINBENCH_CALLER_IS_WORKER | GRAINBENCH_CALLER_ONLY,
    .options = serial_options,
    .options_size = sizeof(struct options),
    .create = create_serial,
    .run = run_serial,
    .statistics = statistics,
    .reset_statistics = reset_statistics,
    .destroy = destroy,
};
