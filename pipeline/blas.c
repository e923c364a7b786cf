/* Loads OpenBLAS with dlopen; see blas.h. Loaded once a process and never unloaded. */
#define _GNU_SOURCE
#include "pipeline/blas.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111 }; /* of the CBLAS standard */

typedef void (*sgemm_function)(int, int, int, int, int, int, float, const float *, int,
                               const float *, int, float, float *, int);

static sgemm_function sgemm;
static void (*set_threads)(int);

/* ISO C has no conversion from void * to a function; POSIX guarantees that it works through memory.
 */
static bool find(void *library, const char *name, void *function) {
    *(void **)function = dlsym(library, name);
    return *(void **)function != NULL;
}

bool blas_load(unsigned threads, struct error *error) {
    static const char *const names[] = {"libopenblas.so.0", "libopenblas.so", NULL};
    if (!sgemm) {
        /* It starts its threads when it is loaded, so it is told before. */
        char count[16];
        snprintf(count, sizeof count, "%u", threads);
        setenv("OPENBLAS_NUM_THREADS", count, 1);
        void *library = NULL;
        for (int i = 0; !library && names[i]; i++)
            library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (!library)
            return error_set(error,
                             "consumer mlp needs OpenBLAS at run time: %s (package "
                             "libopenblas0)",
                             dlerror());
        if (!find(library, "openblas_set_num_threads", &set_threads) ||
            !find(library, "cblas_sgemm", &sgemm)) {
            sgemm = NULL;
            return error_set(error, "the OpenBLAS found has no cblas_sgemm");
        }
    }
    set_threads((int)threads);
    return true;
}

void blas_multiply(int m, int n, int k, const float *a, const float *b, float *c) {
    sgemm(ROW_MAJOR, NO_TRANSPOSE, NO_TRANSPOSE, m, n, k, 1, a, k, b, n, 0, c, n);
}
