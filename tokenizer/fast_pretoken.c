/* The exact scalar pre-tokenizer; see fast_pretoken.h. */
#include "tokenizer/fast_pretoken.h"

#include "tokenizer/fast_unicode.h"
#include <string.h>

static const uint8_t *run_end(const uint8_t *text, const uint8_t *end, unsigned class) {
    unsigned length;
    while (text < end && fast_character_class(text, (size_t)(end - text), &length) == class)
        text += length;
    return text;
}

/* A run of white space stays whole at the end of the text; before anything else its last character
 * is left to the next pre-token, unless it is the only one. */
static const uint8_t *space_end(const uint8_t *text, const uint8_t *end) {
    const uint8_t *first = text, *last = text;
    unsigned length;
    while (text < end && fast_character_class(text, (size_t)(end - text), &length) == FAST_SPACE) {
        last = text;
        text += length;
    }
    return text == end || last == first ? text : last;
}

const uint8_t *fast_pretoken_end(const uint8_t *text, const uint8_t *end) {
    if (*text == '\'') {
        unsigned contraction = fast_contraction_length(text, (size_t)(end - text));
        if (contraction) return text + contraction;
    }
    unsigned length;
    unsigned class = fast_character_class(text, (size_t)(end - text), &length);
    if (*text == ' ' && text + 1 < end) {
        unsigned next = fast_character_class(text + 1, (size_t)(end - text) - 1, &length);
        if (next != FAST_SPACE) return run_end(text + 1 + length, end, next);
    }
    return class == FAST_SPACE ? space_end(text, end) : run_end(text + length, end, class);
}

size_t fast_pretokens_scalar(const uint8_t *text, size_t length, int lines, uint32_t *starts) {
    const uint8_t *at = text, *end = text + length, *line_end = lines ? text : end;
    size_t count = 0;
    while (at < end) {
        starts[count++] = (uint32_t)(at - text);
        if (lines && at >= line_end) {
            line_end = memchr(at, '\n', (size_t)(end - at));
            if (!line_end) line_end = end;
        }
        at = at == line_end ? at + 1 : fast_pretoken_end(at, line_end);
    }
    return count;
}
