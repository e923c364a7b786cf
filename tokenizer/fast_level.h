/* The instruction sets that the fast encoder's inner loops are compiled for. Which one runs is
 * chosen at run time from what the processor has. */
#ifndef TOKENIZER_FAST_LEVEL_H
#define TOKENIZER_FAST_LEVEL_H

#include "base/error.h"
#include "tokenizer/fast_words.h"

#define FAST_SHORT_TEXT 256u /* bytes */

struct fast_level {
    const char *name;
    bool (*supported)(void);
    /* Starts of pre-tokens until at least `wanted` are written or the text ends; 0 at the end.
     * `starts` has room for wanted + FAST_SCAN_SLACK. scan_lines treats every '\n' as a pre-token
     * of its own with nothing before or behind it. */
    size_t (*scan_text)(struct fast_scanner *scanner, uint32_t *starts, size_t wanted);
    size_t (*scan_lines)(struct fast_scanner *scanner, uint32_t *starts, size_t wanted);
    fast_hash_function *hash; /* what tables for this level are made with */
    /* Values of `count` pre-tokens; starts[count] is the end of the last. 16 bytes from every start
     * are readable. */
    void (*look_up)(struct fast_words *words, const uint8_t *text, const uint32_t *starts,
                    size_t count, uint64_t *values);
    /* Their ids, to `out`, which has room for them up to `end` (more than they are is not written
     * there). Returns the end of the ids. */
    uint32_t *(*emit_text)(const struct fast_words *words, const uint8_t *text,
                           const uint32_t *starts, size_t count, const uint64_t *values,
                           uint32_t *out, const uint32_t *end);
    /* The same with lines: a '\n' gives no id. Where the lines that end here end, in ids from
     * `out`, goes to words->line_ends, their number to *line_count. */
    uint32_t *(*emit_lines)(struct fast_words *words, const uint8_t *text, const uint32_t *starts,
                            size_t count, const uint64_t *values, uint32_t *out,
                            const uint32_t *end, size_t *line_count);
    /* All of it for a text of 1 to FAST_SHORT_TEXT bytes that is readable for 16 more. */
    uint32_t *(*encode_short)(struct fast_words *words, const uint8_t *text, size_t length,
                              uint32_t *out, const uint32_t *end);
};

/* "auto|avx512|avx2|sse42|neon|scalar", for option tables. */
#define FAST_LEVEL_CHOICES "auto|avx512|avx2|sse42|neon|scalar"

/* The level by index into the choices; auto is the first that this machine supports. NULL with a
 * sentence when this machine cannot run it. */
const struct fast_level *fast_level_choose(int choice, struct error *error);

#endif
