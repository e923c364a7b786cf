/* The instruction sets that the fast encoder's inner loops are compiled for. Which one runs is
 * chosen at run time from what the processor has. */
#ifndef TOKENIZER_FAST_LEVEL_H
#define TOKENIZER_FAST_LEVEL_H

#include "base/error.h"
#include "tokenizer/fast_scan.h"

struct fast_level {
    const char *name;
    bool (*supported)(void);
    /* Starts of pre-tokens until at least `wanted` are written or the text ends; 0 at the end.
     * `starts` has room for wanted + FAST_SCAN_SLACK. scan_lines treats every '\n' as a pre-token
     * of its own with nothing before or behind it. */
    size_t (*scan_text)(struct fast_scanner *scanner, uint32_t *starts, size_t wanted);
    size_t (*scan_lines)(struct fast_scanner *scanner, uint32_t *starts, size_t wanted);
};

/* "auto|avx512|avx2|sse42|neon|scalar", for option tables. */
#define FAST_LEVEL_CHOICES "auto|avx512|avx2|sse42|neon|scalar"

/* The level by index into the choices; auto is the first that this machine supports. NULL with a
 * sentence when this machine cannot run it. */
const struct fast_level *fast_level_choose(int choice, struct error *error);

#endif
