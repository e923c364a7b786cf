/* The vector pre-tokenizer: where GPT-2's pre-tokens begin, found by mask algebra on blocks of 64
 * bytes. One algorithm (fast_scan_kernel.h) is compiled once per instruction set (fast_level_*.c);
 * which one runs is chosen by fast_level.h. Equal to fast_pretokens_scalar on every input, valid
 * UTF-8 or not. Knows nothing of vocabularies. */
#ifndef TOKENIZER_FAST_SCAN_H
#define TOKENIZER_FAST_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Entries that a scan may write beyond the count it returns (whole vectors are stored). */
#define FAST_SCAN_SLACK 128

/* One bit a byte of a block; bit i is byte i. */
struct fast_masks {
    uint64_t letter, digit, space; /* ASCII only */
    uint64_t blank;                /* U+0020 */
    uint64_t apostrophe;
    uint64_t high; /* bytes of non-ASCII characters */
};

/* The state between two calls. Texts are shorter than 4 GiB. */
struct fast_scanner {
    const uint8_t *text;
    size_t length;
    size_t position;         /* the next block begins here */
    size_t open;             /* the last start that was written */
    size_t line_end;         /* cache of the exact path: no line ends between `open` and it */
    struct fast_masks block; /* of the block at `position` */
    /* The last bit of the block before, at bit 0: its class, or 0 at the beginning of a text. */
    uint64_t after_letter, after_digit, after_other, after_blank, after_space;
    uint64_t force, suppress; /* starts in this block decided by a contraction in the last one */
    bool primed;              /* `block` is filled */
    bool fresh;               /* a pre-token begins at `position` itself */
    bool odd;                 /* a byte 0xFF has been met, which no UTF-8 has; never cleared here */
};

static inline void fast_scanner_begin(struct fast_scanner *scanner, const void *text,
                                      size_t length) {
    *scanner = (struct fast_scanner){.text = text, .length = length, .fresh = true};
}

static inline bool fast_scanner_done(const struct fast_scanner *scanner) {
    return scanner->position >= scanner->length;
}

#endif
