/* The corpus in lines and batches; see corpus.h. */
#define _GNU_SOURCE
#include "harness/corpus.h"

#include "base/datafile.h"
#include "base/file.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define BUILT_IN "built-in/"

static bool find_default(char *path, size_t size, bool *built_in, struct error *error) {
    *built_in = false;
    if (datafile_find("big.txt", path, size, NULL)) return true;
    *built_in = true;
    if (datafile_find(BUILT_IN "big.txt", path, size, NULL)) return true;
    return error_set(error, "there is no corpus: run scripts/fetch-data, or give one by --corpus");
}

static size_t count_lines(const char *data, size_t size) {
    size_t count = 0;
    const char *end = data + size;
    for (const char *at = data; at < end; count++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
    }
    return count;
}

static bool split_lines(struct corpus *corpus, struct error *error) {
    size_t count = corpus->line_count = count_lines(corpus->data, corpus->size_bytes);
    corpus->lines = malloc((count + 1) * sizeof *corpus->lines);
    corpus->lengths = malloc((count + 1) * sizeof *corpus->lengths);
    corpus->spans = malloc((count + 1) * sizeof *corpus->spans);
    corpus->costs = malloc((count + 1) * sizeof *corpus->costs);
    if (!corpus->lines || !corpus->lengths || !corpus->spans || !corpus->costs)
        return error_set(error, "%s: out of memory for %zu lines", corpus->path, count);
    const char *at = corpus->data, *end = at + corpus->size_bytes;
    for (size_t i = 0; i < count; i++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end, *next = newline ? newline + 1 : end;
        size_t length = (size_t)(stop - at);
        if (newline && length && stop[-1] == '\r') length--;
        if (length > UINT32_MAX)
            return error_set(error, "%s: line %zu is longer than 4 GiB", corpus->path, i + 1);
        corpus->lines[i] = at;
        corpus->lengths[i] = length;
        corpus->costs[i] = (uint32_t)length;
        corpus->spans[i] = (size_t)(next - at);
        at = next;
    }
    return true;
}

/* The length of the valid UTF-8 sequence at p (Unicode 15, table 3-7), or 0. */
static size_t sequence_length(const unsigned char *p, size_t left) {
    static const struct {
        unsigned char first, last, second_first, second_last, length;
    } rows[] = {{0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
                {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3},
                {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
                {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (p[0] < rows[i].first || p[0] > rows[i].last) continue;
        if (left < rows[i].length || p[1] < rows[i].second_first || p[1] > rows[i].second_last)
            return 0;
        for (size_t k = 2; k < rows[i].length; k++)
            if ((p[k] & 0xC0) != 0x80) return 0;
        return rows[i].length;
    }
    return 0;
}

static bool check_utf8(struct corpus *corpus, struct error *error) {
    const unsigned char *data = (const unsigned char *)corpus->data;
    corpus->ascii = true;
    for (size_t i = 0; i < corpus->size_bytes;) {
        if (data[i] < 0x80) {
            i++;
            continue;
        }
        corpus->ascii = false;
        size_t length = sequence_length(data + i, corpus->size_bytes - i);
        if (!length)
            return error_set(error,
                             "%s: byte %zu is not valid UTF-8; 'grainbench encode --invalid "
                             "replace' shows what a lossy reader makes of it",
                             corpus->path, i);
        i += length;
    }
    return true;
}

struct corpus *corpus_load(const char *path, size_t batch_lines, struct error *error) {
    char found[PATH_MAX];
    bool built_in = false;
    if (!path) {
        if (!find_default(found, sizeof found, &built_in, error)) return NULL;
        path = found;
    } else if (strstr(path, BUILT_IN "big.txt")) {
        built_in = true;
    }
    struct corpus *corpus = calloc(1, sizeof *corpus);
    if (!corpus || !(corpus->path = strdup(path))) {
        error_set(error, "out of memory");
        free(corpus);
        return NULL;
    }
    corpus->built_in = built_in;
    corpus->batch_lines = batch_lines;
    bool ok = file_read(path, &corpus->data, &corpus->size_bytes, error);
    if (ok && !corpus->size_bytes)
        ok = error_set(error, "%s: is empty; a corpus needs at least one line", path);
    if (!ok || !check_utf8(corpus, error) || !split_lines(corpus, error)) {
        corpus_destroy(corpus);
        return NULL;
    }
    corpus->batch_count = (corpus->line_count + batch_lines - 1) / batch_lines;
    corpus->digest = XXH3_64bits(corpus->data, corpus->size_bytes);
    return corpus;
}

void corpus_destroy(struct corpus *corpus) {
    if (!corpus) return;
    free(corpus->path);
    free(corpus->data);
    free(corpus->lines);
    free(corpus->lengths);
    free(corpus->spans);
    free(corpus->costs);
    free(corpus);
}

size_t corpus_batch_start(const struct corpus *corpus, size_t batch) {
    return batch * corpus->batch_lines;
}

size_t corpus_batch_size(const struct corpus *corpus, size_t batch) {
    size_t left = corpus->line_count - corpus_batch_start(corpus, batch);
    return left < corpus->batch_lines ? left : corpus->batch_lines;
}

size_t corpus_batch_bytes(const struct corpus *corpus, size_t batch) {
    size_t start = corpus_batch_start(corpus, batch), bytes = 0;
    for (size_t i = start; i < start + corpus_batch_size(corpus, batch); i++)
        bytes += corpus->spans[i];
    return bytes;
}

bool corpus_vocabulary_paths(bool built_in, char *vocab, char *merges, size_t size,
                             struct error *error) {
    struct error detail;
    if (datafile_find(built_in ? BUILT_IN "vocab.json" : "vocab.json", vocab, size, &detail) &&
        datafile_find(built_in ? BUILT_IN "merges.txt" : "merges.txt", merges, size, &detail))
        return true;
    return error_set(error,
                     "there is no vocabulary (%s): run scripts/fetch-data, or give --vocab "
                     "and --merges",
                     detail.message);
}
