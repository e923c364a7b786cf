/* Measuring a cost trace; see cost_trace.h. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "harness/components.h"
#include "harness/placement.h"
#include "harness/simulation/cost_trace.h"
#include "schedulers/futex.h"
#include "schedulers/sync_processor.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A block is long enough that caches are as in a run but for its first batch. */
enum { BLOCK_BATCHES = 8, SPIN_NS = 100000 };

/* One thread's side: its scratch and result slots. */
struct encoding_side {
    void *scratch;
    char *results;
    char message[GRAINBENCH_MESSAGE_SIZE];
    bool failed;
};

/* What a batch took, ns. */
struct batch_times {
    double encode, drop, reset;
};

/* Alone: the caller encodes and gives back, the second thread sleeps. Lines: the same with clock
 * readings. Second: the second thread does both. Remote: it encodes and the caller gives back.
 * Crowded: both encode. */
enum pass_kind { PASS_ALONE, PASS_LINES, PASS_SECOND, PASS_REMOTE, PASS_CROWDED, PASS_KINDS };

struct tracer {
    const struct cost_trace_setup *setup;
    const struct grainbench_encoder_operations *operations;
    void *encoder;
    struct encoding_side sides[2]; /* the caller's and the second thread's */
    struct placement *placement;
    bool two, started;                     /* there is a second processing unit */
    float *lines[2];                       /* [passes][line]: encode and drop */
    struct batch_times *times[PASS_KINDS]; /* [passes][batch] */
    double clock_ns;                       /* of one reading */
    pthread_t thread;
    /* The second thread's orders: it acts when `order` moves and answers in `answer`. */
    _Alignas(128) _Atomic uint32_t order;
    _Alignas(128) _Atomic uint32_t answer;
    _Atomic bool stop;
    size_t order_batch;
    bool order_drop; /* it is to give the results back itself */
    double order_encode_ns;
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

/* Spins for a while, as a pool's worker does, then sleeps, so that it is out of the way while the
 * caller works alone. */
static void await_order(struct tracer *t, uint32_t seen) {
    uint64_t begin = clock_now_ns();
    while (atomic_load_explicit(&t->order, memory_order_acquire) == seen)
        if (clock_now_ns() - begin < SPIN_NS)
            processor_pause();
        else
            futex_wait((uint32_t *)&t->order, seen);
}

static void *second_main(void *argument) {
    struct tracer *t = argument;
    placement_bind(t->placement, 1, NULL);
    for (uint32_t seen = 0;; seen++) {
        await_order(t, seen);
        if (atomic_load(&t->stop)) return NULL;
        struct batch_times own;
        t->order_encode_ns = encode_batch(t, &t->sides[1], t->order_batch);
        if (t->order_drop) drop_batch(t, &t->sides[1], t->order_batch, &own);
        atomic_store_explicit(&t->answer, seen + 1, memory_order_release);
    }
}

static void order_batch(struct tracer *t, size_t batch, bool drop) {
    t->order_batch = batch;
    t->order_drop = drop;
    atomic_fetch_add_explicit(&t->order, 1, memory_order_release);
    futex_wake((uint32_t *)&t->order, 1);
}

static void await_answer(struct tracer *t) {
    uint32_t expected = atomic_load_explicit(&t->order, memory_order_relaxed);
    while (atomic_load_explicit(&t->answer, memory_order_acquire) != expected)
        processor_pause();
}

static bool start_second(struct tracer *t, struct error *error) {
    if (!t->two) return true;
    t->started = pthread_create(&t->thread, NULL, second_main, t) == 0;
    return t->started || error_set(error, "a second thread cannot be started");
}

static void stop_second(struct tracer *t) {
    if (!t->started) return;
    atomic_store(&t->stop, true);
    atomic_fetch_add_explicit(&t->order, 1, memory_order_release);
    futex_wake((uint32_t *)&t->order, 1);
    pthread_join(t->thread, NULL);
}

/* ---- passes ---- */

/* A reading before and after each line: what the batch's time is shared out by. */
static void read_lines(struct tracer *t, unsigned pass, size_t batch) {
    const struct corpus *corpus = t->setup->corpus;
    size_t start = corpus_batch_start(corpus, batch), count = corpus_batch_size(corpus, batch);
    float *encode = t->lines[0] + pass * corpus->line_count + start;
    float *drop = t->lines[1] + pass * corpus->line_count + start;
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

static void measure_batch(struct tracer *t, enum pass_kind kind, unsigned pass, size_t batch) {
    size_t batches = t->setup->corpus->batch_count;
    struct batch_times *times = t->times[kind] + pass * batches + batch;
    switch (kind) {
    case PASS_ALONE:
        times->encode = encode_batch(t, &t->sides[0], batch);
        drop_batch(t, &t->sides[0], batch, times);
        break;
    case PASS_LINES:
        read_lines(t, pass, batch);
        break;
    case PASS_SECOND:
        order_batch(t, batch, true);
        await_answer(t);
        times->encode = t->order_encode_ns;
        break;
    case PASS_REMOTE:
        order_batch(t, batch, false);
        await_answer(t);
        times->encode = t->order_encode_ns;
        drop_batch(t, &t->sides[1], batch, times);
        break;
    default: /* both the same batch: they begin and end at about the same time */
        order_batch(t, batch, true);
        times->encode = encode_batch(t, &t->sides[0], batch);
        drop_batch(t, &t->sides[0], batch, times);
        await_answer(t);
    }
}

/* The corpus once in every kind, block by block in turns: the speed of a shared machine wanders
 * within seconds, and kinds are compared with each other. */
static bool measure_pass(struct tracer *t, unsigned pass, struct error *error) {
    size_t batches = t->setup->corpus->batch_count;
    for (size_t first = 0; first < batches; first += BLOCK_BATCHES)
        for (int k = 0; k < (t->two ? PASS_KINDS : PASS_SECOND); k++) {
            size_t end = first + BLOCK_BATCHES < batches ? first + BLOCK_BATCHES : batches;
            for (size_t batch = first; batch < end; batch++)
                measure_batch(t, (enum pass_kind)k, pass, batch);
        }
    for (int side = 0; side < 2; side++)
        if (t->sides[side].failed)
            return error_set(error, "encoder %s: %s", t->setup->encoder, t->sides[side].message);
    return true;
}

/* ---- from times to costs ---- */

static int compare_reals(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
    if (!count) return 0;
    qsort(values, count, sizeof *values, compare_reals);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

enum member { MEMBER_ENCODE, MEMBER_DROP, MEMBER_RESET };

static double member_of(const struct batch_times *times, enum member member) {
    return member == MEMBER_ENCODE ? times->encode
           : member == MEMBER_DROP ? times->drop
                                   : times->reset;
}

/* Median over the passes of a batch's time. */
static double batch_median(const struct tracer *t, enum pass_kind kind, size_t batch,
                           enum member member, double *room) {
    for (unsigned p = 0; p < t->setup->passes; p++)
        room[p] = member_of(&t->times[kind][p * t->setup->corpus->batch_count + batch], member);
    return median(room, t->setup->passes);
}

/* Median over batches and passes of one kind's time over that of another kind a moment before. */
static double ratio_of(const struct tracer *t, enum pass_kind kind, enum pass_kind over,
                       enum member member, double *room) {
    size_t batches = t->setup->corpus->batch_count, count = 0;
    for (size_t i = 0; i < batches * t->setup->passes; i++) {
        double here = member_of(&t->times[over][i], member);
        double there = member_of(&t->times[kind][i], member);
        if (here > 0 && there > 0) room[count++] = there / here;
    }
    return median(room, count);
}

static double median_of(const struct tracer *t, enum pass_kind kind, enum member member,
                        double *room) {
    size_t count = t->setup->corpus->batch_count * t->setup->passes;
    for (size_t i = 0; i < count; i++)
        room[i] = member_of(&t->times[kind][i], member);
    return median(room, count);
}

/* Lines' medians, and then such that a batch's lines sum up to the batch's median. */
static void share_out(const struct tracer *t, int which, enum member member, double *costs,
                      double *room) {
    const struct corpus *corpus = t->setup->corpus;
    unsigned passes = t->setup->passes;
    for (size_t b = 0; b < corpus->batch_count; b++) {
        size_t start = corpus_batch_start(corpus, b), count = corpus_batch_size(corpus, b);
        double sum = 0, batch_ns = batch_median(t, PASS_ALONE, b, member, room);
        for (size_t line = start; line < start + count; line++) {
            for (unsigned p = 0; p < passes; p++)
                room[p] = t->lines[which][p * corpus->line_count + line];
            costs[line] = median(room, passes);
            sum += costs[line];
        }
        for (size_t line = start; line < start + count; line++)
            costs[line] = sum > 0 ? costs[line] * batch_ns / sum : batch_ns / (double)count;
    }
}

static bool conclude(const struct tracer *t, struct cost_trace *trace, struct error *error) {
    size_t most = t->setup->corpus->batch_count * t->setup->passes + t->setup->passes;
    double *room = calloc(most, sizeof *room);
    if (!room) return error_set(error, "out of memory");
    share_out(t, 0, MEMBER_ENCODE, trace->encode_ns, room);
    share_out(t, 1, MEMBER_DROP, trace->drop_ns, room);
    struct cost_sections *sections = &trace->sections;
    sections->result_bytes = (double)t->operations->result_size;
    sections->reset_ns = median_of(t, PASS_ALONE, MEMBER_RESET, room);
    if (t->two) {
        sections->remote_encode = ratio_of(t, PASS_REMOTE, PASS_SECOND, MEMBER_ENCODE, room);
        sections->remote_drop = ratio_of(t, PASS_REMOTE, PASS_ALONE, MEMBER_DROP, room);
        sections->remote_reset_ns = median_of(t, PASS_REMOTE, MEMBER_RESET, room);
        sections->crowd = ratio_of(t, PASS_CROWDED, PASS_ALONE, MEMBER_ENCODE, room);
    }
    free(room);
    return true;
}

/* ---- life ---- */

static bool create_side(struct tracer *t, unsigned index, struct error *error) {
    struct encoding_side *side = &t->sides[index];
    size_t slots = t->setup->corpus->batch_lines * t->operations->result_size;
    side->results = aligned_alloc(128, (slots + 4096) / 128 * 128);
    if (!side->results) return error_set(error, "out of memory for a batch's results");
    memset(side->results, 0, slots);
    side->scratch = t->operations->scratch_create(t->encoder, index, side->message);
    return side->scratch ? true
                         : error_set(error, "encoder %s: %s", t->setup->encoder, side->message);
}

static bool create_tables(struct tracer *t, struct error *error) {
    const struct corpus *corpus = t->setup->corpus;
    bool good = true;
    for (int i = 0; i < 2; i++) {
        t->lines[i] = calloc(corpus->line_count * t->setup->passes + 1, sizeof *t->lines[i]);
        good &= t->lines[i] != NULL;
    }
    for (int k = 0; k < PASS_KINDS; k++) {
        t->times[k] = calloc(corpus->batch_count * t->setup->passes + 1, sizeof *t->times[k]);
        good &= t->times[k] != NULL;
    }
    return good || error_set(error, "out of memory for the times of %zu lines", corpus->line_count);
}

static bool tracer_create(struct tracer *t, const struct component *component,
                          struct error *error) {
    const struct cost_trace_setup *setup = t->setup;
    char message[GRAINBENCH_MESSAGE_SIZE] = "no reason given";
    t->operations = component->encoder;
    t->placement = placement_create(NULL, PLACEMENT_CORES, error);
    if (!t->placement) return false;
    t->two = placement_core_count(t->placement) > 1;
    struct grainbench_encoder_setup encoder_setup = {
        .struct_size = sizeof encoder_setup,
        .vocab_path = setup->vocab_path,
        .merges_path = setup->merges_path,
        .flags = setup->tokenizer == 1 ? GRAINBENCH_TOKENIZER_BENCH : 0,
        .workers = 2};
    t->encoder = t->operations->create(&encoder_setup, component->options, message);
    if (!t->encoder) return error_set(error, "encoder %s: %s", setup->encoder, message);
    t->clock_ns = clock_overhead_ns();
    return create_tables(t, error) && create_side(t, 0, error) && create_side(t, 1, error);
}

static void tracer_destroy(struct tracer *t) {
    for (int s = 0; s < 2; s++) {
        if (t->sides[s].scratch) t->operations->scratch_destroy(t->encoder, t->sides[s].scratch);
        free(t->sides[s].results);
        free(t->lines[s]);
    }
    for (int k = 0; k < PASS_KINDS; k++)
        free(t->times[k]);
    if (t->encoder) t->operations->destroy(t->encoder);
    placement_destroy(t->placement);
    free(t);
}

static bool measure(struct tracer *t, struct error *error) {
    placement_bind(t->placement, 0, NULL);
    if (!start_second(t, error)) return false;
    bool good = measure_pass(t, 0, error); /* word caches fill; measured again below */
    for (unsigned pass = 0; good && pass < t->setup->passes; pass++)
        good = measure_pass(t, pass, error);
    stop_second(t);
    return good;
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
        done = tracer_create(tracer, &component, error) && measure(tracer, error) &&
               conclude(tracer, trace, error);
        tracer_destroy(tracer);
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
