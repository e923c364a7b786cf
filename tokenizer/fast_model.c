/* The fast encoder's view of a vocabulary; see fast_model.h. */
#include "tokenizer/fast_model.h"

#include "tokenizer/fast_merge.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool allocate(struct fast_model *model, uint32_t size, uint32_t merges) {
    model->byte_pair_ranks = malloc(65536 * sizeof *model->byte_pair_ranks);
    model->merged = malloc((merges + 1) * sizeof *model->merged);
    model->splits = malloc(size * sizeof *model->splits);
    model->lengths = malloc(size * sizeof *model->lengths);
    if (!model->byte_pair_ranks || !model->merged || !model->splits || !model->lengths)
        return false;
    memset(model->byte_pair_ranks, 0xFF, 65536 * sizeof *model->byte_pair_ranks);
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
        if (is_byte[merge->left] && is_byte[merge->right])
            model->byte_pair_ranks[byte_of[merge->left] << 8 | byte_of[merge->right]] =
                (uint16_t)rank;
    }
    return true;
}

/* Once it is known that every pair merges once. */
static bool place_pairs(struct fast_model *model, struct error *error) {
    uint32_t count = vocabulary_merge_count(model->vocabulary);
    const struct merge *merges = vocabulary_merges(model->vocabulary);
    if (!fast_pairs_create(&model->pairs, merges, count, vocabulary_size(model->vocabulary)))
        return error_set(error, "out of memory for a table of %" PRIu32 " pairs", count);
    for (unsigned byte = 0; byte < 256; byte++)
        model->byte_symbols[byte] = fast_symbol_of(&model->pairs, model->byte_ids[byte]);
    for (uint32_t rank = 0; rank < count; rank++)
        model->merged[rank] = fast_symbol_of(&model->pairs, merges[rank].merged);
    return true;
}

/* A token is a word's only id if merging its bytes gives it back: bytes do, and a token made of two
 * such sides unless a merge across their border comes first. */
static bool find_seeds(struct fast_model *model) {
    uint32_t size = vocabulary_size(model->vocabulary);
    bool *seed = calloc(size, sizeof *seed);
    uint16_t *ids = malloc(size * sizeof *ids);
    if (!seed || !ids) {
        free(seed);
        free(ids);
        return false;
    }
    for (unsigned byte = 0; byte < 256; byte++)
        seed[model->byte_ids[byte]] = true;
    for (uint32_t rank = 0; rank < vocabulary_merge_count(model->vocabulary); rank++) {
        uint16_t merged = (uint16_t)model->merged[rank];
        const struct fast_split *split = &model->splits[merged];
        seed[merged] = seed[split->left] && seed[split->right] &&
                       fast_merge_makes(model, split->left, split->right);
    }
    uint32_t count = 0;
    for (uint32_t id = 0; id < size; id++)
        if (seed[id]) ids[count++] = (uint16_t)id;
    bool ok = fast_seeds_init(&model->seeds, model->vocabulary, ids, count);
    free(seed);
    free(ids);
    return ok;
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
    bool ok = take_lengths(model, error) && take_merges(model, vocabulary, error) &&
              place_pairs(model, error);
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
    fast_pairs_release(&model->pairs);
    free(model->splits);
    free(model->lengths);
    fast_seeds_release(&model->seeds);
    free(model);
}
