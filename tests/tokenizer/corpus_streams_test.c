/* All of big.txt, in both configurations: ids, words and offsets, by digests. The id digests are
 * the published ones; the others were taken when the streams' SHA-256 equalled those of the
 * original. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/file.h"
#include "tests/tokenizer/support.h"

static struct model model;
static char *text;
static size_t size;

struct streams {
    uint64_t count, ids, words, offsets, tokens;
};

static void add(struct streams *s, const struct encoding *e) {
    s->count += e->count;
    s->ids = digest_ids(s->ids, e->ids, e->count);
    for (size_t i = 0; i < e->count; i++) {
        uint32_t pair[2] = {(uint32_t)e->offsets[i].start, (uint32_t)e->offsets[i].end};
        s->words = digest_ids(s->words, &e->words[i].index, 1);
        s->offsets = digest_ids(s->offsets, pair, 2);
        for (size_t k = 0; k < e->tokens[i].length; k++)
            s->tokens = (s->tokens ^ (unsigned char)e->tokens[i].text[k]) * 0x100000001b3u;
    }
}

static void check_lines(unsigned flags, const struct streams *expected) {
    struct streams s = {0, DIGEST_START, DIGEST_START, DIGEST_START, DIGEST_START};
    struct bench_encoder encoder;
    encoder_open(&encoder, &model, "storage=arena:capacity=100000", flags);
    for (const char *at = text, *stop; (stop = line_end(at, text + size)); at = stop + 1) {
        add(&s, encoder_encode(&encoder, GRAINBENCH_ENTRY_BATCH, at, (size_t)(stop - at)));
        encoder_drop(&encoder);
    }
    encoder_close(&encoder);
    assert_true(s.count == expected->count);
    assert_true(s.ids == expected->ids);
    assert_true(s.words == expected->words);
    assert_true(s.offsets == expected->offsets);
    assert_true(s.tokens == expected->tokens);
}

static void plain_lines_equal_the_published_streams(void **state) {
    (void)state;
    check_lines(0, &(struct streams){1476949, 0x5cd36cfda8fa7f43u, 0x1e1a726c58574822u,
                                     0xcb545644967f436eu, 0x029952b0d4e8dbb8u});
}

static void trimmed_lines_equal_the_published_streams(void **state) {
    (void)state;
    check_lines(GRAINBENCH_TRIM_OFFSETS,
                &(struct streams){1476949, 0x5cd36cfda8fa7f43u, 0x1e1a726c58574822u,
                                  0x4a6387b2ff50d72fu, 0x029952b0d4e8dbb8u});
}

static void bench_lines_equal_the_published_streams(void **state) {
    (void)state;
    check_lines(GRAINBENCH_TOKENIZER_BENCH,
                &(struct streams){1493081, 0x06ec4531ccd456b4u, 0xcab9d37deed7e7f1u,
                                  0x8b1897a8959bc98eu, 0x47cfb446ff32887cu});
}

static void the_whole_file_equals_the_published_ids(void **state) {
    (void)state;
    struct bench_encoder encoder;
    encoder_open(&encoder, &model, "storage=arena", 0);
    const struct encoding *e = encoder_encode(&encoder, GRAINBENCH_ENTRY_IDS, text, size);
    assert_int_equal(e->count, 1601992);
    assert_true(digest_ids(DIGEST_START, e->ids, e->count) == 0xe633a75d7ba7b2f3u);
    encoder_drop(&encoder);
    encoder_close(&encoder);
}

static void a_word_of_100000_letters_is_25000_ids(void **state) {
    (void)state;
    struct bench_encoder encoder;
    char *word = malloc(100000);
    memset(word, 'a', 100000);
    encoder_open(&encoder, &model, "", 0);
    const struct encoding *e = encoder_encode(&encoder, GRAINBENCH_ENTRY_IDS, word, 100000);
    assert_int_equal(e->count, 25000);
    encoder_drop(&encoder);
    encoder_close(&encoder);
    free(word);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_lines_equal_the_published_streams),
        cmocka_unit_test(trimmed_lines_equal_the_published_streams),
        cmocka_unit_test(bench_lines_equal_the_published_streams),
        cmocka_unit_test(the_whole_file_equals_the_published_ids),
        cmocka_unit_test(a_word_of_100000_letters_is_25000_ids),
    };
    char path[4096];
    struct error error;
    model_find(&model);
    if (!datafile_find("big.txt", path, sizeof path, &error) ||
        !file_read(path, &text, &size, &error)) {
        fprintf(stderr, "skipped: %s (scripts/fetch-data brings it)\n", error.message);
        return SKIP_CODE;
    }
    int failed = cmocka_run_group_tests_name("corpus streams", tests, NULL, NULL);
    free(text);
    return failed;
}
