/* The corpus: lines as Rust's iterator has them, batches, and what is refused. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/corpus.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct corpus *load(const char *text, size_t size, size_t batch, struct error *error) {
    char path[] = "corpus-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, size), (ssize_t)size);
    close(descriptor);
    struct corpus *corpus = corpus_load(path, batch, error);
    unlink(path);
    return corpus;
}

static void check_line(const struct corpus *corpus, size_t i, const char *text) {
    assert_int_equal(corpus->lengths[i], strlen(text));
    assert_memory_equal(corpus->lines[i], text, strlen(text));
    assert_int_equal(corpus->costs[i], strlen(text));
}

static void lines_end_at_lf_without_a_cr_before_it(void **state) {
    (void)state;
    static const char text[] = "one\r\n\ntwo\rthree\nlast\r";
    struct error error = {""};
    struct corpus *corpus = load(text, sizeof text - 1, 2, &error);
    if (!corpus) fail_msg("%s", error.message);
    assert_int_equal(corpus->line_count, 4);
    check_line(corpus, 0, "one");
    check_line(corpus, 1, "");
    check_line(corpus, 2, "two\rthree");
    check_line(corpus, 3, "last\r");
    assert_int_equal(corpus->batch_count, 2);
    assert_int_equal(corpus_batch_bytes(corpus, 0) + corpus_batch_bytes(corpus, 1),
                     sizeof text - 1);
    assert_true(corpus->ascii);
    corpus_destroy(corpus);
}

static void a_final_newline_makes_no_empty_line_and_the_last_batch_is_short(void **state) {
    (void)state;
    struct error error = {""};
    struct corpus *corpus = load("a\nb\nc\n", 6, 2, &error);
    if (!corpus) fail_msg("%s", error.message);
    assert_int_equal(corpus->line_count, 3);
    assert_int_equal(corpus->batch_count, 2);
    assert_int_equal(corpus_batch_size(corpus, 0), 2);
    assert_int_equal(corpus_batch_size(corpus, 1), 1);
    corpus_destroy(corpus);
}

static void bad_texts_are_refused_with_their_place(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        const char *expected;
    } cases[] = {{"", 0, "is empty"},
                 {"ab\xC3", 3, "byte 2 is not valid UTF-8"},
                 {"\xED\xA0\x80", 3, "byte 0 is not valid UTF-8"},
                 {"a\xC0\x80", 3, "byte 1 is not valid UTF-8"},
                 {"\xF4\x90\x80\x80", 4, "byte 0 is not valid UTF-8"},
                 {"\x80", 1, "byte 0 is not valid UTF-8"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error = {""};
        assert_null(load(cases[i].text, cases[i].size, 10, &error));
        if (!strstr(error.message, cases[i].expected)) fail_msg("case %zu: %s", i, error.message);
    }
    struct error error = {""};
    assert_null(corpus_load("no-such-file", 10, &error));
    assert_string_equal(error.message, "no-such-file: cannot open: No such file or directory");
}

static void other_scripts_are_fine_and_not_ascii(void **state) {
    (void)state;
    static const char text[] = "\xC3\xA9t\xC3\xA9\n\xF0\x9F\x98\x80\n";
    struct error error = {""};
    struct corpus *corpus = load(text, sizeof text - 1, 10, &error);
    if (!corpus) fail_msg("%s", error.message);
    assert_false(corpus->ascii);
    assert_int_equal(corpus->lengths[1], 4);
    corpus_destroy(corpus);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_end_at_lf_without_a_cr_before_it),
        cmocka_unit_test(a_final_newline_makes_no_empty_line_and_the_last_batch_is_short),
        cmocka_unit_test(bad_texts_are_refused_with_their_place),
        cmocka_unit_test(other_scripts_are_fine_and_not_ascii),
    };
    return cmocka_run_group_tests_name("corpus", tests, NULL, NULL);
}
