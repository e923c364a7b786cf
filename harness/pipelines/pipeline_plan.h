/* What a pipeline experiment runs: options and scenario made into setups of pipeline runs. */
#ifndef HARNESS_PIPELINE_PLAN_H
#define HARNESS_PIPELINE_PLAN_H

#include "harness/components.h"
#include "harness/corpus.h"
#include "pipeline/run.h"
#include <jansson.h>

enum { PIPELINE_ARMS = 16 };

/* The options as texts, as the command line and a scenario give them; NULL: not given. */
struct pipeline_texts {
#define OPTION(name, letter, type, field, argument, fallback, choices, minimum, maximum, help)     \
    const char *field;
#define HEADING(text)
#include "harness/pipelines/pipeline_options.def"
#undef OPTION
#undef HEADING
};

/* The same, typed. */
struct pipeline_options {
    int mode, parallel;
    const char *depths, *composition, *encoder, *synthetic, *consumer;
    int64_t workers, device_depth, batch, sequence, pad_id, block_bytes, row_limit, shuffle_rows;
    int64_t memory_limit, rounds, warmup, seed, intervals;
    double spin_us, scale;
    bool cross_blocks, drop_last, copy_rows, control;
};

struct pipeline_arm {
    unsigned depth;
    char label[48];
    bool is_control;
    struct pipeline_setup setup;
};

/* Everything the arms share. Made by pipeline_plan, freed by pipeline_plan_free; not to be moved,
 * since the arms point into it. */
struct pipeline_plan {
    struct pipeline_options options;
    char name[64], summary[160];
    json_t *scenario; /* the file's object, or NULL */
    char *consumer_text, *synthetic_text;
    const char **paths;
    unsigned path_count;
    char *found_path;
    bool built_in; /* the generated corpus */
    struct component encoder;
    void *encoder_state;
    struct format_setup format;
    struct device device;
    struct pipeline_arm arms[PIPELINE_ARMS];
    unsigned arm_count;
};

/* `scenario`: a name, a path, or NULL; `paths`: input files, none for the scenario's or big.txt. */
bool pipeline_plan(const char *scenario, const struct pipeline_texts *texts, int path_count,
                   char **paths, bool force, struct pipeline_plan *plan, struct error *error);
void pipeline_plan_free(struct pipeline_plan *plan);

#endif
