/* A corpus for machines that can get none: text generated from a fixed seed, the same on every
 * machine, with the profile of big.txt: how long lines are and how many are empty, how often words
 * occur by rank and how long they are, how dense punctuation and digits are. It means nothing. */
#ifndef TOKENIZER_BUILTIN_CORPUS_H
#define TOKENIZER_BUILTIN_CORPUS_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

#define BUILTIN_CORPUS_LINES 128457u /* as big.txt */
#define BUILTIN_CORPUS_SEED  2077u

/* `lines` lines, each ended by LF, as a fresh allocation with a zero byte behind it. NULL when
 * memory is short. */
char *builtin_corpus_create(uint64_t seed, size_t lines, size_t *size, struct error *error);

#endif
