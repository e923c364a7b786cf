/* Words of up to 16 bytes as keys, and what tables say of them. */
#ifndef TOKENIZER_FAST_ENTRY_H
#define TOKENIZER_FAST_ENTRY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FAST_KEY_BYTES 16u

/* A word of up to 16 bytes: its bytes complemented, zero beyond it. Since no byte of UTF-8 is 0xFF,
 * the key tells the length, and its first half is never 0; longer words are looked up by key 0. For
 * `value` see fast_words.h. */
struct fast_entry {
    uint64_t key[2];
    uint64_t value;
};

/* What free places of an index lead to: no word's key, nor that of longer words. */
#define FAST_NO_ENTRY ((struct fast_entry){{0, UINT64_MAX}, 0})

/* Eight bytes, the first in the low bits, on any machine. */
static inline uint64_t fast_load(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* The key of 1 to 16 bytes, reading no byte behind them. */
static inline void fast_key(const uint8_t *word, size_t length, uint64_t key[2]) {
    uint8_t bytes[FAST_KEY_BYTES];
    memset(bytes, 0xFF, sizeof bytes);
    memcpy(bytes, word, length);
    key[0] = ~fast_load(bytes);
    key[1] = ~fast_load(bytes + 8);
}

static inline int fast_same_key(const uint64_t a[2], const uint64_t b[2]) {
    return ((a[0] ^ b[0]) | (a[1] ^ b[1])) == 0;
}

/* The hash for levels without AES instructions, and of the model's tokens. */
static inline uint64_t fast_hash_multiply(const uint64_t key[2]) {
    uint64_t hash = key[0] * 0x9E3779B97F4A7C15u + key[1] * 0xC2B2AE3D27D4EB4Fu;
    return hash ^ hash >> 32;
}

#endif
