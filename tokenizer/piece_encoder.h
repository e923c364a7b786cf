/* The heart of the `pcre2` encoder: from a text to ids and, if asked, the word of each token. Word
 * by word: look it up in the cache, else merge it. */
#ifndef TOKENIZER_PIECE_ENCODER_H
#define TOKENIZER_PIECE_ENCODER_H

#include "tokenizer/added_tokens.h"
#include "tokenizer/merge.h"
#include "tokenizer/word_cache.h"

#define TAIL_BYTES 32

/* Shared and immutable, except for the cache, which looks after itself. */
struct piece_encoder {
    struct tokenizer *tokenizer;
    struct pretokenizer *pretokenizer;
    struct added_finder finder;
    enum word_cache_kind cache_kind;
    size_t cache_capacity;
    struct word_cache *cache;
};

/* What happened to a word, for the model of what the original would have allocated. */
struct word_trace {
    size_t end; /* in the piece with its prefix space */
    uint32_t tokens;
    bool missed; /* it was not in the cache */
};

/* One thread's working memory. */
struct piece_scratch {
    struct pretokenizer_scratch *pretokenizer;
    struct merge_scratch merge;
    struct word_table words; /* the cache of kind `worker` */
    struct piece_list pieces;
    char *prefixed; /* a piece behind its prefix space */
    size_t prefixed_size;
    struct word_trace *traces; /* NULL: not asked for; else room for every byte of a text */
    size_t trace_count;
};

bool piece_encoder_init(struct piece_encoder *encoder, struct tokenizer *tokenizer,
                        enum word_cache_kind kind, size_t capacity, struct error *error);
void piece_encoder_release(struct piece_encoder *encoder);
bool piece_scratch_init(struct piece_scratch *scratch, const struct piece_encoder *encoder,
                        struct error *error);
void piece_scratch_release(struct piece_scratch *scratch);

#define PIECE_FAILED SIZE_MAX

/* The text of a piece as the pre-tokenizer sees it: with a space before it if the tokenizer wants
 * one and it has none. *prefix is 1 or 0. NULL when memory is short. */
const char *piece_prepare(const struct piece_encoder *encoder, struct piece_scratch *scratch,
                          const char *text, size_t length, size_t *prefix);

/* Ids of one prepared piece; `ids` has room for `length` of them. Returns how many, or
 * PIECE_FAILED. */
size_t piece_ids(const struct piece_encoder *encoder, struct piece_scratch *scratch,
                 const char *text, size_t length, uint32_t *ids);

/* The same, with the index of each token's word in `words`, counted up from *word. */
size_t piece_ids_and_words(const struct piece_encoder *encoder, struct piece_scratch *scratch,
                           const char *text, size_t length, uint32_t *ids, uint32_t *words,
                           uint32_t *word);

/* Ids of a whole text, added tokens and prefix spaces included; `ids` has room for 2 * length + 2.
 * Returns how many, or PIECE_FAILED. */
size_t piece_encoder_ids(const struct piece_encoder *encoder, struct piece_scratch *scratch,
                         const char *text, size_t length, uint32_t *ids);

#endif
