/* Files without a name; see scratch.h. */
#define _GNU_SOURCE
#include "base/scratch.h"

#include <stdio.h>
#include <sys/mman.h>

int scratch_open(char path[SCRATCH_PATH_SIZE], struct error *error) {
    int descriptor = memfd_create("scratch", 0);
    if (descriptor < 0)
        error_set_errno(error, "a file in memory cannot be made");
    else
        snprintf(path, SCRATCH_PATH_SIZE, "/proc/self/fd/%d", descriptor);
    return descriptor;
}
