/* Looking before sleeping: a short spin in front of a futex wait. A wake-up through the kernel
 * costs tens of microseconds, as much as a small batch; see "Waiting" in docs/pipeline.md. */
#ifndef PIPELINE_SPIN_H
#define PIPELINE_SPIN_H

#include "base/clock.h"
#include <stdbool.h>
#include <stdint.h>

static inline void spin_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

/* Calls condition(context) until it is true or `limit_ns` have passed; returns what it was last. */
static inline bool spin_until(bool (*condition)(void *context), void *context, uint64_t limit_ns) {
    if (!limit_ns) return condition(context);
    uint64_t end_ns = clock_now_ns() + limit_ns;
    do {
        for (int i = 0; i < 16; i++) {
            if (condition(context)) return true;
            spin_pause();
        }
    } while (clock_now_ns() < end_ns);
    return condition(context);
}

#endif
