/* Finds added tokens in a text: what Hugging Face does before anything else. */
#ifndef TOKENIZER_ADDED_TOKENS_H
#define TOKENIZER_ADDED_TOKENS_H

#include "tokenizer/pretokenizer_pcre2.h"
#include "tokenizer/tokenizer.h"

#define PIECE_IS_TEXT (-1)

/* A stretch of text: an added token, or what lies between two. Never empty. */
struct piece {
    size_t start, end;
    int added; /* index into tokenizer->added, or PIECE_IS_TEXT */
};

/* Made from a tokenizer's list; immutable, shared by threads. */
struct added_finder {
    const struct tokenizer *tokenizer;
    const struct pretokenizer *pretokenizer;
    bool first_bytes[2][256]; /* per pass: bytes that an added token begins with */
    bool pass_used[2];
};
void added_finder_init(struct added_finder *finder, const struct tokenizer *tokenizer,
                       const struct pretokenizer *pretokenizer);

/* A growing list of pieces; zero-initialise, free `items`. */
struct piece_list {
    struct piece *items;
    size_t count, capacity;
};

/* Cuts a text into pieces, in order. False when memory is short. */
bool added_tokens_split(const struct added_finder *finder, struct pretokenizer_scratch *scratch,
                        const char *text, size_t length, struct piece_list *pieces);

#endif
