/* level_positions for instruction sets without byte compression: eight bits at a time, with one
 * branch per eight, since most blocks of text hold 9 to 16 pre-tokens. */
#ifndef TOKENIZER_FAST_POSITIONS_H
#define TOKENIZER_FAST_POSITIONS_H

#include <stdint.h>

static inline __attribute__((always_inline)) uint32_t *level_positions(uint64_t mask, uint32_t base,
                                                                       uint32_t *out) {
    unsigned count = (unsigned)__builtin_popcountll(mask);
    uint32_t *end = out + count;
    for (unsigned round = 0; round < 64; round += 8) {
        for (unsigned i = 0; i < 8; i++) {
            /* An exhausted mask gives bit 64 through the guard, which nobody reads. */
            *out++ = base + (uint32_t)__builtin_ctzll(mask | (uint64_t)1 << 63);
            mask &= mask - 1;
        }
        if (round + 8 >= count) break;
    }
    return end;
}

#endif
