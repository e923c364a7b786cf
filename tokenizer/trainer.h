/* Trains a byte-level BPE vocabulary: again and again the most frequent pair of neighbouring tokens
 * becomes a token. Deterministic: among pairs of the same count, the one with the lowest left id,
 * then the lowest right id, wins. Source: Sennrich, Haddow, Birch, ACL 2016; the pre-tokenizer is
 * GPT-2's.
 *
 * The vocabulary is laid out as GPT-2's: the 256 bytes in the order of byte_level_order, then one
 * token a merge, last "<|endoftext|>". */
#ifndef TOKENIZER_TRAINER_H
#define TOKENIZER_TRAINER_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

struct trainer;

struct trainer *trainer_create(struct error *error); /* NULL with a sentence on failure */
void trainer_destroy(struct trainer *trainer);       /* NULL is allowed */

/* Counts the words of a text, valid UTF-8. */
bool trainer_add_text(struct trainer *trainer, const char *text, size_t length,
                      struct error *error);

/* Makes tokens until there are `vocabulary_size` of them, or no pair occurs `minimum` times. Once.
 * O(total length of the distinct words times their merges, log of the pairs). */
bool trainer_run(struct trainer *trainer, uint32_t vocabulary_size, int64_t minimum,
                 struct error *error);

uint32_t trainer_size(const struct trainer *trainer);   /* tokens, "<|endoftext|>" included */
uint32_t trainer_merges(const struct trainer *trainer); /* merges */
size_t trainer_words(const struct trainer *trainer);    /* distinct words counted */

/* Writes vocab.json and merges.txt into `folder`, which exists. */
bool trainer_write(const struct trainer *trainer, const char *folder, struct error *error);

#endif
