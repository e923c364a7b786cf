/* What the original pays: makes the encoder ask for, touch and give back all the memory that
 * Hugging Face tokenizers 0.23 does for a text: the same blocks, of the same sizes, in the same
 * order.
 *
 * The original was traced at malloc with the benchmark's tokenizer: added tokens are cut out twice
 * over copies of the text with an alignment of 16 bytes per byte; every word becomes a string pair
 * with its alignment; the regular expression engine saves a 5,136-byte stack after every search;
 * the byte alphabet is applied through four temporary lists a word; the fields of the result grow
 * by doubling. How closely this follows it is tested by counting. */
#ifndef TOKENIZER_REFERENCE_COST_H
#define TOKENIZER_REFERENCE_COST_H

#include "tokenizer/added_tokens.h"
#include "tokenizer/encoding.h"
#include "tokenizer/piece_encoder.h"
#include <grainbench/encoder.h>

/* A text and what encoding it came to. */
struct reference_work {
    const struct tokenizer *tokenizer;
    enum grainbench_entry entry;
    const char *text;
    size_t length;
    const struct piece *pieces;
    size_t piece_count;
    const struct word_trace *traces; /* of all text pieces, one after the other */
    const uint32_t *ids, *words;
    const struct encoding_offset *offsets; /* bytes, untrimmed */
    size_t count;
};

/* Pays, and makes the heap encoding of the work. False, with nothing held, when memory is short. */
bool reference_cost_encode(const struct reference_work *work, struct encoding *result);

#endif
