/* NEON, which every AArch64 machine has; see fast_level.h. */
#include "tokenizer/fast_level.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#define LEVEL_INLINE static inline __attribute__((always_inline))

/* One bit a byte of four vectors of 0x00 and 0xff: weights within eight bytes, then three rounds of
 * pairwise sums. */
LEVEL_INLINE uint64_t mask_of(const uint8x16_t part[4]) {
    static const uint8_t bits[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t weights = vld1q_u8(bits);
    uint8x16_t low = vpaddq_u8(vandq_u8(part[0], weights), vandq_u8(part[1], weights));
    uint8x16_t high = vpaddq_u8(vandq_u8(part[2], weights), vandq_u8(part[3], weights));
    uint8x16_t all = vpaddq_u8(low, high);
    all = vpaddq_u8(all, all);
    return vgetq_lane_u64(vreinterpretq_u64_u8(all), 0);
}

LEVEL_INLINE uint8x16_t in_range(uint8x16_t bytes, uint8_t first, uint8_t span) {
    return vcleq_u8(vsubq_u8(bytes, vdupq_n_u8(first)), vdupq_n_u8(span));
}

LEVEL_INLINE struct fast_masks level_classify(const uint8_t *bytes) {
    uint8x16_t letter[4], digit[4], space[4], blank[4], apostrophe[4], high[4];
    for (int i = 0; i < 4; i++) {
        uint8x16_t part = vld1q_u8(bytes + 16 * i);
        letter[i] = in_range(vorrq_u8(part, vdupq_n_u8(0x20)), 'a', 25);
        digit[i] = in_range(part, '0', 9);
        blank[i] = vceqq_u8(part, vdupq_n_u8(' '));
        space[i] = vorrq_u8(blank[i], in_range(part, '\t', 4));
        apostrophe[i] = vceqq_u8(part, vdupq_n_u8('\''));
        high[i] = vcgeq_u8(part, vdupq_n_u8(0x80));
    }
    return (struct fast_masks){.letter = mask_of(letter),
                               .digit = mask_of(digit),
                               .space = mask_of(space),
                               .blank = mask_of(blank),
                               .apostrophe = mask_of(apostrophe),
                               .high = mask_of(high)};
}

LEVEL_INLINE uint64_t level_newlines(const uint8_t *bytes) {
    uint8x16_t newline[4];
    for (int i = 0; i < 4; i++)
        newline[i] = vceqq_u8(vld1q_u8(bytes + 16 * i), vdupq_n_u8('\n'));
    return mask_of(newline);
}

#include "tokenizer/fast_partial.h"
#include "tokenizer/fast_positions.h"
#include "tokenizer/fast_scan_kernel.h"

typedef uint64x2_t level_word;

LEVEL_INLINE level_word level_load(const uint8_t *word, uint32_t length) {
    uint8x16_t mask = vld1q_u8(fast_key_masks + FAST_KEY_BYTES - length);
    return vreinterpretq_u64_u8(vbicq_u8(mask, vld1q_u8(word)));
}

LEVEL_INLINE level_word level_reload(const uint64_t *key) {
    return vld1q_u64(key);
}

LEVEL_INLINE void level_put(level_word word, uint64_t *key) {
    vst1q_u64(key, word);
}

LEVEL_INLINE size_t level_equal(level_word word, const uint64_t *key) {
    return (vgetq_lane_u64(word, 0) == key[0]) & (vgetq_lane_u64(word, 1) == key[1]);
}

LEVEL_INLINE uint64_t level_hash(level_word word) {
    uint64_t key[2] = {vgetq_lane_u64(word, 0), vgetq_lane_u64(word, 1)};
    return fast_hash_multiply(key);
}

static uint64_t hash_key(const uint64_t key[2]) {
    return fast_hash_multiply(key);
}

LEVEL_INLINE void level_store(uint64_t value, uint32_t *out) {
    vst1q_u32(out, vmovl_u16(vcreate_u16(value)));
}

#include "tokenizer/fast_lookup_kernel.h"

static bool supported(void) {
    return true;
}

const struct fast_level fast_level_neon = {
    .name = "neon",
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
