/* The built-in encoders, by name. */
#ifndef TOKENIZER_ENCODERS_H
#define TOKENIZER_ENCODERS_H

#include <grainbench/encoder.h>

/* NULL-terminated, in the order of encoders.def; the first is the default. */
extern const struct grainbench_encoder_operations *const encoders[];

/* NULL if there is none of that name. */
const struct grainbench_encoder_operations *encoders_find(const char *name);

#endif
