/* The encoder `fast` against the encoder `pcre2`: every configuration, entry point and instruction
 * set, over structured random text, the corpus and hostile words. PCRE2 knows an older Unicode than
 * the fast encoder's tables, so code points that only one of them knows are left out here; the
 * golden test has those. Argument: how many random texts (default 4,000). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/datafile.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/options.h"
#include "fast_text.h"
#include "tokenizer/encoders.h"
#include "tokenizer/encoding.h"
#include "tokenizer/fast_unicode.h"
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LARGEST = 4096 };
static long text_count = 4000;
static char vocab_path[512], merges_path[512];

struct made {
    const struct grainbench_encoder_operations *operations;
    void *encoder, *scratch;
    _Alignas(16) char result[256];
};

static void make(struct made *made, const char *name, const char *option_text, unsigned flags) {
    static _Alignas(16) char options[512];
    char message[GRAINBENCH_MESSAGE_SIZE], list[64];
    struct error error;
    made->operations = encoders_find(name);
    assert_non_null(made->operations);
    snprintf(list, sizeof list, "%s", option_text);
    if (!options_parse_list(made->operations->options, options, list, ':', name, &error))
        fail_msg("%s", error.message);
    struct grainbench_encoder_setup setup = {.struct_size = sizeof setup,
                                             .vocab_path = vocab_path,
                                             .merges_path = merges_path,
                                             .flags = flags,
                                             .workers = 1};
    made->encoder = made->operations->create(&setup, options, message);
    if (!made->encoder) fail_msg("%s", message);
    made->scratch = made->operations->scratch_create(made->encoder, 0, message);
    if (!made->scratch) fail_msg("%s", message);
}

static void unmake(struct made *made) {
    made->operations->scratch_destroy(made->encoder, made->scratch);
    made->operations->destroy(made->encoder);
}

static const struct encoding *encode(struct made *made, enum grainbench_entry entry,
                                     const char *text, size_t length) {
    char message[GRAINBENCH_MESSAGE_SIZE];
    if (made->operations->scratch_reset)
        made->operations->scratch_reset(made->encoder, made->scratch);
    if (!made->operations->encode(made->encoder, made->scratch, entry, text, length, made->result,
                                  message))
        fail_msg("%s", message);
    return (const struct encoding *)(const void *)made->result;
}

static void print_text(const char *text, size_t length) {
    for (size_t i = 0; i < length && i < 200; i++)
        print_message("%02x", (unsigned char)text[i]);
    print_message("\n");
}

static bool same_encoding(const struct encoding *a, const struct encoding *b) {
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++) {
        if (a->ids[i] != b->ids[i]) return false;
        if (!a->type_ids != !b->type_ids) return false;
        if (!a->type_ids) continue;
        bool same =
            a->type_ids[i] == b->type_ids[i] && a->special_mask[i] == b->special_mask[i] &&
            a->attention_mask[i] == b->attention_mask[i] &&
            a->offsets[i].start == b->offsets[i].start && a->offsets[i].end == b->offsets[i].end &&
            a->words[i].present == b->words[i].present && a->words[i].index == b->words[i].index &&
            a->tokens[i].length == b->tokens[i].length &&
            (a->tokens[i].length == 0 ||
             memcmp(a->tokens[i].text, b->tokens[i].text, a->tokens[i].length) == 0);
        if (!same) return false;
    }
    return true;
}

static void compare(struct made *fast, struct made *reference, enum grainbench_entry entry,
                    const char *text, size_t length) {
    const struct encoding *found = encode(fast, entry, text, length);
    const struct encoding *expected = encode(reference, entry, text, length);
    if (!same_encoding(found, expected)) {
        print_text(text, length);
        fail_msg("entry %d, %zu bytes: the encodings differ", (int)entry, length);
    }
    fast->operations->result_drop(fast->encoder, fast->result);
    reference->operations->result_drop(reference->encoder, reference->result);
}

/* Code points to which PCRE2's Unicode gives another class than the fast encoder's, all of which it
 * does not know at all. */
static bool differs[0x110000];

static void find_differing_code_points(void) {
    const char *patterns[] = {"\\p{L}", "\\p{N}", "[\\x{09}-\\x{0d}\\x{85}\\p{Z}]", "\\p{Cn}"};
    pcre2_code *codes[4];
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    for (int i = 0; i < 4; i++) {
        int number;
        PCRE2_SIZE place;
        codes[i] = pcre2_compile((PCRE2_SPTR)patterns[i], PCRE2_ZERO_TERMINATED,
                                 PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED, &number, &place, NULL);
        assert_non_null(codes[i]);
        pcre2_jit_compile(codes[i], PCRE2_JIT_COMPLETE);
    }
    static const unsigned classes[] = {FAST_LETTER, FAST_NUMBER, FAST_SPACE};
    for (uint32_t point = 0; point < 0x110000; point++) {
        if (point >= 0xD800 && point < 0xE000) continue;
        uint8_t text[4];
        size_t length = fast_text_put(point, text);
        unsigned class = FAST_OTHER;
        for (int i = 0; i < 3; i++)
            if (pcre2_match(codes[i], text, length, 0, 0, data, NULL) > 0) class = classes[i];
        differs[point] = class != fast_unicode_class(point);
        if (differs[point]) assert_true(pcre2_match(codes[3], text, length, 0, 0, data, NULL) > 0);
    }
    for (int i = 0; i < 4; i++)
        pcre2_code_free(codes[i]);
    pcre2_match_data_free(data);
}

