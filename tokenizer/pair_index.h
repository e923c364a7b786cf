/* The trainer's book of pairs: how often each pair of neighbouring tokens occurs, and in which
 * words; and a queue that gives the most frequent one. */
#ifndef TOKENIZER_PAIR_INDEX_H
#define TOKENIZER_PAIR_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pair_entry {
    uint64_t key; /* left << 32 | right */
    int64_t count;
    uint32_t *words; /* that hold it, or once held it; each at most a few times */
    uint32_t word_count, word_size;
};

struct pair_candidate {
    int64_t count; /* when it was queued; stale if the pair's count is another by now */
    uint64_t key;
};

/* Zero-initialise; release with pair_index_release. */
struct pair_index {
    struct pair_entry *entries;
    size_t entry_count, entry_size;
    uint32_t *slots; /* hash table: index + 1, 0: free */
    size_t slot_count;
    struct pair_candidate *queue;
    size_t queue_count, queue_size;
};

/* Adds to a pair's count; with `more` positive, the word is one that holds it now. */
bool pair_index_add(struct pair_index *index, uint64_t key, int64_t more, uint32_t word);

/* Queues a pair under its present count. */
bool pair_index_queue(struct pair_index *index, uint64_t key);

/* Takes the pair of highest count, among equals that of lowest left, then lowest right id. NULL if
 * none occurs `minimum` times. The entry is valid until pairs are added. */
struct pair_entry *pair_index_take(struct pair_index *index, int64_t minimum);

void pair_index_release(struct pair_index *index);

#endif
