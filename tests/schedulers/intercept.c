/* The __atomic_* functions of libatomic, counting. Compiled without -fno-inline-atomics.
 *
 * Each has another name in C and its own by an assembler label: GCC takes a function that is
 * called __atomic_fetch_add_8 in C for the builtin and miscompiles its body. */
#include "tests/schedulers/intercept.h"
#include <stdbool.h>

uint64_t intercept_counts[SYNC_KINDS][SYNC_ORDERS];

#define LIBRARY_FUNCTION(result, name, parameters)                                                 \
    result intercept_##name parameters __asm__("__atomic_" #name);                                 \
    result intercept_##name parameters

#define FETCH(operation, kind, bytes, type)                                                        \
    LIBRARY_FUNCTION(type, fetch_##operation##_##bytes,                                            \
                     (volatile void *word, type operand, int order)) {                             \
        intercept_counts[kind][order]++;                                                           \
        return __atomic_fetch_##operation((volatile type *)word, operand, __ATOMIC_SEQ_CST);       \
    }                                                                                              \
    LIBRARY_FUNCTION(type, operation##_fetch_##bytes,                                              \
                     (volatile void *word, type operand, int order)) {                             \
        intercept_counts[kind][order]++;                                                           \
        return __atomic_##operation##_fetch((volatile type *)word, operand, __ATOMIC_SEQ_CST);     \
    }

#define WORD(bytes, type)                                                                          \
    LIBRARY_FUNCTION(type, load_##bytes, (const volatile void *word, int order)) {                 \
        intercept_counts[SYNC_LOAD][order]++;                                                      \
        return __atomic_load_n((const volatile type *)word, __ATOMIC_SEQ_CST);                     \
    }                                                                                              \
    LIBRARY_FUNCTION(void, store_##bytes, (volatile void *word, type value, int order)) {          \
        intercept_counts[SYNC_STORE][order]++;                                                     \
        __atomic_store_n((volatile type *)word, value, __ATOMIC_SEQ_CST);                          \
    }                                                                                              \
    LIBRARY_FUNCTION(type, exchange_##bytes, (volatile void *word, type value, int order)) {       \
        intercept_counts[SYNC_EXCHANGE][order]++;                                                  \
        return __atomic_exchange_n((volatile type *)word, value, __ATOMIC_SEQ_CST);                \
    }                                                                                              \
    LIBRARY_FUNCTION(                                                                              \
        bool, compare_exchange_##bytes,                                                            \
        (volatile void *word, void *expected, type desired, int order, int failure_order)) {       \
        (void)failure_order;                                                                       \
        bool done = __atomic_compare_exchange_n((volatile type *)word, (type *)expected, desired,  \
                                                false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);        \
        intercept_counts[done ? SYNC_CAS_OK : SYNC_CAS_FAIL][order]++;                             \
        return done;                                                                               \
    }                                                                                              \
    FETCH(add, SYNC_FETCH_ADD, bytes, type)                                                        \
    FETCH(sub, SYNC_FETCH_SUB, bytes, type)                                                        \
    FETCH(or, SYNC_FETCH_OR, bytes, type)                                                          \
    FETCH(and, SYNC_FETCH_AND, bytes, type)

WORD(4, uint32_t)
WORD(8, uint64_t)