/* Takes the differing code points out of a text, in place. */
static size_t without_differing(uint8_t *text, size_t length) {
    size_t written = 0;
    for (size_t at = 0; at < length;) {
        unsigned size = text[at] < 0x80 ? 1 : text[at] < 0xE0 ? 2 : text[at] < 0xF0 ? 3 : 4;
        uint32_t point = size == 1 ? text[at] : text[at] & (0x7Fu >> size);
        for (unsigned i = 1; i < size; i++)
            point = point << 6 | (text[at + i] & 0x3F);
        memmove(text + written, text + at, size);
        written += differs[point] ? 0 : size;
        at += size;
    }
    return written;
}

static void compare_random_texts(const char *options, unsigned flags, long texts, uint64_t seed) {
    static uint8_t text[LARGEST];
    struct made fast, reference;
    make(&fast, "fast", options, flags);
    make(&reference, "pcre2", "", flags);
    struct random random = {seed};
    for (long i = 0; i < texts; i++) {
        size_t length = fast_text_make(&random, random_below(&random, i % 40 ? 200 : 3000), text);
        static const char *const added[] = {"ing", "[ENT]", " ing", "[ENT] ", "a[ENT]", "ring"};
        for (int k = 0; (flags & GRAINBENCH_TOKENIZER_BENCH) && k < 3; k++) {
            const char *token = added[random_below(&random, 6)];
            memcpy(text + length, token, strlen(token));
            length += strlen(token);
            length += fast_text_make(&random, random_below(&random, 20), text + length);
        }
        length = without_differing(text, length);
        compare(&fast, &reference, (enum grainbench_entry)(i % 4), (const char *)text, length);
    }
    unmake(&fast);
    unmake(&reference);
}

static void plain_texts_encode_as_with_pcre2(void **state) {
    (void)state;
    compare_random_texts("", 0, text_count, 1);
    compare_random_texts("storage=arena", GRAINBENCH_TRIM_OFFSETS, text_count / 4, 2);
}

static void benchmark_texts_encode_as_with_pcre2(void **state) {
    (void)state;
    compare_random_texts("", GRAINBENCH_TOKENIZER_BENCH, text_count, 3);
    compare_random_texts("", GRAINBENCH_ADD_PREFIX_SPACE | GRAINBENCH_TRIM_OFFSETS, text_count / 4,
                         4);
}

static void every_instruction_set_encodes_alike(void **state) {
    (void)state;
    static const char *const levels[] = {"avx512", "avx2", "sse42", "neon", "scalar"};
    for (int i = 0; i < 5; i++) {
        char option[32];
        struct error error;
        snprintf(option, sizeof option, "simd=%s", levels[i]);
        struct grainbench_encoder_setup setup = {.struct_size = sizeof setup,
                                                 .vocab_path = vocab_path,
                                                 .merges_path = merges_path,
                                                 .workers = 1};
        _Alignas(16) char options[512];
        char list[32], message[GRAINBENCH_MESSAGE_SIZE];
        snprintf(list, sizeof list, "%s", option);
        const struct grainbench_encoder_operations *operations = encoders_find("fast");
        assert_true(options_parse_list(operations->options, options, list, ':', "fast", &error));
        void *encoder = operations->create(&setup, options, message);
        if (!encoder) continue; /* this machine does not have it */
        operations->destroy(encoder);
        compare_random_texts(option, 0, text_count / 4, 5);
    }
}

/* The smallest tables are full within a few thousand random words. */
static void tables_that_start_anew_change_no_id(void **state) {
    (void)state;
    struct made fast, reference;
    make(&fast, "fast", "memory=2", 0);
    make(&reference, "pcre2", "", 0);
    struct random random = {6};
    static char text[LARGEST];
    for (long i = 0; i < text_count / 4; i++) {
        size_t length = 1000 + random_below(&random, 2000);
        for (size_t k = 0; k < length; k++)
            text[k] = (char)(random_below(&random, 6) ? 'a' + random_below(&random, 26) : ' ');
        compare(&fast, &reference, GRAINBENCH_ENTRY_IDS, text, length);
    }
    unmake(&fast);
    unmake(&reference);
}

static char *corpus;
static size_t corpus_length;

