/* Finds added tokens in a text; see added_tokens.h. */
#include "tokenizer/added_tokens.h"

#include "tokenizer/utf8.h"

#include <stdlib.h>
#include <string.h>

void added_finder_init(struct added_finder *finder, const struct tokenizer *tokenizer,
                       const struct pretokenizer *pretokenizer) {
    *finder = (struct added_finder){.tokenizer = tokenizer, .pretokenizer = pretokenizer};
    for (unsigned i = 0; i < tokenizer->added_count; i++) {
        const struct added_token *token = &tokenizer->added[i];
        finder->first_bytes[token->normalized][(unsigned char)token->content[0]] = true;
        finder->pass_used[token->normalized] = true;
    }
}

static bool push(struct piece_list *pieces, size_t start, size_t end, int added) {
    if (start == end) return true;
    if (pieces->count == pieces->capacity) {
        size_t capacity = pieces->capacity ? pieces->capacity * 2 : 32;
        struct piece *items = realloc(pieces->items, capacity * sizeof *items);
        if (!items) return false;
        pieces->items = items;
        pieces->capacity = capacity;
    }
    pieces->items[pieces->count++] = (struct piece){start, end, added};
    return true;
}

/* The longest token of a pass at text[at], or -1. */
static int longest_at(const struct tokenizer *tokenizer, bool normalized, const char *text,
                      size_t length, size_t at, size_t *found_length) {
    int found = -1;
    *found_length = 0;
    for (unsigned i = 0; i < tokenizer->added_count; i++) {
        const struct added_token *token = &tokenizer->added[i];
        size_t size = strlen(token->content);
        if (token->normalized == normalized && size > *found_length && size <= length - at &&
            memcmp(text + at, token->content, size) == 0) {
            found = (int)i;
            *found_length = size;
        }
    }
    return found;
}

static bool touches_word(const struct added_finder *finder, struct pretokenizer_scratch *scratch,
                         const char *text, size_t length, size_t start, size_t end) {
    if (start > 0) {
        size_t before = utf8_previous(text, start);
        if (pretokenizer_is_word_character(finder->pretokenizer, scratch, text + before,
                                           start - before))
            return true;
    }
    return end < length &&
           pretokenizer_is_word_character(finder->pretokenizer, scratch, text + end, length - end);
}

/* Cuts text[from, to), taken as a text of its own, by the tokens of one pass. */
static bool split_pass(const struct added_finder *finder, struct pretokenizer_scratch *scratch,
                       bool normalized, const char *whole, size_t from, size_t to,
                       struct piece_list *pieces) {
    const char *text = whole + from;
    size_t length = to - from, done = 0;
    const bool *first = finder->first_bytes[normalized];
    for (size_t at = 0; at < length;) {
        size_t size = 0;
        int added = -1;
        if (first[(unsigned char)text[at]])
            added = longest_at(finder->tokenizer, normalized, text, length, at, &size);
        if (added < 0) {
            at++;
            continue;
        }
        const struct added_token *token = &finder->tokenizer->added[added];
        size_t start = at, end = at + size;
        at = end;
        if (token->single_word && touches_word(finder, scratch, text, length, start, end)) continue;
        while (token->strip_left && start > done) {
            size_t before = utf8_previous(text, start);
            if (!utf8_space_at(text, start, before)) break;
            start = before;
        }
        for (size_t step; token->strip_right && (step = utf8_space_at(text, length, end)) > 0;)
            end += step;
        if (!push(pieces, from + done, from + start, PIECE_IS_TEXT) ||
            !push(pieces, from + start, from + end, added))
            return false;
        at = done = end;
    }
    return push(pieces, from + done, to, PIECE_IS_TEXT);
}

bool added_tokens_split(const struct added_finder *finder, struct pretokenizer_scratch *scratch,
                        const char *text, size_t length, struct piece_list *pieces) {
    pieces->count = 0;
    if (length == 0) return true;
    if (!finder->pass_used[0]) return split_pass(finder, scratch, true, text, 0, length, pieces);
    if (!split_pass(finder, scratch, false, text, 0, length, pieces)) return false;
    if (!finder->pass_used[1]) return true;
    /* The second pass goes over the text pieces of the first. */
    size_t first_count = pieces->count;
    bool only_text = first_count == 1 && pieces->items[0].added == PIECE_IS_TEXT;
    if (only_text) pieces->count = first_count = 0;
    if (only_text) return split_pass(finder, scratch, true, text, 0, length, pieces);
    for (size_t i = 0; i < first_count; i++) {
        struct piece piece = pieces->items[i];
        bool ok = piece.added == PIECE_IS_TEXT
                      ? split_pass(finder, scratch, true, text, piece.start, piece.end, pieces)
                      : push(pieces, piece.start, piece.end, piece.added);
        if (!ok) return false;
    }
    pieces->count -= first_count;
    memmove(pieces->items, pieces->items + first_count, pieces->count * sizeof *pieces->items);
    return true;
}
