/* Files without a name, for what only a path can be given to: nothing is left of them, however the
 * program ends. */
#ifndef BASE_SCRATCH_H
#define BASE_SCRATCH_H

#include "base/error.h"

enum { SCRATCH_PATH_SIZE = 32 };

/* Returns a descriptor for reading and writing, to be closed at the end, and the path by which this
 * process, and a program that it starts, can open the file. -1: it cannot be had. */
int scratch_open(char path[SCRATCH_PATH_SIZE], struct error *error);

#endif
