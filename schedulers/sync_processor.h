/* The one instruction that C11 has no name for. */
#ifndef SCHEDULERS_SYNC_PROCESSOR_H
#define SCHEDULERS_SYNC_PROCESSOR_H

/* A hint that the core waits. Arm's `yield` is a no-op on cores without SMT; `isb` drains the
 * pipeline, a pause of some tens of cycles, and is what other runtimes spin with. */
static inline void processor_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#else
    __asm__ volatile("" ::: "memory");
#endif
}

#endif
