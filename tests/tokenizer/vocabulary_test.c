/* Loading a model: what is refused, and how it is said; what is looked up. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "tests/tokenizer/support.h"
#include "tokenizer/byte_level.h"
#include "tokenizer/tokenizer.h"

static char folder[4000];
static struct model small;

/* The 256 byte tokens as JSON members, without the closing brace. */
static size_t byte_members(char *out) {
    size_t used = 0;
    for (int i = 0; i < 256; i++) {
        unsigned char byte = byte_level_order[i];
        const struct byte_level_character *c = &byte_level_alphabet[byte];
        used += (size_t)sprintf(out + used, "%s\"%s%.*s\": %d", i ? ", " : "{",
                                byte == '"' || byte == '\\' ? "\\" : "", c->length, c->text, i);
    }
    return used;
}

static void write_text(const char *path, const char *text) {
    struct error error;
    assert_true(file_write(path, text, strlen(text), &error));
}

static void write_model(const char *more_members, const char *merges) {
    char vocab[16384];
    size_t used = byte_members(vocab);
    snprintf(vocab + used, sizeof vocab - used, "%s}", more_members);
    write_text(small.vocab, vocab);
    write_text(small.merges, merges);
}

/* Loading fails with a message that names the file and has this in it. */
static void refuse(const char *file, const char *expected) {
    struct error error = {""};
    struct vocabulary *vocabulary = vocabulary_load(small.vocab, small.merges, &error);
    if (vocabulary) fail_msg("was not refused: %s", expected);
    if (!strstr(error.message, expected) || !strstr(error.message, file))
        fail_msg("says '%s' instead of '%s: ... %s'", error.message, file, expected);
}

static void a_small_model_loads(void **state) {
    (void)state;
    struct error error;
    size_t length;
    uint32_t id;
    write_model(", \"th\": 256, \"the\": 257, \"\xc4\xa0the\": 258",
                "#version: 0.2\nt h\nth e\r\n\xc4\xa0 the\n");
    struct vocabulary *v = vocabulary_load(small.vocab, small.merges, &error);
    if (!v) fail_msg("%s", error.message);
    assert_int_equal(vocabulary_size(v), 259);
    assert_int_equal(vocabulary_merge_count(v), 3);
    assert_int_equal(vocabulary_merges(v)[1].merged, 257);
    assert_true(vocabulary_find(v, " the", 4, &id));
    assert_int_equal(id, 258);
    assert_memory_equal(vocabulary_bytes(v, 258, &length), " the", 4);
    assert_int_equal(length, 4);
    assert_string_equal(vocabulary_token(v, 258, &length), "\xc4\xa0the");
    assert_int_equal(vocabulary_byte_id(v, '!'), 0);
    assert_false(vocabulary_find(v, "he", 2, &id));
    assert_int_equal(pair_find(vocabulary_pairs(v), 256, vocabulary_byte_id(v, 'e'))->rank, 1);
    assert_null(pair_find(vocabulary_pairs(v), 256, 256));
    vocabulary_destroy(v);
}

static void bad_vocabularies_are_refused(void **state) {
    (void)state;
    char vocab[16384];
    write_model(", \"th\": 256", "t h\n");
    byte_members(vocab);
    write_text(small.vocab, vocab);
    refuse("vocab.json", "line 1"); /* cut off */
    write_text(small.vocab, "[1, 2]");
    refuse("vocab.json", "not an object");
    write_text(small.vocab, "{\"a\": 0}");
    refuse("vocab.json", "has 1 tokens");
    write_text(small.vocab, "");
    refuse("vocab.json", "line 1");
    write_model(", \"th\": \"x\"", "t h\n");
    refuse("vocab.json", "not an integer");
    write_model(", \"th\": 300", "t h\n");
    refuse("vocab.json", "id 300 is out of range");
    write_model(", \"th\": -1", "t h\n");
    refuse("vocab.json", "id -1 is out of range");
    write_model(", \"th\": 7", "t h\n");
    refuse("vocab.json", "id 7 is used twice");
    write_model(", \"th\": 256, \"th\": 257", "t h\n");
    refuse("vocab.json", "duplicate");
    write_model(", \"\": 256", "t h\n");
    refuse("vocab.json", "empty token");
    byte_members(vocab);
    memcpy(strstr(vocab, "\"!\""), "\"ab\"", 3); /* one quote too few */
    write_text(small.vocab, strcat(vocab, "}"));
    refuse("vocab.json", "line 1");
    byte_members(vocab);
    char *at = strstr(vocab, "\"A\"");
    memmove(at + 4, at + 3, strlen(at + 3) + 1);
    memcpy(at, "\"AB\"", 4);
    write_text(small.vocab, strcat(vocab, "}"));
    refuse("vocab.json", "no token for byte 0x41");
}

