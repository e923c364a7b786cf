/* A vocabulary as plain arrays; see vocabulary_parts.h. */
#include "tokenizer/vocabulary_parts.h"

#include <stdlib.h>
#include <string.h>

static size_t span_end(const struct text_span *spans, uint32_t count) {
    size_t last = 0;
    for (uint32_t i = 0; i < count; i++) {
        size_t end = (size_t)spans[i].start + spans[i].length;
        if (end > last) last = end;
    }
    return last;
}

void vocabulary_parts(const struct vocabulary *v, struct vocabulary_numbers *numbers,
                      struct vocabulary_part parts[VOCABULARY_PARTS]) {
    memset(numbers, 0, sizeof *numbers);
    numbers->digest = v->digest;
    numbers->size = v->size;
    numbers->merge_count = v->merge_count;
    numbers->id_slots = v->id_mask + 1;
    numbers->pair_slots = v->pairs.mask + 1;
    memcpy(numbers->byte_ids, v->byte_ids, sizeof numbers->byte_ids);
    const struct vocabulary_part all[VOCABULARY_PARTS] = {
        {numbers, sizeof *numbers},
        {v->token_text, span_end(v->tokens, v->size) + 1},
        {v->tokens, v->size * sizeof *v->tokens},
        {v->byte_text, span_end(v->bytes, v->size)},
        {v->bytes, v->size * sizeof *v->bytes},
        {v->id_slots, numbers->id_slots * sizeof *v->id_slots},
        {v->merges, v->merge_count * sizeof *v->merges},
        {v->pair_slots, numbers->pair_slots * sizeof *v->pair_slots}};
    memcpy(parts, all, sizeof all);
}

static bool power_of_two(uint32_t n) {
    return n && (n & (n - 1)) == 0;
}

/* Do the numbers and the sizes of the arrays fit each other? */
static bool sizes_fit(const struct vocabulary_numbers *n, const struct vocabulary_part *parts) {
    return n->size >= 256 && power_of_two(n->id_slots) && power_of_two(n->pair_slots) &&
           n->pair_slots > 1 && parts[2].size_bytes == n->size * sizeof(struct text_span) &&
           parts[4].size_bytes == n->size * sizeof(struct text_span) &&
           parts[5].size_bytes == n->id_slots * sizeof(uint32_t) &&
           parts[6].size_bytes == n->merge_count * sizeof(struct merge) &&
           parts[7].size_bytes == n->pair_slots * sizeof(struct pair_slot);
}

/* Every id is one, and every search ends at a free slot. */
static bool contents_fit(const struct vocabulary *v, const struct vocabulary_numbers *n,
                         const struct vocabulary_part *parts) {
    if (span_end(v->tokens, v->size) >= parts[1].size_bytes ||
        span_end(v->bytes, v->size) > parts[3].size_bytes)
        return false;
    uint32_t free_ids = 0, free_pairs = 0;
    bool in_bounds = true;
    for (uint32_t i = 0; i < n->id_slots; i++) {
        free_ids += v->id_slots[i] == 0;
        in_bounds &= v->id_slots[i] <= v->size;
    }
    for (uint32_t i = 0; i < n->pair_slots; i++) {
        free_pairs += v->pair_slots[i].key == PAIR_EMPTY;
        in_bounds &= v->pair_slots[i].key == PAIR_EMPTY || v->pair_slots[i].merged < v->size;
    }
    for (uint32_t i = 0; i < n->merge_count; i++)
        in_bounds &= v->merges[i].left < v->size && v->merges[i].right < v->size &&
                     v->merges[i].merged < v->size;
    for (unsigned byte = 0; byte < 256; byte++)
        in_bounds &= v->byte_ids[byte] < v->size;
    return in_bounds && free_ids && free_pairs;
}

static void *copy_of(const struct vocabulary_part *part) {
    void *copy = malloc(part->size_bytes + 1);
    if (copy && part->size_bytes) memcpy(copy, part->data, part->size_bytes);
    return copy;
}

struct vocabulary *vocabulary_from_parts(const struct vocabulary_part parts[VOCABULARY_PARTS]) {
    struct vocabulary_numbers n;
    if (parts[0].size_bytes != sizeof n) return NULL;
    memcpy(&n, parts[0].data, sizeof n);
    if (!sizes_fit(&n, parts)) return NULL;
    struct vocabulary *v = calloc(1, sizeof *v);
    if (!v) return NULL;
    v->digest = n.digest;
    v->size = n.size;
    v->merge_count = n.merge_count;
    v->id_mask = n.id_slots - 1;
    memcpy(v->byte_ids, n.byte_ids, sizeof v->byte_ids);
    v->token_text = copy_of(&parts[1]);
    v->tokens = copy_of(&parts[2]);
    v->byte_text = copy_of(&parts[3]);
    v->bytes = copy_of(&parts[4]);
    v->id_slots = copy_of(&parts[5]);
    v->merges = copy_of(&parts[6]);
    v->pair_slots = copy_of(&parts[7]);
    v->pairs = (struct pair_table){.slots = v->pair_slots,
                                   .shift = 64 - (unsigned)__builtin_ctz(n.pair_slots),
                                   .mask = n.pair_slots - 1};
    bool ok = v->token_text && v->tokens && v->byte_text && v->bytes && v->id_slots && v->merges &&
              v->pair_slots && contents_fit(v, &n, parts);
    if (ok) return v;
    vocabulary_destroy(v);
    return NULL;
}
