/* The fast encoder's tables and merging against a plain loop over pairs, for every instruction set,
 * with a small random model. Brings its own vocabulary and is linked with the fast encoder's parts
 * alone, so that it can be cross-compiled. Argument: how many texts (default 2,000). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fast_text.h"
#include "tokenizer/fast_pretoken.h"
#include "tokenizer/fast_text.h"

#include <stdlib.h>

enum { MERGES = 600, SIZE = 256 + MERGES, LONGEST = 64, LARGEST = 8192 };

struct vocabulary {
    struct {
        uint8_t bytes[LONGEST];
        size_t length;
    } tokens[SIZE];
    struct merge merges[MERGES];
    int16_t rank[SIZE][SIZE]; /* -1: no merge */
};
static struct vocabulary model;

/* What the fast encoder asks of a vocabulary. */
uint32_t vocabulary_size(const struct vocabulary *v) {
    (void)v;
    return SIZE;
}
const char *vocabulary_bytes(const struct vocabulary *v, uint32_t id, size_t *length) {
    *length = v->tokens[id].length;
    return (const char *)v->tokens[id].bytes;
}
uint32_t vocabulary_byte_id(const struct vocabulary *v, unsigned char byte) {
    (void)v;
    return byte ^ 0x55u; /* not the byte itself */
}
uint32_t vocabulary_merge_count(const struct vocabulary *v) {
    (void)v;
    return MERGES;
}
const struct merge *vocabulary_merges(const struct vocabulary *v) {
    return v->merges;
}

/* Tokens of few letters, so that random words meet many merges. */
static uint32_t some_token(struct random *random, uint32_t made) {
    static const char letters[] = "abc .e\xC3\xA9'";
    if (random_below(random, 3)) return 256 + (uint32_t)random_below(random, made ? made : 1);
    return vocabulary_byte_id(&model, (unsigned char)letters[random_below(random, 9)]);
}

static void make_model(void) {
    struct random random = {11};
    for (unsigned byte = 0; byte < 256; byte++) {
        uint32_t id = vocabulary_byte_id(&model, (unsigned char)byte);
        model.tokens[id].bytes[0] = (uint8_t)byte;
        model.tokens[id].length = 1;
    }
    memset(model.rank, 0xFF, sizeof model.rank);
    for (uint32_t made = 0; made < MERGES;) {
        uint32_t left = some_token(&random, made), right = some_token(&random, made);
        if (left >= 256 + made || right >= 256 + made) continue;
        size_t a = model.tokens[left].length, b = model.tokens[right].length;
        if (model.rank[left][right] >= 0 || a + b > LONGEST) continue;
        model.rank[left][right] = (int16_t)made;
        model.merges[made] = (struct merge){left, right, 256 + made};
        memcpy(model.tokens[256 + made].bytes, model.tokens[left].bytes, a);
        memcpy(model.tokens[256 + made].bytes + a, model.tokens[right].bytes, b);
        model.tokens[256 + made++].length = a + b;
    }
}

/* Lowest rank first, leftmost first, by looking through all pairs each time. */
static size_t merge_plainly(const uint8_t *word, size_t length, uint32_t *ids) {
    for (size_t i = 0; i < length; i++)
        ids[i] = vocabulary_byte_id(&model, word[i]);
    for (;;) {
        size_t best = SIZE_MAX;
        int lowest = MERGES;
        for (size_t i = 0; i + 1 < length; i++) {
            int rank = model.rank[ids[i]][ids[i + 1]];
            if (rank >= 0 && rank < lowest) lowest = rank, best = i;
        }
        if (best == SIZE_MAX) return length;
        ids[best] = 256 + (uint32_t)lowest;
        memmove(ids + best + 1, ids + best + 2, (length - best - 2) * sizeof *ids);
        length--;
    }
}

static uint32_t expected[2 * LARGEST], found[2 * LARGEST], starts[LARGEST + 1], counts[LARGEST];

static size_t encode_plainly(const uint8_t *text, size_t length) {
    size_t words = fast_pretokens_scalar(text, length, 0, starts), count = 0;
    starts[words] = (uint32_t)length;
    for (size_t i = 0; i < words; i++)
        count += merge_plainly(text + starts[i], starts[i + 1] - starts[i], expected + count);
    return count;
}

static struct fast_model *fast;

static void check_text(const struct fast_level *level, struct fast_words *words,
                       const uint8_t *text, size_t length) {
    size_t count = encode_plainly(text, length);
    size_t other = fast_encode_text(level, words, text, length, found);
    assert_int_equal(count, other);
    assert_true(memcmp(expected, found, count * sizeof *found) == 0);
    /* By lines: each must equal the line by itself. */
    size_t total = fast_encode_lines(level, words, text, length, found, counts), at = 0, line = 0;
    for (size_t from = 0; from < length; line++) {
        const uint8_t *newline = memchr(text + from, '\n', length - from);
        size_t size = newline ? (size_t)(newline - text) - from : length - from;
        assert_int_equal(counts[line], encode_plainly(text + from, size));
        assert_true(memcmp(expected, found + at, counts[line] * sizeof *found) == 0);
        at += counts[line];
        from += size + 1;
    }
    assert_int_equal(at, total);
}

static long text_count = 2000;

