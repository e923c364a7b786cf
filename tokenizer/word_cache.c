/* Word caches that threads share; see word_cache.h. */
#define _GNU_SOURCE
#include "tokenizer/word_cache.h"

#include <pthread.h>
#include <stdlib.h>

#define SHARDS     64
#define LINE_BYTES 128 /* two cache lines: neighbours are fetched in pairs */

/* A table and its lock, each shard on lines of its own. */
struct shard {
    _Alignas(LINE_BYTES) pthread_rwlock_t lock;
    struct word_table table;
};

struct word_cache {
    enum word_cache_kind kind;
    unsigned shard_count; /* a power of two, or 0 */
    struct shard *shards;
};

struct word_cache *word_cache_create(enum word_cache_kind kind, size_t capacity,
                                     struct error *error) {
    unsigned wanted = kind == WORD_CACHE_SHARED ? 1 : kind == WORD_CACHE_SHARDED ? SHARDS : 0;
    struct word_cache *cache = calloc(1, sizeof *cache);
    if (cache && wanted) cache->shards = aligned_alloc(LINE_BYTES, wanted * sizeof *cache->shards);
    if (!cache || (wanted && !cache->shards)) {
        free(cache);
        error_set(error, "out of memory for the word cache");
        return NULL;
    }
    cache->kind = kind;
    for (unsigned i = 0; i < wanted; i++) {
        struct shard *shard = &cache->shards[i];
        bool lock = pthread_rwlock_init(&shard->lock, NULL) == 0;
        if (!lock || !word_table_create(&shard->table, (capacity + wanted - 1) / wanted)) {
            if (lock) pthread_rwlock_destroy(&shard->lock);
            word_cache_destroy(cache);
            error_set(error, "out of memory for a word cache of %zu words", capacity);
            return NULL;
        }
        cache->shard_count++;
    }
    return cache;
}

void word_cache_destroy(struct word_cache *cache) {
    if (!cache) return;
    for (unsigned i = 0; i < cache->shard_count; i++) {
        pthread_rwlock_destroy(&cache->shards[i].lock);
        word_table_destroy(&cache->shards[i].table);
    }
    free(cache->shards);
    free(cache);
}

/* The table uses the hash's high bits; the low ones are free to choose the shard. */
static struct shard *shard_of(struct word_cache *cache, const struct word_key *key) {
    return &cache->shards[key->hash & (cache->shard_count - 1)];
}

size_t word_cache_find(struct word_cache *cache, const struct word_key *key, const char *word,
                       size_t length, uint32_t *ids) {
    struct shard *shard = shard_of(cache, key);
    if (pthread_rwlock_tryrdlock(&shard->lock) != 0) return 0;
    struct word_value value = word_table_find(&shard->table, key, word, length);
    size_t count = word_value_count(value);
    if (count == 1)
        ids[0] = word_value_first(value);
    else if (count > 1)
        memcpy(ids, word_value_ids(&shard->table, value), count * sizeof *ids);
    pthread_rwlock_unlock(&shard->lock);
    return count;
}

void word_cache_insert(struct word_cache *cache, const struct word_key *key, const char *word,
                       size_t length, const uint32_t *ids, size_t count) {
    struct shard *shard = shard_of(cache, key);
    if (length >= WORD_BYTES_LIMIT) return;
    /* As the original: a full cache is noticed under the read lock, so that it is never written. */
    if (pthread_rwlock_tryrdlock(&shard->lock) != 0) return;
    bool full = word_table_is_full(&shard->table);
    pthread_rwlock_unlock(&shard->lock);
    if (full) return;
    if (pthread_rwlock_trywrlock(&shard->lock) != 0) return;
    if (word_value_count(word_table_find(&shard->table, key, word, length)) == 0)
        word_table_insert(&shard->table, key, word, length, ids, count);
    pthread_rwlock_unlock(&shard->lock);
}
