/* UTF-8 checks and repair; see utf8.h. */
#include "tokenizer/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HIGH_BITS 0x8080808080808080u

bool utf8_is_ascii(const char *text, size_t length) {
    uint64_t seen = 0, word;
    size_t i = 0;
    for (; i + 8 <= length; i += 8) {
        memcpy(&word, text + i, 8);
        seen |= word;
    }
    for (; i < length; i++)
        seen |= (unsigned char)text[i];
    return (seen & HIGH_BITS) == 0;
}

/* Length of the well-formed character at `text`, or 0; then *subpart is the length (at least 1) of
 * the maximal subpart that one U+FFFD stands for. */
static unsigned character_length(const unsigned char *text, size_t length, unsigned *subpart) {
    unsigned lead = text[0], count;
    unsigned low = 0x80, high = 0xbf; /* limits of the second byte */
    *subpart = 1;
    if (lead < 0x80) return 1;
    if (lead < 0xc2 || lead > 0xf4) return 0;
    if (lead < 0xe0)
        count = 2;
    else if (lead < 0xf0)
        count = 3;
    else
        count = 4;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
    for (unsigned i = 1; i < count; i++, low = 0x80, high = 0xbf) {
        if (i >= length || text[i] < low || text[i] > high) return 0;
        *subpart = i + 1;
    }
    return count;
}

size_t utf8_validate(const char *text, size_t length) {
    unsigned subpart;
    for (size_t i = 0; i < length;) {
        uint64_t word;
        if (i + 8 <= length && (memcpy(&word, text + i, 8), (word & HIGH_BITS) == 0)) {
            i += 8;
            continue;
        }
        unsigned step = character_length((const unsigned char *)text + i, length - i, &subpart);
        if (step == 0) return i;
        i += step;
    }
    return length;
}

char *utf8_repair(const char *text, size_t length, size_t *repaired_length) {
    char *out = length > (SIZE_MAX - 1) / 3 ? NULL : malloc(3 * length + 1);
    if (!out) return NULL;
    size_t end = 0;
    unsigned subpart;
    for (size_t i = 0; i < length;) {
        unsigned step = character_length((const unsigned char *)text + i, length - i, &subpart);
        if (step) {
            memcpy(out + end, text + i, step);
            end += step;
        } else {
            memcpy(out + end, "\xef\xbf\xbd", 3);
            end += 3;
            step = subpart;
        }
        i += step;
    }
    out[end] = 0;
    *repaired_length = end;
    char *exact = realloc(out, end + 1);
    return exact ? exact : out;
}

size_t utf8_count(const char *text, size_t length) {
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += !utf8_continues(text[i]);
    return count;
}

size_t utf8_previous(const char *text, size_t at) {
    do
        at--;
    while (at > 0 && utf8_continues(text[at]));
    return at;
}

size_t utf8_space_at(const char *text, size_t length, size_t at) {
    static const char wide[][4] = {"\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80",
                                   "\xe2\x80\x81", "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84",
                                   "\xe2\x80\x85", "\xe2\x80\x86", "\xe2\x80\x87", "\xe2\x80\x88",
                                   "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9",
                                   "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
    if (at >= length) return 0;
    if (text[at] == ' ' || (text[at] >= '\t' && text[at] <= '\r')) return 1;
    if ((unsigned char)text[at] < 0x80) return 0;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        size_t size = strlen(wide[i]);
        if (size <= length - at && memcmp(text + at, wide[i], size) == 0) return size;
    }
    return 0;
}
