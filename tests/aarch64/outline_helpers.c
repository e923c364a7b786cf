/* Our own definitions of the helpers that GCC's outlined atomics call on aarch64. libgcc's are
 * members of an archive, so these win; each does its operation and counts it. Compiled with
 * -mno-outline-atomics, or they would call themselves. The names and contracts are those of the
 * GCC manual's -moutline-atomics and of libgcc's interface. */
#include "tests/aarch64/outline_helpers.h"

#include <stdatomic.h>
#include <stdint.h>

const char *const outline_names[OUTLINE_KINDS] = {"cas", "swp", "ldadd", "ldclr", "ldeor", "ldset"};

static _Atomic uint64_t counts[OUTLINE_KINDS];

static void count(enum outline_kind kind) {
    atomic_fetch_add_explicit(&counts[kind], 1, memory_order_relaxed);
}

void outline_read(uint64_t out[OUTLINE_KINDS]) {
    for (int i = 0; i < OUTLINE_KINDS; i++)
        out[i] = atomic_load_explicit(&counts[i], memory_order_relaxed);
}

/* All with sequential consistency: stronger than any of the orders asked for. */
#define CAS(bytes, order, type)                                                                    \
    type __aarch64_cas##bytes##_##order(type expected, type desired, type *at);                    \
    type __aarch64_cas##bytes##_##order(type expected, type desired, type *at) {                   \
        count(OUTLINE_CAS);                                                                        \
        __atomic_compare_exchange_n(at, &expected, desired, 0, __ATOMIC_SEQ_CST,                   \
                                    __ATOMIC_SEQ_CST);                                             \
        return expected;                                                                           \
    }
#define FETCH(name, kind, bytes, order, type, operation)                                           \
    type __aarch64_##name##bytes##_##order(type value, type *at);                                  \
    type __aarch64_##name##bytes##_##order(type value, type *at) {                                 \
        count(kind);                                                                               \
        return operation;                                                                          \
    }
#define HELPERS(bytes, order, type)                                                                \
    CAS(bytes, order, type)                                                                        \
    FETCH(swp, OUTLINE_SWP, bytes, order, type, __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST))  \
    FETCH(ldadd, OUTLINE_LDADD, bytes, order, type,                                                \
          __atomic_fetch_add(at, value, __ATOMIC_SEQ_CST))                                         \
    FETCH(ldclr, OUTLINE_LDCLR, bytes, order, type,                                                \
          __atomic_fetch_and(at, (type)~value, __ATOMIC_SEQ_CST))                                  \
    FETCH(ldeor, OUTLINE_LDEOR, bytes, order, type,                                                \
          __atomic_fetch_xor(at, value, __ATOMIC_SEQ_CST))                                         \
    FETCH(ldset, OUTLINE_LDSET, bytes, order, type, __atomic_fetch_or(at, value, __ATOMIC_SEQ_CST))
#define ORDERS(bytes, type)                                                                        \
    HELPERS(bytes, relax, type)                                                                    \
    HELPERS(bytes, acq, type)                                                                      \
    HELPERS(bytes, rel, type)                                                                      \
    HELPERS(bytes, acq_rel, type)                                                                  \
    HELPERS(bytes, sync, type)

ORDERS(1, uint8_t)
ORDERS(2, uint16_t)
ORDERS(4, uint32_t)
ORDERS(8, uint64_t)
