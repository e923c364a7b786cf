/* A cost trace: what every line of a corpus costs to encode and its result costs to give back, in
 * ns. Measured here, read from a file, or made by a plain model. The body of simulated runs. */
#ifndef HARNESS_COST_TRACE_H
#define HARNESS_COST_TRACE_H

#include "harness/arms/arm_spec.h"
#include "harness/corpus.h"

struct cost_trace {
    char source[320]; /* where it comes from, in words, for records */
    char encoder[ARM_TEXT];
    size_t count;
    double *encode_ns; /* [count] */
    double *drop_ns;   /* [count], on the thread that encoded; 0 where there is nothing to free */
};

struct cost_trace_setup {
    const struct corpus *corpus;
    const char *vocab_path, *merges_path;
    const char *encoder;  /* with options */
    int entry, tokenizer; /* as in struct arm_spec */
    unsigned passes;      /* a line's cost is the least of so many */
};

/* Encodes every line alone on the calling thread, `passes` times over, warm. */
struct cost_trace *cost_trace_measure(const struct cost_trace_setup *setup, struct error *error);
/* 600 ns a line and 230 ns a byte, 8 % of it again for giving the result back: about the original's
 * shape on its own benchmark. The same on every machine. */
struct cost_trace *cost_trace_model(const struct corpus *corpus, struct error *error);

bool cost_trace_write(const struct cost_trace *trace, const struct corpus *corpus, const char *path,
                      struct error *error);
/* Refuses a trace of another corpus. */
struct cost_trace *cost_trace_read(const char *path, const struct corpus *corpus,
                                   struct error *error);
void cost_trace_free(struct cost_trace *trace);

/* Multiplies all costs so that one thread gets this throughput (of bytes with line ends, results
 * given back by the same thread). */
void cost_trace_scale(struct cost_trace *trace, const struct corpus *corpus, double mib_per_s);
double cost_trace_mib_per_s(const struct cost_trace *trace, const struct corpus *corpus);

#endif
