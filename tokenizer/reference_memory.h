/* Memory as the original asks for it: the structures of Hugging Face tokenizers by size, and
 * vectors that grow by doubling. Private to the model of its cost (reference_cost.h). */
#ifndef TOKENIZER_REFERENCE_MEMORY_H
#define TOKENIZER_REFERENCE_MEMORY_H

#include "tokenizer/reference_cost.h"

/* A growing vector of bytes, as (pointer, length, capacity). */
struct vector {
    void *memory;
    size_t length, capacity; /* in elements */
};

/* One (start, end) a byte: where it stands in the original. */
struct range {
    size_t start, end;
};

/* A text with what it was before: NormalizedString, 80 bytes. */
struct slice {
    struct vector original, normalized, alignment;
    size_t shift;
};

/* Token, 48 bytes. */
struct token {
    struct vector value;
    struct range offsets;
    uint32_t id;
};

/* Split, 104 bytes: a slice and, once it is known, its tokens. */
struct split {
    struct slice slice;
    struct vector tokens;
};

_Static_assert(sizeof(struct slice) == 80, "NormalizedString has 80 bytes");
_Static_assert(sizeof(struct token) == 48, "Token has 48 bytes");
_Static_assert(sizeof(struct split) == 104, "Split has 104 bytes");

/* The work at hand and whether memory ran out; after that nothing is asked for any more, and all
 * that follows copes with blocks that are not there. */
struct payer {
    const struct reference_work *work;
    bool failed;
    struct vector splits;       /* of struct split */
    struct vector original;     /* the whole text, kept to the end */
    struct vector character_of; /* the map of byte to character, for character offsets */
};

/* `capacity` elements of `size` bytes at once. None for 0. */
struct vector vector_create(struct payer *payer, size_t capacity, size_t size);
/* Room for `more` elements, by doubling, at least `least`. */
void vector_reserve(struct payer *payer, struct vector *vector, size_t more, size_t size,
                    size_t least);
/* A vector with a copy of `length` bytes. */
struct vector vector_copy(struct payer *payer, const void *bytes, size_t length);
void vector_free(struct vector *vector);
/* Asks for `size` bytes and gives them back. */
void pay_at_once(struct payer *payer, size_t size);

void slice_free(struct slice *slice);
/* Copies text[start, end) with an alignment of its own; `prefix` spaces stand before it. */
struct slice slice_create(struct payer *payer, const char *text, size_t start, size_t end,
                          size_t prefix);

/* The stages, in order. */
void reference_cut_added(struct payer *payer);
void reference_cut_words(struct payer *payer);
void reference_apply_alphabet(struct payer *payer);
void reference_make_tokens(struct payer *payer);
void reference_collect(struct payer *payer, struct encoding *result);

#endif
