/* Consumers of batches ("devices"): what stands where an accelerator or a model would. Each says
 * what it may be used to claim. A device is used by the consumer's thread, except finalize, which
 * runs where the pipeline puts it, one batch at a time. */
#ifndef PIPELINE_DEVICE_H
#define PIPELINE_DEVICE_H

#include "base/error.h"
#include "pipeline/batch.h"
#include <grainbench/option.h>

struct device_setup {
    size_t batch_rows, sequence_length;
    unsigned vocabulary_size;
    unsigned batch_count; /* batches in the pool: batch->index is below it */
    double scale;         /* what chosen durations are multiplied by */
};

struct device_operations {
    const char *name;
    const char *summary;
    const char *honest_for; /* what its figures may be used to claim */
    const struct grainbench_option *options;
    size_t options_size;
    /* Optional. False when it cannot run here, with the reason. */
    bool (*supported)(struct error *error);
    void *(*create)(const struct device_setup *setup, const void *options, struct error *error);
    void (*destroy)(void *device);
    bool (*consume)(void *device, struct batch *batch, struct error *error);
    /* Optional: what a batch was asked to take, in ns. */
    double (*requested_ns)(void *device, const struct batch *batch);
    /* Optional: a copy to the device, a stage of its own with its own depth. */
    bool (*has_finalize)(void *device);
    bool (*finalize)(void *device, struct batch *batch, struct error *error);
    bool uses_processor; /* occupies a core while it consumes */
};

/* NULL-terminated; the first is the default. */
extern const struct device_operations *const devices[];
const struct device_operations *device_find(const char *name);

/* A device made from "name:option=value:option=value". */
struct device {
    const struct device_operations *operations;
    void *state;
    char spec[256];
};
bool device_create(struct device *device, const char *spec, const struct device_setup *setup,
                   struct error *error);
void device_destroy(struct device *device);
bool device_has_finalize(const struct device *device);

#endif
