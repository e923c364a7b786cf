/* The partial loads of the levels that have no masked ones: of a whole block, where the memory
 * behind the text can be read, else through a zeroed block. */
#ifndef TOKENIZER_FAST_PARTIAL_H
#define TOKENIZER_FAST_PARTIAL_H

#include "tokenizer/fast_readable.h"
#include <string.h>

static inline struct fast_masks level_classify_partial(const uint8_t *bytes, size_t n) {
    if (__builtin_expect(fast_readable(bytes, 63), 1)) {
        struct fast_masks masks = level_classify(bytes);
        uint64_t there = ((uint64_t)1 << n) - 1;
        masks.letter &= there;
        masks.digit &= there;
        masks.space &= there;
        masks.blank &= there;
        masks.apostrophe &= there;
        masks.high &= there;
        return masks;
    }
    uint8_t block[64] = {0};
    memcpy(block, bytes, n);
    return level_classify(block);
}

static inline uint64_t level_newlines_partial(const uint8_t *bytes, size_t n) {
    if (__builtin_expect(fast_readable(bytes, 63), 1))
        return level_newlines(bytes) & (((uint64_t)1 << n) - 1);
    uint8_t block[64] = {0};
    memcpy(block, bytes, n);
    return level_newlines(block);
}

#endif
