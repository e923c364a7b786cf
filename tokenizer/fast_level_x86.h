/* Words as keys in a 128-bit register, for the x86 levels; see fast_lookup_kernel.h for what each
 * function is. The including file defines LEVEL_INLINE; the hash depends on what it is compiled
 * for. */
#ifndef TOKENIZER_FAST_LEVEL_X86_H
#define TOKENIZER_FAST_LEVEL_X86_H

#include "tokenizer/fast_words.h"
#include <immintrin.h>

typedef __m128i level_word;

LEVEL_INLINE level_word level_load(const uint8_t *word, uint32_t length) {
    __m128i mask = _mm_loadu_si128((const void *)(fast_key_masks + FAST_KEY_BYTES - length));
    return _mm_andnot_si128(_mm_loadu_si128((const void *)word), mask);
}

LEVEL_INLINE level_word level_reload(const uint64_t *key) {
    return _mm_loadu_si128((const void *)key);
}

LEVEL_INLINE void level_put(level_word word, uint64_t *key) {
    _mm_store_si128((void *)key, word);
}

LEVEL_INLINE size_t level_equal(level_word word, const uint64_t *key) {
    __m128i same = _mm_cmpeq_epi8(word, level_reload(key));
    return _mm_movemask_epi8(same) == 0xFFFF;
}

LEVEL_INLINE void level_store(uint64_t value, uint32_t *out) {
    _mm_storeu_si128((void *)out, _mm_cvtepu16_epi32(_mm_cvtsi64_si128((long long)value)));
}

#ifdef __AES__
/* Two rounds of AES: every bit of the result depends on every byte. */
LEVEL_INLINE uint64_t level_hash(level_word word) {
    const __m128i round_key = _mm_set_epi64x(0x6A09E667F3BCC908, 0x243F6A8885A308D3);
    word = _mm_aesenc_si128(_mm_aesenc_si128(word, round_key), round_key);
    return (uint64_t)_mm_cvtsi128_si64(word);
}

static uint64_t hash_key(const uint64_t key[2]) {
    return level_hash(_mm_loadu_si128((const void *)key));
}
#else
LEVEL_INLINE uint64_t level_hash(level_word word) {
    uint64_t key[2] = {(uint64_t)_mm_cvtsi128_si64(word), (uint64_t)_mm_extract_epi64(word, 1)};
    return fast_hash_multiply(key);
}

static uint64_t hash_key(const uint64_t key[2]) {
    return fast_hash_multiply(key);
}
#endif

#endif
