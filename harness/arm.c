/* An arm in this process; see arm.h. */
#define _GNU_SOURCE
#include "harness/arm.h"

#include "base/clock.h"
#include "base/digest.h"
#include "harness/components.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CACHE_LINE 128 /* adjacent-line prefetch: two lines of 64 */

/* What one worker owns. Padded: workers write here during a batch. */
struct worker {
    _Alignas(CACHE_LINE) void *scratch;
    char failure[GRAINBENCH_MESSAGE_SIZE]; /* "" or why an item of this worker failed */
    bool bound;
    char unbound_reason[GRAINBENCH_MESSAGE_SIZE];
    uint64_t first_ns, last_ns, useful_ns; /* observing: this batch's first start and last end */
    _Atomic uint64_t dose;                 /* the private line of dose and response */
};

struct arm {
    const struct arm_spec *spec;
    const struct corpus *corpus;
    const struct placement *placement;
    bool pin;
    struct component scheduler_choice, encoder_choice;
    const struct grainbench_encoder_operations *encoder_operations;
    const struct grainbench_scheduler_operations *scheduler_operations;
    void *encoder;
    struct grainbench_scheduler *scheduler, *observer; /* the observer is made when first needed */
    struct worker *workers;
    unsigned *groups;
    char *results; /* [batch_lines] slots of result_size bytes */
    struct grainbench_worker_time *worker_times;
    /* The batch in progress, read by the body. */
    size_t start;
    bool keep; /* results stay until the caller has digested them */
    _Alignas(CACHE_LINE) _Atomic uint64_t shared_dose;
};

/* ---- workers ---- */

static void start_worker(void *context, unsigned index) {
    struct arm *arm = context;
    struct worker *worker = &arm->workers[index];
    struct error error;
    worker->bound = !arm->pin || placement_bind(arm->placement, index, &error);
    if (!worker->bound)
        snprintf(worker->unbound_reason, sizeof worker->unbound_reason, "%s", error.message);
    if (worker->scratch) return; /* the observer's worker takes over the timed one's scratch */
    worker->scratch = arm->encoder_operations->scratch_create(arm->encoder, index, worker->failure);
    if (!worker->scratch && !worker->failure[0])
        snprintf(worker->failure, sizeof worker->failure, "worker %u: no scratch", index);
}

/* A scheduler that never calls worker_start for a worker (one that runs all on the caller, say)
 * still needs its scratch. */
static bool complete_workers(struct arm *arm, struct error *error) {
    bool only_caller = arm->scheduler_operations->capabilities & GRAINBENCH_CALLER_ONLY;
    if (only_caller && !arm->workers[0].scratch) start_worker(arm, 0);
    if (!only_caller && !(arm->scheduler_operations->capabilities & GRAINBENCH_CALLER_IS_WORKER) &&
        arm->pin)
        placement_bind_any(arm->placement, arm->spec->workers, NULL);
    for (unsigned i = 0; i < arm->spec->workers; i++)
        if (arm->workers[i].failure[0]) return error_set(error, "%s", arm->workers[i].failure);
    return true;
}

/* ---- bodies ---- */

static void apply_dose(struct arm *arm, unsigned worker) {
    _Atomic uint64_t *line =
        arm->spec->dose_line == 0 ? &arm->shared_dose : &arm->workers[worker].dose;
    for (uint64_t i = 0; i < arm->spec->dose; i++)
        atomic_fetch_add_explicit(line, 1, memory_order_relaxed);
}

static void encode_items(void *context, size_t begin, size_t end, unsigned index) {
    struct arm *arm = context;
    struct worker *worker = &arm->workers[index];
    const struct grainbench_encoder_operations *operations = arm->encoder_operations;
    const struct corpus *corpus = arm->corpus;
    enum grainbench_entry entry = (enum grainbench_entry)arm->spec->entry;
    bool drop_here = arm->spec->free_by == ARM_FREE_WORKER && !arm->keep && operations->result_drop;
    size_t slot = operations->result_size;
    for (size_t i = begin; i < end; i++) {
        void *result = arm->results + i * slot;
        size_t line = arm->start + i;
        if (!operations->encode(arm->encoder, worker->scratch, entry, corpus->lines[line],
                                corpus->lengths[line], result, worker->failure))
            memset(result, 0, slot);
        else if (drop_here)
            operations->result_drop(arm->encoder, result);
        if (arm->spec->dose) apply_dose(arm, index);
    }
}

