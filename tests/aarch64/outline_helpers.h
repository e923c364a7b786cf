/* Counts of the __aarch64_* helpers that were called since the program began, by what they do. */
#ifndef TESTS_AARCH64_OUTLINE_HELPERS_H
#define TESTS_AARCH64_OUTLINE_HELPERS_H

#include <stdint.h>

enum outline_kind {
    OUTLINE_CAS,
    OUTLINE_SWP,
    OUTLINE_LDADD,
    OUTLINE_LDCLR,
    OUTLINE_LDEOR,
    OUTLINE_LDSET,
    OUTLINE_KINDS
};
extern const char *const outline_names[OUTLINE_KINDS];

void outline_read(uint64_t out[OUTLINE_KINDS]);

#endif