static void every_level_encodes_as_the_plain_loop_does(void **state) {
    (void)state;
    static uint8_t text[LARGEST + 64];
    int levels = 0;
    for (int choice = 1; choice <= 5; choice++) {
        const struct fast_level *level = fast_level_choose(choice, NULL);
        if (!level) continue;
        levels++;
        struct error error;
        struct fast_words *words =
            fast_words_create(fast, level->hash, FAST_BUDGET_SMALLEST, &error);
        assert_non_null(words);
        struct random random = {12};
        for (long i = 0; i < text_count; i++) {
            size_t length =
                fast_text_make(&random, random_below(&random, i % 20 ? 200 : 3000), text);
            /* A few long words of few letters among them. */
            for (uint64_t k = random_below(&random, i % 4 ? 1 : 90); k; k--)
                text[length++] = (uint8_t) "abcabce"[random_below(&random, 7)];
            check_text(level, words, text, length);
        }
        fast_words_destroy(words);
    }
    assert_true(levels >= 1);
}

/* Bytes that are no UTF-8, 0xFF above all, which the keys of short words do not tell from the end
 * of a word; the same words without them are among the text. */
static void every_level_encodes_arbitrary_bytes_as_the_plain_loop_does(void **state) {
    (void)state;
    static uint8_t text[LARGEST + 64];
    for (int choice = 1; choice <= 5; choice++) {
        struct error error;
        const struct fast_level *level = fast_level_choose(choice, &error);
        if (!level) continue;
        struct fast_words *words =
            fast_words_create(fast, level->hash, FAST_BUDGET_SMALLEST, &error);
        assert_non_null(words);
        struct random random = {14};
        for (long i = 0; i < text_count; i++) {
            size_t length = random_below(&random, i % 20 ? 150 : 4000);
            for (size_t k = 0; k < length; k++)
                text[k] = random_below(&random, 8)
                              ? (uint8_t) "ab. .-\xFF\n\xC3\xFE\xFF"[random_below(&random, 11)]
                              : (uint8_t)random_below(&random, 256);
            check_text(level, words, text, length);
        }
        fast_words_destroy(words);
    }
}

/* Longer than the windows that long words are merged in. */
static void long_words_are_merged_as_by_the_plain_loop(void **state) {
    (void)state;
    static uint8_t text[LARGEST];
    struct fast_merge_scratch *scratch = fast_merge_scratch_create();
    assert_non_null(scratch);
    struct random random = {13};
    for (unsigned letters = 1; letters <= 5; letters++) {
        size_t length = LARGEST - random_below(&random, 1000);
        for (size_t i = 0; i < length; i++)
            text[i] = (uint8_t) "abec."[random_below(&random, letters)];
        size_t count = merge_plainly(text, length, expected);
        assert_int_equal(fast_merge(fast, scratch, text, length, found), count);
        assert_true(memcmp(expected, found, count * sizeof *found) == 0);
    }
    fast_merge_scratch_destroy(scratch);
}

/* Words of all short lengths, as many at a time as chunks have missing ones. */
static void words_merged_side_by_side_are_merged_as_by_the_plain_loop(void **state) {
    (void)state;
    enum { MOST = 40 };
    static uint8_t text[MOST][FAST_LANE_BYTES];
    struct fast_merge_job jobs[MOST];
    struct random random = {15};
    for (long i = 0; i < text_count; i++) {
        size_t count = 1 + random_below(&random, MOST);
        for (size_t k = 0; k < count; k++) {
            uint32_t length = 1 + (uint32_t)random_below(&random, FAST_LANE_BYTES);
            for (uint32_t at = 0; at < length; at++)
                text[k][at] = random_below(&random, 50)
                                  ? (uint8_t) "abcabce .\xC3\xA9'"[random_below(&random, 12)]
                                  : (uint8_t)random_below(&random, 256);
            jobs[k] = (struct fast_merge_job){.word = text[k], .length = length};
        }
        (i % 2 ? fast_merge_many : fast_merge_many_base)(fast, jobs, count);
        for (size_t k = 0; k < count; k++) {
            assert_int_equal(jobs[k].count, merge_plainly(text[k], jobs[k].length, expected));
            assert_true(memcmp(jobs[k].ids, expected, jobs[k].count * sizeof *expected) == 0);
        }
    }
}

/* Two tokens may be neighbours exactly if their bytes encode to the two. */
static void neighbours_are_told_from_what_would_merge(void **state) {
    (void)state;
    for (uint32_t left = 0; left < SIZE; left += 7)
        for (uint32_t right = 0; right < SIZE; right += 5) {
            uint8_t bytes[2 * LONGEST];
            size_t a = model.tokens[left].length, b = model.tokens[right].length;
            memcpy(bytes, model.tokens[left].bytes, a);
            memcpy(bytes + a, model.tokens[right].bytes, b);
            if (merge_plainly(bytes, a, expected) != 1 || expected[0] != left) continue;
            if (merge_plainly(bytes + a, b, expected) != 1 || expected[0] != right) continue;
            bool stay = merge_plainly(bytes, a + b, expected) == 2 && expected[0] == left &&
                        expected[1] == right;
            assert_int_equal(fast_merge_neighbours(fast, left, right), stay);
        }
}

int main(int argc, char **argv) {
    if (argc > 1) text_count = strtol(argv[1], NULL, 10);
    struct error error;
    make_model();
    fast = fast_model_create(&model, &error);
    if (!fast) return print_message("%s\n", error.message), 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level_encodes_as_the_plain_loop_does),
        cmocka_unit_test(every_level_encodes_arbitrary_bytes_as_the_plain_loop_does),
        cmocka_unit_test(long_words_are_merged_as_by_the_plain_loop),
        cmocka_unit_test(words_merged_side_by_side_are_merged_as_by_the_plain_loop),
        cmocka_unit_test(neighbours_are_told_from_what_would_merge),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fast_model_destroy(fast);
    return failed;
}
