/* The `null` encoder: one fixed id an item and no work. What is measured with it is the floor of
 * the harness and the scheduler. */
#include <grainbench/encoder.h>

#define NULL_ENCODER_ID 0u

struct null_result {
    uint32_t id;
};

/* It has no state; its handles only have to differ from NULL. */
static char nothing;

static void *null_create(const struct grainbench_encoder_setup *setup, const void *options,
                         char *message) {
    (void)setup, (void)options, (void)message;
    return &nothing;
}

static void null_destroy(void *encoder) {
    (void)encoder;
}

static void *null_scratch_create(void *encoder, unsigned worker, char *message) {
    (void)encoder, (void)worker, (void)message;
    return &nothing;
}

static void null_scratch_destroy(void *encoder, void *scratch) {
    (void)encoder, (void)scratch;
}

static bool null_encode(void *encoder, void *scratch, enum grainbench_entry entry, const char *text,
                        size_t length, void *result, char *message) {
    (void)encoder, (void)scratch, (void)entry, (void)text, (void)length, (void)message;
    ((struct null_result *)result)->id = NULL_ENCODER_ID;
    return true;
}

static size_t null_result_ids(const void *result, const uint32_t **ids) {
    *ids = &((const struct null_result *)result)->id;
    return 1;
}

static size_t null_encode_ids(void *encoder, void *scratch, const char *text, size_t length,
                              uint32_t *ids) {
    (void)encoder, (void)scratch, (void)text, (void)length;
    ids[0] = NULL_ENCODER_ID;
    return 1;
}

extern const struct grainbench_encoder_operations encoder_null;
const struct grainbench_encoder_operations encoder_null = {
    .struct_size = sizeof encoder_null,
    .abi = GRAINBENCH_ENCODER_ABI,
    .name = "null",
    .summary = "one fixed id an item, no work: the floor of the harness",
    .result_size = sizeof(struct null_result),
    .create = null_create,
    .destroy = null_destroy,
    .scratch_create = null_scratch_create,
    .scratch_destroy = null_scratch_destroy,
    .encode = null_encode,
    .result_ids = null_result_ids,
    .encode_ids = null_encode_ids,
};
