/* The pre-tokenizer of fast_scan.h, to be compiled for one instruction set. The including file
 * defines before it
 *
 *     level_classify(bytes)                     -> struct fast_masks of 64 bytes
 *     level_classify_partial(bytes, n)          -> the same of n < 64 bytes, the others as byte 0
 *     level_newlines(bytes)                     -> mask of '\n' in 64 bytes
 *     level_newlines_partial(bytes, n)
 *     level_positions(mask, base, out)          writes base + i for every bit i; may write up to 64
 *                                               entries; returns out + number of bits
 *
 * A pre-token begins at every byte that does not continue the class of the byte before it, is not
 * preceded by U+0020, and is not inside white space that goes on; contractions are patched
 * afterwards, one apostrophe at a time. The classes of a non-ASCII character are not in the masks:
 * around those the exact scalar code runs from the last pre-token that is still open. */
#ifndef TOKENIZER_FAST_SCAN_KERNEL_H
#define TOKENIZER_FAST_SCAN_KERNEL_H

#include "tokenizer/fast_pretoken.h"
#include "tokenizer/fast_scan.h"
#include <string.h>

#define KERNEL_INLINE static inline __attribute__((always_inline))

/* Bytes ahead that are fetched as what is read once, lest the text drive the word tables out of the
 * caches. */
#define SCAN_AHEAD 512u

/* The masks of text[at, at + 64); bytes behind the end count as white space, so that a run of white
 * space that ends the text stays whole. */
KERNEL_INLINE struct fast_masks scan_block(const uint8_t *text, size_t length, size_t at) {
    if (__builtin_expect(at + 64 <= length, 1)) return level_classify(text + at);
    if (at >= length) return (struct fast_masks){.space = ~(uint64_t)0};
    struct fast_masks masks = level_classify_partial(text + at, length - at);
    masks.space |= ~(uint64_t)0 << (length - at);
    return masks;
}

KERNEL_INLINE uint64_t scan_newlines(const uint8_t *text, size_t length, size_t at) {
    return at + 64 <= length ? level_newlines(text + at)
                             : level_newlines_partial(text + at, length - at);
}

/* What one block decides: its starts before contractions. `next` is the block after it; `hard` are
 * line ends that separate texts, 0 elsewhere. */
KERNEL_INLINE uint64_t scan_starts(const struct fast_scanner *s, uint64_t next_space,
                                   uint64_t hard) {
    const struct fast_masks *b = &s->block;
    uint64_t other = ~(b->letter | b->digit | b->space);
    uint64_t before_space = (b->space & ~hard) << 1 | s->after_space;
    uint64_t before_nonspace = ~(b->space >> 1 | next_space << 63);
    uint64_t continues = (b->letter & (b->letter << 1 | s->after_letter)) |
                         (b->digit & (b->digit << 1 | s->after_digit)) |
                         (other & (other << 1 | s->after_other)) | (b->blank << 1 | s->after_blank);
    return (~b->space & ~continues) | (b->space & (~before_space | before_nonspace)) | hard;
}

/* Contractions among the apostrophes that begin a pre-token: the letter after the apostrophe begins
 * none, and what follows the contraction does. */
KERNEL_INLINE uint64_t scan_contractions(struct fast_scanner *s, uint64_t starts,
                                         uint64_t apostrophes) {
    while (__builtin_expect(apostrophes != 0, 0)) {
        unsigned bit = (unsigned)__builtin_ctzll(apostrophes);
        apostrophes &= apostrophes - 1;
        const uint8_t *at = s->text + s->position + bit;
        size_t available = s->length - s->position - bit;
        unsigned size = fast_contraction_length(at, available);
        if (!size) continue;
        unsigned inside = bit + 1, end = bit + size;
        if (inside < 64)
            starts &= ~((uint64_t)1 << inside);
        else
            s->suppress |= (uint64_t)1 << (inside - 64);
        /* Anything but a letter begins a pre-token there by the masks alone. */
        if (size < available && (uint8_t)((at[size] | 0x20) - 'a') < 26) {
            if (end < 64)
                starts |= (uint64_t)1 << end;
            else
                s->force |= (uint64_t)1 << (end - 64);
        }
    }
    return starts;
}

KERNEL_INLINE void scan_forget_context(struct fast_scanner *s) {
    s->after_letter = s->after_digit = s->after_other = s->after_blank = s->after_space = 0;
    s->force = s->suppress = 0;
}

/* The exact way past the non-ASCII characters of the block: from the open pre-token to the first
 * start behind the last of them, which is not written. Writes at most 64 starts, since the open
 * pre-token is the only one that begins before this block. Every byte is read at most twice. */
