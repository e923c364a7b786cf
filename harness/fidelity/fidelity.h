/* A model of a runtime beside the runtime itself: how both divide batches into leaves, how often
 * they steal, what an item and a batch cost, measured in turns in one process. Knows nothing of
 * encoders: bodies are empty, busy for a time, or asleep. */
#ifndef HARNESS_FIDELITY_H
#define HARNESS_FIDELITY_H

#include "harness/placement.h"
#include "results/record.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { FIDELITY_SIDES = 2, FIDELITY_MODEL = 0, FIDELITY_REAL = 1, FIDELITY_BUCKETS = 12 };

enum fidelity_body { FIDELITY_EMPTY, FIDELITY_BUSY, FIDELITY_SLEEPING };

struct fidelity_plan {
    const char *schedulers[FIDELITY_SIDES]; /* "rayon", "rayon-real:min_len=8": model, real */
    const struct thread_count *counts;
    int count;
    size_t items;      /* of a batch */
    unsigned rounds;   /* of every timed case; both sides are measured in each */
    uint64_t sleep_ns; /* of one item's body in the cases with sleeping bodies */
    unsigned batches;  /* counted one by one, a side, of every counted case */
    const struct placement *placement;
    bool pin;
    uint64_t seed;
};

/* One figure of both sides, for one number of workers. */
struct fidelity_figure {
    unsigned workers;
    const char *body;   /* "empty", "busy 1 us", "sleeping 100 us" */
    const char *metric; /* "leaves", "joins", "steals", "ns an item", "us a batch after 50 us" */
    double values[FIDELITY_SIDES]; /* medians; of joins and steals, means */
    double ratio, low, high;       /* model / real, with a 95 % interval */
    double limit_low, limit_high;  /* what the ratio is to lie within; 0, 0: only shown */
};

/* Mean leaves a batch by size: bucket b holds sizes [2^b, 2^(b+1)), the last all larger ones. */
struct fidelity_histogram {
    unsigned workers;
    const char *body;
    double leaves[FIDELITY_SIDES][FIDELITY_BUCKETS];
};

struct fidelity_result {
    struct fidelity_figure *figures;
    size_t figure_count;
    struct fidelity_histogram *histograms;
    size_t histogram_count;
};

/* Measures everything; appends every figure and histogram to `writer` as it is there. False with a
 * sentence when a scheduler cannot be made or runs an item not exactly once. */
bool fidelity_measure(const struct fidelity_plan *plan, struct record_writer *writer,
                      struct fidelity_result *result, struct error *error);
void fidelity_free(struct fidelity_result *result);

/* What a figure says about its limits: its ratio lies within, or the whole interval lies outside,
 * or neither can be said. */
enum fidelity_verdict { FIDELITY_NO_LIMITS, FIDELITY_WITHIN, FIDELITY_OUTSIDE, FIDELITY_UNDECIDED };
enum fidelity_verdict fidelity_judge(const struct fidelity_figure *figure);

/* Whether no figure is outside its limits. */
bool fidelity_agrees(const struct fidelity_result *result);

/* The tables. Only the schedulers and the number of items are read of the plan. */
bool fidelity_print(const struct fidelity_plan *plan, const struct fidelity_result *result,
                    FILE *out, struct error *error);

/* Whether a record holds such figures, and the tables of it. */
bool fidelity_is_record(const struct record *record);
bool fidelity_print_record(const struct record *record, FILE *out, struct error *error);

#endif
