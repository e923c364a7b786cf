/* The trainer's book of pairs; see pair_index.h. */
#include "tokenizer/pair_index.h"

#include <stdlib.h>

static size_t slot_of(const struct pair_index *index, uint64_t key) {
    size_t mask = index->slot_count - 1;
    size_t at = (key * 0x9E3779B97F4A7C15u ^ key >> 29) * 0xD6E8FEB86659FD93u >> 32 & mask;
    while (index->slots[at] && index->entries[index->slots[at] - 1].key != key)
        at = (at + 1) & mask;
    return at;
}

static bool grow(struct pair_index *index) {
    if (index->entry_count == index->entry_size) {
        size_t size = index->entry_size ? 2 * index->entry_size : 4096;
        struct pair_entry *entries = realloc(index->entries, size * sizeof *entries);
        if (!entries) return false;
        index->entries = entries;
        index->entry_size = size;
    }
    if (index->entry_count * 2 < index->slot_count) return true;
    size_t slot_count = index->slot_count ? 2 * index->slot_count : 8192;
    uint32_t *slots = calloc(slot_count, sizeof *slots);
    if (!slots) return false;
    free(index->slots);
    index->slots = slots;
    index->slot_count = slot_count;
    for (size_t i = 0; i < index->entry_count; i++)
        index->slots[slot_of(index, index->entries[i].key)] = (uint32_t)i + 1;
    return true;
}

static bool add_word(struct pair_entry *entry, uint32_t word) {
    if (entry->word_count && entry->words[entry->word_count - 1] == word) return true;
    if (entry->word_count == entry->word_size) {
        uint32_t size = entry->word_size ? 2 * entry->word_size : 4;
        uint32_t *words = realloc(entry->words, size * sizeof *words);
        if (!words) return false;
        entry->words = words;
        entry->word_size = size;
    }
    entry->words[entry->word_count++] = word;
    return true;
}

bool pair_index_add(struct pair_index *index, uint64_t key, int64_t more, uint32_t word) {
    if (!grow(index)) return false;
    size_t at = slot_of(index, key);
    if (index->slots[at] == 0) {
        index->entries[index->entry_count] = (struct pair_entry){.key = key};
        index->slots[at] = (uint32_t)++index->entry_count;
    }
    struct pair_entry *entry = &index->entries[index->slots[at] - 1];
    entry->count += more;
    return more <= 0 || add_word(entry, word);
}

/* True if `a` comes before `b`: the rule of ties. */
static bool before(const struct pair_candidate *a, const struct pair_candidate *b) {
    return a->count != b->count ? a->count > b->count : a->key < b->key;
}

static bool push(struct pair_index *index, struct pair_candidate candidate) {
    if (index->queue_count == index->queue_size) {
        size_t size = index->queue_size ? 2 * index->queue_size : 4096;
        struct pair_candidate *queue = realloc(index->queue, size * sizeof *queue);
        if (!queue) return false;
        index->queue = queue;
        index->queue_size = size;
    }
    size_t at = index->queue_count++;
    for (; at && before(&candidate, &index->queue[(at - 1) / 2]); at = (at - 1) / 2)
        index->queue[at] = index->queue[(at - 1) / 2];
    index->queue[at] = candidate;
    return true;
}

bool pair_index_queue(struct pair_index *index, uint64_t key) {
    const struct pair_entry *entry = &index->entries[index->slots[slot_of(index, key)] - 1];
    return entry->count <= 0 || push(index, (struct pair_candidate){entry->count, key});
}

static struct pair_candidate pop(struct pair_index *index) {
    struct pair_candidate first = index->queue[0], last = index->queue[--index->queue_count];
    size_t at = 0, count = index->queue_count;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count) break;
        if (child + 1 < count && before(&index->queue[child + 1], &index->queue[child])) child++;
        if (!before(&index->queue[child], &last)) break;
        index->queue[at] = index->queue[child];
        at = child;
    }
    if (count) index->queue[at] = last;
    return first;
}

struct pair_entry *pair_index_take(struct pair_index *index, int64_t minimum) {
    while (index->queue_count) {
        struct pair_candidate first = pop(index);
        struct pair_entry *entry = &index->entries[index->slots[slot_of(index, first.key)] - 1];
        if (entry->count < minimum || entry->count <= 0) continue;
        if (entry->count == first.count) return entry;
        /* Fewer than when it was queued: it waits for its turn. There is room: one was just taken.
         * More: it was queued again then, and this one is a leftover. */
        if (entry->count < first.count)
            push(index, (struct pair_candidate){entry->count, first.key});
    }
    return NULL;
}

void pair_index_release(struct pair_index *index) {
    for (size_t i = 0; i < index->entry_count; i++)
        free(index->entries[i].words);
    free(index->entries);
    free(index->slots);
    free(index->queue);
    *index = (struct pair_index){0};
}
