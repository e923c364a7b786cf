/* Merging one word; see fast_merge.h. */
#include "tokenizer/fast_merge.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW_FIRST    4096u  /* bytes that are merged at a time in a long word */
#define WINDOW_LAST     32768u /* ... when smaller ones cannot be joined; positions fit 16 bits */
#define FARTHEST_EFFECT 256u   /* bytes before a cut that are not tried as a border at first */

unsigned fast_merge_short(const struct fast_model *model, const uint8_t *word, unsigned length,
                          uint16_t *ids) {
    uint16_t ranks[FAST_MERGE_SHORT];
    fast_symbol symbols[FAST_MERGE_SHORT];
    symbols[0] = model->byte_symbols[word[0]];
    uint32_t best = FAST_NO_RANK, at = 0;
    for (unsigned i = 0; i + 1 < length; i++) {
        symbols[i + 1] = model->byte_symbols[word[i + 1]];
        uint32_t rank = model->byte_pair_ranks[word[i] << 8 | word[i + 1]];
        ranks[i] = (uint16_t)rank;
        if (rank < best) best = rank, at = i;
    }
    while (best != FAST_NO_RANK) {
        symbols[at] = model->merged[best];
        length--;
        for (unsigned i = at + 1; i < length; i++) {
            symbols[i] = symbols[i + 1];
            ranks[i] = ranks[i + 1];
        }
        if (at + 1 < length)
            ranks[at] = (uint16_t)fast_pair_rank(&model->pairs, symbols[at], symbols[at + 1]);
        if (at > 0)
            ranks[at - 1] = (uint16_t)fast_pair_rank(&model->pairs, symbols[at - 1], symbols[at]);
        best = FAST_NO_RANK;
        for (unsigned i = 0; i + 1 < length; i++)
            if (ranks[i] < best) best = ranks[i], at = i;
    }
    for (unsigned i = 0; i < length; i++)
        ids[i] = (uint16_t)symbols[i];
    return length;
}

/* Symbols of a window stay where their first byte was; a heap entry is rank << 16 | position, so
 * that its order is the order of merging. */
struct fast_merge_scratch {
    uint32_t heap_count;
    fast_symbol symbols[WINDOW_LAST];
    uint16_t next[WINDOW_LAST], previous[WINDOW_LAST];
    bool live[WINDOW_LAST];
    uint32_t heap[3 * WINDOW_LAST]; /* the first pairs, and two new ones a merge */
    uint16_t result[WINDOW_LAST];
};

struct fast_merge_scratch *fast_merge_scratch_create(void) {
    return malloc(sizeof(struct fast_merge_scratch));
}

void fast_merge_scratch_destroy(struct fast_merge_scratch *scratch) {
    free(scratch);
}

