/* Byte-level BPE of one word for the fast encoder: lowest rank first, leftmost first. Short words
 * by looking for the minimum, longer ones in windows with a heap, so that memory stays bounded and
 * time n log n however long the word is. */
#ifndef TOKENIZER_FAST_MERGE_H
#define TOKENIZER_FAST_MERGE_H

#include "tokenizer/fast_model.h"

#define FAST_MERGE_SHORT 32u /* bytes; up to here no heap */

struct fast_merge_scratch;
struct fast_merge_scratch *fast_merge_scratch_create(void); /* NULL when memory is short */
void fast_merge_scratch_destroy(struct fast_merge_scratch *scratch);

/* A word of 1 to FAST_MERGE_SHORT bytes; returns how many ids were written, at most `length`. */
unsigned fast_merge_short(const struct fast_model *model, const uint8_t *word, unsigned length,
                          uint16_t *ids);

/* A word of 1 to FAST_LANE_BYTES bytes, and the ids that it merges to. */
#define FAST_LANE_BYTES 16u
struct fast_merge_job {
    const uint8_t *word;
    uint32_t length, count;
    uint32_t ids[FAST_LANE_BYTES];
};

/* Merges several words side by side, which takes less time than one after the other: a single one
 * waits for its tables most of the time. */
typedef void fast_merge_many_function(const struct fast_model *model, struct fast_merge_job *jobs,
                                      size_t count);
fast_merge_many_function fast_merge_many;

/* The same with what every processor of the architecture has, and with AVX2 and BMI2 on x86-64;
 * and which of the two fast_merge_many is on this machine. */
fast_merge_many_function fast_merge_many_base, fast_merge_many_avx2;
fast_merge_many_function *fast_merge_many_choose(void);

/* A word of any length. Writes at most `length` ids. */
size_t fast_merge(const struct fast_model *model, struct fast_merge_scratch *scratch,
                  const uint8_t *word, size_t length, uint32_t *ids);

/* True if two tokens may stand beside each other in an encoding: the bytes of both together encode
 * to just these two. A sequence is the encoding of its bytes if that holds for all neighbours. */
bool fast_merge_neighbours(const struct fast_model *model, uint32_t left, uint32_t right);

/* True if `left` and `right`, which merge into one token, do so when their bytes are merged alone:
 * nothing across their border comes first. */
bool fast_merge_makes(const struct fast_model *model, uint32_t left, uint32_t right);

#endif
