/* Laying the rows of the pair table over each other; see fast_pairs.h. */
#include "tokenizer/fast_pairs.h"

#include <stdlib.h>
#include <string.h>

#define LARGEST_SHIFT 13u /* 2 GiB, which only models made for it would need */

/* Merges by left id, and the left ids by falling number of merges. */
struct rows {
    uint32_t *starts; /* by id; and one more */
    uint16_t *rights, *ranks;
    uint16_t *order;
    uint32_t order_count;
};

static void rows_release(struct rows *rows) {
    free(rows->starts);
    free(rows->rights);
    free(rows->ranks);
    free(rows->order);
}

static uint32_t row_size(const struct rows *rows, uint32_t id) {
    return rows->starts[id + 1] - rows->starts[id];
}

/* By counting, twice. `places` has room for a counter of each id and each size of a row. */
static void sort_rows(struct rows *rows, const struct merge *merges, uint32_t count, uint32_t ids,
                      uint32_t *places) {
    memset(rows->starts, 0, (ids + 1) * sizeof *rows->starts);
    for (uint32_t i = 0; i < count; i++)
        rows->starts[merges[i].left + 1]++;
    for (uint32_t id = 0; id < ids; id++)
        rows->starts[id + 1] += rows->starts[id];
    memcpy(places, rows->starts, ids * sizeof *places);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t place = places[merges[i].left]++;
        rows->rights[place] = (uint16_t)merges[i].right;
        rows->ranks[place] = (uint16_t)i;
    }
    memset(places, 0, (count + 1) * sizeof *places);
    for (uint32_t id = 0; id < ids; id++)
        places[row_size(rows, id)]++;
    uint32_t before = 0;
    for (uint32_t size = count; size > 0; size--) {
        uint32_t same = places[size];
        places[size] = before;
        before += same;
    }
    rows->order_count = before;
    for (uint32_t id = 0; id < ids; id++)
        if (row_size(rows, id)) rows->order[places[row_size(rows, id)]++] = (uint16_t)id;
}

/* Free places, one a bit, twice behind each other and a word more, since places wrap around. */
struct free_places {
    uint64_t *bits;
    uint32_t mask;
    uint32_t next; /* where the search for the next row begins: where the last one ended */
};

static uint64_t free_from(const struct free_places *places, uint32_t place) {
    const uint64_t *words = places->bits + place / 64;
    return words[0] >> place % 64 | words[1] << 1 << (63 - place % 64);
}

static void occupy(struct free_places *places, uint32_t place) {
    uint32_t size = places->mask + 1;
    for (uint32_t at = place; at < 2 * size + 64; at += size)
        places->bits[at / 64] &= ~((uint64_t)1 << at % 64);
}

/* Where a row has only free places, a multiple of 1 << shift, at most 64 tried at once; UINT32_MAX
 * if there is none. */
static uint32_t find_place(struct free_places *places, const uint16_t *rights, uint32_t count,
                           unsigned shift) {
    uint64_t multiples = 0;
    for (uint32_t i = 0; i < 64; i += 1u << shift)
        multiples |= (uint64_t)1 << i;
    uint32_t step = shift < 6 ? 64 : 1u << shift, from = places->next & ~(step - 1);
    for (uint32_t tried = 0; tried <= places->mask; tried += step) {
        uint32_t at = (from + tried) & places->mask;
        uint64_t fit = multiples;
        for (uint32_t i = 0; i < count && fit; i++)
            fit &= free_from(places, at + rights[i]);
        if (fit) return places->next = at + (uint32_t)__builtin_ctzll(fit);
    }
    return UINT32_MAX;
}

/* Puts all rows into an array of 65,536 << shift places; false if one finds no place. */
static bool place_rows(struct fast_pairs *pairs, const struct rows *rows,
                       struct free_places *places) {
    for (uint32_t k = 0; k < rows->order_count; k++) {
        uint32_t id = rows->order[k], start = rows->starts[id], count = row_size(rows, id);
        uint32_t at = find_place(places, rows->rights + start, count, pairs->shift);
        if (at == UINT32_MAX) return false;
        pairs->rows[id] = (uint16_t)(at >> pairs->shift);
        for (uint32_t i = start; i < start + count; i++) {
            uint32_t place = (at + rows->rights[i]) & pairs->mask;
            pairs->slots[place] = (uint32_t)rows->ranks[i] << 16 | id;
            occupy(places, place);
        }
    }
    return true;
}

/* One attempt with a table of 65,536 << shift places. *fits is false if it is too small. */
static bool attempt(struct fast_pairs *pairs, const struct rows *rows, unsigned shift, bool *fits) {
    size_t size = (size_t)65536 << shift, bytes = size / 4 + 2 * sizeof(uint64_t);
    pairs->shift = shift;
    pairs->mask = (uint32_t)size - 1;
    free(pairs->slots);
    pairs->slots = malloc(size * sizeof *pairs->slots);
    struct free_places places = {malloc(bytes), pairs->mask, 0};
    bool ok = pairs->slots && places.bits;
    if (ok) memset(pairs->slots, 0xFF, size * sizeof *pairs->slots);
    if (ok) memset(places.bits, 0xFF, bytes);
    *fits = ok && place_rows(pairs, rows, &places);
    free(places.bits);
    return ok;
}

bool fast_pairs_create(struct fast_pairs *pairs, const struct merge *merges, uint32_t count,
                       uint32_t ids) {
    struct rows rows = {.starts = malloc((ids + 1) * sizeof *rows.starts),
                        .rights = malloc((count + 1) * sizeof *rows.rights),
                        .ranks = malloc((count + 1) * sizeof *rows.ranks),
                        .order = malloc(ids * sizeof *rows.order)};
    uint32_t *places = malloc(((count > ids ? count : ids) + 1) * sizeof *places);
    pairs->rows = calloc(ids, sizeof *pairs->rows);
    bool ok = rows.starts && rows.rights && rows.ranks && rows.order && places && pairs->rows;
    if (ok) sort_rows(&rows, merges, count, ids, places);
    free(places);
    bool fits = false;
    for (unsigned shift = 0; ok && !fits && shift < LARGEST_SHIFT; shift++)
        ok = attempt(pairs, &rows, shift, &fits);
    rows_release(&rows);
    return ok && fits;
}

void fast_pairs_release(struct fast_pairs *pairs) {
    free(pairs->slots);
    free(pairs->rows);
    *pairs = (struct fast_pairs){0};
}