static void push(struct fast_merge_scratch *s, uint32_t entry) {
    uint32_t at = s->heap_count++;
    while (at > 0 && s->heap[(at - 1) / 2] > entry) {
        s->heap[at] = s->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    s->heap[at] = entry;
}

static uint32_t pop(struct fast_merge_scratch *s) {
    uint32_t result = s->heap[0], entry = s->heap[--s->heap_count], at = 0;
    for (uint32_t child; (child = 2 * at + 1) < s->heap_count; at = child) {
        if (child + 1 < s->heap_count && s->heap[child + 1] < s->heap[child]) child++;
        if (s->heap[child] >= entry) break;
        s->heap[at] = s->heap[child];
    }
    s->heap[at] = entry;
    return result;
}

static void push_pair(const struct fast_model *model, struct fast_merge_scratch *s, uint32_t at,
                      uint32_t length) {
    if (s->next[at] == length) return;
    uint32_t rank = fast_pair_rank(&model->pairs, s->symbols[at], s->symbols[s->next[at]]);
    if (rank != FAST_NO_RANK) push(s, rank << 16 | at);
}

/* Merges `length` <= WINDOW_LAST bytes into s->result; returns how many tokens there are. */
static uint32_t merge_window(const struct fast_model *model, struct fast_merge_scratch *s,
                             const uint8_t *word, uint32_t length) {
    s->heap_count = 0;
    for (uint32_t i = 0; i < length; i++) {
        s->symbols[i] = model->byte_symbols[word[i]];
        s->next[i] = (uint16_t)(i + 1);
        s->previous[i] = (uint16_t)(i - 1);
        s->live[i] = true;
        uint32_t rank =
            i + 1 < length ? model->byte_pair_ranks[word[i] << 8 | word[i + 1]] : FAST_NO_RANK;
        if (rank != FAST_NO_RANK) push(s, rank << 16 | i);
    }
    while (s->heap_count) {
        uint32_t entry = pop(s), at = entry & 0xFFFF, right = s->next[at];
        if (!s->live[at] || right == length) continue;
        uint32_t rank = fast_pair_rank(&model->pairs, s->symbols[at], s->symbols[right]);
        if (rank != entry >> 16) continue; /* a neighbour has changed since */
        s->symbols[at] = model->merged[rank];
        s->live[right] = false;
        s->next[at] = s->next[right];
        if (s->next[at] != length) s->previous[s->next[at]] = (uint16_t)at;
        push_pair(model, s, at, length);
        if (at > 0) push_pair(model, s, s->previous[at], length);
    }
    uint32_t count = 0;
    for (uint32_t at = 0; at < length; at = s->next[at])
        s->result[count++] = (uint16_t)s->symbols[at];
    return count;
}

static uint32_t rank_of(const struct fast_model *model, uint32_t left, uint32_t right) {
    return fast_pair_rank(&model->pairs, fast_symbol_of(&model->pairs, left), right);
}

/* Walks back through the merges of both sides, latest first. At every moment two neighbours meet at
 * the border; they would have merged if their own rank came before what became of either. Of equal
 * ranks the left pair merges first. */
static bool border_holds(const struct fast_model *model, uint32_t left, uint32_t right,
                         bool may_join) {
    uint32_t left_used = UINT32_MAX, right_used = UINT32_MAX; /* ranks that consume the two */
    for (;; may_join = false) {
        uint32_t rank = rank_of(model, left, right);
        if (!may_join && rank != FAST_NO_RANK && rank < left_used && rank <= right_used)
            return false;
        const struct fast_split *l = &model->splits[left], *r = &model->splits[right];
        bool left_made = l->rank != FAST_NO_RANK, right_made = r->rank != FAST_NO_RANK;
        if (!left_made && !right_made) return true;
        if (right_made && (!left_made || r->rank >= l->rank)) {
            right_used = r->rank;
            right = r->left;
        } else {
            left_used = l->rank;
            left = l->right;
        }
    }
}

bool fast_merge_neighbours(const struct fast_model *model, uint32_t left, uint32_t right) {
    return border_holds(model, left, right, false);
}

bool fast_merge_makes(const struct fast_model *model, uint32_t left, uint32_t right) {
    return border_holds(model, left, right, true);
}

/* The whole word by passes over `ids`, one rank a pass. Exact and without further memory, but slow
 * when many ranks occur: what is left when windows cannot be joined, which no known word causes. */
static size_t merge_by_passes(const struct fast_model *model, const uint8_t *word, size_t length,
                              uint32_t *ids) {
    for (size_t i = 0; i < length; i++)
        ids[i] = model->byte_ids[word[i]];
    for (;;) {
        uint32_t best = FAST_NO_RANK;
        for (size_t i = 0; i + 1 < length; i++) {
            uint32_t rank = rank_of(model, ids[i], ids[i + 1]);
            if (rank < best) best = rank;
        }
        if (best == FAST_NO_RANK) return length;
        size_t written = 0;
        for (size_t i = 0; i < length; i++) {
            bool joined = i + 1 < length && rank_of(model, ids[i], ids[i + 1]) == best;
            ids[written++] = joined ? (uint16_t)model->merged[best] : ids[i];
            i += joined;
        }
        length = written;
    }
}

static void copy_ids(const struct fast_merge_scratch *s, uint32_t count, uint32_t *ids) {
    for (uint32_t i = 0; i < count; i++)
        ids[i] = s->result[i];
}

static uint32_t window_size(size_t length, uint32_t window) {
    return length < window ? (uint32_t)length : window;
}

/* Where merging the window of `size` bytes went on independently of where it was cut off: before a
 * token from which the rest of the word, merged by itself, begins with a token that may stand
 * there. `ids` are the window's `count` tokens. Returns how many to keep, with *used their bytes
 * and *next the tokens of the next window, which is merged already; 0 if no such place was found.
 */
static uint32_t find_border(const struct fast_model *model, struct fast_merge_scratch *s,
                            const uint8_t *word, size_t length, uint32_t size, uint32_t count,
                            const uint32_t *ids, uint32_t *used, uint32_t *next) {
    uint32_t end = size, kept = count;
    for (int attempt = 0; attempt < 16 && kept > 1;) {
        end -= model->lengths[ids[--kept]];
        if (size - end < FARTHEST_EFFECT && kept > count / 2) continue;
        *used = end;
        *next = merge_window(model, s, word + end, window_size(length - end, WINDOW_FIRST));
        if (fast_merge_neighbours(model, ids[kept - 1], s->result[0])) return kept;
        attempt++;
    }
    return 0;
}

/* Encodings whose neighbours may all stand beside each other are the encoding of the whole. */
static size_t merge_by_windows(const struct fast_model *model, struct fast_merge_scratch *s,
                               const uint8_t *word, size_t length, uint32_t *ids) {
    size_t written = 0, done = 0;
    uint32_t window = WINDOW_FIRST, size = window_size(length, window);
    uint32_t count = merge_window(model, s, word, size);
    for (;;) {
        copy_ids(s, count, ids + written);
        if (done + size == length) return written + count;
        uint32_t used, next;
        uint32_t kept = find_border(model, s, word + done, length - done, size, count,
                                    ids + written, &used, &next);
        if (kept) {
            written += kept;
            done += used;
            count = next;
            window = WINDOW_FIRST;
            size = window_size(length - done, window);
            continue;
        }
        if (window == WINDOW_LAST) return merge_by_passes(model, word, length, ids);
        window *= 2;
        size = window_size(length - done, window);
        count = merge_window(model, s, word + done, size);
        if (written && !fast_merge_neighbours(model, ids[written - 1], s->result[0]))
            return merge_by_passes(model, word, length, ids);
    }
}

size_t fast_merge(const struct fast_model *model, struct fast_merge_scratch *scratch,
                  const uint8_t *word, size_t length, uint32_t *ids) {
    if (length > FAST_MERGE_SHORT) return merge_by_windows(model, scratch, word, length, ids);
    uint16_t few[FAST_MERGE_SHORT];
    unsigned count = fast_merge_short(model, word, (unsigned)length, few);
    for (unsigned i = 0; i < count; i++)
        ids[i] = few[i];
    return count;
}
