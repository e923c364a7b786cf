/* The trainer and the built-in corpus: what is learnt, in which order, and the same every time. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/file.h"
#include "tests/tokenizer/support.h"
#include "tokenizer/builtin_corpus.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/trainer.h"

#define CORPUS_SIZE   6468784
#define CORPUS_DIGEST 0x17d830246c6c1675u

static char folder[4000];
static struct model model;

static void train(const char *text, size_t length, uint32_t size, int64_t minimum) {
    struct error error;
    struct trainer *trainer = trainer_create(&error);
    assert_non_null(trainer);
    assert_true(trainer_add_text(trainer, text, length, &error));
    assert_true(trainer_run(trainer, size, minimum, &error));
    assert_true(trainer_write(trainer, folder, &error));
    trainer_destroy(trainer);
}

static void expect_merges(const char *expected) {
    char *data;
    size_t size;
    struct error error;
    assert_true(file_read(model.merges, &data, &size, &error));
    assert_string_equal(data, expected);
    free(data);
}

static void the_most_frequent_pair_is_merged_first(void **state) {
    (void)state;
    /* " ab" 3 times, " ac" twice: (space, a) 5, (a, b) 3, then what is left of them. */
    const char *text = " ab ab ab ac ac";
    train(text, strlen(text), 259, 1);
    expect_merges("#version: 0.2\n\xc4\xa0 a\n\xc4\xa0"
                  "a b\n");
}

static void ties_go_to_the_lower_ids(void **state) {
    (void)state;
    const char *text = "cd ab"; /* each pair once; ids follow the order of characters */
    train(text, strlen(text), 258, 1);
    expect_merges("#version: 0.2\na b\n");
}

static void repeated_letters_are_counted_as_merged(void **state) {
    (void)state;
    const char *text = "aaaaaaaa aaaa"; /* a a, then aa aa; then a tie */
    train(text, strlen(text), 260, 1);
    expect_merges("#version: 0.2\na a\naa aa\n\xc4\xa0 aaaa\n");
}

static void rare_pairs_can_be_left_alone(void **state) {
    (void)state;
    const char *text = "xy xy qz";
    train(text, strlen(text), 300, 2);
    expect_merges("#version: 0.2\nx y\n"); /* "Ġxy" occurs once */
}

static void tokens_are_laid_out_as_gpt2s(void **state) {
    (void)state;
    struct error error;
    size_t length;
    const char *text = "the then there";
    train(text, strlen(text), 260, 1);
    struct vocabulary *v = vocabulary_load(model.vocab, model.merges, &error);
    if (!v) fail_msg("%s", error.message);
    assert_int_equal(vocabulary_size(v), 260);
    assert_string_equal(vocabulary_token(v, 0, &length), "!");
    assert_int_equal(vocabulary_merges(v)[0].merged, 256);
    assert_string_equal(vocabulary_token(v, 259, &length), "<|endoftext|>");
    vocabulary_destroy(v);
}

/* Counts every pair anew before each merge: slow and plain. */
static void training_equals_counting_anew_each_time(void **state) {
    (void)state;
    struct error error;
    size_t size;
    char *text = builtin_corpus_create(5, 60, &size, &error);
    assert_non_null(text);
    train(text, size, 256 + 120 + 1, 1);
    struct vocabulary *v = vocabulary_load(model.vocab, model.merges, &error);
    if (!v) fail_msg("%s", error.message);
    /* Words are what GPT-2's pattern cuts; here: a cut before a space or after a newline is not
     * enough to know them, so the merges are replayed on the encoder's own words. */
    struct bench_encoder encoder;
    encoder_open(&encoder, &model, "cache=none", 0);
    const struct encoding *e = encoder_encode(&encoder, GRAINBENCH_ENTRY_BATCH, text, size);
    uint32_t *symbols = malloc(size * sizeof *symbols), *words = malloc(size * sizeof *words);
    size_t count = 0;
    for (size_t i = 0; i < e->count; i++) {
        size_t length;
        const char *bytes = vocabulary_bytes(v, e->ids[i], &length);
        for (size_t k = 0; k < length; k++, count++) {
            symbols[count] = vocabulary_byte_id(v, (unsigned char)bytes[k]);
            words[count] = e->words[i].index;
        }
    }
    assert_int_equal(count, size);
    for (uint32_t rank = 0; rank < vocabulary_merge_count(v); rank++) {
        static unsigned counts[400][400];
        memset(counts, 0, sizeof counts);
        uint32_t left = 0, right = 0;
        for (size_t i = 0; i + 1 < count; i++)
            if (words[i] == words[i + 1]) counts[symbols[i]][symbols[i + 1]]++;
        for (uint32_t l = 0; l < 400; l++)
            for (uint32_t r = 0; r < 400; r++)
                if (counts[l][r] > counts[left][right]) left = l, right = r;
        const struct merge *merge = &vocabulary_merges(v)[rank];
        if (merge->left != left || merge->right != right)
            fail_msg("merge %u is (%u, %u) instead of (%u, %u)", rank, merge->left, merge->right,
                     left, right);
        size_t out = 0;
        for (size_t i = 0; i < count; i++, out++) {
            bool join = i + 1 < count && words[i] == words[i + 1] && symbols[i] == left &&
                        symbols[i + 1] == right;
            words[out] = words[i];
            symbols[out] = join ? merge->merged : symbols[i];
            i += join;
        }
        count = out;
    }
    free(symbols);
    free(words);
    encoder_drop(&encoder);
    encoder_close(&encoder);
    vocabulary_destroy(v);
    free(text);
}

