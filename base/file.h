/* Whole files in memory. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/error.h"
#include <stddef.h>

/* Reads a whole file ("-": standard input) into a fresh allocation of size + 64 bytes, the tail
 * zeroed, so that block-wise readers may run over the end. The caller frees *data with free().
 * False with "PATH: reason" on failure. */
bool file_read(const char *path, char **data, size_t *size, struct error *error);

/* Writes a whole file, of which nobody sees half (draft.h). */
bool file_write(const char *path, const void *data, size_t size, struct error *error);

/* Whether file_write (or the making of a file) could succeed: asked before work whose result is to
 * be kept there. Leaves nothing behind, and a file that is there untouched. */
bool file_can_be_written(const char *path, struct error *error);

#endif
