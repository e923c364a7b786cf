/* One kind of pass; see cost_trace_kind.h. */
#define _GNU_SOURCE
#include "harness/simulation/cost_trace_kind.h"

#include "base/clock.h"
#include "base/error.h"
#include "harness/experiment/speed_probe.h"
#include "schedulers/futex.h"
#include "schedulers/sync_processor.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One thread's side: its scratch and result slots. */
struct encoding_side {
    void *scratch;
    char *results;
    char message[GRAINBENCH_MESSAGE_SIZE];
    bool failed;
};

/* An order to the second thread. */
struct order {
    size_t batch;
    unsigned unit; /* processing unit to be on */
    unsigned side;
    bool drop; /* give the results back, too */
    bool spin; /* for the next order, which comes at once */
};

struct trace_kind {
    struct trace_kind_setup setup;
    struct encoding_side sides[2]; /* the second thread's is for batches that both encode */
    double clock_ns;               /* of one reading */
    double speed;                  /* the last reading on the caller's unit; 0: none yet */
    unsigned unit;                 /* that the caller is on */
    pthread_t thread;
    /* The second thread's orders: it acts when `number` moves and answers in `answer`. */
    _Alignas(128) _Atomic uint32_t number;
    _Alignas(128) _Atomic uint32_t answer;
    struct order order;
    double order_encode_ns, order_speed;
};

static double clock_overhead_ns(void) {
    double best = INFINITY;
    for (int i = 0; i < 20; i++) {
        uint64_t begin = clock_now_ns();
        for (int k = 0; k < 100; k++)
            (void)clock_now_ns();
        best = fmin(best, (double)(clock_now_ns() - begin) / 101);
    }
    return best;
}

static bool encode_line(const struct trace_kind *kind, struct encoding_side *side, size_t line,
                        size_t i) {
    const struct trace_kind_setup *setup = &kind->setup;
    const struct corpus *corpus = setup->trace->corpus;
    if (setup->operations->encode(
            setup->encoder, side->scratch, (enum grainbench_entry)setup->trace->entry,
            corpus->lines[line], corpus->lengths[line],
            side->results + i * setup->operations->result_size, side->message))
        return true;
    side->failed = true;
    return false;
}

static void drop_result(const struct trace_kind *kind, struct encoding_side *side, size_t i) {
    const struct grainbench_encoder_operations *operations = kind->setup.operations;
    if (operations->result_drop)
        operations->result_drop(kind->setup.encoder, side->results + i * operations->result_size);
}

static void reset_scratch(const struct trace_kind *kind, struct encoding_side *side) {
    if (kind->setup.operations->scratch_reset)
        kind->setup.operations->scratch_reset(kind->setup.encoder, side->scratch);
}

/* As an arm's body does it: nothing between the lines. */
static double encode_batch(const struct trace_kind *kind, struct encoding_side *side,
                           size_t batch) {
    size_t start = corpus_batch_start(kind->setup.trace->corpus, batch);
    size_t count = corpus_batch_size(kind->setup.trace->corpus, batch);
    uint64_t begin = clock_now_ns();
    for (size_t i = 0; i < count; i++)
        if (!encode_line(kind, side, start + i, i)) break;
    return (double)(clock_now_ns() - begin);
}

/* As a caller gives results back; `side` is who encoded. */
static void drop_batch(const struct trace_kind *kind, struct encoding_side *side, size_t batch,
                       struct batch_times *times) {
    size_t count = corpus_batch_size(kind->setup.trace->corpus, batch);
    uint64_t begin = clock_now_ns();
    for (size_t i = 0; i < count; i++)
        drop_result(kind, side, i);
    uint64_t dropped = clock_now_ns();
    reset_scratch(kind, side);
    times->drop = (double)(dropped - begin);
    times->reset = fmax(0, (double)(clock_now_ns() - dropped) - kind->clock_ns);
}

/* The slower of the readings before and after what was just done, on one unit. The reading after a
 * batch is the one before the next: a thread that was woken begins with the batch itself. Nobody
 * waits for a slow unit to be fast again: after a sleep it would be slower for another reason. */
static double read_speed(double *last) {
    double before = *last;
    *last = speed_probe_here();
    return fmax(before, *last);
}

