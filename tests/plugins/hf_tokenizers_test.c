/* The real tokenizers crate gives the ids that the built-in reference encoder gives, text by text
 * and as whole batches, by every entry point, at every thread count. Skipped where the module was
 * not built or the vocabulary and big.txt are not there. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/datafile.h"
#include "base/file.h"
#include "base/options.h"
#include "harness/modules/modules.h"
#include "tokenizer/encoders.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES = 2500, RESULT_LIMIT = 4096 };

static const struct grainbench_encoder_operations *real;
static char vocab[PATH_MAX], merges[PATH_MAX];
static char *corpus;
static const char *lines[LINES];
static size_t lengths[LINES];

static void *make(const struct grainbench_encoder_operations *operations, const char *options,
                  unsigned flags, unsigned workers) {
    char text[128], message[GRAINBENCH_MESSAGE_SIZE] = "";
    static char values[1024];
    struct error error = {""};
    snprintf(text, sizeof text, "%s", options);
    memset(values, 0, sizeof values);
    assert_true(operations->options_size <= sizeof values);
    if (!options_parse_list(operations->options, values, text, ':', operations->name, &error))
        fail_msg("%s", error.message);
    struct grainbench_encoder_setup setup = {.struct_size = sizeof setup,
                                             .vocab_path = vocab,
                                             .merges_path = merges,
                                             .flags = flags,
                                             .workers = workers};
    void *encoder = operations->create(&setup, values, message);
    if (!encoder) fail_msg("%s", message);
    return encoder;
}

/* The reference's ids of every line, one list after the other. */
struct expected {
    uint32_t *ids;
    size_t counts[LINES];
};

static void fill_expected(unsigned flags, struct expected *expected) {
    const struct grainbench_encoder_operations *ours = encoders_find("pcre2");
    assert_non_null(ours);
    void *encoder = make(ours, "", flags, 1);
    char message[GRAINBENCH_MESSAGE_SIZE] = "";
    void *scratch = ours->scratch_create(encoder, 0, message);
    static _Alignas(64) char result[RESULT_LIMIT];
    assert_true(ours->result_size <= sizeof result);
    expected->ids = malloc(4u << 20);
    assert_non_null(expected->ids);
    size_t used = 0;
    for (size_t i = 0; i < LINES; i++) {
        const uint32_t *ids;
        if (ours->scratch_reset) ours->scratch_reset(encoder, scratch);
        if (!ours->encode(encoder, scratch, GRAINBENCH_ENTRY_IDS, lines[i], lengths[i], result,
                          message))
            fail_msg("%s", message);
        expected->counts[i] = ours->result_ids(result, &ids);
        memcpy(expected->ids + used, ids, expected->counts[i] * sizeof *ids);
        used += expected->counts[i];
        if (ours->result_drop) ours->result_drop(encoder, result);
    }
    ours->scratch_destroy(encoder, scratch);
    ours->destroy(encoder);
}

static void assert_line(const struct expected *expected, size_t line, size_t *at,
                        const uint32_t *ids, size_t count, const char *label) {
    if (count != expected->counts[line] ||
        memcmp(ids, expected->ids + *at, count * sizeof *ids) != 0)
        fail_msg("%s: line %zu: other ids than pcre2's", label, line + 1);
    *at += count;
}

static void compare_line_by_line(unsigned flags) {
    static const enum grainbench_entry entries[] = {
        GRAINBENCH_ENTRY_BATCH, GRAINBENCH_ENTRY_CHAR_OFFSETS, GRAINBENCH_ENTRY_FAST};
    struct expected expected;
    static _Alignas(64) char result[RESULT_LIMIT];
    char message[GRAINBENCH_MESSAGE_SIZE] = "";
    fill_expected(flags, &expected);
    void *encoder = make(real, "", flags, 1);
    void *scratch = real->scratch_create(encoder, 0, message);
    for (size_t e = 0; e < sizeof entries / sizeof entries[0]; e++) {
        size_t at = 0;
        for (size_t i = 0; i < LINES; i++) {
            const uint32_t *ids;
            if (!real->encode(encoder, scratch, entries[e], lines[i], lengths[i], result, message))
                fail_msg("%s", message);
            size_t count = real->result_ids(result, &ids);
            assert_line(&expected, i, &at, ids, count, "encode");
            real->result_drop(encoder, result);
        }
    }
    real->scratch_destroy(encoder, scratch);
    real->destroy(encoder);
    free(expected.ids);
}

static void the_plain_tokenizer_gives_our_ids(void **state) {
    (void)state;
    compare_line_by_line(0);
}

static void the_benchmarks_tokenizer_gives_our_ids(void **state) {
    (void)state;
    compare_line_by_line(GRAINBENCH_TOKENIZER_BENCH);
}

static void every_kind_of_batch_gives_our_ids(void **state) {
    (void)state;
    static const char *const kinds[] = {"batch=crate", "batch=formula", "batch=min-len:min_len=32",
                                        "batch=min-len:results=ids", "batch=formula:results=ids"};
    static const unsigned worker_counts[] = {1, 3};
    struct expected expected;
    char message[GRAINBENCH_MESSAGE_SIZE] = "";
    fill_expected(GRAINBENCH_TOKENIZER_BENCH, &expected);
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        for (size_t w = 0; w < sizeof worker_counts / sizeof worker_counts[0]; w++) {
            void *encoder = make(real, kinds[k], GRAINBENCH_TOKENIZER_BENCH, worker_counts[w]);
            void *batch = NULL;
            if (!real->encode_batch(encoder, k % 2 ? GRAINBENCH_ENTRY_FAST : GRAINBENCH_ENTRY_BATCH,
                                    lines, lengths, LINES, &batch, message))
                fail_msg("%s: %s", kinds[k], message);
            size_t at = 0;
            for (size_t i = 0; i < LINES; i++) {
                const uint32_t *ids;
                size_t count = real->batch_ids(encoder, batch, i, &ids);
                assert_line(&expected, i, &at, ids, count, kinds[k]);
            }
            real->batch_drop(encoder, batch);
            real->destroy(encoder);
        }
    free(expected.ids);
}

static bool load_lines(const char *path, struct error *error) {
    size_t size;
    if (!file_read(path, &corpus, &size, error)) return false;
    const char *at = corpus;
    for (size_t i = 0; i < LINES; i++) {
        lines[i] = at;
        lengths[i] = strcspn(at, "\n");
        at += lengths[i] + 1;
    }
    return true;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plain_tokenizer_gives_our_ids),
        cmocka_unit_test(the_benchmarks_tokenizer_gives_our_ids),
        cmocka_unit_test(every_kind_of_batch_gives_our_ids),
    };
    char path[PATH_MAX];
    struct error error = {""};
    if (!modules_exist("hf-tokenizers")) {
        puts("skipped: hf-tokenizers was not built (target plugin-hf-tokenizers)");
        return 77;
    }
    if (!datafile_find("vocab.json", vocab, sizeof vocab, &error) ||
        !datafile_find("merges.txt", merges, sizeof merges, &error) ||
        !datafile_find("big.txt", path, sizeof path, &error) || !load_lines(path, &error)) {
        printf("skipped: %s\n", error.message);
        return 77;
    }
    real = modules_find_encoder("hf-tokenizers", &error);
    if (!real) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    int failed = cmocka_run_group_tests_name("hf-tokenizers", tests, NULL, NULL);
    free(corpus);
    return failed;
}
