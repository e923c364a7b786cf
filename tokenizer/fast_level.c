/* Chooses an instruction set; see fast_level.h. */
#include "tokenizer/fast_level.h"

extern const struct fast_level fast_level_avx512, fast_level_avx2, fast_level_sse42,
    fast_level_neon, fast_level_scalar;

/* In the order of FAST_LEVEL_CHOICES behind "auto": best first. */
static const char *const names[] = {"avx512", "avx2", "sse42", "neon", "scalar"};
static const struct fast_level *const levels[] = {
#if defined(__x86_64__)
    &fast_level_avx512, &fast_level_avx2, &fast_level_sse42, NULL,
#elif defined(__aarch64__)
    NULL,
    NULL,
    NULL,
    &fast_level_neon,
#else
    NULL,
    NULL,
    NULL,
    NULL,
#endif
    &fast_level_scalar,
};
enum { LEVEL_COUNT = sizeof levels / sizeof levels[0] };

const struct fast_level *fast_level_choose(int choice, struct error *error) {
    for (int i = 0; choice == 0 && i < LEVEL_COUNT; i++)
        if (levels[i] && levels[i]->supported()) return levels[i];
    const struct fast_level *level = levels[choice - 1];
    if (level && level->supported()) return level;
    error_set(error, "this processor cannot run simd=%s; use simd=auto", names[choice - 1]);
    return NULL;
}
