/* Counts the distinct words of a text, in the order of their first appearance. */
#ifndef TOKENIZER_WORD_COUNT_H
#define TOKENIZER_WORD_COUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct counted_word {
    size_t start; /* in `text` */
    uint32_t length;
    uint64_t count;
};

/* Zero-initialise; release with word_count_release. */
struct word_count {
    char *text; /* the words, one after the other */
    size_t text_used, text_size;
    struct counted_word *words;
    size_t word_count, word_size;
    uint32_t *slots; /* hash table: index + 1, 0: free */
    size_t slot_count;
};

/* Counts one more of a word and tells its place in `words` (`index` may be NULL). False when memory
 * is short, or there are over 2^31 words. */
bool word_count_add(struct word_count *count, const char *word, size_t length, size_t *index);
void word_count_release(struct word_count *count);

#endif
