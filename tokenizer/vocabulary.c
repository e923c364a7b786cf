/* Loading and looking up a byte-level BPE model; see vocabulary.h. */
#include "tokenizer/vocabulary.h"

#include "base/file.h"
#include "tokenizer/byte_level.h"
#include "tokenizer/vocabulary_parts.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_LIMIT      (1u << 24) /* ids and ranks fit 24 bits; larger files are not vocabularies */
#define NAME_SHOWN_BYTES 60         /* of a token in an error message */

/* Eight bytes a step, multiply and fold: 1.5 MB in well under a millisecond. */
static uint64_t digest_bytes(uint64_t digest, const char *bytes, size_t length) {
    digest ^= length;
    for (size_t i = 0; i < length; i += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + i, length - i < 8 ? length - i : 8);
        unsigned __int128 product = (unsigned __int128)(digest ^ word) * 0x9E3779B97F4A7C15u;
        digest = (uint64_t)product ^ (uint64_t)(product >> 64) ^ 0x2545F4914F6CDD1Du;
    }
    return digest;
}

static uint32_t power_of_two_above(uint32_t count) {
    uint32_t size = 16;
    while (size < count * 2)
        size *= 2;
    return size;
}

static bool token_is(const struct vocabulary *v, uint32_t id, const char *bytes, size_t length) {
    const struct text_span *span = &v->bytes[id];
    return span->length == length && memcmp(v->byte_text + span->start, bytes, length) == 0;
}

/* The slot that holds the token of these bytes, or the free one where it would be. */
static uint32_t id_slot_of(const struct vocabulary *v, const char *bytes, size_t length) {
    uint32_t at = (uint32_t)(digest_bytes(0, bytes, length) >> 32) & v->id_mask;
    while (v->id_slots[at] && !token_is(v, v->id_slots[at] - 1, bytes, length))
        at = (at + 1) & v->id_mask;
    return at;
}

bool vocabulary_find(const struct vocabulary *v, const char *bytes, size_t length, uint32_t *id) {
    uint32_t slot = v->id_slots[id_slot_of(v, bytes, length)];
    if (slot == 0) return false;
    *id = slot - 1;
    return true;
}

/* False if another token stands for the same bytes; *other names it. */
static bool insert_id(struct vocabulary *v, uint32_t id, uint32_t *other) {
    const struct text_span *span = &v->bytes[id];
    uint32_t *slot = &v->id_slots[id_slot_of(v, v->byte_text + span->start, span->length)];
    if (*slot) {
        *other = *slot - 1;
        return false;
    }
    *slot = id + 1;
    return true;
}

static bool allocate_tokens(struct vocabulary *v, uint32_t count, size_t text_bytes) {
    uint32_t slots = power_of_two_above(count);
    v->size = count;
    v->id_mask = slots - 1;
    v->token_text = malloc(text_bytes + count + 1);
    v->byte_text = malloc(text_bytes + 1);
    v->tokens = calloc(count, sizeof *v->tokens);
    v->bytes = calloc(count, sizeof *v->bytes);
    v->id_slots = calloc(slots, sizeof *v->id_slots);
    return v->token_text && v->byte_text && v->tokens && v->bytes && v->id_slots;
}

/* Takes the id of one entry of vocab.json; `taken` has one flag an id. */
static bool check_entry(const char *path, const char *name, const json_t *value, uint32_t count,
                        const struct text_span *tokens, struct error *error) {
    if (!json_is_integer(value))
        return error_set(error, "%s: the id of token '%.*s' is not an integer", path,
                         NAME_SHOWN_BYTES, name);
    json_int_t id = json_integer_value(value);
    if (id < 0 || id >= (json_int_t)count)
        return error_set(error,
                         "%s: token '%.*s': id %" JSON_INTEGER_FORMAT " is out of range; %" PRIu32
                         " tokens have the ids 0 to %" PRIu32 ", each once; is the file complete?",
                         path, NAME_SHOWN_BYTES, name, id, count, count - 1);
    if (tokens[id].length)
        return error_set(error, "%s: token '%.*s': id %" JSON_INTEGER_FORMAT " is used twice", path,
                         NAME_SHOWN_BYTES, name, id);
    return true;
}

static bool take_entries(struct vocabulary *v, const char *path, json_t *root,
                         struct error *error) {
    const char *name;
    json_t *value;
    uint32_t token_end = 0, byte_end = 0;
    json_object_foreach(root, name, value) {
        if (!check_entry(path, name, value, v->size, v->tokens, error)) return false;
        uint32_t id = (uint32_t)json_integer_value(value);
        size_t length = strlen(name), byte_length;
        if (length == 0)
            return error_set(error, "%s: id %" PRIu32 " belongs to an empty token", path, id);
        memcpy(v->token_text + token_end, name, length + 1);
        v->tokens[id] = (struct text_span){token_end, (uint32_t)length};
        token_end += (uint32_t)length + 1;
        if (!byte_level_decode(name, length, v->byte_text + byte_end, &byte_length)) {
            memcpy(v->byte_text + byte_end, name, length);
            byte_length = length;
        }
        v->bytes[id] = (struct text_span){byte_end, (uint32_t)byte_length};
        byte_end += (uint32_t)byte_length;
    }
    return true;
}

