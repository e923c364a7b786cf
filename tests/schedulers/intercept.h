/* Counts of the __atomic_* library calls that GCC makes of every atomic operation under
 * -fno-inline-atomics. Stand-alone fences stay instructions and are not seen. */
#ifndef TESTS_SCHEDULERS_INTERCEPT_H
#define TESTS_SCHEDULERS_INTERCEPT_H

#include "schedulers/sync_kinds.h"
#include <stdint.h>

/* Not synchronised: for programs in which participants take turns. */
extern uint64_t intercept_counts[SYNC_KINDS][SYNC_ORDERS];

#endif
