/* The two Linux futex calls that parking needs. Sources that include this define _GNU_SOURCE. */
#ifndef SCHEDULERS_FUTEX_H
#define SCHEDULERS_FUTEX_H

#include <limits.h>
#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Errors need no handling: a changed word (EAGAIN) and a signal (EINTR) are returns without
 * reason, which every caller allows for. */
static inline void futex_wait(uint32_t *word, uint32_t expected) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

static inline void futex_wake(uint32_t *word, unsigned count) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count < INT_MAX ? (int)count : INT_MAX, NULL, NULL,
            0);
}

#endif
