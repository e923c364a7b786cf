/* Ids, tokens, words and offsets against what Hugging Face tokenizers gives, vector by vector, for
 * plain GPT-2 and for the benchmark's tokenizer. Usage: golden_test FILE [ENCODER] */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "tests/tokenizer/support.h"
#include "tokenizer/tokenizer.h"

#include <jansson.h>

static struct model model;
static json_t *vectors; /* array of objects */

static const char *name_of(const json_t *vector) {
    return json_string_value(json_object_get(vector, "name"));
}

/* Characters newer than PCRE2's Unicode split differently there. */
static bool is_newer_unicode(const json_t *vector) {
    return strncmp(name_of(vector), "univer_", 7) == 0 && strcmp(tested_encoder, "pcre2") == 0;
}

static const json_t *field(const json_t *vector, const char *prefix, const char *name) {
    char key[64];
    snprintf(key, sizeof key, "%s%s", prefix, name);
    const json_t *value = json_object_get(vector, key);
    if (!value) fail_msg("%s has no field %s", name_of(vector), key);
    return value;
}

static void check_count(const json_t *vector, const json_t *expected, size_t count,
                        const char *what) {
    if (json_array_size(expected) != count)
        fail_msg("%s: %zu %s instead of %zu", name_of(vector), count, what,
                 json_array_size(expected));
}

static void check_fields(const json_t *vector, const char *prefix, const struct encoding *e) {
    const json_t *ids = field(vector, prefix, "ids"), *tokens = field(vector, prefix, "tokens");
    const json_t *words = field(vector, prefix, "words");
    check_count(vector, ids, e->count, "ids");
    for (size_t i = 0; i < e->count; i++) {
        const json_t *token = json_array_get(tokens, i);
        if (json_integer_value(json_array_get(ids, i)) != e->ids[i])
            fail_msg("%s: id %zu is %u", name_of(vector), i, e->ids[i]);
        if (json_string_length(token) != e->tokens[i].length ||
            memcmp(json_string_value(token), e->tokens[i].text, e->tokens[i].length) != 0)
            fail_msg("%s: token %zu differs", name_of(vector), i);
        if (!e->words[i].present ||
            json_integer_value(json_array_get(words, i)) != e->words[i].index)
            fail_msg("%s: word %zu is %u", name_of(vector), i, e->words[i].index);
        assert_int_equal(e->type_ids[i], 0);
        assert_int_equal(e->special_mask[i], 0);
        assert_int_equal(e->attention_mask[i], 1);
    }
}

static void check_offsets(const json_t *vector, const json_t *expected, const struct encoding *e) {
    check_count(vector, expected, e->count, "offsets");
    for (size_t i = 0; i < e->count; i++) {
        const json_t *pair = json_array_get(expected, i);
        size_t start = (size_t)json_integer_value(json_array_get(pair, 0));
        size_t end = (size_t)json_integer_value(json_array_get(pair, 1));
        if (start != e->offsets[i].start || end != e->offsets[i].end)
            fail_msg("%s: offsets %zu are (%zu, %zu) instead of (%zu, %zu)", name_of(vector), i,
                     e->offsets[i].start, e->offsets[i].end, start, end);
    }
}

/* One entry point over all vectors. */
static void check_all(unsigned flags, const char *options, const char *prefix,
                      enum grainbench_entry entry, const char *offsets) {
    struct bench_encoder encoder;
    size_t index, checked = 0;
    json_t *vector;
    encoder_open(&encoder, &model, options, flags);
    json_array_foreach(vectors, index, vector) {
        const json_t *text = json_object_get(vector, "text");
        if (is_newer_unicode(vector)) continue;
        const struct encoding *e =
            encoder_encode(&encoder, entry, json_string_value(text), json_string_length(text));
        check_fields(vector, prefix, e);
        check_offsets(vector, field(vector, prefix, offsets), e);
        encoder_drop(&encoder);
        checked++;
    }
    encoder_close(&encoder);
    assert_true(checked >= 30);
}

