/* GPT-2's pre-tokenizer on PCRE2; see pretokenizer_pcre2.h. */
#include "tokenizer/pretokenizer_pcre2.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Words a match call: more captures cost more to reset than calls cost to make. */
#define UNICODE_WORDS 4
#define ASCII_WORDS   PRETOKENIZER_STEP

#define SPACE     "\\x{09}-\\x{0d}\\x{85}\\p{Z}"
#define NOT_SPACE "[^" SPACE "]"

/* As published, `\s` written out. Source: GPT-2's encoder.py. */
static const char published[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^" SPACE
                                "\\p{L}\\p{N}]+|[" SPACE "]+(?!" NOT_SPACE ")|[" SPACE "]+";

/* One word each, anchored. Possessive loops are exact, since what follows each class cannot begin
 * with a character of it; white space gives back one character unless the text ends. */
static const char unicode_word[] =
    " ?\\p{L}++|'(?:[sdmt]|ll|ve|re)| ?[^" SPACE "\\p{L}\\p{N}]++| ?\\p{N}++|[" SPACE
    "]++\\z|[" SPACE "]+(?!" NOT_SPACE ")|[" SPACE "]";
static const char ascii_word[] =
    " ?[A-Za-z]++|'(?:[sdmt]|ll|ve|re)| ?[^\\x09-\\x0d A-Za-z0-9]++| ?[0-9]++|[\\x09-\\x0d ]++\\z|"
    "[\\x09-\\x0d ]+(?![^\\x09-\\x0d ])|[\\x09-\\x0d ]";

/* `\w` of Rust's regex crate. */
static const char word_character[] = "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]";

struct pretokenizer {
    pcre2_code *published;
    pcre2_code *unicode_words;
    pcre2_code *ascii_words;
    pcre2_code *word_character;
    bool compiled;
};

struct pretokenizer_scratch {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
};

static pcre2_code *compile(const char *pattern, uint32_t flags, struct error *error) {
    int code;
    PCRE2_SIZE at;
    pcre2_code *result =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, flags, &code, &at, NULL);
    if (!result) {
        PCRE2_UCHAR text[200];
        pcre2_get_error_message(code, text, sizeof text);
        error_set(error, "PCRE2 refuses the pre-tokenizer's pattern at %zu: %s", (size_t)at,
                  (char *)text);
    }
    return result;
}

/* `count` words a match, each in a group of its own: (W)(?:(W)(?:(W)...)?+)?+ */
static pcre2_code *compile_words(const char *word, unsigned count, uint32_t flags,
                                 struct error *error) {
    size_t size = count * (strlen(word) + 16) + 1, used = 0;
    char *pattern = malloc(size);
    if (!pattern) {
        error_set(error, "out of memory");
        return NULL;
    }
    for (unsigned i = 0; i < count; i++)
        used += (size_t)snprintf(pattern + used, size - used, "%s(%s)", i ? "(?:" : "", word);
    for (unsigned i = 1; i < count; i++)
        used += (size_t)snprintf(pattern + used, size - used, ")?+");
    pcre2_code *code = compile(pattern, flags | PCRE2_ANCHORED, error);
    free(pattern);
    return code;
}

struct pretokenizer *pretokenizer_create(struct error *error) {
    const uint32_t unicode = PCRE2_UTF | PCRE2_UCP;
    struct pretokenizer *p = calloc(1, sizeof *p);
    if (!p) {
        error_set(error, "out of memory");
        return NULL;
    }
    p->published = compile(published, unicode, error);
    if (p->published) p->unicode_words = compile_words(unicode_word, UNICODE_WORDS, unicode, error);
    if (p->unicode_words) p->ascii_words = compile_words(ascii_word, ASCII_WORDS, 0, error);
    if (p->ascii_words)
        p->word_character = compile(word_character, unicode | PCRE2_ANCHORED, error);
    if (!p->word_character) {
        pretokenizer_destroy(p);
        return NULL;
    }
    p->compiled = pcre2_jit_compile(p->published, PCRE2_JIT_COMPLETE) == 0 &&
                  pcre2_jit_compile(p->unicode_words, PCRE2_JIT_COMPLETE) == 0 &&
                  pcre2_jit_compile(p->ascii_words, PCRE2_JIT_COMPLETE) == 0;
    return p;
}

