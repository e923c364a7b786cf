/* The list of built-in encoders; see encoders.h and encoders.def. */
#include "tokenizer/encoders.h"

#include <string.h>

#define ENCODER(name) extern const struct grainbench_encoder_operations encoder_##name;
#include "tokenizer/encoders.def"
#undef ENCODER

const struct grainbench_encoder_operations *const encoders[] = {
#define ENCODER(name) &encoder_##name,
#include "tokenizer/encoders.def"
#undef ENCODER
    NULL};

const struct grainbench_encoder_operations *encoders_find(const char *name) {
    for (size_t i = 0; encoders[i]; i++)
        if (strcmp(encoders[i]->name, name) == 0) return encoders[i];
    return NULL;
}
