/* The fast encoder's view of a vocabulary; see fast_model.h. */
#include "tokenizer/fast_model.h"

#include "tokenizer/fast_merge.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void insert_pair(struct fast_model *model, const struct merge *merge, uint32_t rank) {
    uint32_t pair = merge->left << 16 | merge->right;
    uint64_t hash = pair * 0x9E3779B97F4A7C15u;
    uint32_t bit = (uint32_t)(hash >> (64 - FAST_FILTER_BITS));
    uint32_t at = (uint32_t)(hash >> model->pair_shift);
    model->pair_filter[bit >> 6] |= (uint64_t)1 << (bit & 63);
    while (model->pairs[at] != FAST_PAIR_FREE)
        at = (at + 1) & model->pair_mask;
    model->pairs[at] = (uint64_t)pair << 32 | rank << 16 | merge->merged;
}

static bool allocate(struct fast_model *model, uint32_t size, uint32_t merges) {
    uint32_t slots = 1024;
    model->pair_shift = 54;
    while (slots < merges * 2) {
        slots *= 2;
        model->pair_shift--;
    }
    model->pair_mask = slots - 1;
    model->byte_pair_ranks = malloc(65536 * sizeof *model->byte_pair_ranks);
    model->merged = malloc((merges + 1) * sizeof *model->merged);
    model->pairs = malloc(slots * sizeof *model->pairs);
    model->pair_filter = calloc(((size_t)1 << FAST_FILTER_BITS) / 64, sizeof *model->pair_filter);
    model->splits = malloc(size * sizeof *model->splits);
    model->lengths = malloc(size * sizeof *model->lengths);
    model->seeds = malloc(size * sizeof *model->seeds);
    if (!model->byte_pair_ranks || !model->merged || !model->pairs || !model->pair_filter ||
        !model->splits || !model->lengths || !model->seeds)
        return false;
    memset(model->byte_pair_ranks, 0xFF, 65536 * sizeof *model->byte_pair_ranks);
    memset(model->pairs, 0xFF, slots * sizeof *model->pairs);
    memset(model->splits, 0xFF, size * sizeof *model->splits);
    return true;
}

/* A merge whose sides are made by later merges, or whose result is made twice, would break the
 * window method of long words. */
static bool take_merges(struct fast_model *model, const struct vocabulary *vocabulary,
                        struct error *error) {
    const struct merge *merges = vocabulary_merges(vocabulary);
    uint8_t byte_of[65536];
    memset(byte_of, 0, sizeof byte_of);
    bool is_byte[65536] = {false};
    for (unsigned byte = 0; byte < 256; byte++) {
        model->byte_ids[byte] = (uint16_t)vocabulary_byte_id(vocabulary, (unsigned char)byte);
        byte_of[model->byte_ids[byte]] = (uint8_t)byte;
        is_byte[model->byte_ids[byte]] = true;
    }
    for (uint32_t rank = 0; rank < vocabulary_merge_count(vocabulary); rank++) {
        const struct merge *merge = &merges[rank];
        struct fast_split *split = &model->splits[merge->merged];
        bool sides_made = (is_byte[merge->left] || model->splits[merge->left].rank < rank) &&
                          (is_byte[merge->right] || model->splits[merge->right].rank < rank);
        if (split->rank != FAST_NO_RANK || is_byte[merge->merged] || !sides_made)
            return error_set(error,
                             "merge %" PRIu32 " uses a token that later merges make, or makes one "
                             "a second time; use the encoder pcre2 for this model",
                             rank + 1);
        *split = (struct fast_split){(uint16_t)rank, (uint16_t)merge->left, (uint16_t)merge->right};
        model->merged[rank] = (uint16_t)merge->merged;
        insert_pair(model, merge, rank);
        if (is_byte[merge->left] && is_byte[merge->right])
            model->byte_pair_ranks[byte_of[merge->left] << 8 | byte_of[merge->right]] =
                (uint16_t)rank;
    }
    return true;
}

/* A token seeds the word tables if merging its bytes gives it back: bytes do, and a token made of
 * two such sides unless a merge across their border comes first. */
static bool find_seeds(struct fast_model *model) {
    uint32_t size = vocabulary_size(model->vocabulary);
    bool *seed = calloc(size, sizeof *seed);
    if (!seed) return false;
    for (unsigned byte = 0; byte < 256; byte++)
        seed[model->byte_ids[byte]] = true;
    for (uint32_t rank = 0; rank < vocabulary_merge_count(model->vocabulary); rank++) {
        const struct fast_split *split = &model->splits[model->merged[rank]];
        seed[model->merged[rank]] = seed[split->left] && seed[split->right] &&
                                    fast_merge_makes(model, split->left, split->right);
    }
    for (uint32_t id = 0; id < size; id++)
        if (seed[id]) model->seeds[model->seed_count++] = (uint16_t)id;
    free(seed);
    return true;
}

static bool take_lengths(struct fast_model *model, struct error *error) {
    for (uint32_t id = 0; id < vocabulary_size(model->vocabulary); id++) {
        size_t length;
        vocabulary_bytes(model->vocabulary, id, &length);
        if (length > UINT16_MAX)
            return error_set(error, "token %" PRIu32 " has %zu bytes; use the encoder pcre2", id,
                             length);
        model->lengths[id] = (uint16_t)length;
    }
    return true;
}

struct fast_model *fast_model_create(const struct vocabulary *vocabulary, struct error *error) {
    uint32_t size = vocabulary_size(vocabulary), merges = vocabulary_merge_count(vocabulary);
    if (size > 65535 || merges >= FAST_NO_RANK) {
        error_set(error,
                  "the model has %" PRIu32 " tokens and %" PRIu32 " merges; the encoder fast holds "
                  "up to 65,535 tokens and 65,534 merges, use the encoder pcre2",
                  size, merges);
        return NULL;
    }
    struct fast_model *model = calloc(1, sizeof *model);
    if (!model || !allocate(model, size, merges)) {
        fast_model_destroy(model);
        error_set(error, "out of memory for the tables of %" PRIu32 " merges", merges);
        return NULL;
    }
    model->vocabulary = vocabulary;
    bool ok = take_lengths(model, error) && take_merges(model, vocabulary, error);
    if (ok && !find_seeds(model))
        ok = error_set(error, "out of memory for %" PRIu32 " tokens", size);
    if (ok) return model;
    fast_model_destroy(model);
    return NULL;
}

void fast_model_destroy(struct fast_model *model) {
    if (!model) return;
    free(model->byte_pair_ranks);
    free(model->merged);
    free(model->pairs);
    free(model->pair_filter);
    free(model->splits);
    free(model->lengths);
    free(model->seeds);
    free(model);
}
