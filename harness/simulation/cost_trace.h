/* A cost trace: what every line of a corpus costs to encode and its result costs to give back, in
 * ns, and what surrounds it in a batch. Measured here (cost_trace_measure.c), read from a file
 * (cost_trace_file.c), or made by a plain model. The body of simulated runs. */
#ifndef HARNESS_COST_TRACE_H
#define HARNESS_COST_TRACE_H

#include "harness/arms/arm_spec.h"
#include "harness/corpus.h"

/* What is not a line's own. Measured factors are 0 where they are not known: a trace that was
 * scaled to another machine, or measured on one processing unit. */
struct cost_sections {
    double lone_encode; /* encoding, and giving back, in a process with one thread, where malloc
                           needs no atomic operations, of the same beside another thread */
    double lone_drop;
    double remote_encode; /* encoding costs so many times as much on a thread that slept before and
                             whose results another thread gives back */
    double remote_drop;   /* giving back what another thread encoded, of giving back the own */
    double crowd;         /* encoding while every other core encodes too, of encoding alone */
    double reset_ns;      /* the caller makes a worker's scratch ready for the next batch */
    double remote_reset_ns; /* the same for another thread's */
    double result_bytes;    /* of a result's slot, which collecting runtimes move */
    double written_bytes;   /* of it that encoding writes */
};

struct cost_trace {
    char source[320]; /* where it comes from, in words, for records */
    char encoder[ARM_TEXT];
    struct cost_sections sections;
    double slow_share; /* just measured: of the batches, while the unit was slow */
    size_t count;
    double *encode_ns; /* [count] */
    double *drop_ns;   /* [count], on the thread that encoded; 0 where there is nothing to free */
};

struct cost_trace_setup {
    const struct corpus *corpus;
    const char *vocab_path, *merges_path;
    const char *encoder;  /* with options */
    int entry, tokenizer; /* as in struct arm_spec */
    unsigned passes;      /* of each kind */
};

/* Kinds of pass over the corpus, in turns: one with nothing in it but clock readings a batch and
 * one with a reading a line, on one thread; and, where there is a second processing unit, all in a
 * process with one thread; a second thread, which sleeps between batches, encodes and the caller
 * gives back; both encode. Each kind of each pass has a process of its own. A batch costs the
 * median of the first kind; its lines share that as their medians of the second kind say. A
 * batch counts as measured while its processing unit was not slow (cost_trace_times.h). */
struct cost_trace *cost_trace_measure(const struct cost_trace_setup *setup, struct error *error);
/* 600 ns a line and 230 ns a byte, 5.3 % of it again for giving the result back: about the
 * original's shape on its own benchmark. The same on every machine. */
struct cost_trace *cost_trace_model(const struct corpus *corpus, struct error *error);

bool cost_trace_write(const struct cost_trace *trace, const struct corpus *corpus, const char *path,
                      struct error *error);
/* Refuses a trace of another corpus. */
struct cost_trace *cost_trace_read(const char *path, const struct corpus *corpus,
                                   struct error *error);
struct cost_trace *cost_trace_create(size_t count, struct error *error); /* all zero */
void cost_trace_free(struct cost_trace *trace);

/* Multiplies all costs so that one thread gets this throughput (of bytes with line ends, results
 * given back by the same thread). */
void cost_trace_scale(struct cost_trace *trace, const struct corpus *corpus, double mib_per_s);
/* A scaled trace is one of another machine: sections that were measured here are forgotten but for
 * the bytes of a result. */
double cost_trace_mib_per_s(const struct cost_trace *trace, const struct corpus *corpus);

#endif
