/* What the tests of tokenizer/ share: where the model is, encoders by their options, temporary
 * files. Include after cmocka.h. */
#ifndef TESTS_TOKENIZER_SUPPORT_H
#define TESTS_TOKENIZER_SUPPORT_H

#include "base/datafile.h"
#include "base/options.h"
#include "tokenizer/encoders.h"
#include "tokenizer/encoding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SKIP_CODE 77

struct model {
    char vocab[4096], merges[4096];
};

/* GPT-2's model, or the test ends as skipped and says how to bring it. */
static inline void model_find(struct model *model) {
    struct error error;
    if (datafile_find("vocab.json", model->vocab, sizeof model->vocab, &error) &&
        datafile_find("merges.txt", model->merges, sizeof model->merges, &error))
        return;
    fprintf(stderr, "skipped: %s (scripts/fetch-data brings it)\n", error.message);
    exit(SKIP_CODE);
}

/* An encoder with one scratch. */
struct bench_encoder {
    const struct grainbench_encoder_operations *operations;
    void *encoder, *scratch;
    void *slot;
};

/* What encoder_open opens. */
static const char *tested_encoder = "pcre2";

static inline void encoder_open(struct bench_encoder *e, const struct model *model,
                                const char *options, unsigned flags) {
    char list[256], message[GRAINBENCH_MESSAGE_SIZE] = "";
    struct error error;
    snprintf(list, sizeof list, "%s", options);
    e->operations = encoders_find(tested_encoder);
    void *chosen = calloc(1, e->operations->options_size);
    assert_true(
        options_parse_list(e->operations->options, chosen, list, ':', tested_encoder, &error));
    const struct grainbench_encoder_setup setup = {.struct_size = sizeof setup,
                                                   .vocab_path = model->vocab,
                                                   .merges_path = model->merges,
                                                   .flags = flags,
                                                   .workers = 1};
    e->encoder = e->operations->create(&setup, chosen, message);
    free(chosen);
    if (!e->encoder) fail_msg("%s", message);
    e->scratch = e->operations->scratch_create(e->encoder, 0, message);
    assert_non_null(e->scratch);
    assert_int_equal(posix_memalign(&e->slot, 64, e->operations->result_size), 0);
}

static inline const struct encoding *encoder_encode(struct bench_encoder *e,
                                                    enum grainbench_entry entry, const char *text,
                                                    size_t length) {
    char message[GRAINBENCH_MESSAGE_SIZE] = "";
    if (!e->operations->encode(e->encoder, e->scratch, entry, text, length, e->slot, message))
        fail_msg("%s", message);
    return e->slot;
}

static inline void encoder_drop(struct bench_encoder *e) {
    e->operations->result_drop(e->encoder, e->slot);
    e->operations->scratch_reset(e->encoder, e->scratch);
}

static inline void encoder_close(struct bench_encoder *e) {
    e->operations->scratch_destroy(e->encoder, e->scratch);
    e->operations->destroy(e->encoder);
    free(e->slot);
}

/* The end of the line at `at` in a text that ends at `end`, or NULL. Not strchr, which sanitizers
 * make look at the whole text every time. */
static inline const char *line_end(const char *at, const char *end) {
    return memchr(at, '\n', (size_t)(end - at));
}

/* A fresh folder under the build folder; the caller knows what it puts there. */
static inline void folder_create(char *path, size_t size) {
    snprintf(path, size, "%s/test-XXXXXX", GRAINBENCH_BINARY_DIR);
    assert_non_null(mkdtemp(path));
}

#endif
