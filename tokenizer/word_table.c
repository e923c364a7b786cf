/* A hash table of words and their token ids; see word_table.h. */
#include "tokenizer/word_table.h"

#include <stdlib.h>

#define FIRST_SLOTS 1024u
#define SLOT_LIMIT  (1u << 30)

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

static unsigned shift_of(uint32_t slots) {
    unsigned shift = 64;
    for (; slots > 1; slots /= 2)
        shift--;
    return shift;
}

bool word_table_create(struct word_table *table, size_t capacity) {
    *table = (struct word_table){.capacity = capacity};
    table->short_slots = calloc(FIRST_SLOTS, sizeof *table->short_slots);
    table->long_slots = calloc(FIRST_SLOTS, sizeof *table->long_slots);
    table->short_mask = table->long_mask = FIRST_SLOTS - 1;
    table->short_shift = table->long_shift = shift_of(FIRST_SLOTS);
    if (table->short_slots && table->long_slots) return true;
    word_table_destroy(table);
    return false;
}

void word_table_destroy(struct word_table *table) {
    free(table->short_slots);
    free(table->long_slots);
    free(table->pool);
    *table = (struct word_table){0};
}

static void place_short(struct short_slot *slots, uint32_t mask, unsigned shift,
                        struct short_slot slot) {
    uint32_t length = slot.first >> 28;
    uint32_t at = (uint32_t)(word_hash_short(slot.low, 0, length) >> shift);
    while (slots[at].first)
        at = (at + 1) & mask;
    slots[at] = slot;
}

static void place_long(struct long_slot *slots, uint32_t mask, unsigned shift,
                       struct long_slot slot) {
    uint64_t hash = slot.length <= WORD_INLINE_BYTES
                        ? word_hash_short(slot.low, slot.high, slot.length)
                        : slot.low * 0x9E3779B97F4A7C15u;
    uint32_t at = (uint32_t)(hash >> shift);
    while (slots[at].length)
        at = (at + 1) & mask;
    slots[at] = slot;
}

/* Doubles a table that is half full. */
static bool grow_short(struct word_table *table) {
    uint32_t old = table->short_mask + 1, size = 2 * old;
    if (table->short_count < old / 2) return true;
    struct short_slot *slots = size > SLOT_LIMIT ? NULL : calloc(size, sizeof *slots);
    if (!slots) return false;
    for (uint32_t i = 0; i < old; i++)
        if (table->short_slots[i].first)
            place_short(slots, size - 1, shift_of(size), table->short_slots[i]);
    free(table->short_slots);
    table->short_slots = slots;
    table->short_mask = size - 1;
    table->short_shift = shift_of(size);
    return true;
}

/* Doubles a table that is seven tenths full: its slots are large. */
static bool grow_long(struct word_table *table) {
    uint32_t old = table->long_mask + 1, size = 2 * old;
    if (table->long_count < (uint64_t)old * 7 / 10) return true;
    struct long_slot *slots = size > SLOT_LIMIT ? NULL : calloc(size, sizeof *slots);
    if (!slots) return false;
    for (uint32_t i = 0; i < old; i++)
        if (table->long_slots[i].length)
            place_long(slots, size - 1, shift_of(size), table->long_slots[i]);
    free(table->long_slots);
    table->long_slots = slots;
    table->long_mask = size - 1;
    table->long_shift = shift_of(size);
    return true;
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

static uint32_t keep(struct word_table *table, const void *data, size_t bytes) {
    uint32_t at = (uint32_t)table->pool_used;
    memcpy(table->pool + at, data, bytes);
    table->pool_used += (bytes + 3) / 4;
    return at;
}

void word_table_insert(struct word_table *table, const struct word_key *key, const char *word,
                       size_t length, const uint32_t *ids, size_t count) {
    bool is_short = length <= WORD_SHORT_BYTES;
    if (word_table_is_full(table) || length >= WORD_BYTES_LIMIT || length == 0 || count == 0)
        return;
    if (!(is_short ? grow_short(table) : grow_long(table)) ||
        !reserve_pool(table, count + length / 4 + 1))
        return;
    struct word_value value = {ids[0] | (uint32_t)count << WORD_ID_BITS, 0};
    if (count > 1) value.rest = keep(table, ids, count * sizeof *ids);
    if (is_short) {
        struct short_slot slot = {key->low, value.first | (uint32_t)length << 28, value.rest};
        place_short(table->short_slots, table->short_mask, table->short_shift, slot);
        table->short_count++;
        return;
    }
    struct long_slot slot = {key->low, key->high, value, (uint32_t)length, 0};
    if (length > WORD_INLINE_BYTES) slot.bytes = keep(table, word, length);
    place_long(table->long_slots, table->long_mask, table->long_shift, slot);
    table->long_count++;
}