static bool index_tokens(struct vocabulary *v, const char *path, struct error *error) {
    for (uint32_t id = 0, other; id < v->size; id++)
        if (!insert_id(v, id, &other))
            return error_set(error,
                             "%s: tokens %" PRIu32 " and %" PRIu32 " ('%.*s') stand for the "
                             "same bytes",
                             path, other, id, NAME_SHOWN_BYTES,
                             v->token_text + v->tokens[id].start);
    for (unsigned byte = 0; byte < 256; byte++) {
        char text = (char)byte;
        const struct byte_level_character *character = &byte_level_alphabet[byte];
        if (!vocabulary_find(v, &text, 1, &v->byte_ids[byte]))
            return error_set(error,
                             "%s: no token for byte 0x%02x ('%.*s'); a byte-level vocabulary has "
                             "all 256",
                             path, byte, character->length, character->text);
    }
    return true;
}

static bool read_tokens(struct vocabulary *v, const char *path, const char *data, size_t size,
                        struct error *error) {
    json_error_t detail;
    json_t *root = json_loadb(data, size, JSON_REJECT_DUPLICATES, &detail);
    if (!root)
        return error_set(error,
                         "%s: line %d, column %d: %s; get the file again (scripts/fetch-data)",
                         path, detail.line, detail.column, detail.text);
    bool ok;
    if (!json_is_object(root))
        ok = error_set(error, "%s: not an object of token texts and ids, such as {\"a\": 0}", path);
    else if (json_object_size(root) < 256 || json_object_size(root) > TOKEN_LIMIT)
        ok = error_set(error, "%s: has %zu tokens; a byte-level vocabulary has 256 to %u", path,
                       json_object_size(root), TOKEN_LIMIT);
    else if (!allocate_tokens(v, (uint32_t)json_object_size(root), size))
        ok = error_set(error, "%s: out of memory", path);
    else
        ok = take_entries(v, path, root, error) && index_tokens(v, path, error);
    json_decref(root);
    return ok;
}

/* Turns one side of a merge into an id. */
static bool find_side(const struct vocabulary *v, const char *path, size_t line, const char *text,
                      size_t length, uint32_t *id, char *bytes, size_t *byte_length,
                      struct error *error) {
    if (!byte_level_decode(text, length, bytes, byte_length)) {
        memcpy(bytes, text, length);
        *byte_length = length;
    }
    if (vocabulary_find(v, bytes, *byte_length, id)) return true;
    return error_set(error,
                     "%s: line %zu: '%.*s' is not a token of the vocabulary; do the two files "
                     "belong together?",
                     path, line, (int)(length < NAME_SHOWN_BYTES ? length : NAME_SHOWN_BYTES),
                     text);
}

static bool insert_pair(struct vocabulary *v, uint32_t rank) {
    const struct merge *merge = &v->merges[rank];
    uint64_t key = (uint64_t)merge->left << 32 | merge->right;
    uint32_t at = (uint32_t)((key * 0x9E3779B97F4A7C15u) >> v->pairs.shift);
    for (; v->pair_slots[at].key != PAIR_EMPTY; at = (at + 1) & v->pairs.mask)
        if (v->pair_slots[at].key == key) return false;
    v->pair_slots[at] = (struct pair_slot){key, rank, merge->merged};
    return true;
}

/* One line "LEFT RIGHT"; `scratch` holds at least the line. */
static bool read_merge(struct vocabulary *v, const char *path, size_t line, const char *text,
                       size_t length, char *scratch, struct error *error) {
    const char *space = memchr(text, ' ', length);
    size_t left_length = space ? (size_t)(space - text) : 0;
    size_t right_length = space ? length - left_length - 1 : 0;
    if (left_length == 0 || right_length == 0 || memchr(space + 1, ' ', right_length))
        return error_set(error, "%s: line %zu: '%.*s' is not two tokens with a space between them",
                         path, line, (int)(length < NAME_SHOWN_BYTES ? length : NAME_SHOWN_BYTES),
                         text);
    struct merge *merge = &v->merges[v->merge_count];
    size_t left_bytes, right_bytes;
    if (!find_side(v, path, line, text, left_length, &merge->left, scratch, &left_bytes, error) ||
        !find_side(v, path, line, space + 1, right_length, &merge->right, scratch + left_bytes,
                   &right_bytes, error))
        return false;
    /* In GPT-2's layout a merge of rank r makes token 256 + r; looking there first saves a search.
     */
    uint32_t guess = 256 + v->merge_count;
    if (guess < v->size && token_is(v, guess, scratch, left_bytes + right_bytes))
        merge->merged = guess;
    else if (!vocabulary_find(v, scratch, left_bytes + right_bytes, &merge->merged))
        return error_set(error,
                         "%s: line %zu: the result of '%.*s' is not a token of the vocabulary; do "
                         "the two files belong together?",
                         path, line, (int)(length < NAME_SHOWN_BYTES ? length : NAME_SHOWN_BYTES),
                         text);
    if (!insert_pair(v, v->merge_count))
        return error_set(error, "%s: line %zu: '%.*s' stands in an earlier line already", path,
                         line, (int)(length < NAME_SHOWN_BYTES ? length : NAME_SHOWN_BYTES), text);
    v->merge_count++;
    return true;
}

