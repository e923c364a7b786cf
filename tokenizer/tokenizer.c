/* A vocabulary with its settings and added tokens; see tokenizer.h. */
#include "tokenizer/tokenizer.h"

#include "tokenizer/vocabulary_cache.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <inttypes.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

/* The id of an added token's text: GPT-2 holds "ing" under its own characters, since the byte
 * alphabet writes ASCII letters as themselves. */
static bool find_content(const struct tokenizer *tokenizer, const char *content, uint32_t *id) {
    size_t length = strlen(content), token_length;
    for (unsigned i = 0; i < tokenizer->added_count; i++)
        if (strcmp(tokenizer->added[i].content, content) == 0) {
            *id = tokenizer->added[i].id;
            return true;
        }
    if (!vocabulary_find(tokenizer->vocabulary, content, length, id)) return false;
    const char *token = vocabulary_token(tokenizer->vocabulary, *id, &token_length);
    return token_length == length && memcmp(token, content, length) == 0;
}

bool tokenizer_add(struct tokenizer *tokenizer, const struct added_token *token,
                   struct error *error) {
    if (!token->content[0]) return error_set(error, "an added token needs at least one character");
    if (tokenizer->added_count == TOKENIZER_ADDED_LIMIT)
        return error_set(error, "'%s' is one added token too many; there is room for %d",
                         token->content, TOKENIZER_ADDED_LIMIT);
    struct added_token added = *token;
    if (!find_content(tokenizer, token->content, &added.id)) added.id = tokenizer->size++;
    tokenizer->added[tokenizer->added_count++] = added;
    return true;
}

static bool configure_bench(struct tokenizer *tokenizer, struct error *error) {
    tokenizer->add_prefix_space = true;
    return tokenizer_add(tokenizer, &(struct added_token){.content = "ing", .normalized = true},
                         error) &&
           tokenizer_add(
               tokenizer,
               &(struct added_token){.content = "[ENT]", .special = true, .single_word = true},
               error);
}

/* Takes the vocabulary; NULL if there is none. */
static struct tokenizer *create_with(struct vocabulary *vocabulary, unsigned flags,
                                     struct error *error) {
    if (!vocabulary) return NULL;
    struct tokenizer *tokenizer = calloc(1, sizeof *tokenizer);
    if (!tokenizer) {
        vocabulary_destroy(vocabulary);
        error_set(error, "out of memory");
        return NULL;
    }
    tokenizer->vocabulary = vocabulary;
    tokenizer->size = vocabulary_size(vocabulary);
    tokenizer->add_prefix_space = (flags & GRAINBENCH_ADD_PREFIX_SPACE) != 0;
    tokenizer->trim_offsets = (flags & GRAINBENCH_TRIM_OFFSETS) != 0;
    if (!(flags & GRAINBENCH_TOKENIZER_BENCH) || configure_bench(tokenizer, error))
        return tokenizer;
    tokenizer_destroy(tokenizer);
    return NULL;
}

struct tokenizer *tokenizer_create(const char *vocab_path, const char *merges_path, unsigned flags,
                                   struct error *error) {
    return create_with(vocabulary_load(vocab_path, merges_path, error), flags, error);
}

struct tokenizer *tokenizer_create_cached(const char *vocab_path, const char *merges_path,
                                          unsigned flags, struct error *error) {
    return create_with(vocabulary_load_cached(vocab_path, merges_path, NULL, error), flags, error);
}

void tokenizer_destroy(struct tokenizer *tokenizer) {
    if (!tokenizer) return;
    vocabulary_destroy(tokenizer->vocabulary);
    free(tokenizer);
}

static const struct added_token *find_added(const struct tokenizer *tokenizer, uint32_t id) {
    for (unsigned i = 0; i < tokenizer->added_count; i++)
        if (tokenizer->added[i].id == id) return &tokenizer->added[i];
    return NULL;
}

const char *tokenizer_token(const struct tokenizer *tokenizer, uint32_t id, size_t *length) {
    if (id < vocabulary_size(tokenizer->vocabulary))
        return vocabulary_token(tokenizer->vocabulary, id, length);
    const struct added_token *added = find_added(tokenizer, id);
    if (!added) return NULL;
    *length = strlen(added->content);
    return added->content;
}

static const char *decoded_bytes(const struct tokenizer *tokenizer, uint32_t id, size_t *length) {
    if (id < vocabulary_size(tokenizer->vocabulary))
        return vocabulary_bytes(tokenizer->vocabulary, id, length);
    return tokenizer_token(tokenizer, id, length);
}

bool tokenizer_decode(const struct tokenizer *tokenizer, const uint32_t *ids, size_t count,
                      char **bytes, size_t *length, struct error *error) {
    size_t total = 0, piece;
    for (size_t i = 0; i < count; i++) {
        if (!decoded_bytes(tokenizer, ids[i], &piece))
            return error_set(error,
                             "id %" PRIu32 " (number %zu) is not one of the %" PRIu32
                             " ids of this tokenizer",
                             ids[i], i + 1, tokenizer->size);
        total += piece;
    }
    char *text = malloc(total + 1);
    if (!text) return error_set(error, "out of memory (%zu bytes)", total + 1);
    size_t end = 0;
    for (size_t i = 0; i < count; i++) {
        const char *from = decoded_bytes(tokenizer, ids[i], &piece);
        memcpy(text + end, from, piece);
        end += piece;
    }
    text[end] = 0;
    *bytes = text;
    *length = end;
    return true;
}

uint64_t tokenizer_digest(const struct tokenizer *tokenizer) {
    uint64_t digest = vocabulary_digest(tokenizer->vocabulary);
    unsigned settings = tokenizer->add_prefix_space | (unsigned)tokenizer->trim_offsets << 1;
    digest = (digest ^ settings) * 0x100000001b3u;
    for (unsigned i = 0; i < tokenizer->added_count; i++) {
        const struct added_token *added = &tokenizer->added[i];
        unsigned bits = added->special | (unsigned)added->normalized << 1 |
                        (unsigned)added->single_word << 2 | (unsigned)added->strip_left << 3 |
                        (unsigned)added->strip_right << 4;
        for (const char *c = added->content; *c; c++)
            digest = (digest ^ (unsigned char)*c) * 0x100000001b3u;
        digest = (digest ^ bits ^ (uint64_t)added->id << 8) * 0x100000001b3u;
    }
    return digest;
}

const char *tokenizer_unicode_version(void) {
    static const char *const unknown = "unknown";
    static _Thread_local char version[32];
    int length = pcre2_config(PCRE2_CONFIG_UNICODE_VERSION, NULL);
    if (length <= 0 || (size_t)length > sizeof version) return unknown;
    return pcre2_config(PCRE2_CONFIG_UNICODE_VERSION, version) > 0 ? version : unknown;
}
