/* SSE4.2 with POPCNT (Nehalem and later); see fast_level.h. */
#include "tokenizer/fast_level.h"

#if defined(__x86_64__)
#include <nmmintrin.h>

#define LEVEL_INLINE static inline __attribute__((always_inline))

/* Bytes in [first, first + span], as unsigned bytes. */
LEVEL_INLINE __m128i in_range(__m128i bytes, char first, char span) {
    __m128i distance = _mm_sub_epi8(bytes, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(distance, _mm_set1_epi8(span)), distance);
}

LEVEL_INLINE struct fast_masks level_classify(const uint8_t *bytes) {
    struct fast_masks masks = {0};
    for (unsigned i = 0; i < 64; i += 16) {
        __m128i part = _mm_loadu_si128((const void *)(bytes + i));
        __m128i blank = _mm_cmpeq_epi8(part, _mm_set1_epi8(' '));
        __m128i letter = in_range(_mm_or_si128(part, _mm_set1_epi8(0x20)), 'a', 25);
        __m128i space = _mm_or_si128(blank, in_range(part, '\t', 4));
        __m128i apostrophe = _mm_cmpeq_epi8(part, _mm_set1_epi8('\''));
        masks.letter |= (uint64_t)(uint32_t)_mm_movemask_epi8(letter) << i;
        masks.digit |= (uint64_t)(uint32_t)_mm_movemask_epi8(in_range(part, '0', 9)) << i;
        masks.space |= (uint64_t)(uint32_t)_mm_movemask_epi8(space) << i;
        masks.blank |= (uint64_t)(uint32_t)_mm_movemask_epi8(blank) << i;
        masks.apostrophe |= (uint64_t)(uint32_t)_mm_movemask_epi8(apostrophe) << i;
        masks.high |= (uint64_t)(uint32_t)_mm_movemask_epi8(part) << i;
    }
    return masks;
}

LEVEL_INLINE uint64_t level_newlines(const uint8_t *bytes) {
    uint64_t mask = 0;
    for (unsigned i = 0; i < 64; i += 16) {
        __m128i part = _mm_loadu_si128((const void *)(bytes + i));
        part = _mm_cmpeq_epi8(part, _mm_set1_epi8('\n'));
        mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(part) << i;
    }
    return mask;
}

#include "tokenizer/fast_partial.h"
#include "tokenizer/fast_positions.h"
#include "tokenizer/fast_scan_kernel.h"

typedef __m128i level_word;

LEVEL_INLINE level_word level_load(const uint8_t *word, uint32_t length) {
    __m128i mask = _mm_loadu_si128((const void *)(fast_key_masks + FAST_KEY_BYTES - length));
    return _mm_andnot_si128(_mm_loadu_si128((const void *)word), mask);
}

LEVEL_INLINE level_word level_reload(const uint64_t *key) {
    return _mm_load_si128((const void *)key);
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

LEVEL_INLINE uint64_t level_hash(level_word word) {
    uint64_t key[2] = {(uint64_t)_mm_cvtsi128_si64(word), (uint64_t)_mm_extract_epi64(word, 1)};
    return fast_hash_multiply(key);
}

static uint64_t hash_key(const uint64_t key[2]) {
    return fast_hash_multiply(key);
}

#include "tokenizer/fast_lookup_kernel.h"

static bool supported(void) {
    return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
}

const struct fast_level fast_level_sse42 = {
    .name = "sse42",
    .supported = supported,
    .scan_text = scan_text,
    .scan_lines = scan_lines,
    .hash = hash_key,
    .look_up = look_up,
    .emit_text = emit_text,
    .emit_lines = emit_lines,
    .encode_short = encode_short,
};
#endif
