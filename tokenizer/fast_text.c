/* Whole texts and batches of lines; see fast_text.h. */
#include "tokenizer/fast_text.h"
#include "tokenizer/fast_readable.h"

#include <string.h>

/* Word look-ups read up to 16 bytes from a start. */
#define READ_AHEAD 16u

/* Values of a chunk. Pre-tokens too close to the end of the text are looked up in a copy of it. */
static void look_up(const struct fast_level *level, struct fast_words *words, const uint8_t *text,
                    size_t length, const uint32_t *starts, size_t count) {
    size_t near = count;
    while (near > 0 && starts[near - 1] + (size_t)READ_AHEAD > length)
        near--;
    level->look_up(words, text, starts, near, words->values);
    if (near == count) return;
    uint8_t tail[3 * READ_AHEAD] = {0};
    uint32_t tail_starts[READ_AHEAD + 1];
    memcpy(tail, text + starts[near], starts[count] - starts[near]);
    for (size_t i = near; i <= count; i++)
        tail_starts[i - near] = starts[i] - starts[near];
    level->look_up(words, tail, tail_starts, count - near, words->values + near);
}

/* The same where a byte 0xFF is among them: word by word. */
static void look_up_odd(struct fast_words *words, const uint8_t *text, const uint32_t *starts,
                        size_t count) {
    for (size_t i = 0; i < count; i++)
        words->values[i] = fast_words_find(words, text + starts[i], starts[i + 1] - starts[i]);
}

/* The last pre-token of a scan is open until the next scan tells its end: it stays behind as the
 * first of the next chunk. */
void fast_each_chunk(const struct fast_level *level, struct fast_words *words, const uint8_t *text,
                     size_t length, bool lines, fast_chunk_function *function, void *context) {
    struct fast_scanner scanner;
    fast_scanner_begin(&scanner, text, length);
    uint32_t *starts = words->starts;
    bool was_odd = false;
    for (size_t open = 0; length > 0;) {
        if (words->full) fast_words_renew(words);
        size_t count = open + (lines ? level->scan_lines : level->scan_text)(
                                  &scanner, starts + open, FAST_CHUNK - open);
        bool done = fast_scanner_done(&scanner);
        if (done)
            starts[count] = (uint32_t)length;
        else
            count--;
        if (__builtin_expect(scanner.odd | was_odd, 0))
            look_up_odd(words, text, starts, count);
        else
            look_up(level, words, text, length, starts, count);
        was_odd = scanner.odd; /* the open pre-token may have the byte */
        scanner.odd = false;
        function(context, words, text, starts, count, words->values);
        if (done) return;
        starts[0] = starts[count];
        open = 1;
    }
}

struct output {
    const struct fast_level *level;
    uint32_t *out, *end;
    uint32_t *counts;
    uint32_t carried; /* ids of the line that is not ended yet */
};

static void emit_text(void *context, struct fast_words *words, const uint8_t *text,
                      const uint32_t *starts, size_t count, const uint64_t *values) {
    struct output *o = context;
    o->out = o->level->emit_text(words, text, starts, count, values, o->out, o->end);
}

static void emit_lines(void *context, struct fast_words *words, const uint8_t *text,
                       const uint32_t *starts, size_t count, const uint64_t *values) {
    struct output *o = context;
    size_t lines;
    uint32_t *begin = o->out;
    o->out = o->level->emit_lines(words, text, starts, count, values, begin, o->end, &lines);
    uint32_t last = 0;
    for (size_t i = 0; i < lines; i++) {
        *o->counts++ = o->carried + words->line_ends[i] - last;
        o->carried = 0;
        last = words->line_ends[i];
    }
    o->carried += (uint32_t)(o->out - begin) - last;
}

/* How much of a text to take at a time, so that positions fit 32 bits: for lines, what ends behind
 * the last '\n'; else up to the last place where a letter, a space and a letter follow each other,
 * since a pre-token begins at that space whatever is around. 1 GiB without one is cut anywhere. */
static size_t part_length(const uint8_t *text, size_t length, bool lines) {
    if (length <= FAST_PART) return length;
    for (size_t at = FAST_PART; lines && at > 0; at--)
        if (text[at - 1] == '\n') return at;
    for (size_t at = FAST_PART; at > 0 && at + 1 < length; at--) {
        uint8_t before = text[at - 1] | 0x20, after = text[at + 1] | 0x20;
        if (text[at] == ' ' && before >= 'a' && before <= 'z' && after >= 'a' && after <= 'z')
            return at;
    }
    return FAST_PART;
}

static size_t encode_short(const struct fast_level *level, struct fast_words *words,
                           const uint8_t *text, size_t length, uint32_t *ids) {
    if (__builtin_expect(words->full, 0)) fast_words_renew(words);
    if (__builtin_expect(fast_readable(text + length - 1, READ_AHEAD), 1))
        return (size_t)(level->encode_short(words, text, length, ids, ids + length) - ids);
    uint8_t copy[FAST_SHORT_TEXT + READ_AHEAD];
    memcpy(copy, text, length);
    memset(copy + length, 0, READ_AHEAD);
    return (size_t)(level->encode_short(words, copy, length, ids, ids + length) - ids);
}

size_t fast_encode_text(const struct fast_level *level, struct fast_words *words,
                        const uint8_t *text, size_t length, uint32_t *ids) {
    if (length == 0) return 0;
    if (length <= FAST_SHORT_TEXT) return encode_short(level, words, text, length, ids);
    struct output output = {.level = level, .out = ids, .end = ids + length};
    for (size_t part; length > 0; text += part, length -= part) {
        part = part_length(text, length, false);
        fast_each_chunk(level, words, text, part, false, emit_text, &output);
    }
    return (size_t)(output.out - ids);
}

size_t fast_encode_lines(const struct fast_level *level, struct fast_words *words,
                         const uint8_t *text, size_t length, uint32_t *ids, uint32_t *counts) {
    struct output output = {.level = level, .out = ids, .end = ids + length, .counts = counts};
    bool open = length > 0 && text[length - 1] != '\n';
    for (size_t part; length > 0; text += part, length -= part) {
        part = part_length(text, length, true);
        fast_each_chunk(level, words, text, part, true, emit_lines, &output);
    }
    if (open) *output.counts = output.carried;
    return (size_t)(output.out - ids);
}
