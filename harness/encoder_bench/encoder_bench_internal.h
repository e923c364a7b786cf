/* What the parts of encoder_bench.h share. */
#ifndef HARNESS_ENCODER_BENCH_INTERNAL_H
#define HARNESS_ENCODER_BENCH_INTERNAL_H

#include "harness/encoder_bench/encoder_bench.h"
#include "tokenizer/fast_text.h"
#include "tokenizer/piece_encoder.h"
#include "tokenizer/pretokenizer_pcre2.h"
#include "tokenizer/tokenizer.h"

enum { ENCODER_BENCH_CASES_LIMIT = 16 };

struct bench_word {
    uint32_t start, length;
};

/* An instruction set with tables of its own. */
struct bench_side {
    const struct fast_level *level;
    struct fast_words *warm, *cold;
};

enum { ENCODER_BENCH_SIDES = 2 };

struct encoder_bench {
    const struct corpus *corpus;
    const uint8_t *text;
    size_t length;
    unsigned rounds, workers;
    size_t memory;
    struct bench_side sides[ENCODER_BENCH_SIDES];
    size_t side_count;
    const struct bench_side *side; /* which the case at hand runs */
    bool wanted[ENCODER_BENCH_CASES_LIMIT];
    struct tokenizer *tokenizer;
    struct fast_model *model;
    struct pretokenizer *pretokenizer;
    struct pretokenizer_scratch *pretokenizer_scratch;
    struct piece_encoder reference; /* the heart of the encoder pcre2 */
    struct piece_scratch reference_scratch;
    bool has_reference;
    size_t id_count; /* of the whole text */
    uint32_t *ids, *counts;
    uint32_t *starts; /* of all pre-tokens, and the end of the text */
    uint64_t *values;
    size_t start_count;
    struct bench_word *missing; /* distinct words that are no token */
    size_t missing_count, missing_bytes;
    void *read_memory;
    double durations[ENCODER_BENCH_SIDES][ENCODER_BENCH_CASES_LIMIT][ENCODER_BENCH_ROUNDS_LIMIT];
    double clock_ghz[ENCODER_BENCH_ROUNDS_LIMIT];
};

/* Encodes the corpus, whole and by lines, by the fast encoder's parts on every side and by the
 * encoder pcre2. */
bool encoder_bench_check(struct encoder_bench *b, const struct encoder_bench_settings *settings,
                         bool *same_ids, struct error *error);

double encoder_bench_median(const double *values, unsigned count);

#endif
