/* Trains a byte-level BPE vocabulary; see trainer.h. */
#define _GNU_SOURCE
#include "tokenizer/trainer.h"

#include "base/file.h"
#include "tokenizer/byte_level.h"
#include "tokenizer/pair_index.h"
#include "tokenizer/pretokenizer_pcre2.h"
#include "tokenizer/utf8.h"
#include "tokenizer/vocabulary.h"
#include "tokenizer/word_count.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define END_OF_TEXT "<|endoftext|>"
#define FIRST_BYTES 256

struct token_text {
    size_t start;
    uint32_t length;
};

struct trainer {
    struct word_count words;
    /* The symbols of all words, word i's from starts[i], lengths[i] of them. */
    uint32_t *symbols;
    size_t *starts;
    uint32_t *lengths;
    struct pair_index pairs;
    /* Tokens so far, as bytes. */
    char *text;
    size_t text_used, text_size;
    struct token_text *tokens;
    uint32_t token_count;
    struct merge *merges;
    uint32_t merge_count;
    struct word_count known; /* token bytes -> token, by their order */
};

struct trainer *trainer_create(struct error *error) {
    struct trainer *t = calloc(1, sizeof *t);
    if (!t) error_set(error, "out of memory");
    return t;
}

void trainer_destroy(struct trainer *t) {
    if (!t) return;
    word_count_release(&t->words);
    word_count_release(&t->known);
    pair_index_release(&t->pairs);
    free(t->symbols);
    free(t->starts);
    free(t->lengths);
    free(t->text);
    free(t->tokens);
    free(t->merges);
    free(t);
}

static bool out_of_memory(struct error *error) {
    return error_set(error, "out of memory while training");
}

bool trainer_add_text(struct trainer *t, const char *text, size_t length, struct error *error) {
    struct pretokenizer *pretokenizer = pretokenizer_create(error);
    if (!pretokenizer) return false;
    struct pretokenizer_scratch *scratch = pretokenizer_scratch_create(pretokenizer, error);
    bool ok = scratch != NULL;
    struct pretokenizer_cursor cursor = {text, length, 0, utf8_is_ascii(text, length)};
    size_t ends[PRETOKENIZER_STEP], at = 0;
    unsigned found;
    while (ok && (found = pretokenizer_next(pretokenizer, scratch, &cursor, ends)))
        for (unsigned i = 0; ok && i < found; at = ends[i++])
            if (!word_count_add(&t->words, text + at, ends[i] - at, NULL))
                ok = out_of_memory(error);
    if (ok && cursor.at < length) ok = out_of_memory(error);
    pretokenizer_scratch_destroy(scratch);
    pretokenizer_destroy(pretokenizer);
    return ok;
}

/* A token with these bytes; one that is there already keeps its id, as two pairs can have the same
 * result. False when memory is short. */
static bool make_token(struct trainer *t, const char *bytes, size_t length, uint32_t *id) {
    size_t index; /* tokens are made in the order in which they become known */
    if (!word_count_add(&t->known, bytes, length, &index)) return false;
    *id = (uint32_t)index;
    if (index < t->token_count) return true;
    if (t->text_size - t->text_used < length) {
        size_t size = 2 * t->text_size + length + 4096;
        char *text = realloc(t->text, size);
        if (!text) return false;
        t->text = text;
        t->text_size = size;
    }
    memcpy(t->text + t->text_used, bytes, length);
    t->tokens[t->token_count] = (struct token_text){t->text_used, (uint32_t)length};
    t->text_used += length;
    t->token_count++;
    return true;
}

static uint64_t key_of(uint32_t left, uint32_t right) {
    return (uint64_t)left << 32 | right;
}

