/* A hash table of words and their token ids; see word_table.h. */
#include "tokenizer/word_table.h"

#include <stdlib.h>

uint64_t word_hash_long(const char *word, size_t length) {
    uint64_t hash = length;
    for (size_t i = 0; i < length; i += 8) {
        uint64_t chunk = 0;
        memcpy(&chunk, word + i, length - i < 8 ? length - i : 8);
        hash = (hash ^ chunk) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 29;
    }
    return hash;
}

bool word_table_create(struct word_table *table, size_t capacity) {
    *table = (struct word_table){.capacity = capacity, .shift = 64};
    uint32_t slots = 1;
    while (slots < capacity + capacity / 2 + 2) {
        if (slots == 1u << 31) return false;
        slots *= 2;
    }
    for (uint32_t s = slots; s > 1; s /= 2)
        table->shift--;
    table->mask = slots - 1;
    table->slots = calloc(slots, sizeof *table->slots);
    return table->slots != NULL;
}

void word_table_destroy(struct word_table *table) {
    free(table->slots);
    free(table->pool);
    *table = (struct word_table){0};
}

/* Room for `words` more 32-bit words in the pool. */
static bool reserve_pool(struct word_table *table, size_t words) {
    if (table->pool_size - table->pool_used >= words) return true;
    size_t size = table->pool_size ? table->pool_size * 2 : 1024;
    while (size - table->pool_used < words)
        size *= 2;
    if (size > UINT32_MAX) return false;
    uint32_t *pool = realloc(table->pool, size * sizeof *pool);
    if (!pool) return false;
    table->pool = pool;
    table->pool_size = size;
    return true;
}

void word_table_insert(struct word_table *table, const struct word_key *key, const char *word,
                       size_t length, const uint32_t *ids, size_t count) {
    if (table->count >= table->capacity || length >= WORD_BYTES_LIMIT || length == 0) return;
    struct word_slot slot = {key->low, key->high, (uint16_t)length, (uint16_t)count, {0}};
    bool long_word = length > WORD_INLINE_BYTES;
    if (long_word || count > WORD_INLINE_IDS) {
        size_t byte_words = long_word ? (length + 3) / 4 : 0;
        if (!reserve_pool(table, count + byte_words)) return;
        slot.ids[0] = (uint32_t)table->pool_used;
        memcpy(table->pool + table->pool_used, ids, count * sizeof *ids);
        table->pool_used += count;
        if (long_word) {
            slot.ids[1] = (uint32_t)table->pool_used;
            memcpy(table->pool + table->pool_used, word, length);
            table->pool_used += byte_words;
        }
    } else {
        memcpy(slot.ids, ids, count * sizeof *ids);
    }
    uint32_t at = (uint32_t)(key->hash * 0x9E3779B97F4A7C15u >> table->shift);
    while (table->slots[at].length)
        at = (at + 1) & table->mask;
    table->slots[at] = slot;
    table->count++;
}
