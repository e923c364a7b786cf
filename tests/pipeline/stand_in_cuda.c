/* A stand-in for the CUDA driver and cuBLAS, built as libcuda.so.1 and libcublas.so.12: keeps count
 * of what is made and given back, and keeps device memory on the host. It shows that the calls are
 * in order and in balance; it is no evidence about a GPU. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* Read by the test through dlsym. */
EXPORT int stand_in_live, stand_in_copies, stand_in_products;

EXPORT int cuInit(unsigned flags);
EXPORT int cuDeviceGetCount(int *count);
EXPORT int cuDeviceGet(int *device, int ordinal);
EXPORT int cuDeviceGetName(char *name, int size, int device);
EXPORT int cuDevicePrimaryCtxRetain(void **context, int device);
EXPORT int cuDevicePrimaryCtxRelease_v2(int device);
EXPORT int cuCtxSetCurrent(void *context);
EXPORT int cuMemAlloc_v2(uint64_t *pointer, size_t bytes);
EXPORT int cuMemFree_v2(uint64_t pointer);
EXPORT int cuMemsetD32_v2(uint64_t pointer, unsigned value, size_t count);
EXPORT int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *stream);
EXPORT int cuStreamCreate(void **stream, unsigned flags);
EXPORT int cuStreamSynchronize(void *stream);
EXPORT int cuStreamDestroy_v2(void *stream);
EXPORT int cuGetErrorString(int code, const char **text);
EXPORT int cublasCreate_v2(void **handle);
EXPORT int cublasDestroy_v2(void *handle);
EXPORT int cublasSetStream_v2(void *handle, void *stream);
EXPORT int cublasSgemm_v2(void *handle, int transpose_a, int transpose_b, int m, int n, int k,
                          const float *alpha, const float *a, int lda, const float *b, int ldb,
                          const float *beta, float *c, int ldc);

static int make(void **handle) {
    *handle = malloc(1);
    stand_in_live++;
    return 0;
}

static int give_back(void *handle) {
    free(handle);
    stand_in_live--;
    return 0;
}

int cuInit(unsigned flags) {
    return (int)flags;
}

int cuDeviceGetCount(int *count) {
    *count = 1;
    return 0;
}

int cuDeviceGet(int *device, int ordinal) {
    *device = ordinal;
    return ordinal == 0 ? 0 : 101;
}

int cuDeviceGetName(char *name, int size, int device) {
    (void)device;
    strncpy(name, "stand-in", (size_t)size);
    return 0;
}

static char context_object;

int cuDevicePrimaryCtxRetain(void **context, int device) {
    (void)device;
    *context = &context_object;
    stand_in_live++;
    return 0;
}

int cuDevicePrimaryCtxRelease_v2(int device) {
    (void)device;
    stand_in_live--;
    return 0;
}

int cuCtxSetCurrent(void *context) {
    return context == &context_object ? 0 : 201;
}

int cuMemAlloc_v2(uint64_t *pointer, size_t bytes) {
    void *memory = malloc(bytes);
    if (!memory) return 2;
    *pointer = (uint64_t)(uintptr_t)memory;
    stand_in_live++;
    return 0;
}

int cuMemFree_v2(uint64_t pointer) {
    return give_back((void *)(uintptr_t)pointer);
}

int cuMemsetD32_v2(uint64_t pointer, unsigned value, size_t count) {
    unsigned *words = (unsigned *)(uintptr_t)pointer;
    for (size_t i = 0; i < count; i++)
        words[i] = value;
    return 0;
}

int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *stream) {
    (void)stream;
    memcpy((void *)(uintptr_t)to, from, bytes);
    stand_in_copies++;
    return 0;
}

int cuStreamCreate(void **stream, unsigned flags) {
    (void)flags;
    return make(stream);
}

int cuStreamSynchronize(void *stream) {
    return stream ? 0 : 400;
}

int cuStreamDestroy_v2(void *stream) {
    return give_back(stream);
}

int cuGetErrorString(int code, const char **text) {
    *text = code == 101 ? "invalid device ordinal" : "an error";
    return 0;
}

int cublasCreate_v2(void **handle) {
    return make(handle);
}

int cublasDestroy_v2(void *handle) {
    return give_back(handle);
}

int cublasSetStream_v2(void *handle, void *stream) {
    return handle && stream ? 0 : 1;
}

int cublasSgemm_v2(void *handle, int transpose_a, int transpose_b, int m, int n, int k,
                   const float *alpha, const float *a, int lda, const float *b, int ldb,
                   const float *beta, float *c, int ldc) {
    if (!handle || transpose_a || transpose_b || lda != m || ldb != k || ldc != m) return 1;
    for (int column = 0; column < n; column++) /* stored by columns */
        for (int row = 0; row < m; row++) {
            float sum = 0;
            for (int i = 0; i < k; i++)
                sum += a[i * lda + row] * b[column * ldb + i];
            c[column * ldc + row] = *alpha * sum + *beta * c[column * ldc + row];
        }
    stand_in_products++;
    return 0;
}
