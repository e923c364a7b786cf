/* Loads the CUDA driver and cuBLAS; see cuda.h. */
#define _GNU_SOURCE
#include "pipeline/cuda.h"

#include <dlfcn.h>
#include <stddef.h>

static struct cuda_api api;

struct symbol {
    const char *name;
    size_t offset;
};

#define AT(member) offsetof(struct cuda_api, member)

static const struct symbol driver_symbols[] = {
    {"cuInit", AT(init)},
    {"cuDeviceGetCount", AT(device_count)},
    {"cuDeviceGet", AT(device_get)},
    {"cuDeviceGetName", AT(device_name)},
    {"cuDevicePrimaryCtxRetain", AT(context_retain)},
    {"cuDevicePrimaryCtxRelease_v2", AT(context_release)},
    {"cuCtxSetCurrent", AT(context_set)},
    {"cuMemAlloc_v2", AT(allocate)},
    {"cuMemFree_v2", AT(release)},
    {"cuMemsetD32_v2", AT(set_words)},
    {"cuMemcpyHtoDAsync_v2", AT(copy_in)},
    {"cuStreamCreate", AT(stream_create)},
    {"cuStreamSynchronize", AT(stream_wait)},
    {"cuStreamDestroy_v2", AT(stream_destroy)},
    {"cuGetErrorString", AT(error_text)},
    {NULL, 0}};

static const struct symbol blas_symbols[] = {{"cublasCreate_v2", AT(blas_create)},
                                             {"cublasDestroy_v2", AT(blas_destroy)},
                                             {"cublasSetStream_v2", AT(blas_set_stream)},
                                             {"cublasSgemm_v2", AT(blas_sgemm)},
                                             {NULL, 0}};

static bool load(const char *const *names, const char *what, const struct symbol *symbols,
                 struct error *error) {
    void *library = NULL;
    for (size_t i = 0; !library && names[i]; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return error_set(error, "consumer cuda cannot run here: no %s (%s not found)", what,
                         names[0]);
    for (; symbols->name; symbols++) {
        void **function = (void **)((char *)&api + symbols->offset);
        *function = dlsym(library, symbols->name);
        if (!*function)
            return error_set(error, "consumer cuda cannot run here: %s has no %s", names[0],
                             symbols->name);
    }
    return true;
}

bool cuda_succeeded(const struct cuda_api *functions, int code, const char *what,
                    struct error *error) {
    if (code == 0) return true;
    const char *text = NULL;
    if (functions->error_text) functions->error_text(code, &text);
    return error_set(error, "CUDA: %s: %s (error %d)", what, text ? text : "no text", code);
}

const struct cuda_api *cuda_load(struct error *error) {
    static const char *const driver[] = {"libcuda.so.1", "libcuda.so", NULL};
    static const char *const blas[] = {"libcublas.so.12", "libcublas.so.13", "libcublas.so.11",
                                       "libcublas.so", NULL};
    static bool loaded;
    if (loaded) return &api;
    int count = 0;
    if (!load(driver, "NVIDIA driver", driver_symbols, error)) return NULL;
    if (!cuda_succeeded(&api, api.init(0), "cuInit", error)) return NULL;
    if (!cuda_succeeded(&api, api.device_count(&count), "cuDeviceGetCount", error)) return NULL;
    if (count == 0) {
        error_set(error, "consumer cuda cannot run here: the driver finds no GPU");
        return NULL;
    }
    if (!load(blas, "cuBLAS", blas_symbols, error)) return NULL;
    loaded = true;
    return &api;
}