static bool create_side(struct trace_kind *kind, unsigned index) {
    struct encoding_side *side = &kind->sides[index];
    const struct grainbench_encoder_operations *operations = kind->setup.operations;
    size_t slots = kind->setup.trace->corpus->batch_lines * operations->result_size;
    side->results = aligned_alloc(128, (slots + 4096) / 128 * 128);
    if (!side->results) return error_write(side->message, "out of memory for a batch's results");
    memset(side->results, 0, slots);
    side->scratch = operations->scratch_create(kind->setup.encoder, index, side->message);
    return side->scratch != NULL;
}

/* ---- the second thread ---- */

static void await_order(struct trace_kind *kind, uint32_t seen, bool spin) {
    while (atomic_load_explicit(&kind->number, memory_order_acquire) == seen)
        if (spin)
            processor_pause();
        else
            futex_wait((uint32_t *)&kind->number, seen);
}

static void give_answer(struct trace_kind *kind, uint32_t number) {
    atomic_store_explicit(&kind->answer, number, memory_order_release);
    futex_wake((uint32_t *)&kind->answer, 1);
}

/* Who gives back reads the slots, and to write them again their lines must come here: a simulation
 * charges that itself (virtual_own), so it is not part of what encoding takes. */
static void take_slots(const struct trace_kind *kind, struct encoding_side *side, size_t batch) {
    size_t count = corpus_batch_size(kind->setup.trace->corpus, batch);
    memset(side->results, 0, count * kind->setup.operations->result_size);
}

static void *second_main(void *argument) {
    struct trace_kind *kind = argument;
    unsigned unit = 0;
    double speed = 0;
    placement_bind(kind->setup.placement, unit, NULL);
    kind->sides[1].failed = !create_side(kind, 1);
    give_answer(kind, 1);
    bool spin = false;
    for (uint32_t seen = 1; !kind->sides[1].failed; seen++) {
        await_order(kind, seen, spin);
        spin = kind->order.spin;
        if (kind->order.unit != unit)
            placement_bind(kind->setup.placement, unit = kind->order.unit, NULL);
        struct encoding_side *side = &kind->sides[kind->order.side];
        struct batch_times own;
        if (!kind->order.drop) take_slots(kind, side, kind->order.batch);
        kind->order_encode_ns = encode_batch(kind, side, kind->order.batch);
        if (kind->order.drop) drop_batch(kind, side, kind->order.batch, &own);
        kind->order_speed = read_speed(&speed);
        give_answer(kind, seen + 1);
    }
    return NULL;
}

static void give_order(struct trace_kind *kind, const struct order *order) {
    kind->order = *order;
    atomic_fetch_add_explicit(&kind->number, 1, memory_order_release);
    futex_wake((uint32_t *)&kind->number, 1);
}

static void await_answer(struct trace_kind *kind, bool spin) {
    uint32_t expected = atomic_load_explicit(&kind->number, memory_order_relaxed), answer;
    while ((answer = atomic_load_explicit(&kind->answer, memory_order_acquire)) != expected)
        if (spin)
            processor_pause();
        else
            futex_wait((uint32_t *)&kind->answer, answer);
}

static bool start_second(struct trace_kind *kind, char *message) {
    atomic_store(&kind->number, 1);
    if (pthread_create(&kind->thread, NULL, second_main, kind) != 0)
        return error_write(message, "a second thread cannot be started");
    await_answer(kind, false);
    return !kind->sides[1].failed || error_write(message, "%s", kind->sides[1].message);
}

/* ---- batches ---- */

/* A reading before and after each line: what the batch's time is shared out by. */
static void read_lines(struct trace_kind *kind, size_t batch) {
    const struct corpus *corpus = kind->setup.trace->corpus;
    struct encoding_side *side = &kind->sides[0];
    size_t start = corpus_batch_start(corpus, batch), count = corpus_batch_size(corpus, batch);
    size_t offset = kind->setup.pass * corpus->line_count + start;
    float *encode = kind->setup.times->lines[0] + offset;
    float *drop = kind->setup.times->lines[1] + offset;
    uint64_t before = clock_now_ns();
    for (size_t i = 0; i < count; i++) {
        if (!encode_line(kind, side, start + i, i)) return;
        uint64_t after = clock_now_ns();
        encode[i] = (float)fmax(0, (double)(after - before) - kind->clock_ns);
        before = after;
    }
    for (size_t i = 0; kind->setup.operations->result_drop && i < count; i++) {
        drop_result(kind, side, i);
        uint64_t after = clock_now_ns();
        drop[i] = (float)fmax(0, (double)(after - before) - kind->clock_ns);
        before = after;
    }
    reset_scratch(kind, side);
}

