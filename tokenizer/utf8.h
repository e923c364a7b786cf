/* UTF-8: is a text valid, where is it not, and what stands for what is not. Encoders take valid
 * text only, since PCRE2's compiled matcher does not check. */
#ifndef TOKENIZER_UTF8_H
#define TOKENIZER_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* The offset of the first byte that does not belong to a well-formed character (Unicode 15, table
 * 3-7: no overlong forms, surrogates or values above U+10FFFF), or `length` if all is well. */
size_t utf8_validate(const char *text, size_t length);

/* A copy in which each maximal subpart of an ill-formed sequence is replaced by U+FFFD, as Rust's
 * String::from_utf8_lossy does, and with it everything that hands text to Hugging Face tokenizers
 * or tiktoken. The caller frees the NUL-terminated copy. NULL when memory is short. */
char *utf8_repair(const char *text, size_t length, size_t *repaired_length);

/* True if every byte is below 0x80. */
bool utf8_is_ascii(const char *text, size_t length);

/* Characters that begin in text[0, length). */
size_t utf8_count(const char *text, size_t length);

/* Length of the white-space character (Unicode's White_Space) at text[at], or 0, also at the end.
 */
size_t utf8_space_at(const char *text, size_t length, size_t at);

/* Where the character before text[at] begins; at >= 1. */
size_t utf8_previous(const char *text, size_t at);

/* True for a byte inside a character (not its first). */
static inline bool utf8_continues(char byte) {
    return ((unsigned char)byte & 0xc0) == 0x80;
}

#endif
