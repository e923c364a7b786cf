/* Runs an arm's batches: timed, or for their outputs; see arm.h. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "base/digest.h"
#include "harness/arms/arm_internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static void apply_dose(struct arm *arm, unsigned worker) {
    _Atomic uint64_t *line =
        arm->spec->dose_line == 0 ? &arm->shared_dose : &arm->workers[worker].dose;
    for (uint64_t i = 0; i < arm->spec->dose; i++)
        atomic_fetch_add_explicit(line, 1, memory_order_relaxed);
}

void arm_encode_items(void *context, size_t begin, size_t end, unsigned index) {
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
        void *scratch = arm->pool ? scratch_pool_take(arm->pool, index) : worker->scratch;
        bool encoded = operations->encode(arm->encoder, scratch, entry, corpus->lines[line],
                                          corpus->lengths[line], result, worker->failure);
        if (arm->pool) scratch_pool_give(arm->pool, index, scratch);
        if (!encoded)
            memset(result, 0, slot);
        else if (drop_here)
            operations->result_drop(arm->encoder, result);
        if (arm->spec->dose) apply_dose(arm, index);
    }
}

bool arm_check_failures(struct arm *arm, struct error *error) {
    for (unsigned i = 0; i < arm->spec->workers; i++)
        if (arm->workers[i].failure[0])
            return error_set(error, "%s: %s", arm->spec->label, arm->workers[i].failure);
    return true;
}

void arm_reset_scratches(struct arm *arm) {
    if (!arm->encoder_operations->scratch_reset) return;
    for (unsigned i = 0; i < arm->spec->workers; i++)
        if (arm->workers[i].scratch)
            arm->encoder_operations->scratch_reset(arm->encoder, arm->workers[i].scratch);
}

void arm_drop_results(struct arm *arm, size_t count) {
    if (arm->encoder_operations->result_drop)
        for (size_t i = 0; i < count; i++)
            arm->encoder_operations->result_drop(
                arm->encoder, arm->results + i * arm->encoder_operations->result_size);
    arm_reset_scratches(arm);
}

struct grainbench_batch arm_make_batch(struct arm *arm, size_t batch, grainbench_body body) {
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

void arm_idle_gap(uint64_t gap_ns) {
    struct timespec gap = {(time_t)(gap_ns / 1000000000u), (long)(gap_ns % 1000000000u)};
    if (gap_ns) nanosleep(&gap, NULL);
}

static bool run_timed(struct arm *arm, size_t batch, struct arm_sample *sample,
                      struct error *error) {
    struct grainbench_batch work = arm_make_batch(arm, batch, arm_encode_items);
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
            arm_drop_results(arm, work.item_count);
        else
            arm_reset_scratches(arm);
        plant_slowdown(arm, begin);
        end = clock_now_ns();
    } else {
        plant_slowdown(arm, begin);
        end = done = clock_now_ns();
        if (handle)
            arm->encoder_operations->batch_drop(arm->encoder, handle);
        else
            arm_drop_results(arm, work.item_count);
    }
    sample->duration_ns += end - begin;
    sample->parallel_ns += done - begin;
    sample->drop_ns += end - done;
    sample->items += work.item_count;
    sample->bytes += corpus_batch_bytes(arm->corpus, batch);
    return true;
}

/* The gap after a batch. What threads wait for a processor in it, the caller to go on and workers
 * that still look for work, is no part of the sample whose evidence began with `start`. */
static void rest(struct arm *arm, struct evidence *start) {
    struct evidence from, to;
    if (!arm->spec->gap_ns) return;
    evidence_read_waits(&from, arm_caller_is_apart(arm));
    arm_idle_gap(arm->spec->gap_ns);
    evidence_read_waits(&to, arm_caller_is_apart(arm));
    evidence_leave_out(start, &from, &to);
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
    arm_idle_gap(arm->spec->gap_ns);
    evidence_read(&before, arm_caller_is_apart(arm));
    uint64_t cpu = process_cpu_ns();
    for (size_t i = 0; i < count; i++) {
        if (!run_timed(arm, (first + i) % batches, sample, error)) return false;
        rest(arm, &before);
    }
    sample->cpu_ns = process_cpu_ns() - cpu;
    evidence_read(&after, arm_caller_is_apart(arm));
    sample->evidence = evidence_difference(&before, &after);
    return arm_check_failures(arm, error);
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
        struct grainbench_batch work = arm_make_batch(arm, batch, arm_encode_items);
        void *handle = NULL;
        if (arm->spec->whole_batch) {
            if (!run_whole_batch(arm, batch, &handle, error)) return false;
        } else {
            arm->scheduler_operations->run(arm->scheduler, &work);
        }
        if (!arm_check_failures(arm, error)) return false;
        digest_batch(arm, handle, work.item_count, digest, ids);
        if (handle)
            arm->encoder_operations->batch_drop(arm->encoder, handle);
        else
            arm_drop_results(arm, work.item_count);
    }
    return true;
}