void pretokenizer_destroy(struct pretokenizer *p) {
    if (!p) return;
    pcre2_code_free(p->published);
    pcre2_code_free(p->unicode_words);
    pcre2_code_free(p->ascii_words);
    pcre2_code_free(p->word_character);
    free(p);
}

bool pretokenizer_is_compiled(const struct pretokenizer *p) {
    return p->compiled;
}

struct pretokenizer_scratch *pretokenizer_scratch_create(const struct pretokenizer *p,
                                                         struct error *error) {
    struct pretokenizer_scratch *s = calloc(1, sizeof *s);
    (void)p;
    if (s) {
        s->data = pcre2_match_data_create(ASCII_WORDS + 1, NULL);
        s->context = pcre2_match_context_create(NULL);
        s->stack = pcre2_jit_stack_create(32 << 10, 4 << 20, NULL);
    }
    if (!s || !s->data || !s->context || !s->stack) {
        pretokenizer_scratch_destroy(s);
        error_set(error, "out of memory");
        return NULL;
    }
    pcre2_jit_stack_assign(s->context, NULL, s->stack);
    return s;
}

void pretokenizer_scratch_destroy(struct pretokenizer_scratch *s) {
    if (!s) return;
    pcre2_match_data_free(s->data);
    pcre2_match_context_free(s->context);
    pcre2_jit_stack_free(s->stack);
    free(s);
}

/* The text was validated once, so PCRE2's own check, which would make a long text quadratic, is
 * left out: pcre2_jit_match has none. */
static int match(const struct pretokenizer *p, const pcre2_code *code,
                 struct pretokenizer_scratch *s, const char *text, size_t length, size_t at) {
    if (p->compiled)
        return pcre2_jit_match(code, (PCRE2_SPTR)text, length, at, 0, s->data, s->context);
    return pcre2_match(code, (PCRE2_SPTR)text, length, at, PCRE2_NO_UTF_CHECK, s->data, s->context);
}

unsigned pretokenizer_next(const struct pretokenizer *p, struct pretokenizer_scratch *s,
                           struct pretokenizer_cursor *cursor, size_t *ends) {
    if (cursor->at >= cursor->length) return 0;
    const pcre2_code *code = cursor->ascii ? p->ascii_words : p->unicode_words;
    int groups = match(p, code, s, cursor->text, cursor->length, cursor->at);
    if (groups < 2) return 0;
    const PCRE2_SIZE *ovector = pcre2_get_ovector_pointer(s->data);
    unsigned count = (unsigned)groups - 1;
    for (unsigned i = 0; i < count; i++)
        ends[i] = ovector[2 * i + 3];
    cursor->at = ends[count - 1];
    return count;
}

size_t pretokenizer_match_alone(const struct pretokenizer *p, struct pretokenizer_scratch *s,
                                const char *text, size_t length) {
    const PCRE2_SIZE *ovector = pcre2_get_ovector_pointer(s->data);
    size_t words = 0;
    for (size_t at = 0; at < length; at = ovector[1], words++)
        if (match(p, p->published, s, text, length, at) < 1) break;
    return words;
}

bool pretokenizer_is_word_character(const struct pretokenizer *p, struct pretokenizer_scratch *s,
                                    const char *text, size_t length) {
    unsigned char first = (unsigned char)text[0];
    if (first < 0x80)
        return (first >= '0' && first <= '9') || (first >= 'A' && first <= 'Z') || first == '_' ||
               (first >= 'a' && first <= 'z');
    return pcre2_match(p->word_character, (PCRE2_SPTR)text, length, 0, PCRE2_NO_UTF_CHECK, s->data,
                       s->context) > 0;
}
