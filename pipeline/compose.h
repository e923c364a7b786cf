/* Pipelines by name: an expression such as
 *
 *     thread(format(batch(blocks)), 2)
 *     thread(finalize(pool(format, batch(window(preprocess(read))), 4, 2)), 1)
 *
 * built from operators (read, blocks, preprocess, window, batch, shuffle, format, finalize) and
 * executors (thread(X, N) and pool(OPERATOR, X, W, N)). The operators know nothing of threads and
 * the executors nothing of text; this file is where they meet. */
#ifndef PIPELINE_COMPOSE_H
#define PIPELINE_COMPOSE_H

#include "base/error.h"
#include "pipeline/executor.h"
#include "pipeline/operators.h"

enum { COMPOSE_NODES = 16, COMPOSE_TEXT = 256 };

/* One operator or executor; node i's upstream is node i - 1, node 0 is the source. */
struct compose_node {
    char name[16];
    char operator_name[16];  /* of a pool */
    unsigned workers, depth; /* of an executor */
};

struct composition {
    char text[COMPOSE_TEXT];
    struct compose_node nodes[COMPOSE_NODES];
    unsigned count;
};

/* Parses and checks an expression. */
bool compose_parse(const char *text, struct composition *composition, struct error *error);

bool compose_is_executor(const struct compose_node *node);
/* Batches that may be alive at once: the consumer's one and every slot behind the batcher. */
unsigned compose_batches(const struct composition *composition);
unsigned compose_threads(const struct composition *composition);

/* What the names stand for. */
struct compose_parts {
    struct iterator *source; /* for read or blocks; taken over */
    struct transform preprocess, format, finalize;
    struct batch_setup batch;
    uint64_t window_rows, window_blocks;
    struct recorder *recorder;
    struct budget *budget;
    uint64_t spin_ns;
    struct executor_report *reports; /* COMPOSE_NODES of them, one a node */
};

/* Builds the pipeline; NULL closes the source. `parts` must outlive it. */
struct iterator *compose_build(const struct composition *composition, struct compose_parts *parts,
                               struct error *error);

#endif