static bool split_into_bytes(struct trainer *t) {
    uint32_t id_of_byte[FIRST_BYTES];
    for (uint32_t i = 0; i < FIRST_BYTES; i++) {
        char byte = (char)byte_level_order[i];
        if (!make_token(t, &byte, 1, &id_of_byte[byte_level_order[i]])) return false;
    }
    for (size_t i = 0, at = 0; i < t->words.word_count; i++) {
        const struct counted_word *word = &t->words.words[i];
        const char *bytes = t->words.text + word->start;
        t->starts[i] = at;
        t->lengths[i] = word->length;
        for (uint32_t k = 0; k < word->length; k++, at++) {
            t->symbols[at] = id_of_byte[(unsigned char)bytes[k]];
            if (k && !pair_index_add(&t->pairs, key_of(t->symbols[at - 1], t->symbols[at]),
                                     (int64_t)word->count, (uint32_t)i))
                return false;
        }
    }
    for (size_t i = 0; i < t->pairs.entry_count; i++)
        if (!pair_index_queue(&t->pairs, t->pairs.entries[i].key)) return false;
    return true;
}

/* Pairs whose count changed in the merge at hand; queued again when it is done. */
struct changes {
    uint64_t *keys;
    size_t count, size;
};

static bool change(struct trainer *t, struct changes *changes, uint32_t left, uint32_t right,
                   int64_t more, uint32_t word) {
    uint64_t key = key_of(left, right);
    if (!pair_index_add(&t->pairs, key, more, word)) return false;
    if (more <= 0) return true; /* a pair that became rarer is found out when its turn comes */
    if (changes->count == changes->size) {
        size_t size = changes->size ? 2 * changes->size : 256;
        uint64_t *keys = realloc(changes->keys, size * sizeof *keys);
        if (!keys) return false;
        changes->keys = keys;
        changes->size = size;
    }
    if (!changes->count || changes->keys[changes->count - 1] != key)
        changes->keys[changes->count++] = key;
    return true;
}

/* Merges every (left, right) of one word, from the left. The pair's own count is settled by the
 * caller; those of its neighbours change here. */
static bool merge_in_word(struct trainer *t, uint32_t word, const struct merge *merge,
                          struct changes *changes) {
    uint32_t *symbols = t->symbols + t->starts[word], length = t->lengths[word], out = 0;
    int64_t count = (int64_t)t->words.words[word].count;
    bool ok = true;
    for (uint32_t i = 0; i < length; i++) {
        if (i + 1 == length || symbols[i] != merge->left || symbols[i + 1] != merge->right) {
            symbols[out++] = symbols[i];
            continue;
        }
        if (out > 0) {
            /* What stands before is either still there or the result of the merge before. */
            uint32_t previous = symbols[out - 1];
            ok = ok && change(t, changes, previous, merge->left, -count, word) &&
                 change(t, changes, previous, merge->merged, count, word);
        }
        if (i + 2 < length)
            ok = ok && change(t, changes, merge->right, symbols[i + 2], -count, word) &&
                 change(t, changes, merge->merged, symbols[i + 2], count, word);
        symbols[out++] = merge->merged;
        i++;
    }
    t->lengths[word] = out;
    return ok;
}

