/* Reading behind the end of a text, where memory allows it. */
#ifndef TOKENIZER_FAST_READABLE_H
#define TOKENIZER_FAST_READABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define FAST_SANITIZED 1
#else
#define FAST_SANITIZED 0
#endif

/* Can `n` more bytes be read behind the one at `last`? They can when they lie in its page; what is
 * there does not matter. Not under sanitizers, which are to see every other overrun. */
static inline bool fast_readable(const uint8_t *last, size_t n) {
    return !FAST_SANITIZED && ((uintptr_t)last & 4095) < 4096 - n;
}

#endif
