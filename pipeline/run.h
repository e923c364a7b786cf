/* One run of a pipeline from its input to its consumer, and what it showed. */
#ifndef PIPELINE_RUN_H
#define PIPELINE_RUN_H

#include "pipeline/compose.h"
#include "pipeline/device.h"
#include "pipeline/format.h"

/* Phased: read everything, then preprocess everything, then predict; only predict overlaps.
 * Streaming: everything overlaps. */
enum pipeline_mode { PIPELINE_PHASED, PIPELINE_STREAMING };

struct pipeline_setup {
    /* Input: files, or synthetic rows if there are none. */
    const char *const *paths;
    unsigned path_count;
    uint64_t synthetic_rows, synthetic_blocks;
    struct cost read_cost, preprocess_cost; /* per row; synthetic only */
    size_t block_bytes, row_limit_bytes;

    const struct format_setup *format;
    const struct device *device;

    enum pipeline_mode mode;
    const char *composition; /* NULL: what pipeline_composition makes */
    unsigned depth, workers, device_depth;
    bool intra; /* the workers share each batch instead of taking one each */
    size_t batch_rows, sequence_length;
    bool cross_blocks, drop_last, copy_rows;
    size_t shuffle_rows;
    uint64_t seed;
    size_t memory_limit_bytes; /* 0: none */
    uint64_t spin_ns;

    struct cursor start;
    uint64_t stop_after; /* batches; 0: all */
    /* Optional: called on the consumer's thread after each batch; false stops there. */
    bool (*go_on)(void *context, const struct cursor *delivered);
    void *go_on_context;
    size_t interval_limit; /* recorded intervals a thread; 0: none */
    double stall_seconds;  /* 0: no stall reporter */
};

struct batch_facts { /* what the model needs to know of each batch */
    uint64_t blocks_begun;
    bool segment_end;
};

enum pipeline_stage {
    STAGE_READ,
    STAGE_PREPROCESS,
    STAGE_WINDOW,
    STAGE_BATCH,
    STAGE_FORMAT,
    STAGE_FINALIZE,
    STAGE_CONSUME,
    PIPELINE_STAGES
};
extern const char *const pipeline_stage_names[PIPELINE_STAGES];

struct pipeline_result {
    struct composition composition;
    struct recorder *recorder;
    struct executor_report reports[COMPOSE_NODES];
    uint64_t rows, batches, blocks, text_bytes, tokens, kept_tokens, cells;
    struct digest digest; /* of all kept ids, whatever the batches */
    uint64_t read_ns, preprocess_ns, predict_ns, total_ns; /* read and preprocess: phased only */
    uint64_t first_batch_ns;                               /* from the start of predict */
    double requested_ns; /* sum asked of the device; < 0: not known */
    unsigned live_maximum, live_allowed;
    size_t bytes_maximum, pinned_maximum;
    struct cursor cursor;
    bool finished; /* the input ended (and nobody stopped before) */
    struct batch_facts *batch_facts;
    size_t batch_fact_count;
};

/* The expression for a setup: what --prefetch-batches, --workers, ... come to. */
void pipeline_composition(const struct pipeline_setup *setup, char *text, size_t size);

/* Runs it on the calling thread, which is the consumer. False with a sentence on failure. Free the
 * result in either case. */
bool pipeline_run(const struct pipeline_setup *setup, struct pipeline_result *result,
                  struct error *error);
void pipeline_result_free(struct pipeline_result *result);

#endif
