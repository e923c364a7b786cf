/* Portable C on 64-bit words, eight bytes at a time; see fast_level.h. */
#include "tokenizer/fast_entry.h"
#include "tokenizer/fast_level.h"

#define LEVEL_INLINE static inline __attribute__((always_inline))
#define EACH         0x0101010101010101u
#define TOP          (EACH * 0x80)

/* The top bit of every byte of `word` (bytes below 0x80 only) that is at least `first`. */
LEVEL_INLINE uint64_t at_least(uint64_t word, unsigned first) {
    return word + EACH * (0x80 - first);
}

LEVEL_INLINE uint64_t in_range(uint64_t word, unsigned first, unsigned last) {
    return at_least(word, first) & ~at_least(word, last + 1);
}

/* Gathers the top bits of eight bytes into eight bits, byte 0 first. */
LEVEL_INLINE uint64_t gather(uint64_t word) {
    return ((word & TOP) >> 7) * 0x0102040810204080u >> 56;
}

LEVEL_INLINE struct fast_masks level_classify(const uint8_t *bytes) {
    struct fast_masks masks = {0};
    for (unsigned i = 0; i < 64; i += 8) {
        uint64_t word = fast_load(bytes + i), ascii = ~word & TOP;
        uint64_t low = word & ~TOP;
        uint64_t blank = in_range(low, ' ', ' ') & ascii;
        masks.letter |= gather(in_range(low | EACH * 0x20, 'a', 'z') & ascii) << i;
        masks.digit |= gather(in_range(low, '0', '9') & ascii) << i;
        masks.space |= gather((in_range(low, '\t', '\r') & ascii) | blank) << i;
        masks.blank |= gather(blank) << i;
        masks.apostrophe |= gather(in_range(low, '\'', '\'') & ascii) << i;
        masks.high |= gather(word) << i;
    }
    return masks;
}

LEVEL_INLINE uint64_t level_newlines(const uint8_t *bytes) {
    uint64_t mask = 0;
    for (unsigned i = 0; i < 64; i += 8) {
        uint64_t word = fast_load(bytes + i);
        mask |= gather(in_range(word & ~TOP, '\n', '\n') & ~word) << i;
    }
    return mask;
}

#include "tokenizer/fast_partial.h"
#include "tokenizer/fast_positions.h"
#include "tokenizer/fast_scan_kernel.h"

typedef struct {
    uint64_t half[2];
} level_word;

LEVEL_INLINE level_word level_load(const uint8_t *word, uint32_t length) {
    const uint8_t *mask = fast_key_masks + FAST_KEY_BYTES - length;
    return (level_word){
        {~fast_load(word) & fast_load(mask), ~fast_load(word + 8) & fast_load(mask + 8)}};
}

LEVEL_INLINE level_word level_reload(const uint64_t *key) {
    return (level_word){{key[0], key[1]}};
}

LEVEL_INLINE void level_put(level_word word, uint64_t *key) {
    key[0] = word.half[0];
    key[1] = word.half[1];
}

LEVEL_INLINE size_t level_equal(level_word word, const uint64_t *key) {
    return ((word.half[0] ^ key[0]) | (word.half[1] ^ key[1])) == 0;
}

LEVEL_INLINE uint64_t level_hash(level_word word) {
    return fast_hash_multiply(word.half);
}

static uint64_t hash_key(const uint64_t key[2]) {
    return fast_hash_multiply(key);
}

LEVEL_INLINE void level_store(uint64_t value, uint32_t *out) {
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint16_t)(value >> (16 * i));
}

#include "tokenizer/fast_lookup_kernel.h"

static bool supported(void) {
    return true;
}

const struct fast_level fast_level_scalar = {
    .name = "scalar",
    .supported = supported,
    .scan_text = scan_text,
    .scan_lines = scan_lines,
    .hash = hash_key,
    .look_up = look_up,
    .emit_text = emit_text,
    .emit_lines = emit_lines,
    .encode_short = encode_short,
};
