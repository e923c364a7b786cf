/* Structured random text for tests of the fast encoder: snippets that hit every rule of GPT-2's
 * pattern, runs, and characters of all planes, in six moods from pure ASCII to pure Unicode. */
#ifndef TESTS_TOKENIZER_FAST_TEXT_H
#define TESTS_TOKENIZER_FAST_TEXT_H

#include "base/random.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline size_t fast_text_put(uint32_t point, uint8_t *out) {
    if (point < 0x80) return out[0] = (uint8_t)point, 1;
    size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, point >>= 6)
        out[i] = (uint8_t)(0x80 | (point & 0x3F));
    out[0] = (uint8_t)(0xF00u >> size | point);
    return size;
}

static inline uint32_t fast_text_point(struct random *random) {
    static const uint32_t ranges[][2] = {
        {0, 0x80},       {0x80, 0x100},   {0x100, 0x780},   {0x900, 0xE00},    {0x1680, 0x400},
        {0x2000, 0x100}, {0x3000, 0x60},  {0x3041, 0x100},  {0x4E00, 0x5000},  {0xAC00, 0x800},
        {0xFE00, 0x200}, {0x1D7C0, 0x40}, {0x1F300, 0x400}, {0x10000, 0x2000}, {0x20000, 0x8000}};
    static const uint32_t favourites[] = {0x85,   0xA0,   0x1680, 0x180E, 0x2003,  0x2028,
                                          0x200B, 0x202F, 0x205F, 0x3000, 0xFEFF,  0xB2,
                                          0xBD,   0x660,  0xE9,   0x301,  0x1D7D8, 0x2019};
    if (random_below(random, 3) == 0)
        return favourites[random_below(random, sizeof favourites / sizeof favourites[0])];
    const uint32_t *range = ranges[random_below(random, sizeof ranges / sizeof ranges[0])];
    return range[0] + (uint32_t)random_below(random, range[1]);
}

/* Fills `text` with valid UTF-8 of about `wanted` bytes (at most wanted + 64); returns its length.
 */
static inline size_t fast_text_make(struct random *random, size_t wanted, uint8_t *text) {
    static const char *const snippets[] = {"'s",   "'ll",        "'re",
                                           "'ve",  "'t",         "''",
                                           "' s",  " 'd",        "can't",
                                           "\n\n", "  ",         "\t ",
                                           "1",    "23",         "Hello",
                                           "x",    "l",          "e",
                                           ".",    "!?",         "'m",
                                           "'l",   "'r",         "  \n  ",
                                           " the", "'S",         "\r\n",
                                           " ",    "\n",         "internationalization",
                                           "    ", "0123456789", "--------------------",
                                           "'v",   "'"};
    size_t length = 0;
    uint64_t mood = random_below(random, 6);
    while (length < wanted) {
        uint64_t dice = random_below(random, 10);
        if (mood < 3 || dice < 6) {
            const char *snippet =
                snippets[random_below(random, sizeof snippets / sizeof snippets[0])];
            memcpy(text + length, snippet, strlen(snippet));
            length += strlen(snippet);
            if (random_below(random, 4) == 0)
                text[length++] = (uint8_t) " \n\t\r\0\x0b"[random_below(random, 6)];
            if (mood == 2 && random_below(random, 40) == 0)
                length += fast_text_put(fast_text_point(random), text + length);
        } else {
            uint32_t point = fast_text_point(random);
            for (uint64_t repeat = random_below(random, 4) ? 1 : random_below(random, 9); repeat;
                 repeat--)
                length += fast_text_put(point, text + length);
        }
    }
    return length;
}

#endif
