/* The text as the benchmark sees it: lines, and batches of consecutive lines in file order. */
#ifndef HARNESS_CORPUS_H
#define HARNESS_CORPUS_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct corpus {
    char *path; /* as given or found */
    char *data; /* the whole file and 64 zero bytes */
    size_t size_bytes;
    size_t line_count;
    const char **lines; /* [line_count], into data, without "\n" or "\r\n" */
    size_t *lengths;    /* [line_count], bytes */
    uint32_t *costs;    /* [line_count], the same as cost hints for schedulers */
    size_t *spans;      /* [line_count], bytes of the line with its line end: they sum to size */
    size_t batch_lines; /* lines of a batch; the last batch may have fewer */
    size_t batch_count;
    bool ascii;      /* no byte >= 0x80 */
    bool built_in;   /* the generated corpus, not real text */
    uint64_t digest; /* XXH3-64 of the file */
};

/* Reads `path` (NULL: big.txt of the data folder, or the built-in corpus there), splits it at LF (a
 * CR before it dropped, no empty last line; Rust's `lines`), checks that it is UTF-8. The caller
 * frees it with corpus_destroy. */
struct corpus *corpus_load(const char *path, size_t batch_lines, struct error *error);
void corpus_destroy(struct corpus *);

/* The first line and the number of lines of batch b. */
size_t corpus_batch_start(const struct corpus *, size_t batch);
size_t corpus_batch_size(const struct corpus *, size_t batch);
/* Bytes of batch b with line ends, the denominator of throughput as the original has it. */
size_t corpus_batch_bytes(const struct corpus *, size_t batch);

/* Where the tokenizer's files are: vocab.json and merges.txt beside the corpus's kind. */
bool corpus_vocabulary_paths(bool built_in, char *vocab, char *merges, size_t size,
                             struct error *error);

#endif
