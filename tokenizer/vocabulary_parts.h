/* The arrays that a vocabulary consists of: for loading it (vocabulary.c), and for storing it and
 * taking it again (vocabulary_parts.c). Nothing else looks inside. */
#ifndef TOKENIZER_VOCABULARY_PARTS_H
#define TOKENIZER_VOCABULARY_PARTS_H

#include "tokenizer/vocabulary.h"

struct text_span {
    uint32_t start, length;
};

struct vocabulary {
    uint32_t size;
    char *token_text; /* all tokens as in vocab.json, each NUL-terminated */
    struct text_span *tokens;
    char *byte_text; /* all tokens as bytes */
    struct text_span *bytes;
    uint32_t *id_slots; /* hash of a token's bytes -> id + 1; 0: free */
    uint32_t id_mask;
    uint32_t byte_ids[256];
    uint32_t merge_count;
    struct merge *merges;
    struct pair_slot *pair_slots;
    struct pair_table pairs;
    uint64_t digest;
};

/* What is not an array of its own. */
struct vocabulary_numbers {
    uint64_t digest;
    uint32_t size, merge_count;
    uint32_t id_slots, pair_slots; /* how many; powers of two */
    uint32_t byte_ids[256];
};

enum { VOCABULARY_PARTS = 8 };
struct vocabulary_part {
    const void *data; /* aligned as the array in it needs */
    size_t size_bytes;
};

/* Points into the vocabulary and to *numbers, which it fills. */
void vocabulary_parts(const struct vocabulary *vocabulary, struct vocabulary_numbers *numbers,
                      struct vocabulary_part parts[VOCABULARY_PARTS]);

/* A copy of what vocabulary_parts gave to the same program. NULL when memory is short, or when
 * something points out of its bounds. */
struct vocabulary *vocabulary_from_parts(const struct vocabulary_part parts[VOCABULARY_PARTS]);

#endif
