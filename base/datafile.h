/* Where the program's data files are: scenarios, event tables, machine profiles, published figures,
 * gnuplot scripts, and the corpus that scripts/fetch-data brings. */
#ifndef BASE_DATAFILE_H
#define BASE_DATAFILE_H

#include "base/error.h"
#include <stddef.h>

/* Writes the path of data file `name` ("scenarios/hf-2077.json") to `path`. Looked for in
 * $GRAINBENCH_DATA, then data/ of the source tree this was built from, then the installed data
 * folder. False, naming the folders, when it is in none. */
bool datafile_find(const char *name, char *path, size_t size, struct error *error);

/* The folder that `name` would be read from or written to: the first of the above that exists. */
bool datafile_folder(char *path, size_t size, struct error *error);

#endif
