/* Makes and unmakes an arm in this process; see arm.h. */
#define _GNU_SOURCE
#include "harness/arms/arm_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Milliseconds that threads may take to start; a module that never tells costs no more. */
enum { START_WAITS = 500 };

static void start_worker(void *context, unsigned index) {
    struct arm *arm = context;
    struct worker *worker = &arm->workers[index];
    struct error error;
    worker->bound = !arm->pin || placement_bind(arm->placement, index, &error);
    if (!worker->bound)
        snprintf(worker->unbound_reason, sizeof worker->unbound_reason, "%s", error.message);
    if (!worker->thread) worker->thread = (int)gettid();
    if (!worker->scratch) { /* else another instance's worker takes over the timed one's */
        worker->scratch =
            arm->encoder_operations->scratch_create(arm->encoder, index, worker->failure);
        if (!worker->scratch && !worker->failure[0])
            snprintf(worker->failure, sizeof worker->failure, "worker %u: no scratch", index);
    }
    /* Release pairs with the acquire in arm_await_workers: what is written above can be read. */
    atomic_store_explicit(&worker->newest_thread, (int)gettid(), memory_order_release);
}

unsigned arm_worker_threads(const struct arm *arm) {
    bool alone = arm->scheduler_operations->capabilities & GRAINBENCH_CALLER_ONLY;
    return alone ? 1 : arm->spec->workers;
}

void arm_await_workers(struct arm *arm) {
    int waits = START_WAITS;
    for (unsigned i = 0; i < arm_worker_threads(arm); i++)
        while (!atomic_load_explicit(&arm->workers[i].newest_thread, memory_order_acquire) &&
               waits-- > 0)
            arm_idle_gap(1000 * 1000);
}

bool arm_caller_is_apart(const struct arm *arm) {
    unsigned works = GRAINBENCH_CALLER_ONLY | GRAINBENCH_CALLER_IS_WORKER;
    return arm->spec->whole_batch || !(arm->scheduler_operations->capabilities & works);
}

/* A scheduler that never calls worker_start for a worker (one that runs all on the caller, say)
 * still needs its scratch. */
static bool complete_workers(struct arm *arm, struct error *error) {
    bool alone = arm->scheduler_operations->capabilities & GRAINBENCH_CALLER_ONLY;
    if (alone && !arm->workers[0].scratch) start_worker(arm, 0);
    arm_await_workers(arm);
    /* A caller that is no worker waits for them and then frees what they made, on any processing
     * unit, as in a program that binds nothing. At one worker this decides whether memory is given
     * back on the core that took it. */
    if (arm->pin && arm_caller_is_apart(arm))
        placement_bind_any(arm->placement, placement_pu_count(arm->placement), NULL);
    for (unsigned i = 0; i < arm->spec->workers; i++)
        if (arm->workers[i].failure[0]) return error_set(error, "%s", arm->workers[i].failure);
    return true;
}

/* Puts the workers' scratches into locked pools, if that is what is asked for. */
static bool pool_scratches(struct arm *arm, struct error *error) {
    unsigned workers = arm->spec->workers;
    if (arm->spec->scratch == ARM_SCRATCH_WORKER) return true;
    unsigned pools = arm->spec->scratch == ARM_SCRATCH_POOL ? 1 : (workers + 3) / 4;
    arm->pool = scratch_pool_create(workers, pools, error);
    if (!arm->pool) return false;
    for (unsigned i = 0; i < workers; i++)
        if (arm->workers[i].scratch) scratch_pool_give(arm->pool, i, arm->workers[i].scratch);
    return true;
}

struct grainbench_scheduler *arm_create_scheduler(struct arm *arm, unsigned flags,
                                                  struct error *error) {
    struct grainbench_setup setup = {.struct_size = sizeof setup,
                                     .workers = arm->spec->workers,
                                     .flags = flags,
                                     .worker_start = start_worker,
                                     .context = arm,
                                     .worker_groups = arm->groups,
                                     .seed = arm->spec->seed,
                                     .joined = arm->joined};
    char message[GRAINBENCH_MESSAGE_SIZE] = "";
    struct grainbench_scheduler *scheduler =
        arm->scheduler_operations->create(&setup, arm->scheduler_choice.options, message);
    if (!scheduler)
        error_set(error, "scheduler %s: %s", arm->scheduler_operations->name,
                  message[0] ? message : "cannot be created");
    return scheduler;
}

static bool check_supported(const struct arm *arm, struct error *error) {
    char message[GRAINBENCH_MESSAGE_SIZE] = "";
    if (arm->scheduler_operations->supported && !arm->scheduler_operations->supported(message))
        return error_set(error, "scheduler %s cannot run here: %s", arm->scheduler_operations->name,
                         message);
    if (arm->encoder_operations->supported && !arm->encoder_operations->supported(message))
        return error_set(error, "encoder %s cannot run here: %s", arm->encoder_operations->name,
                         message);
    if (arm->spec->whole_batch && !arm->encoder_operations->encode_batch)
        return error_set(error, "encoder %s has no batch call of its own",
                         arm->encoder_operations->name);
    return true;
}

