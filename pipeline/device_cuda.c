/* A GPU: ids are copied in a finalize stage of its own, then two layers are multiplied by cuBLAS.
 * The layers work on stand-in activations of the right shape (there is no kernel for the
 * embedding), so the copy and the arithmetic are real and the result is not a model's. */
#include "pipeline/cuda.h"
#include "pipeline/device.h"

#include <stdlib.h>

struct cuda_options {
    int64_t width, hidden, device;
};

#define FIELD(name) offsetof(struct cuda_options, name)
static const struct grainbench_option options_table[] = {
    {"width", 0, GRAINBENCH_OPTION_INTEGER, FIELD(width), "N", "512", NULL, 1, 16384,
     "numbers in an embedding"},
    {"hidden", 0, GRAINBENCH_OPTION_INTEGER, FIELD(hidden), "N", "2048", NULL, 1, 65536,
     "numbers in the hidden layer"},
    {"device", 0, GRAINBENCH_OPTION_INTEGER, FIELD(device), "N", "0", NULL, 0, 64, "which GPU"},
    {0}};

struct gpu {
    const struct cuda_api *api;
    int ordinal;
    void *context, *copy_stream, *compute_stream, *blas;
    size_t cells, width, hidden;
    cuda_pointer *ids; /* one buffer for each batch of the pool */
    unsigned id_buffers;
    cuda_pointer input, first, middle, second, output;
};

static bool supported(struct error *error) {
    return cuda_load(error) != NULL;
}

static bool allocate(struct gpu *self, cuda_pointer *pointer, size_t floats, struct error *error) {
    const struct cuda_api *api = self->api;
    return cuda_succeeded(api, api->allocate(pointer, floats * 4), "cuMemAlloc", error) &&
           cuda_succeeded(api, api->set_words(*pointer, 0x3A83126F /* 0.001f */, floats),
                          "cuMemsetD32", error);
}

static bool open_device(struct gpu *self, struct error *error) {
    const struct cuda_api *api = self->api;
    int device;
    return cuda_succeeded(api, api->device_get(&device, self->ordinal), "cuDeviceGet", error) &&
           cuda_succeeded(api, api->context_retain(&self->context, device), "the GPU's context",
                          error) &&
           cuda_succeeded(api, api->context_set(self->context), "cuCtxSetCurrent", error) &&
           cuda_succeeded(api, api->stream_create(&self->copy_stream, 1), "a stream", error) &&
           cuda_succeeded(api, api->stream_create(&self->compute_stream, 1), "a stream", error) &&
           (api->blas_create(&self->blas) == 0 || error_set(error, "cublasCreate failed")) &&
           (api->blas_set_stream(self->blas, self->compute_stream) == 0 ||
            error_set(error, "cublasSetStream failed"));
}

static bool allocate_all(struct gpu *self, unsigned batch_count, struct error *error) {
    self->ids = calloc(batch_count, sizeof *self->ids);
    if (!self->ids) return error_set(error, "out of memory for consumer cuda");
    for (unsigned i = 0; i < batch_count; i++, self->id_buffers++)
        if (!allocate(self, &self->ids[i], self->cells, error)) return false;
    return allocate(self, &self->input, self->cells * self->width, error) &&
           allocate(self, &self->first, self->width * self->hidden, error) &&
           allocate(self, &self->middle, self->cells * self->hidden, error) &&
           allocate(self, &self->second, self->hidden * self->width, error) &&
           allocate(self, &self->output, self->cells * self->width, error);
}

static void destroy(void *device) {
    struct gpu *self = device;
    const struct cuda_api *api = self->api;
    if (self->context) api->context_set(self->context);
    cuda_pointer layers[] = {self->input, self->first, self->middle, self->second, self->output};
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
        if (layers[i]) api->release(layers[i]);
    for (unsigned i = 0; i < self->id_buffers; i++)
        api->release(self->ids[i]);
    if (self->blas) api->blas_destroy(self->blas);
    if (self->copy_stream) api->stream_destroy(self->copy_stream);
    if (self->compute_stream) api->stream_destroy(self->compute_stream);
    if (self->context) api->context_release(self->ordinal);
    free(self->ids);
    free(self);
}

static void *create(const struct device_setup *setup, const void *chosen, struct error *error) {
    const struct cuda_options *options = chosen;
    struct gpu *self = calloc(1, sizeof *self);
    if (!self) {
        error_set(error, "out of memory for consumer cuda");
        return NULL;
    }
    self->api = cuda_load(error);
    if (!self->api) {
        free(self);
        return NULL;
    }
    self->ordinal = (int)options->device;
    self->width = (size_t)options->width;
    self->hidden = (size_t)options->hidden;
    self->cells = (setup->batch_rows ? setup->batch_rows : 1) * setup->sequence_length;
    if (open_device(self, error) && allocate_all(self, setup->batch_count, error)) return self;
    destroy(self);
    return NULL;
}

static bool finalize(void *device, struct batch *batch, struct error *error) {
    struct gpu *self = device;
    const struct cuda_api *api = self->api;
    size_t cells = batch->item.row_count * batch->sequence_length;
    if (cells > self->cells || batch->index >= self->id_buffers)
        return error_set(error, "consumer cuda has no room for a batch of %zu cells", cells);
    return cuda_succeeded(api, api->context_set(self->context), "cuCtxSetCurrent", error) &&
           cuda_succeeded(
               api, api->copy_in(self->ids[batch->index], batch->ids, cells * 4, self->copy_stream),
               "copying ids", error) &&
           cuda_succeeded(api, api->stream_wait(self->copy_stream), "copying ids", error);
}

/* cuBLAS stores by columns: C = A B by rows is C' = B' A' to it. */
static bool multiply(struct gpu *self, size_t m, size_t n, size_t k, cuda_pointer a, cuda_pointer b,
                     cuda_pointer c) {
    const float one = 1, zero = 0;
    return self->api->blas_sgemm(self->blas, 0, 0, (int)n, (int)m, (int)k, &one,
                                 (const float *)(uintptr_t)b, (int)n, (const float *)(uintptr_t)a,
                                 (int)k, &zero, (float *)(uintptr_t)c, (int)n) == 0;
}

static bool consume(void *device, struct batch *batch, struct error *error) {
    struct gpu *self = device;
    const struct cuda_api *api = self->api;
    size_t cells = batch->item.row_count * batch->sequence_length;
    if (!cells) return true;
    if (!cuda_succeeded(api, api->context_set(self->context), "cuCtxSetCurrent", error))
        return false;
    if (!multiply(self, cells, self->hidden, self->width, self->input, self->first, self->middle) ||
        !multiply(self, cells, self->width, self->hidden, self->middle, self->second, self->output))
        return error_set(error, "cublasSgemm failed");
    return cuda_succeeded(api, api->stream_wait(self->compute_stream), "the layers", error);
}

extern const struct device_operations device_cuda;

const struct device_operations device_cuda = {
    .name = "cuda",
    .summary = "copies ids to a GPU (finalize) and multiplies two layers there by cuBLAS",
    .honest_for = "real overlap including copies; the layers work on stand-in activations",
    .options = options_table,
    .options_size = sizeof(struct cuda_options),
    .supported = supported,
    .create = create,
    .destroy = destroy,
    .consume = consume,
    .finalize = finalize,
};
