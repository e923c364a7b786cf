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

#include "tokenizer/fast_level_x86.h"
#include "tokenizer/fast_partial.h"
#include "tokenizer/fast_positions.h"
#include "tokenizer/fast_scan_kernel.h"

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
