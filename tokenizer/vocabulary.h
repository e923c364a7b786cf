/* A byte-level BPE model: the tokens of vocab.json and the merges of merges.txt. Immutable once
 * loaded, so any number of threads may read it. Knows nothing of how text is cut into words. */
#ifndef TOKENIZER_VOCABULARY_H
#define TOKENIZER_VOCABULARY_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

struct vocabulary;

/* Merge of rank r (its place in merges.txt): the tokens `left` and `right` become `merged`. */
struct merge {
    uint32_t left, right, merged;
};

/* Pair look-up: open addressing with linear probing, at most half full. */
struct pair_slot {
    uint64_t key; /* left << 32 | right; PAIR_EMPTY: free */
    uint32_t rank, merged;
};
struct pair_table {
    const struct pair_slot *slots;
    unsigned shift; /* 64 - log2(number of slots) */
    uint32_t mask;
};
#define PAIR_EMPTY UINT64_MAX

/* The merge of two neighbouring tokens, or NULL if there is none. */
static inline const struct pair_slot *pair_find(const struct pair_table *table, uint32_t left,
                                                uint32_t right) {
    uint64_t key = (uint64_t)left << 32 | right;
    uint32_t at = (uint32_t)((key * 0x9E3779B97F4A7C15u) >> table->shift);
    for (;; at = (at + 1) & table->mask) {
        const struct pair_slot *slot = &table->slots[at];
        if (slot->key == key) return slot;
        if (slot->key == PAIR_EMPTY) return NULL;
    }
}

/* Reads vocab.json (an object of token text to id; ids 0 .. n-1, each once; all 256 byte tokens)
 * and merges.txt (an optional first line "#version: ...", then "LEFT RIGHT" a line, best first).
 * NULL with a sentence naming file, line and remedy otherwise. Free with vocabulary_destroy. */
struct vocabulary *vocabulary_load(const char *vocab_path, const char *merges_path,
                                   struct error *error);
void vocabulary_destroy(struct vocabulary *vocabulary); /* NULL is allowed */

/* Number of tokens; ids are below it. */
uint32_t vocabulary_size(const struct vocabulary *vocabulary);

/* A token as it stands in vocab.json (byte-level characters, UTF-8, NUL-terminated). */
const char *vocabulary_token(const struct vocabulary *vocabulary, uint32_t id, size_t *length);

/* The bytes of text that a token stands for. A token with a character outside the byte alphabet
 * stands for its own UTF-8 bytes, as in Hugging Face's decoder. */
const char *vocabulary_bytes(const struct vocabulary *vocabulary, uint32_t id, size_t *length);

/* The token that stands for these bytes as a whole. False if there is none. */
bool vocabulary_find(const struct vocabulary *vocabulary, const char *bytes, size_t length,
                     uint32_t *id);

/* The token of a single byte. */
uint32_t vocabulary_byte_id(const struct vocabulary *vocabulary, unsigned char byte);
const uint32_t *vocabulary_byte_ids(const struct vocabulary *vocabulary); /* 256 entries */

uint32_t vocabulary_merge_count(const struct vocabulary *vocabulary);
const struct merge *vocabulary_merges(const struct vocabulary *vocabulary); /* by rank */
const struct pair_table *vocabulary_pairs(const struct vocabulary *vocabulary);

/* A 64-bit digest of the two files' bytes, in this order: what caches made from them are keyed by,
 * and what a record names. Not cryptographic. */
uint64_t vocabulary_digest(const struct vocabulary *vocabulary);

/* The same digest without parsing anything. */
bool vocabulary_digest_files(const char *vocab_path, const char *merges_path, uint64_t *digest,
                             struct error *error);

#endif