static __attribute__((noinline)) uint32_t *scan_exactly(struct fast_scanner *s, uint32_t *out,
                                                        bool lines) {
    size_t high = s->block.high ? 63 - (size_t)__builtin_clzll(s->block.high) : 63;
    size_t stop = s->position + high + 1, at = s->fresh ? s->position : s->open;
    if (stop > s->length) stop = s->length;
    bool written = !s->fresh;
    const uint8_t *from = s->text + at;
    while (at < stop) {
        if (!written) *out++ = (uint32_t)at;
        written = false;
        s->open = at;
        if (!lines) {
            s->line_end = s->length;
        } else if (at >= s->line_end) {
            const uint8_t *newline = memchr(s->text + at, '\n', s->length - at);
            s->line_end = newline ? (size_t)(newline - s->text) : s->length;
        }
        if (at == s->line_end)
            at++;
        else
            at = (size_t)(fast_pretoken_end(s->text + at, s->text + s->line_end) - s->text);
    }
    if (memchr(from, 0xFF, (size_t)(s->text + at - from))) s->odd = true;
    s->position = at;
    s->fresh = true;
    scan_forget_context(s);
    s->block = scan_block(s->text, s->length, s->position);
    return out;
}

/* The starts in the block at hand, which has no non-ASCII character; goes on to `next`. */
KERNEL_INLINE uint64_t scan_step(struct fast_scanner *s, struct fast_masks next, bool lines) {
    uint64_t hard = lines ? scan_newlines(s->text, s->length, s->position) : 0;
    uint64_t mask = scan_starts(s, next.space, hard);
    mask = (mask | s->force) & ~s->suppress;
    s->force = s->suppress = 0;
    mask = scan_contractions(s, mask, mask & s->block.apostrophe);
    if (s->position + 64 > s->length) mask &= ~(uint64_t)0 >> (64 - (s->length - s->position));
    s->after_letter = s->block.letter >> 63;
    s->after_digit = s->block.digit >> 63;
    s->after_other = ~(s->block.letter | s->block.digit | s->block.space) >> 63;
    s->after_blank = s->block.blank >> 63;
    s->after_space = (s->block.space & ~hard) >> 63;
    s->block = next;
    s->position += 64;
    return mask;
}

/* Blocks until `stop` is reached or the text ends. *s is to be a local variable, of which no
 * pointer goes elsewhere, so that all of it is in registers. */
KERNEL_INLINE uint32_t *scan_blocks(struct fast_scanner *s, uint32_t *out, const uint32_t *stop,
                                    bool lines) {
    while (s->position < s->length && out < stop) {
        __builtin_prefetch((const void *)((uintptr_t)s->text + s->position + SCAN_AHEAD), 0, 0);
        struct fast_masks next = scan_block(s->text, s->length, s->position + 64);
        /* A non-ASCII byte right behind the block may be white space, which this block looks at. */
        if (__builtin_expect((s->block.high | (next.high & 1)) != 0, 0)) {
            struct fast_scanner exact = *s; /* a copy, so that *s stays in registers */
            out = scan_exactly(&exact, out, lines);
            *s = exact;
            continue;
        }
        size_t base = s->position;
        uint64_t mask = scan_step(s, next, lines);
        if (mask) s->open = base + 63 - (size_t)__builtin_clzll(mask);
        out = level_positions(mask, (uint32_t)base, out);
        s->fresh = false;
    }
    return out;
}

/* Writes starts until there are at least `wanted` or the text ends; returns how many. At most
 * wanted + 127 entries are written. */
KERNEL_INLINE size_t scan_some(struct fast_scanner *scanner, uint32_t *starts, size_t wanted,
                               bool lines) {
    if (fast_scanner_done(scanner)) return 0;
    struct fast_scanner s = *scanner;
    if (!s.primed) s.block = scan_block(s.text, s.length, 0);
    s.primed = true;
    uint32_t *out = scan_blocks(&s, starts, starts + wanted, lines);
    *scanner = s;
    return (size_t)(out - starts);
}

/* All starts of a short text of at least one byte. */
KERNEL_INLINE size_t scan_all(const uint8_t *text, size_t length, uint32_t *starts, bool *odd) {
    struct fast_scanner s = {.text = text, .length = length, .primed = true, .fresh = true};
    s.block = scan_block(text, length, 0);
    size_t count = (size_t)(scan_blocks(&s, starts, starts + length, false) - starts);
    *odd = s.odd;
    return count;
}

static size_t scan_text(struct fast_scanner *scanner, uint32_t *starts, size_t wanted) {
    return scan_some(scanner, starts, wanted, false);
}

static size_t scan_lines(struct fast_scanner *scanner, uint32_t *starts, size_t wanted) {
    return scan_some(scanner, starts, wanted, true);
}

#endif
