/* AVX2 with BMI2 (Haswell, Zen and later); see fast_level.h. */
#include "tokenizer/fast_level.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#define LEVEL_INLINE static inline __attribute__((always_inline))

/* Bytes in [first, first + span], as unsigned bytes. */
LEVEL_INLINE __m256i in_range(__m256i bytes, char first, char span) {
    __m256i distance = _mm256_sub_epi8(bytes, _mm256_set1_epi8(first));
    return _mm256_cmpeq_epi8(_mm256_min_epu8(distance, _mm256_set1_epi8(span)), distance);
}

LEVEL_INLINE uint64_t mask_of(__m256i low, __m256i high) {
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
                                                     << 32;
}

LEVEL_INLINE uint64_t equal_to(__m256i low, __m256i high, char byte) {
    __m256i wanted = _mm256_set1_epi8(byte);
    return mask_of(_mm256_cmpeq_epi8(low, wanted), _mm256_cmpeq_epi8(high, wanted));
}

LEVEL_INLINE struct fast_masks level_classify(const uint8_t *bytes) {
    __m256i low = _mm256_loadu_si256((const void *)bytes);
    __m256i high = _mm256_loadu_si256((const void *)(bytes + 32));
    __m256i lower_case = _mm256_set1_epi8(0x20);
    uint64_t blank = equal_to(low, high, ' ');
    return (struct fast_masks){
        .letter = mask_of(in_range(_mm256_or_si256(low, lower_case), 'a', 25),
                          in_range(_mm256_or_si256(high, lower_case), 'a', 25)),
        .digit = mask_of(in_range(low, '0', 9), in_range(high, '0', 9)),
        .space = blank | mask_of(in_range(low, '\t', 4), in_range(high, '\t', 4)),
        .blank = blank,
        .apostrophe = equal_to(low, high, '\''),
        .high = mask_of(low, high),
    };
}

LEVEL_INLINE uint64_t level_newlines(const uint8_t *bytes) {
    return equal_to(_mm256_loadu_si256((const void *)bytes),
                    _mm256_loadu_si256((const void *)(bytes + 32)), '\n');
}

#include "tokenizer/fast_level_x86.h"
#include "tokenizer/fast_partial.h"
#include "tokenizer/fast_positions.h"
#include "tokenizer/fast_scan_kernel.h"

#include "tokenizer/fast_lookup_kernel.h"

/* Asked of the processor itself: clang 14's __builtin_cpu_supports does not know the name. */
static bool has_lzcnt(void) {
    unsigned a, b, c, d;
    return __get_cpuid(0x80000001u, &a, &b, &c, &d) && (c & 1u << 5);
}

static bool supported(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("aes") && has_lzcnt();
}

const struct fast_level fast_level_avx2 = {
    .name = "avx2",
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
