/* GPT-2's pre-tokenizer on PCRE2's compiled matcher: cuts a text into words. The reference that
 * faster scanners are checked against.
 *
 * The pattern is GPT-2's, with the alternatives re-ordered where they exclude each other and `\s`
 * written out as the 25 code points of White_Space, because PCRE2's own class has U+180E in it. The
 * letters and digits are those of PCRE2's Unicode version (tokenizer_unicode_version). */
#ifndef TOKENIZER_PRETOKENIZER_PCRE2_H
#define TOKENIZER_PRETOKENIZER_PCRE2_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

struct pretokenizer;         /* compiled patterns: immutable, shared by threads */
struct pretokenizer_scratch; /* match data and stack: one a thread */

/* NULL with a sentence on failure. */
struct pretokenizer *pretokenizer_create(struct error *error);
void pretokenizer_destroy(struct pretokenizer *pretokenizer); /* NULL is allowed */

struct pretokenizer_scratch *pretokenizer_scratch_create(const struct pretokenizer *pretokenizer,
                                                         struct error *error);
void pretokenizer_scratch_destroy(struct pretokenizer_scratch *scratch); /* NULL is allowed */

/* Words of a text, a few a call. Start with {.text, .length}; `text` is valid UTF-8. */
#define PRETOKENIZER_STEP 8
struct pretokenizer_cursor {
    const char *text;
    size_t length;
    size_t at;  /* where the next word begins; `length` when done */
    bool ascii; /* every byte is below 0x80: a simpler pattern will do */
};

/* Writes the ends of the next words (at most PRETOKENIZER_STEP) to `ends` and moves `at` to the
 * last of them. Returns how many; 0 at the end of the text, and also if PCRE2 fails (out of
 * memory), which `at` short of `length` tells. */
unsigned pretokenizer_next(const struct pretokenizer *pretokenizer,
                           struct pretokenizer_scratch *scratch, struct pretokenizer_cursor *cursor,
                           size_t *ends);

/* PCRE2 matching alone: GPT-2's pattern as published, one word a call of pcre2_jit_match, nothing
 * done with the words. What encoders on PCRE2 are measured against. Returns the number of words. */
size_t pretokenizer_match_alone(const struct pretokenizer *pretokenizer,
                                struct pretokenizer_scratch *scratch, const char *text,
                                size_t length);

/* True if the character that text[0, length) begins with (valid UTF-8, not empty) is a word
 * character in the sense of the regular expressions that decide about single-word added tokens:
 * alphabetic, a mark, a decimal digit, a connector or a joiner. */
bool pretokenizer_is_word_character(const struct pretokenizer *pretokenizer,
                                    struct pretokenizer_scratch *scratch, const char *text,
                                    size_t length);

/* True if the patterns were compiled to machine code; false means PCRE2's interpreter runs. */
bool pretokenizer_is_compiled(const struct pretokenizer *pretokenizer);

#endif
