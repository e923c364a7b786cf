/* Measuring a cost trace; see cost_trace.h. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "base/random.h"
#include "harness/components.h"
#include "harness/placement.h"
#include "harness/simulation/cost_trace_times.h"
#include "harness/simulation/lone_process.h"
#include "schedulers/futex.h"
#include "schedulers/sync_processor.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* What a pass's process tells. */
struct report {
    bool done, two;
    size_t written_bytes;
    struct error error;
};

struct tracer {
    const struct cost_trace_setup *setup;
    struct report *report; /* this and the tables are shared with the passes' processes */
    struct cost_times tables;
    const struct grainbench_encoder_operations *operations;
    void *encoder;
    struct encoding_side sides[2]; /* the second one for batches that two encode at once */
    struct placement *placement;
    struct lone_process *lone;
    bool two;        /* there is a second processing unit */
    double clock_ns; /* of one reading */
    unsigned unit;   /* that the caller is on */
    pthread_t thread;
    /* The second thread's orders: it acts when `number` moves and answers in `answer`. */
    _Alignas(128) _Atomic uint32_t number;
    _Alignas(128) _Atomic uint32_t answer;
    struct order order;
    double order_encode_ns;
    struct random random;
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

static bool encode_line(const struct tracer *t, struct encoding_side *side, size_t line, size_t i) {
    const struct corpus *corpus = t->setup->corpus;
    if (t->operations->encode(t->encoder, side->scratch, (enum grainbench_entry)t->setup->entry,
                              corpus->lines[line], corpus->lengths[line],
                              side->results + i * t->operations->result_size, side->message))
        return true;
    side->failed = true;
    return false;
}

static void drop_result(const struct tracer *t, struct encoding_side *side, size_t i) {
    if (t->operations->result_drop)
        t->operations->result_drop(t->encoder, side->results + i * t->operations->result_size);
}

/* As an arm's body does it: nothing between the lines. */
static double encode_batch(const struct tracer *t, struct encoding_side *side, size_t batch) {
    size_t start = corpus_batch_start(t->setup->corpus, batch);
    size_t count = corpus_batch_size(t->setup->corpus, batch);
    uint64_t begin = clock_now_ns();
    for (size_t i = 0; i < count; i++)
        if (!encode_line(t, side, start + i, i)) break;
    return (double)(clock_now_ns() - begin);
}

/* As a caller gives results back; `side` is who encoded. */
static void drop_batch(const struct tracer *t, struct encoding_side *side, size_t batch,
                       struct batch_times *times) {
    size_t count = corpus_batch_size(t->setup->corpus, batch);
    uint64_t begin = clock_now_ns();
    for (size_t i = 0; i < count; i++)
        drop_result(t, side, i);
    uint64_t dropped = clock_now_ns();
    if (t->operations->scratch_reset) t->operations->scratch_reset(t->encoder, side->scratch);
    times->drop = (double)(dropped - begin);
    times->reset = fmax(0, (double)(clock_now_ns() - dropped) - t->clock_ns);
}

/* ---- the second thread ---- */

static void await_order(struct tracer *t, uint32_t seen, bool spin) {
    while (atomic_load_explicit(&t->number, memory_order_acquire) == seen)
        if (spin)
            processor_pause();
        else
            futex_wait((uint32_t *)&t->number, seen);
}

static void give_answer(struct tracer *t, uint32_t number) {
    atomic_store_explicit(&t->answer, number, memory_order_release);
    futex_wake((uint32_t *)&t->answer, 1);
}

static bool create_side(struct tracer *t, unsigned index) {
    struct encoding_side *side = &t->sides[index];
    size_t slots = t->setup->corpus->batch_lines * t->operations->result_size;
    side->results = aligned_alloc(128, (slots + 4096) / 128 * 128);
    if (!side->results) return error_write(side->message, "out of memory for a batch's results");
    memset(side->results, 0, slots);
    side->scratch = t->operations->scratch_create(t->encoder, index, side->message);
    return side->scratch != NULL;
}

static void *second_main(void *argument) {
    struct tracer *t = argument;
    unsigned unit = 0;
    placement_bind(t->placement, unit, NULL);
    t->sides[1].failed = !create_side(t, 1);
    give_answer(t, 1);
    bool spin = false;
    for (uint32_t seen = 1; !t->sides[1].failed; seen++) {
        await_order(t, seen, spin);
        spin = t->order.spin;
        if (t->order.unit != unit) placement_bind(t->placement, unit = t->order.unit, NULL);
        struct encoding_side *side = &t->sides[t->order.side];
        struct batch_times own;
        t->order_encode_ns = encode_batch(t, side, t->order.batch);
        if (t->order.drop) drop_batch(t, side, t->order.batch, &own);
        give_answer(t, seen + 1);
    }
    return NULL;
}

static void give_order(struct tracer *t, const struct order *order) {
    t->order = *order;
    atomic_fetch_add_explicit(&t->number, 1, memory_order_release);
    futex_wake((uint32_t *)&t->number, 1);
}

static void await_answer(struct tracer *t, bool spin) {
    uint32_t expected = atomic_load_explicit(&t->number, memory_order_relaxed), answer;
    while ((answer = atomic_load_explicit(&t->answer, memory_order_acquire)) != expected)
        if (spin)
            processor_pause();
        else
            futex_wait((uint32_t *)&t->answer, answer);
}

static bool start_second(struct tracer *t, struct error *error) {
    if (!t->two) return true;
    atomic_store(&t->number, 1);
    if (pthread_create(&t->thread, NULL, second_main, t) != 0)
        return error_set(error, "a second thread cannot be started");
    await_answer(t, false);
    return !t->sides[1].failed ||
           error_set(error, "encoder %s: %s", t->setup->encoder, t->sides[1].message);
}

/* ---- the process with one thread ---- */

static bool lone_prepare(void *context) {
    struct tracer *t = context;
    placement_bind(t->placement, 0, NULL);
    return create_side(t, 0);
}

static void lone_measure(void *context, size_t batch, void *reply) {
    struct tracer *t = context;
    struct batch_times *times = reply;
    times->encode = encode_batch(t, &t->sides[0], batch);
    drop_batch(t, &t->sides[0], batch, times);
}

/* ---- passes ---- */

/* A reading before and after each line: what the batch's time is shared out by. */
static void read_lines(struct tracer *t, unsigned pass, size_t batch) {
    const struct corpus *corpus = t->setup->corpus;
    size_t start = corpus_batch_start(corpus, batch), count = corpus_batch_size(corpus, batch);
    float *encode = t->tables.lines[0] + pass * corpus->line_count + start;
    float *drop = t->tables.lines[1] + pass * corpus->line_count + start;
    uint64_t before = clock_now_ns();
    for (size_t i = 0; i < count; i++) {
        if (!encode_line(t, &t->sides[0], start + i, i)) return;
        uint64_t after = clock_now_ns();
        encode[i] = (float)fmax(0, (double)(after - before) - t->clock_ns);
        before = after;
    }
    for (size_t i = 0; t->operations->result_drop && i < count; i++) {
        drop_result(t, &t->sides[0], i);
        uint64_t after = clock_now_ns();
        drop[i] = (float)fmax(0, (double)(after - before) - t->clock_ns);
        before = after;
    }
    if (t->operations->scratch_reset) t->operations->scratch_reset(t->encoder, t->sides[0].scratch);
}

static void measure_batch(struct tracer *t, enum pass_kind kind, unsigned pass, size_t batch,
                          bool last) {
    size_t batches = t->setup->corpus->batch_count;
    struct batch_times *times = t->tables.batches[kind] + pass * batches + batch;
    bool remote = kind == PASS_REMOTE;
    struct order order = {.batch = batch,
                          .unit = !remote,
                          .side = !remote,
                          .drop = !remote,
                          .spin = !remote && !last};
    if (t->unit != remote) placement_bind(t->placement, t->unit = remote, NULL);
    switch (kind) {
    case PASS_ALONE:
        times->encode = encode_batch(t, &t->sides[0], batch);
        drop_batch(t, &t->sides[0], batch, times);
        break;
    case PASS_LINES:
        read_lines(t, pass, batch);
        break;
    case PASS_LONE:
        if (!lone_process_ask(t->lone, batch, times)) t->sides[0].failed = true;
        break;
    case PASS_REMOTE:
        give_order(t, &order);
        await_answer(t, false);
        drop_batch(t, &t->sides[0], batch, times);
        times->encode = t->order_encode_ns;
        break;
    default: /* both the same batch: they begin and end at about the same time */
        give_order(t, &order);
        times->encode = encode_batch(t, &t->sides[0], batch);
        drop_batch(t, &t->sides[0], batch, times);
        await_answer(t, true);
    }
}

static void measure_block(struct tracer *t, unsigned pass, size_t step, enum pass_kind kind) {
    size_t count, first = cost_times_block(t->setup->corpus, step, kind, &count);
    for (size_t i = 0; i < count; i++)
        measure_batch(t, kind, pass, first + i, i + 1 == count);
}

/* The corpus once in every kind, block by block in random turns: the speed of a shared machine
 * wanders within seconds, and kinds are compared with each other. To warm up, only the kinds that
 * fill every word cache. */
static bool measure_blocks(struct tracer *t, unsigned pass, bool warm_up, struct error *error) {
    for (size_t step = 0; step < cost_times_blocks(t->setup->corpus); step++) {
        enum pass_kind turns[PASS_KINDS];
        size_t kinds = t->two ? PASS_KINDS : PASS_LONE;
        for (size_t k = 0; k < kinds; k++) {
            size_t other = random_below(&t->random, k + 1);
            turns[k] = turns[other];
            turns[other] = (enum pass_kind)k;
        }
        for (size_t k = 0; k < kinds; k++) {
            bool fills = turns[k] == PASS_LONE || turns[k] == (t->two ? PASS_CROWDED : PASS_ALONE);
            if (fills || !warm_up) measure_block(t, pass, step, turns[k]);
        }
    }
    for (int side = 0; side < 2; side++)
        if (t->sides[side].failed)
            return error_set(error, "encoder %s: %s", t->setup->encoder,
                             t->sides[side].message[0] ? t->sides[side].message
                                                       : "a batch could not be measured");
    return true;
}

/* Up to the last byte of a result's slot that encoding some lines changes. */
static size_t written_bytes(struct tracer *t) {
    enum { MARK = 0xA5, LINES = 100 };
    struct encoding_side *side = &t->sides[0];
    size_t size = t->operations->result_size, most = 0;
    size_t count = corpus_batch_size(t->setup->corpus, 0);
    for (size_t i = 0; i < (count < LINES ? count : LINES); i++) {
        memset(side->results, MARK, size);
        if (!encode_line(t, side, i, 0)) break;
        size_t end = size;
        while (end > most && (unsigned char)side->results[end - 1] == MARK)
            end--;
        most = end;
        drop_result(t, side, 0);
    }
    if (t->operations->scratch_reset) t->operations->scratch_reset(t->encoder, side->scratch);
    return most;
}

/* ---- life ---- */

static void *shared(size_t count, size_t size) {
    void *memory =
        mmap(NULL, count * size + 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void give_back(void *memory, size_t count, size_t size) {
    if (memory) munmap(memory, count * size + 1);
}

static bool create_tables(struct tracer *t, struct error *error) {
    const struct corpus *corpus = t->setup->corpus;
    t->report = shared(1, sizeof *t->report);
    bool good = t->report != NULL;
    for (int i = 0; i < 2; i++) {
        t->tables.lines[i] =
            shared(corpus->line_count * t->setup->passes, sizeof *t->tables.lines[i]);
        good &= t->tables.lines[i] != NULL;
    }
    for (int k = 0; k < PASS_KINDS; k++) {
        t->tables.batches[k] =
            shared(corpus->batch_count * t->setup->passes, sizeof *t->tables.batches[k]);
        good &= t->tables.batches[k] != NULL;
    }
    return good || error_set(error, "out of memory for the times of %zu lines", corpus->line_count);
}

static void destroy_tables(struct tracer *t) {
    const struct corpus *corpus = t->setup->corpus;
    for (int i = 0; i < 2; i++)
        give_back(t->tables.lines[i], corpus->line_count * t->setup->passes,
                  sizeof *t->tables.lines[i]);
    for (int k = 0; k < PASS_KINDS; k++)
        give_back(t->tables.batches[k], corpus->batch_count * t->setup->passes,
                  sizeof *t->tables.batches[k]);
    give_back(t->report, 1, sizeof *t->report);
}

static bool create_encoder(struct tracer *t, const struct component *component,
                           struct error *error) {
    const struct cost_trace_setup *setup = t->setup;
    char message[GRAINBENCH_MESSAGE_SIZE] = "no reason given";
    struct grainbench_encoder_setup encoder_setup = {
        .struct_size = sizeof encoder_setup,
        .vocab_path = setup->vocab_path,
        .merges_path = setup->merges_path,
        .flags = setup->tokenizer == 1 ? GRAINBENCH_TOKENIZER_BENCH : 0,
        .workers = 2};
    t->encoder = t->operations->create(&encoder_setup, component->options, message);
    if (!t->encoder) return error_set(error, "encoder %s: %s", setup->encoder, message);
    return true;
}

/* One pass, in this process. */
static bool run_pass(struct tracer *t, const struct component *component, unsigned pass,
                     struct error *error) {
    t->placement = placement_create(NULL, PLACEMENT_CORES, error);
    if (!t->placement || !create_encoder(t, component, error)) return false;
    placement_bind(t->placement, 0, NULL);
    t->report->two = t->two = placement_core_count(t->placement) > 1;
    t->clock_ns = clock_overhead_ns();
    t->random = (struct random){pass + 1};
    if (t->two) { /* before there is a second thread */
        t->lone =
            lone_process_start(lone_prepare, lone_measure, t, sizeof(struct batch_times), error);
        if (!t->lone) return false;
    }
    if (!create_side(t, 0))
        return error_set(error, "encoder %s: %s", t->setup->encoder, t->sides[0].message);
    t->report->written_bytes = written_bytes(t);
    return start_second(t, error) && measure_blocks(t, pass, true, error) &&
           measure_blocks(t, pass, false, error);
}

/* In a process of its own, so that memory lies elsewhere in each pass, as in each run. */
static bool measure_pass(struct tracer *t, const struct component *component, unsigned pass,
                         struct error *error) {
    int status;
    t->report->done = false;
    error_set(&t->report->error, "the process that measured ended early");
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        t->report->done = run_pass(t, component, pass, &t->report->error);
        lone_process_end(t->lone);
        _exit(0);
    }
    if (child < 0) return error_set_errno(error, "a process to measure in cannot be started");
    waitpid(child, &status, 0);
    return t->report->done || error_set(error, "%s", t->report->error.message);
}

static void describe(const struct cost_trace_setup *setup, struct cost_trace *trace) {
    char entry[32], tokenizer[32];
    snprintf(trace->encoder, sizeof trace->encoder, "%s", setup->encoder);
    snprintf(trace->source, sizeof trace->source,
             "measured: %s, entry %s, tokenizer %s, batches' medians of %u passes", setup->encoder,
             arm_spec_choice(ARM_ENTRIES, setup->entry, entry, sizeof entry),
             arm_spec_choice(ARM_TOKENIZERS, setup->tokenizer, tokenizer, sizeof tokenizer),
             setup->passes);
}

static bool measure(struct tracer *t, const struct component *component, struct cost_trace *trace,
                    struct error *error) {
    t->tables.corpus = t->setup->corpus;
    t->tables.passes = t->setup->passes;
    bool good = create_tables(t, error);
    t->operations = component->encoder;
    for (unsigned pass = 0; good && pass < t->setup->passes; pass++)
        good = measure_pass(t, component, pass, error);
    if (good) {
        t->tables.two = t->report->two;
        trace->sections.result_bytes = (double)t->operations->result_size;
        trace->sections.written_bytes = (double)t->report->written_bytes;
        good = cost_times_conclude(&t->tables, trace, error);
    }
    destroy_tables(t);
    return good;
}

struct cost_trace *cost_trace_measure(const struct cost_trace_setup *setup, struct error *error) {
    struct component component;
    if (!component_parse_encoder(setup->encoder, &component, error)) return NULL;
    struct cost_trace *trace = cost_trace_create(setup->corpus->line_count, error);
    size_t size = (sizeof(struct tracer) + 127) / 128 * 128;
    struct tracer *tracer = trace ? aligned_alloc(128, size) : NULL;
    bool done = false;
    if (tracer) {
        memset(tracer, 0, size);
        tracer->setup = setup;
        done = measure(tracer, &component, trace, error);
        free(tracer);
    } else if (trace)
        error_set(error, "out of memory");
    component_free(&component);
    if (done) {
        describe(setup, trace);
        return trace;
    }
    cost_trace_free(trace);
    return NULL;
}