static void too_small_a_vocabulary_is_refused(void **state) {
    (void)state;
    struct error error;
    struct trainer *trainer = trainer_create(&error);
    assert_true(trainer_add_text(trainer, "abc", 3, &error));
    assert_false(trainer_run(trainer, 256, 1, &error));
    assert_non_null(strstr(error.message, "at least 257"));
    trainer_destroy(trainer);
}

static uint64_t digest_of_bytes(const char *data, size_t size) {
    uint64_t digest = DIGEST_START;
    for (size_t i = 0; i < size; i++)
        digest = (digest ^ (unsigned char)data[i]) * 0x100000001b3u;
    return digest;
}

/* A table made on one machine can be compared with one made on another. */
static void the_builtin_corpus_is_the_same_everywhere(void **state) {
    (void)state;
    struct error error;
    size_t size;
    char *text = builtin_corpus_create(BUILTIN_CORPUS_SEED, BUILTIN_CORPUS_LINES, &size, &error);
    assert_non_null(text);
    assert_int_equal(size, CORPUS_SIZE);
    assert_true(digest_of_bytes(text, size) == CORPUS_DIGEST);
    free(text);
}

/* Within a few percent of big.txt's figures. */
static void the_builtin_corpus_has_the_profile_of_the_real_one(void **state) {
    (void)state;
    struct error error;
    size_t size, lines = 0, empty = 0, longest = 0, ing = 0;
    char *text = builtin_corpus_create(BUILTIN_CORPUS_SEED, BUILTIN_CORPUS_LINES, &size, &error);
    assert_non_null(text);
    for (const char *at = text, *stop; (stop = line_end(at, text + size)); at = stop + 1, lines++) {
        empty += stop == at;
        if ((size_t)(stop - at) > longest) longest = (size_t)(stop - at);
    }
    for (size_t i = 0; i + 3 <= size; i++)
        ing += text[i] == 'i' && text[i + 1] == 'n' && text[i + 2] == 'g';
    assert_int_equal(lines, 128457);
    assert_in_range(size, 6300000, 6700000); /* 6,488,666 */
    assert_in_range(empty, 24000, 25700);    /* 24,857 */
    assert_in_range(longest, 1500, 2600);    /* 2,541 */
    assert_in_range(ing, 25000, 45000);      /* 35,008 */
    free(text);
}

static int set_up(void **state) {
    (void)state;
    folder_create(folder, sizeof folder);
    snprintf(model.vocab, sizeof model.vocab, "%s/vocab.json", folder);
    snprintf(model.merges, sizeof model.merges, "%s/merges.txt", folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    unlink(model.vocab);
    unlink(model.merges);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_frequent_pair_is_merged_first),
        cmocka_unit_test(ties_go_to_the_lower_ids),
        cmocka_unit_test(repeated_letters_are_counted_as_merged),
        cmocka_unit_test(rare_pairs_can_be_left_alone),
        cmocka_unit_test(tokens_are_laid_out_as_gpt2s),
        cmocka_unit_test(training_equals_counting_anew_each_time),
        cmocka_unit_test(too_small_a_vocabulary_is_refused),
        cmocka_unit_test(the_builtin_corpus_is_the_same_everywhere),
        cmocka_unit_test(the_builtin_corpus_has_the_profile_of_the_real_one),
    };
    return cmocka_run_group_tests_name("trainer", tests, set_up, tear_down);
}
