/* GPT-2's byte alphabet: every byte is written as one visible character, so that token strings are
 * readable text. The 188 printable bytes of Latin-1 stand for themselves; the other 68 become
 * U+0100 and upward in byte order. Source: Radford et al. 2019, the encoder published with it. */
#ifndef TOKENIZER_BYTE_LEVEL_H
#define TOKENIZER_BYTE_LEVEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BYTE_LEVEL_CHARACTER_BYTES 2 /* every character of the alphabet takes 1 or 2 bytes */

/* The alphabet as UTF-8: entry b is the character of byte b. */
struct byte_level_character {
    char text[BYTE_LEVEL_CHARACTER_BYTES];
    uint8_t length;
};
extern const struct byte_level_character byte_level_alphabet[256];

/* The bytes in the order of their characters' code points: the order of the first 256 ids of a
 * GPT-2 vocabulary. */
extern const uint8_t byte_level_order[256];

/* Writes `length` bytes as visible characters to `out` (at least 2 * length bytes). Returns the
 * bytes written. */
size_t byte_level_encode(const char *bytes, size_t length, char *out);

/* The inverse: `out` gets at most `length` bytes. False if a character is not in the alphabet. */
bool byte_level_decode(const char *text, size_t length, char *out, size_t *out_length);

#endif