static void plain_encodings_equal_the_original(void **state) {
    (void)state;
    check_all(0, "", "", GRAINBENCH_ENTRY_BATCH, "offsets_bytes");
    check_all(0, "storage=arena", "", GRAINBENCH_ENTRY_CHAR_OFFSETS, "offsets_chars");
}

static void trimmed_offsets_equal_the_original(void **state) {
    (void)state;
    check_all(GRAINBENCH_TRIM_OFFSETS, "", "", GRAINBENCH_ENTRY_BATCH, "offsets_bytes_trim");
    check_all(GRAINBENCH_TRIM_OFFSETS, "", "", GRAINBENCH_ENTRY_CHAR_OFFSETS, "offsets_chars_trim");
}

static void bench_encodings_equal_the_original(void **state) {
    (void)state;
    const unsigned bench = GRAINBENCH_TOKENIZER_BENCH;
    check_all(bench, "", "bench_", GRAINBENCH_ENTRY_BATCH, "offsets_bytes");
    check_all(bench, "storage=arena", "bench_", GRAINBENCH_ENTRY_CHAR_OFFSETS, "offsets_chars");
}

static void reference_cost_changes_nothing(void **state) {
    (void)state;
    const unsigned bench = GRAINBENCH_TOKENIZER_BENCH;
    if (strcmp(tested_encoder, "pcre2") != 0) skip(); /* the only one with that option */
    check_all(bench, "cost=reference", "bench_", GRAINBENCH_ENTRY_BATCH, "offsets_bytes");
    check_all(0, "cost=reference", "", GRAINBENCH_ENTRY_CHAR_OFFSETS, "offsets_chars");
}

static void decoding_gives_the_bytes_back(void **state) {
    (void)state;
    struct error error;
    struct bench_encoder encoder;
    struct tokenizer *tokenizer = tokenizer_create(model.vocab, model.merges, 0, &error);
    size_t index, length;
    json_t *vector;
    char *bytes;
    assert_non_null(tokenizer);
    encoder_open(&encoder, &model, "", 0);
    json_array_foreach(vectors, index, vector) {
        const json_t *text = json_object_get(vector, "text");
        const struct encoding *e = encoder_encode(
            &encoder, GRAINBENCH_ENTRY_IDS, json_string_value(text), json_string_length(text));
        assert_true(tokenizer_decode(tokenizer, e->ids, e->count, &bytes, &length, &error));
        assert_int_equal(length, json_string_length(text));
        assert_memory_equal(bytes, json_string_value(text), length);
        free(bytes);
        encoder_drop(&encoder);
    }
    encoder_close(&encoder);
    tokenizer_destroy(tokenizer);
}

static void load_vectors(const char *path) {
    char *data;
    size_t size;
    struct error error;
    if (!file_read(path, &data, &size, &error)) {
        fprintf(stderr, "skipped: the golden file is not here: %s\n", error.message);
        exit(SKIP_CODE);
    }
    vectors = json_array();
    for (char *at = data, *stop; (stop = memchr(at, '\n', (size_t)(data + size - at)));
         at = stop + 1) {
        json_error_t detail;
        json_t *vector = json_loadb(at, (size_t)(stop - at), JSON_ALLOW_NUL, &detail);
        if (!vector) {
            fprintf(stderr, "%s: %s\n", path, detail.text);
            exit(1);
        }
        json_array_append_new(vectors, vector);
    }
    free(data);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_encodings_equal_the_original),
        cmocka_unit_test(trimmed_offsets_equal_the_original),
        cmocka_unit_test(bench_encodings_equal_the_original),
        cmocka_unit_test(reference_cost_changes_nothing),
        cmocka_unit_test(decoding_gives_the_bytes_back),
    };
    if (argc < 2 || argc > 3) return fprintf(stderr, "usage: golden_test FILE [ENCODER]\n"), 2;
    if (argc == 3) tested_encoder = argv[2];
    load_vectors(argv[1]);
    model_find(&model);
    int failed = cmocka_run_group_tests_name("golden", tests, NULL, NULL);
    json_decref(vectors);
    return failed;
}
