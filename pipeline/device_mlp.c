/* A small real model on the CPU: embedding lookup, then two layers with a rectifier between them,
 * over every cell of the tensor [rows, sequence length]: padding costs as much as text. */
#include "base/clock.h"
#include "base/random.h"
#include "pipeline/blas.h"
#include "pipeline/device.h"

#include <stdlib.h>
#include <string.h>

struct mlp_options {
    int64_t width, hidden, threads;
    double us;
};

#define FIELD(name) offsetof(struct mlp_options, name)
static const struct grainbench_option options_table[] = {
    {"width", 0, GRAINBENCH_OPTION_INTEGER, FIELD(width), "N", "16", NULL, 1, 4096,
     "numbers in an embedding"},
    {"hidden", 0, GRAINBENCH_OPTION_INTEGER, FIELD(hidden), "N", "64", NULL, 1, 65536,
     "numbers in the hidden layer"},
    {"us", 0, GRAINBENCH_OPTION_REAL, FIELD(us), "US", "0", NULL, 0, 1e8,
     "chooses the hidden layer so that a full batch takes about so long; 0: as given by hidden"},
    {"threads", 0, GRAINBENCH_OPTION_INTEGER, FIELD(threads), "N", "1", NULL, 1, 256,
     "threads of OpenBLAS"},
    {0}};

struct mlp {
    size_t width, hidden, cells, vocabulary;
    float *embedding, *first, *second; /* [vocabulary][width], [width][hidden], [hidden][width] */
    float *input, *middle, *output;    /* [cells][width], [cells][hidden], [cells][width] */
    double requested_ns, rows;
    volatile float sink; /* so that the result is used */
};

static float *weights(size_t count, uint64_t seed) {
    float *values = aligned_alloc(64, (count * sizeof *values + 63) / 64 * 64);
    struct random random = {seed};
    for (size_t i = 0; values && i < count; i++)
        values[i] = (float)(random_unit(&random) - 0.5) * 0.1f;
    return values;
}

static void free_layers(struct mlp *self) {
    free(self->first);
    free(self->second);
    free(self->middle);
    self->first = self->second = self->middle = NULL;
}

static bool make_layers(struct mlp *self, size_t hidden) {
    free_layers(self);
    self->hidden = hidden;
    self->first = weights(self->width * hidden, 2);
    self->second = weights(hidden * self->width, 3);
    self->middle = weights(self->cells * hidden, 4);
    return self->first && self->second && self->middle;
}

static bool make_input(struct mlp *self, size_t cells) {
    free(self->input);
    free(self->output);
    self->cells = cells;
    self->input = weights(cells * self->width, 5);
    self->output = weights(cells * self->width, 6);
    return self->input && self->output && make_layers(self, self->hidden);
}

static void look_up(struct mlp *self, const int32_t *ids, size_t cells) {
    for (size_t i = 0; i < cells; i++) {
        size_t id = (size_t)(uint32_t)ids[i] % self->vocabulary;
        memcpy(self->input + i * self->width, self->embedding + id * self->width,
               self->width * sizeof *self->input);
    }
}

static void infer(struct mlp *self, const int32_t *ids, size_t cells) {
    int m = (int)cells, width = (int)self->width, hidden = (int)self->hidden;
    look_up(self, ids, cells);
    blas_multiply(m, hidden, width, self->input, self->first, self->middle);
    for (size_t i = 0; i < cells * self->hidden; i++)
        self->middle[i] = self->middle[i] > 0 ? self->middle[i] : 0;
    blas_multiply(m, width, hidden, self->middle, self->second, self->output);
    self->sink = self->output[0];
}

static double fastest_ns(struct mlp *self, const int32_t *ids) {
    double best = 0;
    for (int i = 0; i < 7; i++) {
        uint64_t start_ns = clock_now_ns();
        infer(self, ids, self->cells);
        double ns = (double)(clock_now_ns() - start_ns);
        if (i == 0 || ns < best) best = ns;
    }
    return best;
}

/* Doubles the hidden layer until it is slow enough, then interpolates; the time of the lookup and
 * of the smallest layer is the least there can be. */
static bool size_for(struct mlp *self, double wanted_ns) {
    int32_t *ids = calloc(self->cells, sizeof *ids);
    if (!ids) return false;
    bool made = make_layers(self, 8);
    double ns = 0, before_ns = 0;
    size_t before = 8;
    while (made && (ns = fastest_ns(self, ids)) < wanted_ns && self->hidden < 32768) {
        before = self->hidden;
        before_ns = ns;
        made = make_layers(self, 2 * self->hidden);
    }
    if (made && before_ns > 0 && ns > before_ns) {
        double share = (wanted_ns - before_ns) / (ns - before_ns);
        if (share < 1) made = make_layers(self, before + (size_t)(share * (double)before));
    }
    free(ids);
    return made;
}

static void destroy(void *device) {
    struct mlp *self = device;
    free_layers(self);
    free(self->embedding);
    free(self->input);
    free(self->output);
    free(self);
}

static void *create(const struct device_setup *setup, const void *chosen, struct error *error) {
    const struct mlp_options *options = chosen;
    if (!blas_load((unsigned)options->threads, error)) return NULL;
    struct mlp *self = calloc(1, sizeof *self);
    bool made = self != NULL;
    if (made) {
        self->width = (size_t)options->width;
        self->hidden = (size_t)options->hidden;
        self->vocabulary = setup->vocabulary_size ? setup->vocabulary_size : 1;
        self->rows = setup->batch_rows ? (double)setup->batch_rows : 1;
        self->requested_ns = options->us * 1e3;
        self->embedding = weights(self->vocabulary * self->width, 1);
        made = self->embedding && make_input(self, (size_t)self->rows * setup->sequence_length) &&
               (!(options->us > 0) || size_for(self, self->requested_ns));
    }
    if (made) return self;
    if (self) destroy(self);
    error_set(error, "out of memory for the layers of consumer mlp");
    return NULL;
}

static bool consume(void *device, struct batch *batch, struct error *error) {
    struct mlp *self = device;
    size_t cells = batch->item.row_count * batch->sequence_length;
    if (cells > self->cells && !make_input(self, cells))
        return error_set(error, "out of memory for a batch of %zu cells", cells);
    if (cells) infer(self, batch->ids, cells);
    return true;
}

static double requested_ns(void *device, const struct batch *batch) {
    struct mlp *self = device;
    if (!(self->requested_ns > 0)) return -1;
    return self->requested_ns * (double)batch->item.row_count / self->rows;
}

extern const struct device_operations device_mlp;

const struct device_operations device_mlp = {
    .name = "mlp",
    .summary = "embedding and two layers by OpenBLAS, one thread unless asked",
    .honest_for =
        "inference on the CPU with its memory traffic; not for scaling claims when OpenBLAS "
        "threads and workers together exceed the cores",
    .options = options_table,
    .options_size = sizeof(struct mlp_options),
    .create = create,
    .destroy = destroy,
    .consume = consume,
    .requested_ns = requested_ns,
    .uses_processor = true,
};