static bool allocate_merges(struct vocabulary *v, const char *data, size_t size) {
    uint32_t lines = 1;
    for (const char *at = data; (at = memchr(at, '\n', (size_t)(data + size - at))); at++)
        lines++;
    uint32_t slots = power_of_two_above(lines);
    v->merges = calloc(lines, sizeof *v->merges);
    v->pair_slots = malloc(slots * sizeof *v->pair_slots);
    if (!v->merges || !v->pair_slots) return false;
    memset(v->pair_slots, 0xff, slots * sizeof *v->pair_slots);
    v->pairs.slots = v->pair_slots;
    v->pairs.mask = slots - 1;
    v->pairs.shift = 64;
    for (uint32_t s = slots; s > 1; s /= 2)
        v->pairs.shift--;
    return true;
}

static bool read_merges(struct vocabulary *v, const char *path, const char *data, size_t size,
                        struct error *error) {
    char *scratch = malloc(size + 1);
    bool ok = scratch && size < UINT32_MAX / 4 && allocate_merges(v, data, size);
    if (!ok) error_set(error, "%s: out of memory", path);
    size_t line = 0;
    for (const char *at = data, *end = data + size; ok && at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        size_t length = (size_t)(stop - at);
        if (length && at[length - 1] == '\r') length--;
        line++;
        bool version = line == 1 && length >= 8 && memcmp(at, "#version", 8) == 0;
        if (!version) ok = read_merge(v, path, line, at, length, scratch, error);
        at = stop + 1;
    }
    free(scratch);
    if (ok && v->merge_count == 0)
        ok = error_set(error, "%s: has no merges; get the file again (scripts/fetch-data)", path);
    return ok;
}

struct vocabulary *vocabulary_load(const char *vocab_path, const char *merges_path,
                                   struct error *error) {
    struct vocabulary *v = calloc(1, sizeof *v);
    char *vocab = NULL, *merges = NULL;
    size_t vocab_size, merges_size;
    if (!v) {
        error_set(error, "%s: out of memory", vocab_path);
        return NULL;
    }
    bool ok = file_read(vocab_path, &vocab, &vocab_size, error) &&
              file_read(merges_path, &merges, &merges_size, error) &&
              read_tokens(v, vocab_path, vocab, vocab_size, error) &&
              read_merges(v, merges_path, merges, merges_size, error);
    if (ok) v->digest = digest_bytes(digest_bytes(0, vocab, vocab_size), merges, merges_size);
    free(vocab);
    free(merges);
    if (ok) return v;
    vocabulary_destroy(v);
    return NULL;
}

bool vocabulary_digest_files(const char *vocab_path, const char *merges_path, uint64_t *digest,
                             struct error *error) {
    const char *paths[2] = {vocab_path, merges_path};
    uint64_t result = 0;
    for (int i = 0; i < 2; i++) {
        char *data;
        size_t size;
        if (!file_read(paths[i], &data, &size, error)) return false;
        result = digest_bytes(result, data, size);
        free(data);
    }
    *digest = result;
    return true;
}

void vocabulary_destroy(struct vocabulary *v) {
    if (!v) return;
    free(v->token_text);
    free(v->tokens);
    free(v->byte_text);
    free(v->bytes);
    free(v->id_slots);
    free(v->merges);
    free(v->pair_slots);
    free(v);
}

uint32_t vocabulary_size(const struct vocabulary *v) {
    return v->size;
}

const char *vocabulary_token(const struct vocabulary *v, uint32_t id, size_t *length) {
    *length = v->tokens[id].length;
    return v->token_text + v->tokens[id].start;
}

const char *vocabulary_bytes(const struct vocabulary *v, uint32_t id, size_t *length) {
    *length = v->bytes[id].length;
    return v->byte_text + v->bytes[id].start;
}

uint32_t vocabulary_byte_id(const struct vocabulary *v, unsigned char byte) {
    return v->byte_ids[byte];
}

const uint32_t *vocabulary_byte_ids(const struct vocabulary *v) {
    return v->byte_ids;
}

uint32_t vocabulary_merge_count(const struct vocabulary *v) {
    return v->merge_count;
}

const struct merge *vocabulary_merges(const struct vocabulary *v) {
    return v->merges;
}

const struct pair_table *vocabulary_pairs(const struct vocabulary *v) {
    return &v->pairs;
}

uint64_t vocabulary_digest(const struct vocabulary *v) {
    return v->digest;
}
