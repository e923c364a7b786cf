/* Where tokens stand in the original text; see offsets.h. */
#include "tokenizer/offsets.h"

#include "tokenizer/utf8.h"

#include <string.h>

#define SPACE_TOKEN "\xc4\xa0" /* a space in the byte alphabet */

void offsets_of_piece(const struct tokenizer *tokenizer, const char *text,
                      const struct piece *piece, size_t prefix, const uint32_t *ids, size_t count,
                      struct encoding_offset *offsets) {
    size_t at = 0; /* in the piece with its prefix */
    for (size_t i = 0; i < count; i++) {
        size_t length;
        vocabulary_bytes(tokenizer->vocabulary, ids[i], &length);
        size_t start = piece->start + (at > prefix ? at - prefix : 0);
        at += length;
        size_t end = piece->start + (at > prefix ? at - prefix : 0);
        if (end == start) end++; /* the prefix space alone */
        while (utf8_continues(text[start]))
            start--;
        while (end < piece->end && utf8_continues(text[end]))
            end++;
        offsets[i] = (struct encoding_offset){start, end};
    }
}

/* A place in the text by bytes and by characters; moves both ways, since offsets hardly do. */
struct place {
    size_t byte, character;
};

static size_t move_to(struct place *place, const char *text, size_t byte) {
    while (place->byte < byte)
        place->character += !utf8_continues(text[place->byte++]);
    while (place->byte > byte)
        place->character -= !utf8_continues(text[--place->byte]);
    return place->character;
}

void offsets_to_characters(const char *text, size_t length, struct encoding_offset *offsets,
                           size_t count) {
    if (utf8_is_ascii(text, length)) return;
    struct place place = {0, 0};
    for (size_t i = 0; i < count; i++) {
        size_t end = offsets[i].end;
        offsets[i].start = move_to(&place, text, offsets[i].start);
        offsets[i].end = move_to(&place, text, end);
    }
}

static size_t leading_spaces(const char *token, size_t length) {
    size_t count = 0;
    for (size_t at = 0, step; at < length; at += step, count++) {
        bool space = length - at >= 2 && memcmp(token + at, SPACE_TOKEN, 2) == 0;
        step = space ? 2 : utf8_space_at(token, length, at);
        if (step == 0) break;
    }
    return count;
}

static size_t trailing_spaces(const char *token, size_t length) {
    size_t count = 0;
    for (size_t end = length; end > 0; count++) {
        size_t start = utf8_previous(token, end);
        bool space = end - start == 2 && memcmp(token + start, SPACE_TOKEN, 2) == 0;
        if (!space && utf8_space_at(token, end, start) == 0) break;
        end = start;
    }
    return count;
}

void offsets_trim(const struct tokenizer *tokenizer, const uint32_t *ids,
                  struct encoding_offset *offsets, size_t count) {
    for (size_t i = 0; i < count; i++) {
        size_t length;
        const char *token = tokenizer_token(tokenizer, ids[i], &length);
        size_t leading = leading_spaces(token, length), trailing = trailing_spaces(token, length);
        struct encoding_offset *offset = &offsets[i];
        bool first = i == 0 || offset->start == 0;
        if (leading > 0 && first && tokenizer->add_prefix_space) leading--;
        offset->start =
            offset->start + leading < offset->end ? offset->start + leading : offset->end;
        if (trailing > 0 && offset->end >= trailing)
            offset->end =
                offset->end - trailing > offset->start ? offset->end - trailing : offset->start;
    }
}
