/* Texts to ids with a worker's word tables and an instruction set: whole texts, and lines as a
 * batch. Knows nothing of added tokens, prefix spaces and offsets. */
#ifndef TOKENIZER_FAST_TEXT_H
#define TOKENIZER_FAST_TEXT_H

#include "tokenizer/fast_level.h"

/* Bytes of a text that are split at a time; between two parts lies a pre-token border. */
#define FAST_PART ((size_t)1 << 30)

/* Writes the ids of text[0, length) to `ids`, which has `length` entries at least; returns how
 * many. Invalid UTF-8 is encoded somehow, without reading or writing out of bounds. */
size_t fast_encode_text(const struct fast_level *level, struct fast_words *words,
                        const uint8_t *text, size_t length, uint32_t *ids);

/* Each line of text[0, length) as a text of its own, without its '\n'. counts[i] becomes the number
 * of ids of line i. Returns the number of ids; `ids` has `length` entries at least. */
size_t fast_encode_lines(const struct fast_level *level, struct fast_words *words,
                         const uint8_t *text, size_t length, uint32_t *ids, uint32_t *counts);

/* Called with the pre-tokens of a text, a chunk at a time: starts[0..count] and their values; start
 * 0 is `base` bytes into the text. */
typedef void fast_chunk_function(void *context, struct fast_words *words, const uint8_t *text,
                                 const uint32_t *starts, size_t count, const uint64_t *values);

/* Splits and looks up text[0, length) and hands the pre-tokens out. */
void fast_each_chunk(const struct fast_level *level, struct fast_words *words, const uint8_t *text,
                     size_t length, bool lines, fast_chunk_function *function, void *context);

#endif
