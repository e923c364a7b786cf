/* What the fast encoder costs, stage by stage, beside PCRE2's matching alone and the memory's own
 * speed: all cases once a round, interleaved, by the thread's CPU time; medians of the rounds'
 * ratios. Knows nothing of command lines and printing. */
#ifndef HARNESS_ENCODER_BENCH_H
#define HARNESS_ENCODER_BENCH_H

#include "harness/corpus.h"
#include <grainbench/encoder.h>

#define ENCODER_BENCH_ROUNDS_LIMIT 501

struct encoder_bench_settings {
    const struct corpus *corpus;
    const char *vocab_path, *merges_path;
    int simd;          /* index into FAST_LEVEL_CHOICES */
    int beside;        /* the same of a second level, run in the same rounds; -1: none */
    const char *cases; /* names with commas between; NULL: all */
    size_t memory;     /* budget of a worker's word tables, bytes */
    unsigned rounds;
    unsigned workers; /* 1, or how many are compared with one */
};

/* One case, from the medians of its rounds. */
struct encoder_bench_case {
    const char *name;
    const char *what;           /* a few words */
    double bytes;               /* of one run */
    double units;               /* pre-tokens of one run (of `miss`: words) */
    double duration_ns;         /* median, one run */
    double throughput_mb_per_s; /* 10^6 bytes */
    double ratio; /* to PCRE2 matching alone: median of the rounds' throughput ratios */
};

/* The same case at two levels. */
struct encoder_bench_beside {
    const char *name;
    double throughput_mb_per_s; /* of the second level */
    double ratio;               /* to PCRE2 matching alone */
    double of_first;            /* median of the rounds' throughput ratios, second to first level */
};

/* The two ways to a ready tokenizer: from vocab.json and merges.txt, and from the cache file. */
struct encoder_bench_load {
    double json_ms, cache_ms; /* medians; cache_ms is 0 where no cache file can be written */
};

struct encoder_bench_workers {
    double one_mb_per_s, many_mb_per_s; /* wall clock, medians */
    double scaling;                     /* median of the rounds' ratios */
    double ratio;                       /* many to PCRE2 matching alone */
    double user_cpu;                    /* user CPU seconds a wall second, many */
};

struct encoder_bench;

/* Loads everything, and checks that the ids of the corpus are those of the encoder pcre2, whole and
 * by lines (*same_ids tells). NULL with a sentence on failure. */
struct encoder_bench *encoder_bench_create(const struct encoder_bench_settings *settings,
                                           bool *same_ids, struct error *error);
void encoder_bench_destroy(struct encoder_bench *bench); /* NULL is allowed */

/* Runs all rounds. */
bool encoder_bench_run(struct encoder_bench *bench, struct error *error);

size_t encoder_bench_case_count(void);
/* False if the case was not asked for. */
bool encoder_bench_result(const struct encoder_bench *bench, size_t index,
                          struct encoder_bench_case *result);
/* False without a second level, and for what does not depend on the level or was not asked for. */
bool encoder_bench_beside(const struct encoder_bench *bench, size_t index,
                          struct encoder_bench_beside *result);
const char *encoder_bench_level(const struct encoder_bench *bench);
const char *encoder_bench_level_beside(const struct encoder_bench *bench); /* NULL: none */
size_t encoder_bench_ids(const struct encoder_bench *bench);               /* of the whole text */
/* Of the processor during the rounds, from chains of dependent additions, which take one cycle
 * each: what turns ns into cycles. */
double encoder_bench_clock_ghz(const struct encoder_bench *bench);

/* After the rounds. */
bool encoder_bench_run_workers(struct encoder_bench *bench, struct encoder_bench_workers *result,
                               struct error *error);
bool encoder_bench_run_load(const struct encoder_bench_settings *settings,
                            struct encoder_bench_load *result, struct error *error);

#endif
