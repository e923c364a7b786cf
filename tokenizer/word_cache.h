/* The word cache: words seen before need no merging. Four kinds, as the history of Hugging Face
 * tokenizers has them: none; one per worker (since its change 2028); one for all behind a
 * reader-writer lock that is only ever tried, so that contention is a miss (before that change);
 * one for all in shards. What is in a cache never changes a result. */
#ifndef TOKENIZER_WORD_CACHE_H
#define TOKENIZER_WORD_CACHE_H

#include "base/error.h"
#include "tokenizer/word_table.h"

enum word_cache_kind { WORD_CACHE_NONE, WORD_CACHE_WORKER, WORD_CACHE_SHARED, WORD_CACHE_SHARDED };
#define WORD_CACHE_KINDS "none|worker|shared|sharded"

struct word_cache; /* what all workers share; also made for the kinds that share nothing */

/* `capacity` words: per worker, or in all. NULL with a sentence on failure. */
struct word_cache *word_cache_create(enum word_cache_kind kind, size_t capacity,
                                     struct error *error);
void word_cache_destroy(struct word_cache *cache); /* NULL is allowed */

/* For the shared kinds: copies the ids of a word to `ids` (WORD_BYTES_LIMIT of them) and returns
 * how many; 0 is a miss, also when a writer holds the lock. Any thread. */
size_t word_cache_find(struct word_cache *cache, const struct word_key *key, const char *word,
                       size_t length, uint32_t *ids);

/* For the shared kinds: keeps a word, unless the lock is taken or another thread was first. */
void word_cache_insert(struct word_cache *cache, const struct word_key *key, const char *word,
                       size_t length, const uint32_t *ids, size_t count);

#endif
