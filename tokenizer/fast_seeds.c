/* The model's tokens as words; see fast_seeds.h. */
#define _GNU_SOURCE
#include "tokenizer/fast_seeds.h"

#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

static bool allocate(struct fast_seeds *seeds, uint32_t count) {
    unsigned bits = 8;
    while (((uint32_t)1 << bits) < 2 * count)
        bits++;
    seeds->shift = 64 - bits;
    seeds->mask = ((uint32_t)1 << bits) - 1;
    size_t entry_bytes = ((size_t)count + 1) * sizeof *seeds->entries;
    size_t index_bytes = ((size_t)seeds->mask + 1) * sizeof *seeds->index;
    size_t size = (entry_bytes + index_bytes + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
    uint8_t *memory = aligned_alloc(HUGE_PAGE, size);
    if (!memory) return false;
    madvise(memory, size, MADV_HUGEPAGE); /* before the first touch, or it is too late */
    seeds->entries = (void *)memory;
    seeds->index = (void *)(memory + entry_bytes);
    memset(seeds->index, 0, index_bytes);
    return true;
}

bool fast_seeds_init(struct fast_seeds *seeds, const struct vocabulary *vocabulary,
                     const uint16_t *ids, uint32_t count) {
    if (!allocate(seeds, count)) return false;
    struct fast_entry *entry = seeds->entries;
    *entry++ = FAST_NO_ENTRY;
    for (uint32_t i = 0; i < count; i++) {
        size_t length;
        const char *bytes = vocabulary_bytes(vocabulary, ids[i], &length);
        if (length > FAST_KEY_BYTES || memchr(bytes, 0xFF, length)) continue;
        fast_key((const uint8_t *)bytes, length, entry->key);
        entry->value = (uint64_t)1 << 48 | ids[i];
        uint32_t at = fast_seed_place(seeds, entry->key);
        while (seeds->index[at])
            at = (at + 1) & seeds->mask;
        seeds->index[at] = (uint16_t)(entry++ - seeds->entries);
    }
    return true;
}

void fast_seeds_release(struct fast_seeds *seeds) {
    free(seeds->entries);
}
