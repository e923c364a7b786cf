/* libFuzzer target of the fast encoder: on any bytes, every instruction set splits as the scalar
 * code does and encodes to the merges of its words, as a text and by lines. Needs vocab.json and
 * merges.txt in the data folder. */
#include "base/datafile.h"
#include "tokenizer/fast_pretoken.h"
#include "tokenizer/fast_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = 5 };
static struct fast_model *model;
static struct fast_merge_scratch *merge;
static const struct fast_level *levels[LEVELS];
static struct fast_words *words[LEVELS];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void set_up(void) {
    struct error error;
    char vocab[4096], merges[4096];
    struct vocabulary *vocabulary =
        datafile_find("vocab.json", vocab, sizeof vocab, &error) &&
                datafile_find("merges.txt", merges, sizeof merges, &error)
            ? vocabulary_load(vocab, merges, &error)
            : NULL;
    model = vocabulary ? fast_model_create(vocabulary, &error) : NULL;
    merge = fast_merge_scratch_create();
    if (!model || !merge) {
        fprintf(stderr, "%s\n", error.message);
        exit(2);
    }
    for (int i = 0; i < LEVELS; i++) {
        levels[i] = fast_level_choose(i + 1, NULL);
        if (levels[i])
            words[i] = fast_words_create(model, levels[i]->hash, FAST_BUDGET_SMALLEST, &error);
        if (levels[i] && !words[i]) exit(2);
    }
}

/* A byte 0xFF belongs to no UTF-8; the encoder only promises to stay in bounds there. */
static void check_ids(int level, const uint8_t *text, size_t size, const uint32_t *starts,
                      size_t count, uint32_t *ids, uint32_t *expected) {
    size_t total = 0, found = fast_encode_text(levels[level], words[level], text, size, ids);
    if (size && memchr(text, 0xFF, size)) return;
    for (size_t i = 0; i < count; i++)
        total +=
            fast_merge(model, merge, text + starts[i], starts[i + 1] - starts[i], expected + total);
    if (found != total || memcmp(ids, expected, total * sizeof *ids) != 0) {
        fprintf(stderr, "%s: ids differ\n", levels[level]->name);
        abort();
    }
}

static void check_starts(int level, const uint8_t *text, size_t size, int lines,
                         const uint32_t *starts, size_t count) {
    uint32_t step[16 + FAST_SCAN_SLACK];
    struct fast_scanner scanner;
    fast_scanner_begin(&scanner, text, size);
    size_t at = 0;
    for (size_t got; (got = (lines ? levels[level]->scan_lines
                                   : levels[level]->scan_text)(&scanner, step, 16)) > 0 ||
                     !fast_scanner_done(&scanner);
         at += got)
        if (at + got > count || memcmp(step, starts + at, got * sizeof *step) != 0) abort();
    if (at != count) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!model) set_up();
    uint32_t *starts = malloc((size + 1) * sizeof *starts), *ids = malloc((size + 1) * sizeof *ids);
    uint32_t *expected = malloc((size + 1) * sizeof *expected);
    uint32_t *counts = malloc((size + 1) * sizeof *counts);
    if (!starts || !ids || !expected || !counts) abort();
    for (int i = 0; i < LEVELS; i++) {
        if (!levels[i]) continue;
        size_t count = fast_pretokens_scalar(data, size, 1, starts);
        check_starts(i, data, size, 1, starts, count);
        fast_encode_lines(levels[i], words[i], data, size, ids, counts);
        count = fast_pretokens_scalar(data, size, 0, starts);
        check_starts(i, data, size, 0, starts, count);
        starts[count] = (uint32_t)size;
        check_ids(i, data, size, starts, count, ids, expected);
    }
    free(starts);
    free(ids);
    free(expected);
    free(counts);
    return 0;
}
