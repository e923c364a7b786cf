/* Whether what a module exports is usable: ABI number, struct sizes, required functions, options.
 * Knows nothing of files. */
#ifndef HARNESS_MODULE_CHECK_H
#define HARNESS_MODULE_CHECK_H

#include "base/error.h"
#include <grainbench/encoder.h>
#include <grainbench/scheduler.h>

/* Checks the exported table and copies it to `copy`, with fields the module does not know zeroed.
 * `path` begins the sentence on failure. */
bool module_check_scheduler(const char *path,
                            const struct grainbench_scheduler_operations *exported,
                            struct grainbench_scheduler_operations *copy, struct error *error);
bool module_check_encoder(const char *path, const struct grainbench_encoder_operations *exported,
                          struct grainbench_encoder_operations *copy, struct error *error);

#endif