static void bad_merges_are_refused(void **state) {
    (void)state;
    const char *members = ", \"th\": 256, \"the\": 257";
    write_model(members, "#version: 0.2\nt h\nth\n");
    refuse("merges.txt", "line 3: 'th' is not two tokens");
    write_model(members, "t h\nth e x\n");
    refuse("merges.txt", "line 2");
    write_model(members, "t h\n\nth e\n");
    refuse("merges.txt", "line 2");
    write_model(members, "t h\nxy z\n");
    refuse("merges.txt", "line 2: 'xy' is not a token");
    write_model(members, "t h\na b\n");
    refuse("merges.txt", "line 2: the result of 'a b' is not a token");
    write_model(members, "t h\nth e\nt h\n");
    refuse("merges.txt", "line 3: 't h' stands in an earlier line");
    write_model(members, "#version: 0.2\n");
    refuse("merges.txt", "no merges");
    write_model(members, "");
    refuse("merges.txt", "no merges");
}

static void missing_files_are_named(void **state) {
    (void)state;
    struct error error;
    write_model("", "t h\n");
    assert_null(vocabulary_load("/nowhere/vocab.json", small.merges, &error));
    assert_non_null(strstr(error.message, "/nowhere/vocab.json"));
    assert_null(vocabulary_load(small.vocab, "/nowhere/merges.txt", &error));
    assert_non_null(strstr(error.message, "/nowhere/merges.txt"));
}

static void digests_tell_models_apart(void **state) {
    (void)state;
    struct error error;
    uint64_t first, second, files;
    write_model(", \"th\": 256", "t h\n");
    struct vocabulary *v = vocabulary_load(small.vocab, small.merges, &error);
    assert_non_null(v);
    first = vocabulary_digest(v);
    assert_true(vocabulary_digest_files(small.vocab, small.merges, &files, &error));
    assert_true(files == first);
    vocabulary_destroy(v);
    write_model(", \"he\": 256", "h e\n");
    assert_true(vocabulary_digest_files(small.vocab, small.merges, &second, &error));
    assert_true(first != second);
}

static void added_tokens_keep_or_get_ids(void **state) {
    (void)state;
    struct error error;
    char *bytes;
    size_t length;
    write_model(", \"th\": 256", "t h\n");
    struct tokenizer *t = tokenizer_create(small.vocab, small.merges, 0, &error);
    assert_non_null(t);
    assert_true(tokenizer_add(t, &(struct added_token){.content = "th"}, &error));
    assert_true(tokenizer_add(t, &(struct added_token){.content = "[X]", .special = true}, &error));
    assert_int_equal(t->added[0].id, 256);
    assert_int_equal(t->added[1].id, 257);
    assert_int_equal(t->size, 258);
    assert_false(tokenizer_add(t, &(struct added_token){.content = ""}, &error));
    const uint32_t ids[] = {257, 256, 0}, unknown[] = {258};
    assert_true(tokenizer_decode(t, ids, 3, &bytes, &length, &error));
    assert_string_equal(bytes, "[X]th!");
    free(bytes);
    assert_false(tokenizer_decode(t, unknown, 1, &bytes, &length, &error));
    tokenizer_destroy(t);
}

static void the_byte_alphabet_is_reversible(void **state) {
    (void)state;
    char bytes[256], text[512], back[512];
    size_t length;
    for (int i = 0; i < 256; i++)
        bytes[i] = (char)i;
    size_t written = byte_level_encode(bytes, 256, text);
    assert_int_equal(written, 94 + 2 * 162); /* 94 of one byte, 162 of two */
    assert_true(byte_level_decode(text, written, back, &length));
    assert_int_equal(length, 256);
    assert_memory_equal(back, bytes, 256);
    assert_false(byte_level_decode("\xe2\x82\xac", 3, back, &length));
    assert_false(byte_level_decode("a b", 3, back, &length));
}

static int set_up(void **state) {
    (void)state;
    folder_create(folder, sizeof folder);
    snprintf(small.vocab, sizeof small.vocab, "%s/vocab.json", folder);
    snprintf(small.merges, sizeof small.merges, "%s/merges.txt", folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    unlink(small.vocab);
    unlink(small.merges);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_model_loads),
        cmocka_unit_test(bad_vocabularies_are_refused),
        cmocka_unit_test(bad_merges_are_refused),
        cmocka_unit_test(missing_files_are_named),
        cmocka_unit_test(digests_tell_models_apart),
        cmocka_unit_test(added_tokens_keep_or_get_ids),
        cmocka_unit_test(the_byte_alphabet_is_reversible),
    };
    return cmocka_run_group_tests_name("vocabulary", tests, set_up, tear_down);
}
