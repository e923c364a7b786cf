/* The vector pre-tokenizer against the exact scalar one, for every instruction set of this machine.
 * Needs nothing but tokenizer/fast_level*.c, fast_pretoken.c and fast_unicode_table.c, so that it
 * can be cross-compiled. Argument: how many texts (default 20,000). */
#define _GNU_SOURCE
#include "fast_text.h"
#include "tokenizer/fast_level.h"
#include "tokenizer/fast_pretoken.h"
#include "tokenizer/fast_unicode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

enum { LEVELS = 5, LARGEST = 4096 };
static long text_count = 20000;
static const struct fast_level *levels[LEVELS];
static int level_count;

static uint32_t expected[2 * LARGEST], found[2 * LARGEST];

/* Scans in steps of `wanted` starts. */
static size_t scan(const struct fast_level *level, const uint8_t *text, size_t length, bool lines,
                   size_t wanted) {
    static uint32_t step[LARGEST + FAST_SCAN_SLACK + 64];
    struct fast_scanner scanner;
    fast_scanner_begin(&scanner, text, length);
    size_t total = 0;
    for (;;) {
        size_t count = (lines ? level->scan_lines : level->scan_text)(&scanner, step, wanted);
        if (count == 0 && fast_scanner_done(&scanner)) return total;
        assert_true(total + count <= 2 * LARGEST);
        assert_true(count < wanted + FAST_SCAN_SLACK);
        memcpy(found + total, step, count * sizeof *step);
        total += count;
    }
}

static void print_difference(const uint8_t *text, size_t length, size_t count, size_t other) {
    size_t i = 0;
    while (i < count && i < other && expected[i] == found[i])
        i++;
    print_message("start %zu: expected %u, found %u of %zu bytes\n", i, expected[i], found[i],
                  length);
    size_t from = expected[i] > 8 ? expected[i] - 8 : 0;
    for (size_t k = from; k < from + 24 && k < length; k++)
        print_message("%s%02x", k == expected[i] ? " |" : " ", text[k]);
    print_message("\n");
}

static void check_text(const uint8_t *text, size_t length, size_t wanted) {
    for (int lines = 0; lines < 2; lines++) {
        size_t count = fast_pretokens_scalar(text, length, lines, expected);
        for (int i = 0; i < level_count; i++) {
            size_t other = scan(levels[i], text, length, lines, wanted);
            bool same = other == count && memcmp(expected, found, count * sizeof *found) == 0;
            if (same) continue;
            print_difference(text, length, count, other);
            fail_msg("%s %s, %zu starts a step: %zu starts, not %zu", levels[i]->name,
                     lines ? "lines" : "text", wanted, other, count);
        }
    }
}

static void every_level_splits_structured_text_as_the_scalar_code_does(void **state) {
    (void)state;
    static uint8_t text[LARGEST];
    struct random random = {1};
    for (long i = 0; i < text_count; i++) {
        size_t length =
            fast_text_make(&random, 1 + random_below(&random, i % 50 ? 180 : 3000), text);
        check_text(text, length, i % 3 == 0 ? 1 : i % 3 == 1 ? 40 : LARGEST);
    }
}

static void every_level_splits_arbitrary_bytes_as_the_scalar_code_does(void **state) {
    (void)state;
    static uint8_t text[LARGEST];
    static const uint8_t bytes[] = {0,    'a',  ' ',  '\n', '\'', 's',  0x80, 0xBF, 0xC2, 0xC0,
                                    0xE2, 0x80, 0xED, 0xA0, 0xF0, 0xF5, 0xFF, '1',  '.'};
    struct random random = {2};
    for (long i = 0; i < text_count / 4; i++) {
        size_t length = random_below(&random, 300);
        for (size_t k = 0; k < length; k++)
            text[k] =
                i % 2 ? (uint8_t)random_next(&random) : bytes[random_below(&random, sizeof bytes)];
        check_text(text, length, 1 + random_below(&random, 100));
    }
}

/* The text ends where the next page cannot be read, at every alignment. */
static void no_level_reads_behind_the_text(void **state) {
    (void)state;
    uint8_t *pages =
        mmap(NULL, 3 * 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(pages, MAP_FAILED);
    assert_int_equal(mprotect(pages + 2 * 65536, 65536, PROT_NONE), 0);
    struct random random = {3};
    for (size_t length = 0; length < 300; length++) {
        uint8_t *text = pages + 2 * 65536 - length;
        for (size_t i = 0; i < length; i++)
            text[i] = (uint8_t) "ab '\xC3\xA9 1\n"[random_below(&random, 9)];
        check_text(text, length, 64);
    }
    munmap(pages, 3 * 65536);
}

/* Twice the text takes about twice the steps; a quadratic scan would take hours here. */
static void long_runs_of_one_class_are_scanned_once(void **state) {
    (void)state;
    static const char *const units[] = {
        "a",        " ",         "\n",        ".",    "7",  "\xC3\xA9",        "'",
        "\xC2\xA0", " \xC2\xA0", "a\xC3\xA9", "\x80", "'s", "\xF0\x9F\x98\x80"};
    size_t length = 4 << 20;
    uint8_t *text = malloc(length);
    uint32_t *starts = malloc((length + FAST_SCAN_SLACK) * sizeof *starts);
    assert_non_null(text);
    assert_non_null(starts);
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        size_t unit = strlen(units[u]);
        for (size_t i = 0; i < length; i++)
            text[i] = (uint8_t)units[u][i % unit];
        for (int lines = 0; lines < 2; lines++) {
            size_t count = fast_pretokens_scalar(text, length, lines, starts), total = 0;
            uint32_t last = starts[count - 1], step[64 + FAST_SCAN_SLACK], found_last = 0;
            struct fast_scanner scanner;
            fast_scanner_begin(&scanner, text, length);
            for (size_t got;
                 (got = (lines ? levels[0]->scan_lines : levels[0]->scan_text)(&scanner, step, 64));
                 total += got)
                found_last = step[got - 1];
            assert_int_equal(total, count);
            assert_int_equal(found_last, last);
        }
    }
    free(text);
    free(starts);
}

static void the_table_holds_unicode_16(void **state) {
    (void)state;
    assert_string_equal(fast_unicode_version, "16.0.0");
    uint32_t counts[4] = {0};
    for (uint32_t point = 0; point < 0x110000; point++)
        counts[fast_unicode_class(point)]++;
    assert_int_equal(counts[FAST_LETTER], 141028);
    assert_int_equal(counts[FAST_NUMBER], 1911);
    assert_int_equal(counts[FAST_SPACE], 25);
    assert_int_equal(fast_unicode_class(0x180E), FAST_OTHER);  /* no white space since 6.3 */
    assert_int_equal(fast_unicode_class(0x1C89), FAST_LETTER); /* new in 16.0 */
}

int main(int argc, char **argv) {
    if (argc > 1) text_count = strtol(argv[1], NULL, 10);
    printf("levels:");
    for (int choice = 1; choice <= LEVELS; choice++) {
        const struct fast_level *level = fast_level_choose(choice, NULL);
        if (level) levels[level_count++] = level;
        if (level) printf(" %s", level->name);
    }
    printf("\n");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_holds_unicode_16),
        cmocka_unit_test(every_level_splits_structured_text_as_the_scalar_code_does),
        cmocka_unit_test(every_level_splits_arbitrary_bytes_as_the_scalar_code_does),
        cmocka_unit_test(no_level_reads_behind_the_text),
        cmocka_unit_test(long_runs_of_one_class_are_scanned_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
