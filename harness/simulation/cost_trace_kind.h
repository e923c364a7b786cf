/* One kind of pass over the corpus, in the process that has it: who encodes and gives back what, on
 * which processing unit. Every kind has a process of its own, so that none finds the word caches
 * warm that another one has just used. For cost_trace_measure.c alone. */
#ifndef HARNESS_COST_TRACE_KIND_H
#define HARNESS_COST_TRACE_KIND_H

#include "harness/placement.h"
#include "harness/simulation/cost_trace_times.h"

struct trace_kind_setup {
    const struct cost_trace_setup *trace;
    const struct cost_times *times; /* tables that are shared with who asks */
    const struct grainbench_encoder_operations *operations;
    void *encoder;
    const struct placement *placement;
    enum pass_kind kind;
    unsigned pass;
    size_t padding; /* of the memory before what is measured, bytes: where it lies changes speeds */
};

/* What came of a request. */
struct trace_kind_reply {
    bool failed;
    char message[GRAINBENCH_MESSAGE_SIZE];
};

struct trace_kind;

/* Makes scratches and result slots, and the second thread if the kind has one; the calling thread
 * is bound to processing units from here on. NULL with a message if it failed. */
struct trace_kind *trace_kind_create(const struct trace_kind_setup *setup, char *message);
/* Measures the block of batches that the kind has at this step, into the tables. */
void trace_kind_measure(struct trace_kind *kind, size_t step, struct trace_kind_reply *reply);

/* Up to the last byte of a result's slot that encoding some lines changes. 0 if that failed. */
size_t trace_kind_written_bytes(struct trace_kind *kind);

#endif
