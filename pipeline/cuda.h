/* The parts of the CUDA driver and of cuBLAS that a device needs, loaded at run time: no CUDA
 * headers or libraries at build time. Names and signatures are those of cuda.h and cublas_v2.h. */
#ifndef PIPELINE_CUDA_H
#define PIPELINE_CUDA_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

typedef uint64_t cuda_pointer; /* CUdeviceptr */

struct cuda_api {
    int (*init)(unsigned flags);
    int (*device_count)(int *count);
    int (*device_get)(int *device, int ordinal);
    int (*device_name)(char *name, int size, int device);
    int (*context_retain)(void **context, int device);
    int (*context_release)(int device);
    int (*context_set)(void *context);
    int (*allocate)(cuda_pointer *pointer, size_t bytes);
    int (*release)(cuda_pointer pointer);
    int (*set_words)(cuda_pointer pointer, unsigned value, size_t count);
    int (*copy_in)(cuda_pointer to, const void *from, size_t bytes, void *stream);
    int (*stream_create)(void **stream, unsigned flags);
    int (*stream_wait)(void *stream);
    int (*stream_destroy)(void *stream);
    int (*error_text)(int code, const char **text);
    int (*blas_create)(void **handle);
    int (*blas_destroy)(void *handle);
    int (*blas_set_stream)(void *handle, void *stream);
    int (*blas_sgemm)(void *handle, int transpose_a, int transpose_b, int m, int n, int k,
                      const float *alpha, const float *a, int lda, const float *b, int ldb,
                      const float *beta, float *c, int ldc);
};

/* The functions, or NULL with the reason: no driver, no cuBLAS, no device. Loaded once. */
const struct cuda_api *cuda_load(struct error *error);

/* True if `code` is success; otherwise fills the error with what CUDA says. */
bool cuda_succeeded(const struct cuda_api *api, int code, const char *what, struct error *error);

#endif
