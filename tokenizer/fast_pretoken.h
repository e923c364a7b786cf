/* GPT-2's pre-tokenizer, exactly and one character at a time:
 *
 *     '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *
 * with \s = White_Space. The vector scanner (fast_scan_kernel.h) falls back on it around non-ASCII
 * characters, and is tested against it. */
#ifndef TOKENIZER_FAST_PRETOKEN_H
#define TOKENIZER_FAST_PRETOKEN_H

#include <stddef.h>
#include <stdint.h>

/* The end of the pre-token that begins at `text` < `end`. Linear in its length (a run of white
 * space is read to its end). */
const uint8_t *fast_pretoken_end(const uint8_t *text, const uint8_t *end);

/* The bytes, 2 or 3, of the contraction that an apostrophe at `text` begins, or 0. */
static inline unsigned fast_contraction_length(const uint8_t *text, size_t available) {
    if (available < 2) return 0;
    uint8_t second = text[1];
    if (second == 's' || second == 't' || second == 'd' || second == 'm') return 2;
    if (available < 3) return 0;
    uint8_t third = text[2];
    return ((second == 'r' || second == 'v') && third == 'e') || (second == 'l' && third == 'l')
               ? 3
               : 0;
}

/* Writes the starts of all pre-tokens of text[0, length) and returns how many there are; `starts`
 * has room for `length` entries. With `lines`, every '\n' is a pre-token of its own and what lies
 * between two of them is split as a text of its own. */
size_t fast_pretokens_scalar(const uint8_t *text, size_t length, int lines, uint32_t *starts);

#endif
