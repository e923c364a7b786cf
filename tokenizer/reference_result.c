/* The second half of what the original pays: the tokens of each word, and the result, whose seven
 * fields grow side by side. See reference_cost.h. */
#include "tokenizer/reference_memory.h"

#include <stdlib.h>

#define SYMBOL_BYTES 32 /* of a word being merged */
#define MERGE_BYTES  16 /* of its queue */

/* The map of byte to character grows as Rust's hash map does: 17 bytes a bucket, seven eighths
 * full. */
static void map_characters(struct payer *payer) {
    size_t length = payer->work->length, capacity = 0;
    for (size_t buckets = 4; capacity < length; buckets *= 2) {
        struct vector larger = vector_create(payer, buckets * 17 + 16, 1);
        if (larger.memory) memset(larger.memory, 0, larger.capacity);
        vector_free(&payer->character_of);
        payer->character_of = larger;
        capacity = buckets < 8 ? buckets - 1 : buckets / 8 * 7;
    }
}

/* A word that the cache does not hold costs its symbols and its queue. */
static void make_word(struct payer *payer, struct split *split, const struct word_trace *trace,
                      size_t first) {
    const struct reference_work *work = payer->work;
    struct vector symbols = {NULL, 0, 0};
    if (trace->missed) {
        symbols = vector_create(payer, split->slice.normalized.length, SYMBOL_BYTES);
        if (symbols.memory) memset(symbols.memory, 0, symbols.capacity * SYMBOL_BYTES);
        pay_at_once(payer, split->slice.normalized.length * MERGE_BYTES);
    }
    split->tokens = vector_create(payer, trace->tokens, sizeof(struct token));
    for (size_t i = first; i < first + trace->tokens && !payer->failed; i++) {
        size_t length;
        const char *text = tokenizer_token(work->tokenizer, work->ids[i], &length);
        struct token token = {.value = vector_copy(payer, text, length), .id = work->ids[i]};
        ((struct token *)split->tokens.memory)[split->tokens.length++] = token;
    }
    vector_free(&symbols);
}

void reference_make_tokens(struct payer *payer) {
    const struct reference_work *work = payer->work;
    struct split *splits = payer->splits.memory;
    const struct word_trace *trace = work->traces;
    for (size_t i = 0, token = 0; i < payer->splits.length && !payer->failed; i++) {
        if (splits[i].tokens.memory) {
            token++;
            continue;
        }
        make_word(payer, &splits[i], trace, token);
        token += trace++->tokens;
    }
    if (work->entry == GRAINBENCH_ENTRY_CHAR_OFFSETS) map_characters(payer);
}

/* The fields of the result while they grow, in the order of the original. */
struct fields {
    struct vector ids, tokens, offsets, type_ids, words, special_mask, attention_mask;
};

static void reserve_fields(struct payer *payer, struct fields *f) {
    vector_reserve(payer, &f->ids, 1, sizeof(uint32_t), 4);
    vector_reserve(payer, &f->tokens, 1, sizeof(struct encoding_token), 4);
    vector_reserve(payer, &f->offsets, 1, sizeof(struct encoding_offset), 4);
    vector_reserve(payer, &f->type_ids, 1, sizeof(uint32_t), 4);
    vector_reserve(payer, &f->words, 1, sizeof(struct encoding_word), 4);
    vector_reserve(payer, &f->special_mask, 1, sizeof(uint32_t), 4);
    vector_reserve(payer, &f->attention_mask, 1, sizeof(uint32_t), 4);
}

static bool without_offsets(const struct reference_work *work) {
    return work->entry == GRAINBENCH_ENTRY_FAST || work->entry == GRAINBENCH_ENTRY_IDS;
}

/* Moves a token into the fields, or, if they cannot hold it, lets it go. */
static void push_token(struct payer *payer, struct fields *f, struct token *token, size_t index) {
    const struct reference_work *work = payer->work;
    bool bare = without_offsets(work);
    if (bare) vector_free(&token->value);
    reserve_fields(payer, f);
    if (payer->failed) {
        vector_free(&token->value);
        return;
    }
    size_t at = f->ids.length;
    ((uint32_t *)f->ids.memory)[at] = token->id;
    ((struct encoding_token *)f->tokens.memory)[at] =
        (struct encoding_token){token->value.memory, token->value.length, token->value.capacity};
    ((struct encoding_offset *)f->offsets.memory)[at] =
        bare ? (struct encoding_offset){0, 0} : work->offsets[index];
    ((uint32_t *)f->type_ids.memory)[at] = 0;
    ((struct encoding_word *)f->words.memory)[at] =
        bare ? (struct encoding_word){0, 0} : (struct encoding_word){1, work->words[index]};
    ((uint32_t *)f->special_mask.memory)[at] = 0;
    ((uint32_t *)f->attention_mask.memory)[at] = 1;
    f->ids.length = f->tokens.length = f->offsets.length = f->type_ids.length = f->words.length =
        f->special_mask.length = f->attention_mask.length = at + 1;
}

void reference_collect(struct payer *payer, struct encoding *result) {
    struct split *splits = payer->splits.memory;
    struct fields fields = {0};
    size_t index = 0;
    bool bare = without_offsets(payer->work);
    for (size_t i = 0; i < payer->splits.length; i++) {
        struct token *tokens = splits[i].tokens.memory;
        /* Offsets are looked up in the slice, so it lives on where there are any. */
        if (bare) slice_free(&splits[i].slice);
        for (size_t k = 0; k < splits[i].tokens.length; k++)
            push_token(payer, &fields, &tokens[k], index++);
        vector_free(&splits[i].tokens);
        slice_free(&splits[i].slice);
    }
    vector_free(&payer->splits);
    vector_free(&payer->character_of);
    vector_free(&payer->original);
    *result = (struct encoding){.count = fields.tokens.length,
                                .ids = fields.ids.memory,
                                .type_ids = fields.type_ids.memory,
                                .tokens = fields.tokens.memory,
                                .offsets = fields.offsets.memory,
                                .words = fields.words.memory,
                                .special_mask = fields.special_mask.memory,
                                .attention_mask = fields.attention_mask.memory,
                                .storage = ENCODING_HEAP};
}