static void encode_items_observed(void *context, size_t begin, size_t end, unsigned index) {
    struct arm *arm = context;
    struct worker *worker = &arm->workers[index];
    uint64_t before = clock_now_ns();
    if (!worker->first_ns) worker->first_ns = before;
    encode_items(context, begin, end, index);
    worker->last_ns = clock_now_ns();
    worker->useful_ns += worker->last_ns - before;
}

/* ---- making and unmaking ---- */

static struct grainbench_scheduler *create_scheduler(struct arm *arm, unsigned flags,
                                                     struct error *error) {
    struct grainbench_setup setup = {.struct_size = sizeof setup,
                                     .workers = arm->spec->workers,
                                     .flags = flags,
                                     .worker_start = start_worker,
                                     .context = arm,
                                     .worker_groups = arm->groups,
                                     .seed = arm->spec->seed};
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
    arm->scheduler = create_scheduler(arm, 0, error);
    return arm->scheduler && complete_workers(arm, error);
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
    if (arm->scheduler) arm->scheduler_operations->destroy(arm->scheduler);
    for (unsigned i = 0; arm->workers && i < arm->spec->workers; i++)
        if (arm->workers[i].scratch)
            arm->encoder_operations->scratch_destroy(arm->encoder, arm->workers[i].scratch);
    if (arm->encoder) arm->encoder_operations->destroy(arm->encoder);
    component_free(&arm->scheduler_choice);
    component_free(&arm->encoder_choice);
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

unsigned arm_unbound_workers(const struct arm *arm, const char **reason) {
    unsigned count = 0;
    *reason = arm->pin ? "" : "pinning was not asked for";
    bool only_caller = arm->scheduler_operations->capabilities & GRAINBENCH_CALLER_ONLY;
    for (unsigned i = 0; i < (only_caller ? 1 : arm->spec->workers); i++) {
        if (arm->pin && arm->workers[i].bound) continue;
        if (arm->pin && !count)
            *reason = arm->workers[i].unbound_reason[0] ? arm->workers[i].unbound_reason
                                                        : "the scheduler never started this worker";
        count++;
    }
    return count;
}

/* ---- running ---- */

static bool check_failures(struct arm *arm, struct error *error) {
    for (unsigned i = 0; i < arm->spec->workers; i++)
        if (arm->workers[i].failure[0])
            return error_set(error, "%s: %s", arm->spec->label, arm->workers[i].failure);
    return true;
}

static void reset_scratches(struct arm *arm) {
    if (!arm->encoder_operations->scratch_reset) return;
    for (unsigned i = 0; i < arm->spec->workers; i++)
        if (arm->workers[i].scratch)
            arm->encoder_operations->scratch_reset(arm->encoder, arm->workers[i].scratch);
}

static void drop_results(struct arm *arm, size_t count) {
    if (arm->encoder_operations->result_drop)
        for (size_t i = 0; i < count; i++)
            arm->encoder_operations->result_drop(
                arm->encoder, arm->results + i * arm->encoder_operations->result_size);
    reset_scratches(arm);
}

static struct grainbench_batch make_batch(struct arm *arm, size_t batch, grainbench_body body) {
    arm->start = corpus_batch_start(arm->corpus, batch);
    return (struct grainbench_batch){
        .struct_size = sizeof(struct grainbench_batch),
        .item_count = corpus_batch_size(arm->corpus, batch),
        .item_costs = arm->corpus->costs + arm->start,
        .body = body,
        .context = arm,
        .results = arm->results,
        .result_size = arm->encoder_operations->result_size,
    };
}

/* The encoder's own batch call, for encoders with a runtime of their own. */
static bool run_whole_batch(struct arm *arm, size_t batch, void **handle, struct error *error) {
    char message[GRAINBENCH_MESSAGE_SIZE] = "";
    size_t start = corpus_batch_start(arm->corpus, batch);
    if (arm->encoder_operations->encode_batch(
            arm->encoder, (enum grainbench_entry)arm->spec->entry, arm->corpus->lines + start,
            arm->corpus->lengths + start, corpus_batch_size(arm->corpus, batch), handle, message))
        return true;
    return error_set(error, "encoder %s: %s", arm->encoder_operations->name, message);
}

/* The planted slowdown of the self-test: the region takes (1 + ppm/1e6) times as long. */
static void plant_slowdown(const struct arm *arm, uint64_t since) {
    if (!arm->spec->slowdown_ppm) return;
    uint64_t elapsed = clock_now_ns() - since;
    uint64_t until = since + elapsed + elapsed * arm->spec->slowdown_ppm / 1000000;
    while (clock_now_ns() < until) {
    }
}

static void idle_gap(uint64_t gap_ns) {
    struct timespec gap = {(time_t)(gap_ns / 1000000000u), (long)(gap_ns % 1000000000u)};
    if (gap_ns) nanosleep(&gap, NULL);
}

static bool run_timed(struct arm *arm, size_t batch, struct arm_sample *sample,
                      struct error *error) {
    struct grainbench_batch work = make_batch(arm, batch, encode_items);
    bool drop_timed = arm->spec->free_by != ARM_FREE_UNTIMED;
    bool drop_here = arm->spec->free_by == ARM_FREE_CALLER;
    void *handle = NULL;
    uint64_t begin = clock_now_ns();
    if (arm->spec->whole_batch) {
        if (!run_whole_batch(arm, batch, &handle, error)) return false;
    } else {
        arm->scheduler_operations->run(arm->scheduler, &work);
    }
    uint64_t done = clock_now_ns();
    uint64_t end = done;
    if (drop_timed) {
        if (handle)
            arm->encoder_operations->batch_drop(arm->encoder, handle);
        else if (drop_here)
            drop_results(arm, work.item_count);
        else
            reset_scratches(arm);
        plant_slowdown(arm, begin);
        end = clock_now_ns();
    } else {
        plant_slowdown(arm, begin);
        end = done = clock_now_ns();
        if (handle)
            arm->encoder_operations->batch_drop(arm->encoder, handle);
        else
            drop_results(arm, work.item_count);
    }
    sample->duration_ns += end - begin;
    sample->parallel_ns += done - begin;
    sample->drop_ns += end - done;
    sample->items += work.item_count;
    sample->bytes += corpus_batch_bytes(arm->corpus, batch);
    idle_gap(arm->spec->gap_ns);
    return true;
}

static uint64_t process_cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool arm_measure(struct arm *arm, size_t first, size_t count, struct arm_sample *sample,
                 struct error *error) {
    struct evidence before, after;
    size_t batches = arm->corpus->batch_count;
    arm->keep = false;
    *sample = (struct arm_sample){0};
    if (!run_timed(arm, (first + batches - 1) % batches, sample, error)) return false;
    *sample = (struct arm_sample){0}; /* that one was the warm-up */
    evidence_read(&before);
    uint64_t cpu = process_cpu_ns();
    for (size_t i = 0; i < count; i++)
        if (!run_timed(arm, (first + i) % batches, sample, error)) return false;
    sample->cpu_ns = process_cpu_ns() - cpu;
    evidence_read(&after);
    sample->evidence = evidence_difference(&before, &after);
    return check_failures(arm, error);
}

static void digest_batch(struct arm *arm, void *handle, size_t count, uint64_t *digest,
                         uint64_t *ids) {
    const struct grainbench_encoder_operations *operations = arm->encoder_operations;
    for (size_t i = 0; i < count; i++) {
        const uint32_t *line_ids = NULL;
        size_t n =
            handle ? operations->batch_ids(arm->encoder, handle, i, &line_ids)
                   : operations->result_ids(arm->results + i * operations->result_size, &line_ids);
        *digest = digest_ids(*digest, line_ids, n);
        *ids += n;
    }
}

bool arm_digest(struct arm *arm, size_t first, size_t count, uint64_t *digest, uint64_t *ids,
                struct error *error) {
    *digest = DIGEST_START;
    *ids = 0;
    arm->keep = true;
    for (size_t i = 0; i < count; i++) {
        size_t batch = (first + i) % arm->corpus->batch_count;
        struct grainbench_batch work = make_batch(arm, batch, encode_items);
        void *handle = NULL;
        if (arm->spec->whole_batch) {
            if (!run_whole_batch(arm, batch, &handle, error)) return false;
        } else {
            arm->scheduler_operations->run(arm->scheduler, &work);
        }
        if (!check_failures(arm, error)) return false;
        digest_batch(arm, handle, work.item_count, digest, ids);
        if (handle)
            arm->encoder_operations->batch_drop(arm->encoder, handle);
        else
            drop_results(arm, work.item_count);
    }
    return true;
}

/* ---- observing ---- */

static void add_stamps(struct arm *arm, uint64_t begin, uint64_t end,
                       struct arm_observation *observation) {
    uint64_t first = UINT64_MAX, last = 0;
    for (unsigned i = 0; i < arm->spec->workers; i++) {
        struct worker *worker = &arm->workers[i];
        if (!worker->first_ns) continue;
        if (worker->first_ns < first) first = worker->first_ns;
        if (worker->last_ns > last) last = worker->last_ns;
        observation->useful_ns += worker->useful_ns;
        worker->first_ns = worker->last_ns = worker->useful_ns = 0;
    }
    if (!last) first = last = end;
    observation->fork_ns += first - begin;
    observation->run_ns += last - first;
    observation->join_ns += end - last;
}

static void observe_batch(struct arm *arm, size_t batch, struct arm_observation *observation) {
    struct grainbench_batch work = make_batch(arm, batch, encode_items_observed);
    uint64_t begin = clock_now_ns();
    arm->scheduler_operations->run(arm->observer, &work);
    uint64_t end = clock_now_ns();
    add_stamps(arm, begin, end, observation);
    if (arm->spec->free_by == ARM_FREE_CALLER)
        drop_results(arm, work.item_count);
    else if (arm->spec->free_by == ARM_FREE_WORKER)
        reset_scratches(arm);
    uint64_t dropped = clock_now_ns();
    if (arm->spec->free_by == ARM_FREE_UNTIMED) drop_results(arm, work.item_count);
    observation->drop_ns += dropped - end;
    observation->duration_ns += dropped - begin;
    observation->batches++;
    idle_gap(arm->spec->gap_ns);
}

bool arm_observe(struct arm *arm, size_t first, size_t count, struct arm_observation *observation,
                 struct error *error) {
    if (arm->spec->whole_batch)
        return error_set(error, "a batch call of the encoder's own cannot be looked into");
    if (!arm->observer) arm->observer = create_scheduler(arm, GRAINBENCH_OBSERVE, error);
    if (!arm->observer) return false;
    *observation = (struct arm_observation){0};
    arm->keep = false;
    size_t batches = arm->corpus->batch_count;
    struct arm_observation warm_up = {0};
    observe_batch(arm, (first + batches - 1) % batches, &warm_up);
    if (arm->scheduler_operations->reset_statistics)
        arm->scheduler_operations->reset_statistics(arm->observer);
    for (size_t i = 0; i < count; i++)
        observe_batch(arm, (first + i) % batches, observation);
    memset(arm->worker_times, 0, arm->spec->workers * sizeof *arm->worker_times);
    observation->worker_times = arm->worker_times;
    observation->statistics = (struct grainbench_statistics){
        .struct_size = sizeof observation->statistics,
        .worker_times = arm->worker_times,
        .worker_time_count = arm->spec->workers,
    };
    if (arm->scheduler_operations->statistics)
        arm->scheduler_operations->statistics(arm->observer, &observation->statistics);
    return check_failures(arm, error);
}
