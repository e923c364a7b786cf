/* What an arm is, as plain values: a scheduler with its options, an encoder with its options, on so
 * many workers. Written to records and sent to arm processes as one JSON object. */
#ifndef HARNESS_ARM_SPEC_H
#define HARNESS_ARM_SPEC_H

#include "base/error.h"
#include "harness/placement.h"
#include <grainbench/encoder.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum arm_free { ARM_FREE_CALLER, ARM_FREE_WORKER, ARM_FREE_UNTIMED };
#define ARM_FREES      "caller|worker|untimed"
#define ARM_ENTRIES    "batch|char-offsets|fast|ids" /* in the order of enum grainbench_entry */
#define ARM_TOKENIZERS "plain|bench"
#define ARM_DOSE_LINES "shared|private"

/* Where a worker has its scratch from: its own, or for every item out of one locked pool, or out of
 * one locked pool for every four workers. */
enum arm_scratch { ARM_SCRATCH_WORKER, ARM_SCRATCH_POOL, ARM_SCRATCH_SUB_POOLS };
#define ARM_SCRATCHES "worker|pool|sub-pools"

enum { ARM_TEXT = 160 };

struct arm_spec {
    char label[ARM_TEXT];     /* what tables call it */
    char scheduler[ARM_TEXT]; /* "rayon:min_len=8", a built-in name or a module */
    char encoder[ARM_TEXT];   /* "pcre2:cost=reference:storage=heap" */
    unsigned workers;
    int plan;              /* enum placement_plan */
    int entry;             /* enum grainbench_entry */
    int tokenizer;         /* index into ARM_TOKENIZERS */
    int free_by;           /* enum arm_free: who gives results back, and whether it is timed */
    bool whole_batch;      /* the encoder's own encode_batch, with its own runtime */
    uint64_t batch_lines;  /* items of a batch, a divisor of the scenario's; 0: the scenario's */
    uint64_t gap_ns;       /* idle time of the caller between batches, outside the timed region */
    uint64_t dose;         /* dummy atomic additions an item, for dose and response */
    int dose_line;         /* index into ARM_DOSE_LINES */
    int scratch;           /* enum arm_scratch */
    uint64_t slowdown_ppm; /* planted slowdown of every timed sample, in millionths (self-test) */
    uint64_t seed;
    char preload[ARM_TEXT]; /* LD_PRELOAD of the arm's process (an allocator), or "" */
    char program[4096];     /* program that runs the arm: another build; "" is this one */
};

/* Sane defaults: rayon, fast, one worker, entry batch, freed by the caller. */
void arm_spec_init(struct arm_spec *);

/* The object to send or record; the caller owns the reference. NULL when out of memory. */
json_t *arm_spec_to_json(const struct arm_spec *);
/* Members that are absent keep their defaults; unknown members are refused. */
bool arm_spec_from_json(const json_t *object, struct arm_spec *, struct error *error);

/* "bench, lean, arena": for lines that name what was run. */
const char *arm_spec_choice(const char *choices, int index, char *text, size_t size);

#endif
