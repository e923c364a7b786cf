/* JSON lines of `grainbench encode --json-lines`: a text in, its encoding out, in the field names
 * of the golden files. */
#ifndef HARNESS_ENCODE_JSON_H
#define HARNESS_ENCODE_JSON_H

#include "base/error.h"
#include "tokenizer/tokenizer.h"
#include <stdio.h>

struct encode_json_work {
    const struct grainbench_encoder_operations *operations;
    void *encoder, *scratch;
    const struct tokenizer *tokenizer;
    bool trim; /* also offsets without surrounding white space */
};

/* One line: a JSON object with "text" (others are ignored). False with a sentence on failure. */
bool encode_json_line(const struct encode_json_work *work, const char *line, size_t length,
                      FILE *out, struct error *error);

#endif
