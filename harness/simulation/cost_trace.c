/* Cost traces; see cost_trace.h. */
#define _GNU_SOURCE
#include "harness/simulation/cost_trace.h"

#include "base/clock.h"
#include "base/file.h"
#include "harness/components.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cost_trace *trace_create(size_t count, struct error *error) {
    struct cost_trace *trace = calloc(1, sizeof *trace);
    if (trace) {
        trace->count = count;
        trace->encode_ns = calloc(count + 1, sizeof *trace->encode_ns);
        trace->drop_ns = calloc(count + 1, sizeof *trace->drop_ns);
        if (trace->encode_ns && trace->drop_ns) return trace;
    }
    cost_trace_free(trace);
    error_set(error, "out of memory for the costs of %zu lines", count);
    return NULL;
}

void cost_trace_free(struct cost_trace *trace) {
    if (!trace) return;
    free(trace->encode_ns);
    free(trace->drop_ns);
    free(trace);
}

struct cost_trace *cost_trace_model(const struct corpus *corpus, struct error *error) {
    struct cost_trace *trace = trace_create(corpus->line_count, error);
    if (!trace) return NULL;
    snprintf(trace->source, sizeof trace->source,
             "model: 600 ns a line and 230 ns a byte, 8 %% of it for giving the result back");
    snprintf(trace->encoder, sizeof trace->encoder, "model");
    for (size_t i = 0; i < trace->count; i++) {
        trace->encode_ns[i] = 600 + 230 * (double)corpus->lengths[i];
        trace->drop_ns[i] = 0.08 * trace->encode_ns[i];
    }
    return trace;
}

/* ---- measuring ---- */

struct measurement {
    const struct cost_trace_setup *setup;
    const struct grainbench_encoder_operations *operations;
    void *encoder, *scratch;
    char *result;
    double overhead_ns; /* of one clock reading */
};

static double clock_overhead_ns(void) {
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 2000; i++) {
        uint64_t begin = clock_now_ns(), took = clock_now_ns() - begin;
        if (took < best) best = took;
    }
    return (double)best;
}

/* One pass in batches, as a run has it: results of a batch live until all are encoded. */
static bool measure_batch(const struct measurement *m, struct cost_trace *trace, size_t batch,
                          struct error *error) {
    const struct corpus *corpus = m->setup->corpus;
    size_t start = corpus_batch_start(corpus, batch), count = corpus_batch_size(corpus, batch);
    char message[GRAINBENCH_MESSAGE_SIZE] = "";
    uint64_t before = clock_now_ns();
    for (size_t i = 0; i < count; i++) {
        size_t line = start + i;
        if (!m->operations->encode(m->encoder, m->scratch, (enum grainbench_entry)m->setup->entry,
                                   corpus->lines[line], corpus->lengths[line],
                                   m->result + i * m->operations->result_size, message))
            return error_set(error, "line %zu: %s", line + 1, message);
        uint64_t after = clock_now_ns();
        double cost = fmax(0, (double)(after - before) - m->overhead_ns);
        trace->encode_ns[line] = fmin(trace->encode_ns[line], cost);
        before = after;
    }
    for (size_t i = 0; m->operations->result_drop && i < count; i++) {
        m->operations->result_drop(m->encoder, m->result + i * m->operations->result_size);
        uint64_t after = clock_now_ns();
        double cost = fmax(0, (double)(after - before) - m->overhead_ns);
        if (i > 0) trace->drop_ns[start + i] = fmin(trace->drop_ns[start + i], cost);
        before = after;
    }
    if (m->operations->scratch_reset) m->operations->scratch_reset(m->encoder, m->scratch);
    return true;
}