static void the_corpus_gives_the_published_digests(void **state) {
    (void)state;
    static const char *const levels[] = {"simd=auto", "simd=scalar"};
    uint32_t *ids = malloc((corpus_length + 200000) * sizeof *ids), *counts = malloc(200000 * 4);
    for (int i = 0; i < 2; i++) {
        struct made fast;
        make(&fast, "fast", levels[i], 0);
        const struct grainbench_encoder_operations *o = fast.operations;
        size_t count = o->encode_ids(fast.encoder, fast.scratch, corpus, corpus_length, ids);
        assert_int_equal(count, 1601992);
        assert_true(digest_ids(DIGEST_START, ids, count) == 0xe633a75d7ba7b2f3u);
        count = o->encode_lines(fast.encoder, fast.scratch, corpus, corpus_length, ids, counts);
        assert_int_equal(count, 1476949);
        assert_true(digest_ids(DIGEST_START, ids, count) == 0x5cd36cfda8fa7f43u);
        size_t line = 0, from = 0;
        uint64_t digest = DIGEST_START;
        for (const char *at = corpus, *stop; at < corpus + corpus_length; at = stop + 1, line++) {
            stop = memchr(at, '\n', (size_t)(corpus + corpus_length - at));
            size_t one = o->encode_ids(fast.encoder, fast.scratch, at, (size_t)(stop - at), ids);
            assert_int_equal(one, counts[line]);
            digest = digest_ids(digest, ids, one);
            from += one;
        }
        assert_int_equal(line, 128457);
        assert_int_equal(from, 1476949);
        assert_true(digest == 0x5cd36cfda8fa7f43u);
        unmake(&fast);
    }
    free(ids);
    free(counts);
}

/* One word each, long enough for windows of the merge loop to be joined, in quadratic time
 * hopeless. The reference merges by a heap over the whole word. */
static void hostile_words_encode_as_with_pcre2(void **state) {
    (void)state;
    enum { LENGTH = 100000 };
    static const char *const units[] = {"a",
                                        "ab",
                                        "the",
                                        "aab",
                                        "x",
                                        "=",
                                        "-",
                                        "0",
                                        "\xC3\xA9",
                                        "internationalization",
                                        " ",
                                        "\n",
                                        "\t ",
                                        "=-",
                                        "ha",
                                        "\xE4\xB8\xAD",
                                        "\xF0\x9F\x98\x80"};
    struct made fast, reference;
    make(&fast, "fast", "", 0);
    make(&reference, "pcre2", "", 0);
    char *text = malloc(LENGTH);
    assert_non_null(text);
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        size_t unit = strlen(units[u]);
        for (size_t i = 0; i < LENGTH; i++)
            text[i] = units[u][i % unit];
        compare(&fast, &reference, GRAINBENCH_ENTRY_IDS, text, LENGTH - LENGTH % unit);
    }
    struct random random = {7};
    for (unsigned letters = 1; letters <= 26; letters += 5) {
        for (size_t i = 0; i < LENGTH; i++)
            text[i] = (char)('a' + random_below(&random, letters));
        compare(&fast, &reference, GRAINBENCH_ENTRY_IDS, text, LENGTH);
    }
    free(text);
    unmake(&fast);
    unmake(&reference);
}

static void bytes_that_are_not_text_stay_in_bounds(void **state) {
    (void)state;
    struct made fast;
    make(&fast, "fast", "memory=2", 0);
    struct random random = {8};
    for (long i = 0; i < text_count; i++) {
        size_t length = random_below(&random, 400);
        char *text = malloc(length + 1);
        uint32_t *ids = malloc((length + 1) * sizeof *ids), *counts = malloc((length + 1) * 4);
        for (size_t k = 0; k < length; k++)
            text[k] = i % 2 ? (char)random_next(&random) : "a\xFF \x80\n"[random_below(&random, 5)];
        const struct grainbench_encoder_operations *o = fast.operations;
        assert_true(o->encode_ids(fast.encoder, fast.scratch, text, length, ids) <= length);
        assert_true(o->encode_lines(fast.encoder, fast.scratch, text, length, ids, counts) <=
                    length);
        free(text);
        free(ids);
        free(counts);
    }
    unmake(&fast);
}

static bool find_files(void) {
    struct error error;
    char path[512];
    return datafile_find("vocab.json", vocab_path, sizeof vocab_path, &error) &&
           datafile_find("merges.txt", merges_path, sizeof merges_path, &error) &&
           datafile_find("big.txt", path, sizeof path, &error) &&
           file_read(path, &corpus, &corpus_length, &error);
}

int main(int argc, char **argv) {
    if (argc > 1) text_count = strtol(argv[1], NULL, 10);
    if (!find_files()) {
        printf("skipped: no big.txt, vocab.json and merges.txt; run scripts/fetch-data\n");
        return 77;
    }
    find_differing_code_points();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_corpus_gives_the_published_digests),
        cmocka_unit_test(plain_texts_encode_as_with_pcre2),
        cmocka_unit_test(benchmark_texts_encode_as_with_pcre2),
        cmocka_unit_test(every_instruction_set_encodes_alike),
        cmocka_unit_test(tables_that_start_anew_change_no_id),
        cmocka_unit_test(hostile_words_encode_as_with_pcre2),
        cmocka_unit_test(bytes_that_are_not_text_stay_in_bounds),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    free(corpus);
    return failures;
}