/* The calling thread encodes and gives back. */
static void measure_own(struct trace_kind *kind, size_t batch, struct batch_times *times) {
    times->encode = encode_batch(kind, &kind->sides[0], batch);
    drop_batch(kind, &kind->sides[0], batch, times);
    times->encode_speed = times->drop_speed = read_speed(&kind->speed);
}

/* The second thread, which sleeps between batches, encodes on the unit where others do; the caller
 * gives back on another one. */
static void measure_remote(struct trace_kind *kind, size_t batch, struct batch_times *times) {
    struct order order = {.batch = batch, .unit = 0, .side = 0};
    give_order(kind, &order);
    await_answer(kind, false);
    drop_batch(kind, &kind->sides[0], batch, times);
    times->encode = kind->order_encode_ns;
    times->encode_speed = kind->order_speed;
    times->drop_speed = read_speed(&kind->speed);
}

/* Both encode, neighbouring batches, as workers have neighbouring parts of the text; the caller's
 * is the one that is timed. */
static void measure_crowded(struct trace_kind *kind, size_t batch, bool last,
                            struct batch_times *times) {
    size_t batches = kind->setup.trace->corpus->batch_count;
    struct order order = {
        .batch = (batch + 1) % batches, .unit = 1, .side = 1, .drop = true, .spin = !last};
    give_order(kind, &order);
    measure_own(kind, batch, times);
    await_answer(kind, true);
}

void trace_kind_measure(struct trace_kind *kind, size_t step, struct trace_kind_reply *reply) {
    const struct corpus *corpus = kind->setup.trace->corpus;
    size_t count, first = cost_times_block(corpus, step, kind->setup.kind, &count);
    struct batch_times *times =
        kind->setup.times->batches[kind->setup.kind] + kind->setup.pass * corpus->batch_count;
    size_t step_batches = kind->setup.kind == PASS_CROWDED ? 2 : 1;
    for (size_t b = first; b < first + count; b += step_batches) {
        if (kind->setup.kind == PASS_LINES)
            read_lines(kind, b);
        else if (kind->setup.kind == PASS_REMOTE)
            measure_remote(kind, b, &times[b]);
        else if (kind->setup.kind == PASS_CROWDED)
            measure_crowded(kind, b, b + step_batches >= first + count, &times[b]);
        else
            measure_own(kind, b, &times[b]);
    }
    *reply = (struct trace_kind_reply){0};
    for (int side = 0; side < 2; side++) {
        if (!kind->sides[side].failed) continue;
        reply->failed = true;
        memcpy(reply->message, kind->sides[side].message, sizeof reply->message);
    }
}

size_t trace_kind_written_bytes(struct trace_kind *kind) {
    enum { MARK = 0xA5, LINES = 100 };
    struct encoding_side *side = &kind->sides[0];
    size_t size = kind->setup.operations->result_size, most = 0;
    size_t count = corpus_batch_size(kind->setup.trace->corpus, 0);
    for (size_t i = 0; i < (count < LINES ? count : LINES); i++) {
        memset(side->results, MARK, size);
        if (!encode_line(kind, side, i, 0)) break;
        size_t end = size;
        while (end > most && (unsigned char)side->results[end - 1] == MARK)
            end--;
        most = end;
        drop_result(kind, side, 0);
    }
    reset_scratch(kind, side);
    return most;
}

struct trace_kind *trace_kind_create(const struct trace_kind_setup *setup, char *message) {
    size_t size = (sizeof(struct trace_kind) + 127) / 128 * 128;
    struct trace_kind *kind = aligned_alloc(128, size);
    void *padding = malloc(setup->padding + 1); /* for as long as the process lives */
    if (!kind || !padding) {
        error_write(message, "out of memory");
        free(padding);
        free(kind);
        return NULL;
    }
    memset(kind, 0, size);
    kind->setup = *setup;
    kind->clock_ns = clock_overhead_ns();
    placement_bind(setup->placement, setup->kind == PASS_REMOTE, NULL);
    bool second = setup->times->two && setup->kind != PASS_LONE;
    if (create_side(kind, 0) && (!second || start_second(kind, message))) return kind;
    if (kind->sides[0].message[0]) error_write(message, "%s", kind->sides[0].message);
    free(kind);
    return NULL;
}