static bool measure_passes(const struct measurement *m, struct cost_trace *trace,
                           struct error *error) {
    for (size_t i = 0; i < trace->count; i++) {
        trace->encode_ns[i] = INFINITY;
        trace->drop_ns[i] = m->operations->result_drop ? INFINITY : 0;
    }
    for (unsigned pass = 0; pass < m->setup->passes; pass++)
        for (size_t b = 0; b < m->setup->corpus->batch_count; b++)
            if (!measure_batch(m, trace, b, error)) return false;
    /* The first result of a batch is dropped right after the last was encoded: its time is not
     * clean and was left out above. */
    double sum = 0;
    size_t known = 0;
    for (size_t i = 0; i < trace->count; i++)
        if (isfinite(trace->drop_ns[i])) {
            sum += trace->drop_ns[i];
            known++;
        }
    for (size_t i = 0; i < trace->count; i++)
        if (!isfinite(trace->drop_ns[i])) trace->drop_ns[i] = known ? sum / (double)known : 0;
    return true;
}

static bool measurement_begin(struct measurement *m, struct error *error) {
    const struct cost_trace_setup *setup = m->setup;
    char message[GRAINBENCH_MESSAGE_SIZE] = "no reason given";
    size_t slots = setup->corpus->batch_lines * m->operations->result_size;
    m->result = aligned_alloc(128, (slots + 4096) / 128 * 128);
    if (!m->result) return error_set(error, "out of memory for a batch's results");
    memset(m->result, 0, slots);
    m->overhead_ns = clock_overhead_ns();
    m->scratch = m->operations->scratch_create(m->encoder, 0, message);
    return m->scratch ? true : error_set(error, "encoder %s: %s", setup->encoder, message);
}

struct cost_trace *cost_trace_measure(const struct cost_trace_setup *setup, struct error *error) {
    struct component component;
    if (!component_parse_encoder(setup->encoder, &component, error)) return NULL;
    struct measurement m = {.setup = setup, .operations = component.encoder};
    struct grainbench_encoder_setup encoder_setup = {
        .struct_size = sizeof encoder_setup,
        .vocab_path = setup->vocab_path,
        .merges_path = setup->merges_path,
        .flags = setup->tokenizer == 1 ? GRAINBENCH_TOKENIZER_BENCH : 0,
        .workers = 1};
    char message[GRAINBENCH_MESSAGE_SIZE] = "no reason given";
    struct cost_trace *trace = trace_create(setup->corpus->line_count, error);
    bool done = false;
    if (trace) m.encoder = m.operations->create(&encoder_setup, component.options, message);
    if (m.encoder)
        done = measurement_begin(&m, error) && measure_passes(&m, trace, error);
    else if (trace)
        error_set(error, "encoder %s: %s", setup->encoder, message);
    if (done) {
        char entry[32], tokenizer[32];
        snprintf(trace->encoder, sizeof trace->encoder, "%s", setup->encoder);
        snprintf(trace->source, sizeof trace->source,
                 "measured: %s, entry %s, tokenizer %s, least of %u passes", setup->encoder,
                 arm_spec_choice(ARM_ENTRIES, setup->entry, entry, sizeof entry),
                 arm_spec_choice(ARM_TOKENIZERS, setup->tokenizer, tokenizer, sizeof tokenizer),
                 setup->passes);
    }
    if (m.scratch) m.operations->scratch_destroy(m.encoder, m.scratch);
    if (m.encoder) m.operations->destroy(m.encoder);
    free(m.result);
    component_free(&component);
    if (done) return trace;
    cost_trace_free(trace);
    return NULL;
}

/* ---- files ---- */

