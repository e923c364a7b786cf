/* Where tokens stand in the original text, as Hugging Face tells it. */
#ifndef TOKENIZER_OFFSETS_H
#define TOKENIZER_OFFSETS_H

#include "tokenizer/added_tokens.h"
#include "tokenizer/encoding.h"

/* Byte offsets of the tokens of one piece that was encoded with `prefix` (0 or 1) spaces before it.
 * A token that holds part of a character gets the whole of it; a prefix space alone gets the first
 * character. */
void offsets_of_piece(const struct tokenizer *tokenizer, const char *text,
                      const struct piece *piece, size_t prefix, const uint32_t *ids, size_t count,
                      struct encoding_offset *offsets);

/* Turns byte offsets into character offsets, in place. */
void offsets_to_characters(const char *text, size_t length, struct encoding_offset *offsets,
                           size_t count);

/* Leaves white space around tokens out, as ByteLevel's post-processor does; a first token keeps one
 * leading space where the tokenizer puts prefix spaces. */
void offsets_trim(const struct tokenizer *tokenizer, const uint32_t *ids,
                  struct encoding_offset *offsets, size_t count);

#endif
