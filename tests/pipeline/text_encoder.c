/* The test encoder; see text_encoder.h. */
#include "text_encoder.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static atomic_int left = -1;

void text_encoder_refuse_after(int rows) {
    atomic_store(&left, rows);
}

static void *scratch_create(void *encoder, unsigned worker, char *message) {
    (void)encoder, (void)worker, (void)message;
    return malloc(1);
}

static void scratch_destroy(void *encoder, void *scratch) {
    (void)encoder;
    free(scratch);
}

static size_t encode_ids(void *encoder, void *scratch, const char *text, size_t length,
                         uint32_t *ids) {
    (void)encoder, (void)scratch;
    for (size_t i = 0; i < length; i++)
        ids[i] = (uint32_t)(unsigned char)text[i];
    return length;
}

struct result {
    uint32_t *ids;
    size_t count;
};

static bool encode(void *encoder, void *scratch, enum grainbench_entry entry, const char *text,
                   size_t length, void *slot, char *message) {
    (void)entry;
    struct result *result = slot;
    if (atomic_load(&left) >= 0 && atomic_fetch_sub(&left, 1) <= 0) {
        atomic_store(&left, 0);
        snprintf(message, GRAINBENCH_MESSAGE_SIZE, "refused");
        return false;
    }
    result->ids = malloc((length + 1) * sizeof *result->ids);
    result->count = encode_ids(encoder, scratch, text, length, result->ids);
    return true;
}

static size_t result_ids(const void *slot, const uint32_t **ids) {
    const struct result *result = slot;
    *ids = result->ids;
    return result->count;
}

static void result_drop(void *encoder, void *slot) {
    (void)encoder;
    free(((struct result *)slot)->ids);
}

const struct grainbench_encoder_operations text_encoder = {
    .struct_size = sizeof text_encoder,
    .abi = GRAINBENCH_ENCODER_ABI,
    .name = "bytes",
    .summary = "an id a byte",
    .result_size = sizeof(struct result),
    .scratch_create = scratch_create,
    .scratch_destroy = scratch_destroy,
    .encode = encode,
    .result_ids = result_ids,
    .result_drop = result_drop,
};
