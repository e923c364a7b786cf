/* What encoding a text gives, field by field as in Hugging Face's Encoding. The result slot of
 * every built-in encoder but `null` begins with one. */
#ifndef TOKENIZER_ENCODING_H
#define TOKENIZER_ENCODING_H

#include "tokenizer/arena.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A token's text. Not NUL-terminated. */
struct encoding_token {
    const char *text;
    size_t length;
    size_t owned_bytes; /* of a heap block of its own; 0: the text is borrowed */
};

/* In bytes or characters of the original text, by entry point; end is exclusive. */
struct encoding_offset {
    size_t start, end;
};

/* The index of the word (pre-token or added token) that a token comes from. */
struct encoding_word {
    uint32_t present; /* 0: unknown */
    uint32_t index;
};

enum encoding_storage {
    ENCODING_HEAP, /* a heap block for each field and for each token's text: freed by result_drop */
    ENCODING_ARENA /* in the scratch that made it, texts borrowed from the vocabulary: gone when
                      that scratch is reset */
};
#define ENCODING_STORAGES "heap|arena"

struct encoding {
    size_t count;
    uint32_t *ids;
    /* NULL from the entry point IDS. From FAST they are there, but empty: texts of length 0,
     * offsets (0, 0), no words. */
    uint32_t *type_ids;
    struct encoding_token *tokens;
    struct encoding_offset *offsets;
    struct encoding_word *words;
    uint32_t *special_mask; /* 1: a special token put there by a post-processor */
    uint32_t *attention_mask;
    enum encoding_storage storage;
};

/* Fields for `count` tokens, uninitialised except that tokens own nothing; all NULL for none. With
 * an arena the memory is its, else from malloc. False, with nothing held, when memory is short. */
bool encoding_allocate(struct encoding *encoding, size_t count, bool only_ids, struct arena *arena);

/* Gives a heap encoding's memory back; does nothing to one in an arena. Any thread. */
void encoding_release(struct encoding *encoding);

/* Gives every token its text: copies on the heap, or borrowed texts. False when memory is short. */
bool encoding_copy_text(struct encoding *encoding, size_t token, const char *text, size_t length);

#endif
