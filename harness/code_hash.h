/* What code was run, as a number: equal for builds of the same source by the same compiler,
 * wherever and at whatever commit they were made; different when an instruction or a constant
 * differs. */
#ifndef HARNESS_CODE_HASH_H
#define HARNESS_CODE_HASH_H

#include "base/error.h"
#include <jansson.h>
#include <stdint.h>

/* XXH3 over the sections of an ELF file (64 bit) that are loaded and that make it behave as it
 * does: instructions, constants, initial data, relocations, and the names that it imports. Left
 * out: debug information, notes such as the build id, library search paths, and BUILD_FACT_SECTION.
 * The shared libraries that it links to are not in it. */
bool code_hash_file(const char *path, uint64_t *hash, struct error *error);

/* Adds to `object`, for records, "code": {"program": hash, "scheduler": hash, "encoder": hash}, the
 * latter two where the component (of a text such as "rayon:min_len=3"; NULL: none) comes from a
 * module, and "code_hash", one hash of all of these. Where that fails (a file that was removed
 * meanwhile) it adds {"code_hash_unavailable": why} instead. */
void code_hash_describe(const char *scheduler, const char *encoder, json_t *object);

#endif