/* A thread of an encoder's own runtime: bound like a worker, but it has no scratch. */
static void start_runtime_worker(void *context, unsigned index) {
    struct arm *arm = context;
    if (arm->pin && index < arm->spec->workers) placement_bind(arm->placement, index, NULL);
}

static bool create_encoder(struct arm *arm, const struct arm_setup *setup, struct error *error) {
    char message[GRAINBENCH_MESSAGE_SIZE] = "";
    struct grainbench_encoder_setup encoder_setup = {
        .struct_size = sizeof encoder_setup,
        .vocab_path = setup->vocab_path,
        .merges_path = setup->merges_path,
        .flags = arm->spec->tokenizer == 1 ? GRAINBENCH_TOKENIZER_BENCH : 0,
        .workers = arm->spec->workers,
        .worker_start = start_runtime_worker,
        .context = arm};
    arm->encoder =
        arm->encoder_operations->create(&encoder_setup, arm->encoder_choice.options, message);
    if (arm->encoder) return true;
    return error_set(error, "encoder %s: %s", arm->encoder_operations->name,
                     message[0] ? message : "cannot be created");
}

static bool allocate(struct arm *arm, struct error *error) {
    unsigned workers = arm->spec->workers;
    size_t slots = arm->corpus->batch_lines * arm->encoder_operations->result_size;
    size_t slot_bytes = (slots + 4096 + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    arm->workers = aligned_alloc(CACHE_LINE, workers * sizeof *arm->workers);
    arm->groups = malloc(workers * sizeof *arm->groups);
    arm->results = aligned_alloc(CACHE_LINE, slot_bytes);
    arm->worker_times = calloc(workers, sizeof *arm->worker_times);
    if (!arm->workers || !arm->groups || !arm->results || !arm->worker_times)
        return error_set(error, "out of memory for %u workers", workers);
    memset(arm->workers, 0, workers * sizeof *arm->workers);
    memset(arm->results, 0, slot_bytes); /* touched before anything is timed */
    for (unsigned i = 0; i < workers; i++)
        arm->groups[i] = placement_group(arm->placement, i);
    return true;
}

static bool set_up(struct arm *arm, const struct arm_setup *setup, struct error *error) {
    if (!component_parse_scheduler(arm->spec->scheduler, &arm->scheduler_choice, error) ||
        !component_parse_encoder(arm->spec->encoder, &arm->encoder_choice, error))
        return false;
    arm->scheduler_operations = arm->scheduler_choice.scheduler;
    arm->encoder_operations = arm->encoder_choice.encoder;
    if (!check_supported(arm, error) || !allocate(arm, error) || !create_encoder(arm, setup, error))
        return false;
    arm->scheduler = arm_create_scheduler(arm, 0, error);
    return arm->scheduler && complete_workers(arm, error) && pool_scratches(arm, error);
}

struct arm *arm_create(const struct arm_setup *setup, struct error *error) {
    size_t size = (sizeof(struct arm) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    struct arm *arm = aligned_alloc(CACHE_LINE, size);
    if (!arm) {
        error_set(error, "out of memory");
        return NULL;
    }
    memset(arm, 0, size);
    arm->spec = setup->spec;
    arm->corpus = setup->corpus;
    arm->placement = setup->placement;
    arm->pin = setup->pin;
    if (set_up(arm, setup, error)) return arm;
    arm_destroy(arm);
    return NULL;
}

void arm_destroy(struct arm *arm) {
    if (!arm) return;
    if (arm->observer) arm->scheduler_operations->destroy(arm->observer);
    if (arm->counted_scheduler) arm->scheduler_operations->destroy(arm->counted_scheduler);
    if (arm->scheduler) arm->scheduler_operations->destroy(arm->scheduler);
    for (unsigned i = 0; arm->workers && i < arm->spec->workers; i++)
        if (arm->workers[i].scratch)
            arm->encoder_operations->scratch_destroy(arm->encoder, arm->workers[i].scratch);
    if (arm->encoder) arm->encoder_operations->destroy(arm->encoder);
    component_free(&arm->scheduler_choice);
    component_free(&arm->encoder_choice);
    scratch_pool_destroy(arm->pool);
    free(arm->workers);
    free(arm->groups);
    free(arm->results);
    free(arm->worker_times);
    free(arm);
}

const struct grainbench_scheduler_operations *arm_scheduler(const struct arm *arm) {
    return arm->scheduler_operations;
}
const struct grainbench_encoder_operations *arm_encoder(const struct arm *arm) {
    return arm->encoder_operations;
}

uint64_t arm_worker_wait_ns(const struct arm *arm, unsigned worker) {
    return evidence_thread_wait_ns(arm->workers[worker].thread);
}

unsigned arm_unbound_workers(const struct arm *arm, const char **reason) {
    unsigned count = 0;
    *reason = arm->pin ? "" : "pinning was not asked for";
    for (unsigned i = 0; i < arm_worker_threads(arm); i++) {
        if (arm->pin && arm->workers[i].bound) continue;
        if (arm->pin && !count)
            *reason = arm->workers[i].unbound_reason[0] ? arm->workers[i].unbound_reason
                                                        : "the scheduler never started this worker";
        count++;
    }
    return count;
}
