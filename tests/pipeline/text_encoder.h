/* A trivial encoder for tests: an id a byte. Can be told to refuse. */
#ifndef TESTS_PIPELINE_TEXT_ENCODER_H
#define TESTS_PIPELINE_TEXT_ENCODER_H

#include <grainbench/encoder.h>

extern const struct grainbench_encoder_operations text_encoder;
/* From now on it refuses after n more rows; -1: never. */
void text_encoder_refuse_after(int rows);

#endif
