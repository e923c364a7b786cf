/* Generates the built-in corpus; see builtin_corpus.h. The numbers in the tables are the profile of
 * big.txt. */
#include "tokenizer/builtin_corpus.h"

#include "base/random.h"

#include <stdlib.h>
#include <string.h>

#define WORD_TYPES     29000u
#define WORD_BYTES     20u
#define EMPTY_SHARE    0.1935 /* of the lines */
#define NAME_SHARE     0.09   /* of the word types: always with a capital */
#define LONGEST_LINE   2541u
#define ROOM_FOR_PIECE 64u

/* Length of the lines that are not empty: 40 equal shares, then the last 2.5 % in detail. */
static const uint16_t line_quantiles[] = {1,  6,  8,  11, 15, 21, 28, 35, 44, 53, 58, 61, 62, 63,
                                          63, 64, 64, 65, 65, 65, 66, 66, 66, 67, 67, 67, 68, 68,
                                          68, 68, 69, 70, 70, 70, 70, 70, 71, 71, 72, 72};
static const struct {
    double share;
    uint16_t length;
} long_lines[] = {{0.980, 72},  {0.985, 83},    {0.990, 177},   {0.995, 397},       {0.998, 834},
                  {0.999, 938}, {0.9995, 1166}, {0.9999, 1575}, {1.0, LONGEST_LINE}};

/* Mean length of words by rank. */
static const struct {
    unsigned rank;
    double length;
} word_lengths[] = {{10, 2.4},   {50, 3.0},    {200, 4.6},       {1000, 5.95},
                    {5000, 7.0}, {15000, 7.7}, {WORD_TYPES, 8.0}};

static const char *const onsets[] = {"b",  "c",  "d",  "f",  "g",  "h",  "k",  "l",  "m",  "n",
                                     "p",  "r",  "s",  "t",  "v",  "w",  "st", "th", "ch", "pr",
                                     "tr", "sh", "cl", "gr", "br", "fl", "sp", "qu"};
static const char *const vowels[] = {"e", "a", "o", "i", "e", "u", "a", "ea", "ou", "ai", "e", "i"};
static const char *const codas[] = {"", "n",  "r",  "s",  "t",  "l", "d",  "",   "m", "nd",
                                    "", "st", "ck", "rt", "ss", "",  "ng", "ll", ""};
static const char *const endings[] = {"ing", "ed", "ly", "er", "tion", "s", "ness", "ment", "al"};
#define COUNT(array)        (sizeof(array) / sizeof *(array))
#define PICK(random, array) (array)[random_below(random, COUNT(array))]

struct writer {
    struct random random;
    char (*words)[WORD_BYTES + 1];
    uint64_t *cumulative; /* weights of the words up to each rank */
    char *text;
    size_t used, size;
    unsigned sentence_left; /* words to the next full stop */
    bool capital, quoted;
};

static double mean_length_of_rank(unsigned rank) {
    for (size_t i = 0; i < COUNT(word_lengths); i++)
        if (rank < word_lengths[i].rank) return word_lengths[i].length;
    return word_lengths[COUNT(word_lengths) - 1].length;
}

/* A pronounceable word of about the length that is usual for its rank. */
static void make_word(struct random *random, unsigned rank, char *word) {
    double spread = 0.6 + 0.8 * (random_unit(random) + random_unit(random)) / 2;
    size_t wanted = (size_t)(mean_length_of_rank(rank) * spread + 0.5), length = 0;
    if (wanted < 1) wanted = 1;
    if (wanted > WORD_BYTES - 6) wanted = WORD_BYTES - 6;
    const char *ending = wanted >= 6 && random_unit(random) < 0.5 ? PICK(random, endings) : "";
    size_t stem = wanted > strlen(ending) ? wanted - strlen(ending) : 1;
    word[0] = 0;
    while (length < stem) {
        const char *parts[3] = {stem == 1 ? "" : PICK(random, onsets), PICK(random, vowels),
                                PICK(random, codas)};
        for (int i = 0; i < 3 && length < stem; i++)
            for (const char *c = parts[i]; *c && length < stem; c++)
                word[length++] = *c;
    }
    strcpy(word + length, ending);
}

/* Zipf's law, falling off faster beyond some ten thousand words. In integers, so that every machine
 * draws the same words. */
static uint64_t weight_of_rank(uint64_t rank) {
    return ((uint64_t)1 << 60) / ((10 * rank + 4) * (12000 + rank));
}

