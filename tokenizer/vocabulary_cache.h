/* Models digested: a file that holds a loaded vocabulary, so that the next start need not parse
 * JSON.
 *
 * It lies in $XDG_CACHE_HOME/grainbench, or ~/.cache/grainbench, under a name made from the content
 * of vocab.json and merges.txt, carries a version and a checksum, and is written beside its place
 * and renamed. One that is damaged, of another version or machine, or made from other files is not
 * used but written anew; deleting it is always safe, and not being able to write it is no error. */
#ifndef TOKENIZER_VOCABULARY_CACHE_H
#define TOKENIZER_VOCABULARY_CACHE_H

#include "tokenizer/vocabulary.h"

enum vocabulary_source {
    VOCABULARY_FROM_CACHE,
    VOCABULARY_CACHED,    /* parsed, and now in the cache */
    VOCABULARY_NOT_CACHED /* parsed; the cache cannot be written */
};

/* As vocabulary_load, by way of the cache. *source (may be NULL) tells where from. */
struct vocabulary *vocabulary_load_cached(const char *vocab_path, const char *merges_path,
                                          enum vocabulary_source *source, struct error *error);

/* The path of the cache file for these two files. False when there is no home for it or one of the
 * files cannot be read. */
bool vocabulary_cache_path(const char *vocab_path, const char *merges_path, char *path, size_t size,
                           struct error *error);

#endif
