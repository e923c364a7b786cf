/* The merge loop; see merge.h. */
#include "tokenizer/merge.h"

#include <stdlib.h>

#define SCAN_LIMIT 32 /* bytes; up to here looking for the minimum beats keeping a heap */
#define NO_RANK    UINT32_MAX

/* A token of a word being merged. Symbols stay where their first byte was; `next` and `previous`
 * link the live ones. */
struct merge_symbol {
    uint32_t id; /* DEAD once merged into its left neighbour */
    uint32_t next, previous;
};
#define DEAD UINT32_MAX
#define LAST UINT32_MAX

void merge_scratch_release(struct merge_scratch *scratch) {
    free(scratch->symbols);
    free(scratch->heap);
    *scratch = (struct merge_scratch){0};
}

/* Keeps the rank and result of every neighbouring pair beside the ids, so that a step looks up only
 * the two pairs that changed. */
static size_t merge_by_scan(const struct vocabulary *vocabulary, const char *word, size_t length,
                            uint32_t *ids) {
    const struct pair_table *pairs = vocabulary_pairs(vocabulary);
    const uint32_t *byte_ids = vocabulary_byte_ids(vocabulary);
    uint32_t rank[SCAN_LIMIT], merged[SCAN_LIMIT];
    for (size_t i = 0; i < length; i++)
        ids[i] = byte_ids[(unsigned char)word[i]];
#define LOOK_UP(i)                                                                                 \
    do {                                                                                           \
        const struct pair_slot *slot = pair_find(pairs, ids[i], ids[(i) + 1]);                     \
        rank[i] = slot ? slot->rank : NO_RANK;                                                     \
        merged[i] = slot ? slot->merged : 0;                                                       \
    } while (0)
    for (size_t i = 0; i + 1 < length; i++)
        LOOK_UP(i);
    while (length > 1) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < length; i++)
            if (rank[i] < rank[best]) best = i;
        if (rank[best] == NO_RANK) break;
        ids[best] = merged[best];
        length--;
        for (size_t i = best + 1; i < length; i++)
            ids[i] = ids[i + 1];
        for (size_t i = best + 1; i + 1 < length; i++) {
            rank[i] = rank[i + 1];
            merged[i] = merged[i + 1];
        }
        if (best + 1 < length) LOOK_UP(best);
        if (best > 0) LOOK_UP(best - 1);
    }
#undef LOOK_UP
    return length;
}

static bool reserve(struct merge_scratch *scratch, size_t length) {
    if (scratch->capacity >= length) return true;
    if (length >= LAST / 4) return false;
    size_t capacity = scratch->capacity ? scratch->capacity : 256;
    while (capacity < length)
        capacity *= 2;
    /* At most three entries a symbol: the first pairs, and two new ones a merge. */
    struct merge_symbol *symbols = realloc(scratch->symbols, capacity * sizeof *symbols);
    if (symbols) scratch->symbols = symbols;
    uint64_t *heap = realloc(scratch->heap, 3 * capacity * sizeof *heap);
    if (heap) scratch->heap = heap;
    if (!symbols || !heap) return false;
    scratch->capacity = capacity;
    return true;
}

static void sift_down(uint64_t *heap, size_t count, size_t at) {
    uint64_t entry = heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count) break;
        if (child + 1 < count && heap[child + 1] < heap[child]) child++;
        if (heap[child] >= entry) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = entry;
}

static void sift_up(uint64_t *heap, size_t at) {
    uint64_t entry = heap[at];
    while (at > 0 && heap[(at - 1) / 2] > entry) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = entry;
}

/* An entry is rank << 32 | position of the left symbol, so the heap's order is the merge order. */
static void push_pair(const struct pair_table *pairs, const struct merge_symbol *symbols,
                      uint32_t at, uint64_t *heap, size_t *count) {
    if (symbols[at].next == LAST) return;
    const struct pair_slot *slot = pair_find(pairs, symbols[at].id, symbols[symbols[at].next].id);
    if (!slot) return;
    heap[*count] = (uint64_t)slot->rank << 32 | at;
    sift_up(heap, (*count)++);
}

/* Merges the symbol at `at` with its right neighbour. */
static void join(struct merge_symbol *symbols, uint32_t at, uint32_t merged) {
    uint32_t right = symbols[at].next;
    symbols[at].id = merged;
    symbols[at].next = symbols[right].next;
    symbols[right].id = DEAD;
    if (symbols[at].next != LAST) symbols[symbols[at].next].previous = at;
}

static size_t first_pairs(const struct vocabulary *vocabulary, const char *word, size_t length,
                          struct merge_symbol *symbols, uint64_t *heap) {
    const struct pair_table *pairs = vocabulary_pairs(vocabulary);
    const uint32_t *byte_ids = vocabulary_byte_ids(vocabulary);
    size_t count = 0;
    for (uint32_t i = 0; i < length; i++)
        symbols[i] = (struct merge_symbol){byte_ids[(unsigned char)word[i]],
                                           i + 1 < length ? i + 1 : LAST, i ? i - 1 : LAST};
    for (uint32_t i = 0; i + 1 < length; i++) {
        const struct pair_slot *slot = pair_find(pairs, symbols[i].id, symbols[i + 1].id);
        if (slot) heap[count++] = (uint64_t)slot->rank << 32 | i;
    }
    for (size_t i = count / 2; i-- > 0;)
        sift_down(heap, count, i);
    return count;
}

static size_t merge_by_heap(const struct vocabulary *vocabulary, struct merge_scratch *scratch,
                            const char *word, size_t length, uint32_t *ids) {
    const struct pair_table *pairs = vocabulary_pairs(vocabulary);
    struct merge_symbol *symbols = scratch->symbols;
    uint64_t *heap = scratch->heap;
    size_t count = first_pairs(vocabulary, word, length, symbols, heap);
    while (count > 0) {
        uint32_t rank = (uint32_t)(heap[0] >> 32), at = (uint32_t)heap[0];
        heap[0] = heap[--count];
        if (count) sift_down(heap, count, 0);
        if (symbols[at].id == DEAD || symbols[at].next == LAST) continue;
        const struct pair_slot *slot =
            pair_find(pairs, symbols[at].id, symbols[symbols[at].next].id);
        if (!slot || slot->rank != rank) continue; /* stale: a neighbour has changed since */
        join(symbols, at, slot->merged);
        if (symbols[at].previous != LAST)
            push_pair(pairs, symbols, symbols[at].previous, heap, &count);
        push_pair(pairs, symbols, at, heap, &count);
    }
    size_t written = 0;
    for (uint32_t at = 0; at != LAST; at = symbols[at].next)
        ids[written++] = symbols[at].id;
    return written;
}

size_t merge_word(const struct vocabulary *vocabulary, struct merge_scratch *scratch,
                  const char *word, size_t length, uint32_t *ids) {
    if (length <= SCAN_LIMIT) return merge_by_scan(vocabulary, word, length, ids);
    if (!reserve(scratch, length)) return MERGE_OUT_OF_MEMORY;
    return merge_by_heap(vocabulary, scratch, word, length, ids);
}