static bool make_words(struct writer *writer) {
    uint64_t total = 0;
    writer->words = calloc(WORD_TYPES, sizeof *writer->words);
    writer->cumulative = calloc(WORD_TYPES, sizeof *writer->cumulative);
    if (!writer->words || !writer->cumulative) return false;
    for (unsigned rank = 0; rank < WORD_TYPES; rank++) {
        char *word = writer->words[rank];
        make_word(&writer->random, rank, word);
        if (rank > 50 && random_unit(&writer->random) < NAME_SHARE)
            word[0] = (char)(word[0] - 'a' + 'A');
        total += weight_of_rank(rank + 1);
        writer->cumulative[rank] = total;
    }
    return true;
}

static const char *draw_word(struct writer *writer) {
    uint64_t at = random_below(&writer->random, writer->cumulative[WORD_TYPES - 1]);
    unsigned low = 0, high = WORD_TYPES - 1;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (writer->cumulative[middle] <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return writer->words[low];
}

static size_t draw_line_length(struct random *random) {
    double at = random_unit(random);
    if (at < 0.975) return line_quantiles[(size_t)(at * COUNT(line_quantiles))];
    double share = 0.975;
    uint16_t length = 72;
    for (size_t i = 0; i < COUNT(long_lines); i++) {
        if (at < long_lines[i].share) {
            double part = (at - share) / (long_lines[i].share - share);
            return length + (size_t)(part * (long_lines[i].length - length));
        }
        share = long_lines[i].share;
        length = long_lines[i].length;
    }
    return length;
}

static void put(struct writer *writer, const char *text) {
    size_t length = strlen(text);
    memcpy(writer->text + writer->used, text, length);
    writer->used += length;
}

static void put_number(struct writer *writer) {
    uint64_t digits = 1 + random_below(&writer->random, 4);
    for (uint64_t i = 0; i < digits; i++)
        writer->text[writer->used++] = (char)('0' + random_below(&writer->random, 10));
}

/* The next word with what stands around it. */
static void put_word(struct writer *writer) {
    struct random *random = &writer->random;
    if (writer->sentence_left == 0) {
        writer->sentence_left = 4 + (unsigned)random_below(random, 28);
        writer->capital = true;
        if (random_unit(random) < 0.12) {
            put(writer, "\"");
            writer->quoted = true;
        }
    }
    size_t start = writer->used;
    if (random_unit(random) < 0.009)
        put_number(writer);
    else
        put(writer, draw_word(writer));
    if (writer->capital || random_unit(random) < 0.004)
        if (writer->text[start] >= 'a')
            writer->text[start] = (char)(writer->text[start] - 'a' + 'A');
    writer->capital = false;
    double mark = random_unit(random);
    if (mark < 0.006)
        put(writer, "'s");
    else if (mark < 0.012)
        put(writer, "--"), put(writer, draw_word(writer));
    else if (mark < 0.014)
        put(writer, " _"), put(writer, draw_word(writer)), put(writer, "_");
    else if (mark < 0.015)
        put(writer, " ("), put(writer, draw_word(writer)), put(writer, ")");
    if (--writer->sentence_left == 0) {
        put(writer, random_unit(random) < 0.87 ? "." : random_unit(random) < 0.5 ? "!" : "?");
        if (writer->quoted) put(writer, "\"");
        writer->quoted = false;
    } else if (random_unit(random) < 0.075) {
        put(writer, random_unit(random) < 0.95 ? "," : ";");
    }
}

/* Words until the line is as long as it should be: one more if that comes closer. */
static void put_line(struct writer *writer, size_t wanted) {
    size_t start = writer->used;
    for (;;) {
        size_t before = writer->used;
        if (before > start) put(writer, " ");
        put_word(writer);
        size_t length = writer->used - start;
        if (length < wanted) continue;
        /* Cut back what went too far; the words are gone, which no one will miss. */
        if (before > start && length - wanted > wanted - (before - start)) writer->used = before;
        break;
    }
}

static bool reserve(struct writer *writer) {
    size_t needed = writer->used + LONGEST_LINE + 8 * ROOM_FOR_PIECE;
    if (needed <= writer->size) return true;
    char *text = realloc(writer->text, 2 * needed);
    if (!text) return false;
    writer->text = text;
    writer->size = 2 * needed;
    return true;
}

char *builtin_corpus_create(uint64_t seed, size_t lines, size_t *size, struct error *error) {
    struct writer writer = {.random = {seed}};
    bool ok = make_words(&writer);
    for (size_t i = 0; ok && i < lines; i++) {
        ok = reserve(&writer);
        if (!ok) break;
        if (random_unit(&writer.random) >= EMPTY_SHARE)
            put_line(&writer, draw_line_length(&writer.random));
        put(&writer, "\n");
    }
    free(writer.words);
    free(writer.cumulative);
    if (!ok || !reserve(&writer)) {
        free(writer.text);
        error_set(error, "out of memory for the built-in corpus");
        return NULL;
    }
    writer.text[writer.used] = 0;
    *size = writer.used;
    return writer.text;
}
