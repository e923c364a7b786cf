/* Measuring a cost trace; see cost_trace.h. */
#define _GNU_SOURCE
#include "base/random.h"
#include "harness/components.h"
#include "harness/placement.h"
#include "harness/simulation/cost_trace_kind.h"
#include "harness/simulation/forked_process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PADDING_MOST = 64 * 1024 };

/* What a pass's process, and the processes of its kinds, tell. Shared between them. */
struct report {
    bool done, two;
    size_t written_bytes;
    struct error error;
    char message[GRAINBENCH_MESSAGE_SIZE]; /* of a kind that could not be set up */
};

struct tracer {
    const struct cost_trace_setup *setup;
    struct report *report; /* this and the tables are shared with the passes' processes */
    struct cost_times tables;
    const struct grainbench_encoder_operations *operations;
    void *encoder;
    struct placement *placement;
    struct trace_kind_setup kind_setup; /* of the kind that is started next */
    struct trace_kind *kind;            /* in a kind's process */
    struct forked_process *kinds[PASS_KINDS];
    size_t kind_count;
    struct random random;
};

/* ---- in the process of a kind ---- */

static bool prepare_kind(void *context) {
    struct tracer *t = context;
    t->kind = trace_kind_create(&t->kind_setup, t->report->message);
    if (t->kind && t->kind_setup.kind == PASS_ALONE)
        t->report->written_bytes = trace_kind_written_bytes(t->kind);
    return t->kind != NULL;
}

static void measure_kind(void *context, size_t step, void *reply) {
    struct tracer *t = context;
    trace_kind_measure(t->kind, step, reply);
}

/* ---- in the process of a pass ---- */

static bool start_kinds(struct tracer *t, unsigned pass, struct error *error) {
    t->kind_count = t->tables.two ? PASS_KINDS : PASS_LONE;
    t->kind_setup = (struct trace_kind_setup){.trace = t->setup,
                                              .times = &t->tables,
                                              .operations = t->operations,
                                              .encoder = t->encoder,
                                              .placement = t->placement,
                                              .pass = pass,
                                              .padding = random_below(&t->random, PADDING_MOST)};
    for (size_t k = 0; k < t->kind_count; k++) {
        t->kind_setup.kind = (enum pass_kind)k;
        t->report->message[0] = '\0';
        t->kinds[k] = forked_process_start(prepare_kind, measure_kind, t,
                                           sizeof(struct trace_kind_reply), error);
        if (t->kinds[k]) continue;
        if (t->report->message[0])
            error_set(error, "encoder %s: %s", t->setup->encoder, t->report->message);
        return false;
    }
    return true;
}

/* The last first: a process has the earlier ones' pipes open, too, and they would wait on. */
static void end_kinds(struct tracer *t) {
    for (size_t k = t->kind_count; k-- > 0;)
        forked_process_end(t->kinds[k]);
}

static bool measure_block(struct tracer *t, enum pass_kind kind, size_t step, struct error *error) {
    struct trace_kind_reply reply;
    if (!forked_process_ask(t->kinds[kind], step, &reply))
        return error_set(error, "encoder %s: a process that measured ended early",
                         t->setup->encoder);
    return !reply.failed || error_set(error, "encoder %s: %s", t->setup->encoder, reply.message);
}

/* The corpus once in every kind, block by block in random turns: the speed of a shared machine
 * wanders within seconds, and kinds are compared with each other. */
static bool measure_blocks(struct tracer *t, struct error *error) {
    for (size_t step = 0; step < cost_times_blocks(t->setup->corpus); step++) {
        enum pass_kind turns[PASS_KINDS] = {PASS_ALONE};
        for (size_t k = 0; k < t->kind_count; k++) {
            size_t other = random_below(&t->random, k + 1);
            turns[k] = turns[other];
            turns[other] = (enum pass_kind)k;
        }
        for (size_t k = 0; k < t->kind_count; k++)
            if (!measure_block(t, turns[k], step, error)) return false;
    }
    return true;
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

/* One pass, in this process. What is measured first fills the word caches. */
static bool run_pass(struct tracer *t, const struct component *component, unsigned pass,
                     struct error *error) {
    t->placement = placement_create(NULL, PLACEMENT_CORES, error);
    if (!t->placement || !create_encoder(t, component, error)) return false;
    t->report->two = t->tables.two = placement_core_count(t->placement) > 1;
    t->random = (struct random){pass + 1};
    return start_kinds(t, pass, error) && measure_blocks(t, error) && measure_blocks(t, error);
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
        end_kinds(t);
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
             "measured: %s, entry %s, tokenizer %s, batches' medians of %u passes; the processing "
             "unit was slow in %.0f %%",
             setup->encoder, arm_spec_choice(ARM_ENTRIES, setup->entry, entry, sizeof entry),
             arm_spec_choice(ARM_TOKENIZERS, setup->tokenizer, tokenizer, sizeof tokenizer),
             setup->passes, 100 * trace->slow_share);
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
    struct tracer *tracer = trace ? calloc(1, sizeof *tracer) : NULL;
    bool done = false;
    if (tracer) {
        tracer->setup = setup;
        done = measure(tracer, &component, trace, error);
        trace->slow_share = tracer->tables.slow_share;
        if (done) describe(setup, trace);
        free(tracer);
    } else if (trace)
        error_set(error, "out of memory");
    component_free(&component);
    if (done) return trace;
    cost_trace_free(trace);
    return NULL;
}
