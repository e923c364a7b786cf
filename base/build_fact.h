/* What differs from build to build without changing what the code does (the commit, folders) is
 * kept in a section of its own, as texts of fixed size: so everything else stays where it is, and
 * the hash of the code (harness/code_hash.h) can leave that section out. */
#ifndef BASE_BUILD_FACT_H
#define BASE_BUILD_FACT_H

#define BUILD_FACT_SECTION ".build_facts"
#define BUILD_FACT(name, size, text)                                                               \
    static const char name[size] __attribute__((section(BUILD_FACT_SECTION), used, unused)) = text

#endif
