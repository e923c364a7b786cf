/* The merge loop of byte-level BPE: a word's bytes become tokens, the merge of lowest rank first,
 * the leftmost of equal ones first. Short words by scanning, long ones by a heap in n log n. */
#ifndef TOKENIZER_MERGE_H
#define TOKENIZER_MERGE_H

#include "tokenizer/vocabulary.h"

/* Working memory of one thread; grows to the longest word seen. Zero-initialise. */
struct merge_scratch {
    struct merge_symbol *symbols;
    uint64_t *heap;
    size_t capacity;
};
void merge_scratch_release(struct merge_scratch *scratch);

#define MERGE_OUT_OF_MEMORY SIZE_MAX

/* Writes the ids of word[0, length), at most `length` of them, and returns how many, or
 * MERGE_OUT_OF_MEMORY. */
size_t merge_word(const struct vocabulary *vocabulary, struct merge_scratch *scratch,
                  const char *word, size_t length, uint32_t *ids);

#endif