static int compare_words(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static bool merge_everywhere(struct trainer *t, const struct merge *merge, uint32_t *words,
                             uint32_t word_count) {
    struct changes changes = {0};
    bool ok = true;
    qsort(words, word_count, sizeof *words, compare_words);
    for (uint32_t i = 0; ok && i < word_count; i++)
        if (i == 0 || words[i] != words[i - 1]) ok = merge_in_word(t, words[i], merge, &changes);
    for (size_t i = 0; ok && i < changes.count; i++)
        ok = pair_index_queue(&t->pairs, changes.keys[i]);
    free(changes.keys);
    return ok;
}

static bool merge_pair(struct trainer *t, struct pair_entry *pair) {
    struct merge *merge = &t->merges[t->merge_count++];
    merge->left = (uint32_t)(pair->key >> 32);
    merge->right = (uint32_t)pair->key;
    const struct token_text *left = &t->tokens[merge->left], *right = &t->tokens[merge->right];
    char *bytes = malloc((size_t)left->length + right->length);
    if (!bytes) return false;
    memcpy(bytes, t->text + left->start, left->length);
    memcpy(bytes + left->length, t->text + right->start, right->length);
    bool ok = make_token(t, bytes, (size_t)left->length + right->length, &merge->merged);
    free(bytes);
    uint32_t *words = pair->words, word_count = pair->word_count;
    pair->words = NULL;
    pair->word_count = pair->word_size = 0;
    pair->count = 0;
    ok = ok && merge_everywhere(t, merge, words, word_count);
    free(words);
    return ok;
}

static bool allocate(struct trainer *t, uint32_t vocabulary_size) {
    size_t count = t->words.word_count + 1;
    t->symbols = calloc(t->words.text_used + 1, sizeof *t->symbols);
    t->starts = calloc(count, sizeof *t->starts);
    t->lengths = calloc(count, sizeof *t->lengths);
    t->tokens = calloc((size_t)vocabulary_size + 1, sizeof *t->tokens);
    /* Two pairs can have the same result, so there can be more merges than tokens; far fewer than
     * twice as many. */
    t->merges = calloc(2 * (size_t)vocabulary_size, sizeof *t->merges);
    return t->symbols && t->starts && t->lengths && t->tokens && t->merges;
}

bool trainer_run(struct trainer *t, uint32_t vocabulary_size, int64_t minimum,
                 struct error *error) {
    uint32_t id, wanted = vocabulary_size - 1; /* the last place is for the end of text */
    if (vocabulary_size < FIRST_BYTES + 1)
        return error_set(error, "a vocabulary needs at least %d tokens: 256 bytes and %s",
                         FIRST_BYTES + 1, END_OF_TEXT);
    if (!allocate(t, vocabulary_size) || !split_into_bytes(t)) return out_of_memory(error);
    while (t->token_count < wanted && t->merge_count < 2 * wanted) {
        struct pair_entry *pair = pair_index_take(&t->pairs, minimum < 1 ? 1 : minimum);
        if (!pair) break;
        if (!merge_pair(t, pair)) return out_of_memory(error);
    }
    if (!make_token(t, END_OF_TEXT, strlen(END_OF_TEXT), &id)) return out_of_memory(error);
    return true;
}

uint32_t trainer_size(const struct trainer *t) {
    return t->token_count;
}

uint32_t trainer_merges(const struct trainer *t) {
    return t->merge_count;
}

size_t trainer_words(const struct trainer *t) {
    return t->words.word_count;
}

static void print_token(const struct trainer *t, uint32_t id, bool json, FILE *out) {
    const struct token_text *token = &t->tokens[id];
    for (size_t i = token->start; i < token->start + token->length; i++) {
        const struct byte_level_character *character =
            &byte_level_alphabet[(unsigned char)t->text[i]];
        if (json && (t->text[i] == '"' || t->text[i] == '\\')) fputc('\\', out);
        fwrite(character->text, 1, character->length, out);
    }
}

static void print_vocabulary(const struct trainer *t, FILE *out) {
    for (uint32_t id = 0; id < t->token_count; id++) {
        fputs(id ? ", \"" : "{\"", out);
        print_token(t, id, true, out);
        fprintf(out, "\": %" PRIu32, id);
    }
    fputs("}\n", out);
}

static void print_merges(const struct trainer *t, FILE *out) {
    fputs("#version: 0.2\n", out);
    for (uint32_t i = 0; i < t->merge_count; i++) {
        print_token(t, t->merges[i].left, false, out);
        fputc(' ', out);
        print_token(t, t->merges[i].right, false, out);
        fputc('\n', out);
    }
}

static bool write_file(const struct trainer *t, const char *folder, const char *name,
                       void (*print)(const struct trainer *, FILE *), struct error *error) {
    char path[4096];
    char *data = NULL;
    size_t size = 0;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        return error_set(error, "%s: the path is too long", folder);
    FILE *out = open_memstream(&data, &size);
    if (!out) return out_of_memory(error);
    print(t, out);
    bool ok = fclose(out) == 0 ? file_write(path, data, size, error) : out_of_memory(error);
    free(data);
    return ok;
}

bool trainer_write(const struct trainer *t, const char *folder, struct error *error) {
    return write_file(t, folder, "vocab.json", print_vocabulary, error) &&
           write_file(t, folder, "merges.txt", print_merges, error);
}