bool cost_trace_write(const struct cost_trace *trace, const struct corpus *corpus, const char *path,
                      struct error *error) {
    char digest[32];
    snprintf(digest, sizeof digest, "%016" PRIx64, corpus->digest);
    json_t *header =
        json_pack("{s:s, s:s, s:s, s:s, s:I}", "kind", "trace", "source", trace->source, "encoder",
                  trace->encoder, "corpus_xxh3", digest, "lines", (json_int_t)trace->count);
    char *first = header ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    char *text = NULL;
    size_t size = 0;
    FILE *out = first ? open_memstream(&text, &size) : NULL;
    if (out) {
        fprintf(out, "%s\n", first);
        for (size_t i = 0; i < trace->count; i++)
            fprintf(out, "%.0f %.0f\n", trace->encode_ns[i], trace->drop_ns[i]);
        if (fclose(out) != 0) size = 0;
    }
    free(first);
    bool written = size ? file_write(path, text, size, error) : error_set(error, "out of memory");
    free(text);
    return written;
}

static bool read_header(const char *path, const char *line, size_t length,
                        const struct corpus *corpus, struct cost_trace *trace,
                        struct error *error) {
    json_t *header = json_loadb(line, length, 0, NULL);
    const char *kind = json_string_value(json_object_get(header, "kind"));
    const char *digest = json_string_value(json_object_get(header, "corpus_xxh3"));
    const char *encoder = json_string_value(json_object_get(header, "encoder"));
    const char *source = json_string_value(json_object_get(header, "source"));
    char expected[32];
    snprintf(expected, sizeof expected, "%016" PRIx64, corpus->digest);
    bool good = false;
    if (!kind || strcmp(kind, "trace") != 0 || !digest || !encoder || !source)
        error_set(error, "%s: line 1: not a trace that 'grainbench trace' wrote", path);
    else if (strcmp(digest, expected) != 0)
        error_set(error, "%s: a trace of another text than %s; make one with 'grainbench trace'",
                  path, corpus->path);
    else
        good = true;
    if (good) {
        snprintf(trace->encoder, sizeof trace->encoder, "%s", encoder);
        snprintf(trace->source, sizeof trace->source, "%s", source);
    }
    json_decref(header);
    return good;
}

static bool read_costs(const char *path, const char *at, struct cost_trace *trace,
                       struct error *error) {
    for (size_t i = 0; i < trace->count; i++) {
        char *end;
        trace->encode_ns[i] = strtod(at, &end);
        bool good = end != at;
        if (good) {
            at = end;
            trace->drop_ns[i] = strtod(at, &end);
            good = end != at && *end == '\n';
        }
        if (!good || !(trace->encode_ns[i] >= 0) || !(trace->drop_ns[i] >= 0))
            return error_set(error, "%s: line %zu: two costs in ns are expected, 0 or more", path,
                             i + 2);
        at = end;
    }
    return true;
}

struct cost_trace *cost_trace_read(const char *path, const struct corpus *corpus,
                                   struct error *error) {
    char *data;
    size_t size;
    if (!file_read(path, &data, &size, error)) return NULL;
    struct cost_trace *trace = trace_create(corpus->line_count, error);
    const char *newline = memchr(data, '\n', size);
    bool good = trace != NULL;
    if (good && !newline) good = error_set(error, "%s: line 1: not a trace", path);
    good = good && read_header(path, data, (size_t)(newline - data), corpus, trace, error) &&
           read_costs(path, newline + 1, trace, error);
    free(data);
    if (good) return trace;
    cost_trace_free(trace);
    return NULL;
}

/* ---- scale ---- */

double cost_trace_mib_per_s(const struct cost_trace *trace, const struct corpus *corpus) {
    double sum_ns = 0;
    for (size_t i = 0; i < trace->count; i++)
        sum_ns += trace->encode_ns[i] + trace->drop_ns[i];
    return sum_ns > 0 ? (double)corpus->size_bytes / 0x1p20 / (sum_ns / 1e9) : 0;
}

void cost_trace_scale(struct cost_trace *trace, const struct corpus *corpus, double mib_per_s) {
    double factor = cost_trace_mib_per_s(trace, corpus) / mib_per_s;
    for (size_t i = 0; i < trace->count; i++) {
        trace->encode_ns[i] *= factor;
        trace->drop_ns[i] *= factor;
    }
}
