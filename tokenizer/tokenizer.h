/* A tokenizer: a vocabulary with the settings of Hugging Face's ByteLevel pre-tokenizer and its
 * added tokens. Immutable; every encoder is made from one. */
#ifndef TOKENIZER_TOKENIZER_H
#define TOKENIZER_TOKENIZER_H

#include "tokenizer/vocabulary.h"
#include <grainbench/encoder.h>

#define TOKENIZER_ADDED_LIMIT 64

/* A token that is cut out of the text before anything else sees it. Matches of tokens with
 * `normalized` unset are taken first, over the whole text, then the others in what is left; within
 * one of the two, leftmost first, then longest. */
struct added_token {
    const char *content; /* as it stands in the text; borrowed, outlives the tokenizer */
    uint32_t id;
    bool special;
    bool normalized;  /* Hugging Face's default: the opposite of special */
    bool single_word; /* not where a word character touches it */
    bool strip_left;  /* takes the white space before it along */
    bool strip_right; /* takes the white space after it along */
};

struct tokenizer {
    struct vocabulary *vocabulary; /* owned */
    bool add_prefix_space; /* each piece between added tokens gets a space unless it begins with one
                            */
    bool trim_offsets;     /* leave surrounding white space out of offsets */
    struct added_token added[TOKENIZER_ADDED_LIMIT];
    unsigned added_count;
    uint32_t size; /* ids are below it: the vocabulary's and those of added tokens */
};

/* Loads the model and sets up one of the two configurations from grainbench_encoder_setup.flags:
 * plain GPT-2 (0), or the benchmark's (GRAINBENCH_TOKENIZER_BENCH: prefix space, "ing" and the
 * special single-word "[ENT]" as added tokens). The other flags add to either. NULL on failure. */
struct tokenizer *tokenizer_create(const char *vocab_path, const char *merges_path, unsigned flags,
                                   struct error *error);
/* The same by way of the file of a digested model (vocabulary_cache.h). */
struct tokenizer *tokenizer_create_cached(const char *vocab_path, const char *merges_path,
                                          unsigned flags, struct error *error);
void tokenizer_destroy(struct tokenizer *tokenizer); /* NULL is allowed */

/* Adds a token as Hugging Face does: it keeps its id if the vocabulary has its text (as the
 * characters of `content`), else gets the next free one. */
bool tokenizer_add(struct tokenizer *tokenizer, const struct added_token *token,
                   struct error *error);

/* A token's text: from the vocabulary, or an added token's content. NULL if there is no such id. */
const char *tokenizer_token(const struct tokenizer *tokenizer, uint32_t id, size_t *length);

/* The bytes that `ids` stand for, as a fresh NUL-terminated allocation. False if an id is unknown
 * or memory is short. */
bool tokenizer_decode(const struct tokenizer *tokenizer, const uint32_t *ids, size_t count,
                      char **bytes, size_t *length, struct error *error);

/* The digest of the model files (vocabulary_digest) and the settings together. */
uint64_t tokenizer_digest(const struct tokenizer *tokenizer);

/* The Unicode version of the character classes of the `pcre2` encoder ("14.0.0"). */
const char *tokenizer_unicode_version(void);

#endif
