/* The partial loads of the levels that have no masked ones: through a zeroed block. */
#ifndef TOKENIZER_FAST_PARTIAL_H
#define TOKENIZER_FAST_PARTIAL_H

#include <string.h>

static inline struct fast_masks level_classify_partial(const uint8_t *bytes, size_t n) {
    uint8_t block[64] = {0};
    memcpy(block, bytes, n);
    return level_classify(block);
}

static inline uint64_t level_newlines_partial(const uint8_t *bytes, size_t n) {
    uint8_t block[64] = {0};
    memcpy(block, bytes, n);
    return level_newlines(block);
}

#endif
