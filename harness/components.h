/* Finds schedulers and encoders by name, built in or loaded as modules, and makes them from texts
 * of the form "name:option=value:option=value". */
#ifndef HARNESS_COMPONENTS_H
#define HARNESS_COMPONENTS_H

#include "base/error.h"
#include <grainbench/encoder.h>
#include <grainbench/scheduler.h>
#include <jansson.h>

/* A component chosen by text: its operations and its options, filled. Freed by component_free. */
struct component {
    char *text;    /* the text, cut up: option values point into it */
    void *options; /* options_size bytes */
    const struct grainbench_option *table;
    const struct grainbench_scheduler_operations *scheduler; /* one of the two */
    const struct grainbench_encoder_operations *encoder;
};

bool component_parse_scheduler(const char *text, struct component *out, struct error *error);
bool component_parse_encoder(const char *text, struct component *out, struct error *error);
void component_free(struct component *);

/* {"name": ..., every option: its value as text} for records. */
json_t *component_to_json(const struct component *);
/* The value of an option as text, or "" if it has no such option. */
const char *component_option(const struct component *, const char *name, char *text, size_t size);

#endif
