/* Cost traces: made, modelled, scaled; see cost_trace.h. */
#include "harness/simulation/cost_trace.h"

#include <stdio.h>
#include <stdlib.h>

/* Measured by `grainbench trace` with the reference cost, glibc malloc: 5.2 to 5.4 %. */
#define MODEL_DROP_SHARE 0.053
enum { MODEL_RESULT_BYTES = 256 }; /* of the original's Encoding */

struct cost_trace *cost_trace_create(size_t count, struct error *error) {
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
    struct cost_trace *trace = cost_trace_create(corpus->line_count, error);
    if (!trace) return NULL;
    snprintf(trace->source, sizeof trace->source,
             "model: 600 ns a line and 230 ns a byte, 5.3 %% of it for giving the result back");
    snprintf(trace->encoder, sizeof trace->encoder, "model");
    trace->sections.result_bytes = trace->sections.written_bytes = MODEL_RESULT_BYTES;
    for (size_t i = 0; i < trace->count; i++) {
        trace->encode_ns[i] = 600 + 230 * (double)corpus->lengths[i];
        trace->drop_ns[i] = MODEL_DROP_SHARE * trace->encode_ns[i];
    }
    return trace;
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
    trace->sections = (struct cost_sections){.result_bytes = trace->sections.result_bytes,
                                             .written_bytes = trace->sections.written_bytes};
    for (size_t i = 0; i < trace->count; i++) {
        trace->encode_ns[i] *= factor;
        trace->drop_ns[i] *= factor;
    }
}
