/* Counts distinct words; see word_count.h. */
#include "tokenizer/word_count.h"

#include "tokenizer/word_table.h"

#include <stdlib.h>
#include <string.h>

static size_t slot_of(const struct word_count *c, const char *word, size_t length) {
    size_t at = word_hash_long(word, length) * 0x9E3779B97F4A7C15u >> 32;
    for (at &= c->slot_count - 1; c->slots[at]; at = (at + 1) & (c->slot_count - 1)) {
        const struct counted_word *known = &c->words[c->slots[at] - 1];
        if (known->length == length && memcmp(c->text + known->start, word, length) == 0) break;
    }
    return at;
}

static bool grow_slots(struct word_count *c) {
    size_t old = c->slot_count;
    if (c->word_count * 2 < old) return true;
    uint32_t *slots = calloc(old ? old * 2 : 1024, sizeof *slots);
    if (!slots) return false;
    free(c->slots);
    c->slots = slots;
    c->slot_count = old ? old * 2 : 1024;
    for (size_t i = 0; i < c->word_count; i++)
        c->slots[slot_of(c, c->text + c->words[i].start, c->words[i].length)] = (uint32_t)i + 1;
    return true;
}

static bool grow_storage(struct word_count *c, size_t length) {
    if (c->text_size - c->text_used < length) {
        size_t size = 2 * c->text_size + length + 4096;
        char *text = realloc(c->text, size);
        if (!text) return false;
        c->text = text;
        c->text_size = size;
    }
    if (c->word_count == c->word_size) {
        size_t size = c->word_size ? 2 * c->word_size : 1024;
        struct counted_word *words = realloc(c->words, size * sizeof *words);
        if (!words) return false;
        c->words = words;
        c->word_size = size;
    }
    return true;
}

bool word_count_add(struct word_count *c, const char *word, size_t length, size_t *index) {
    if (c->word_count >= INT32_MAX || length > UINT32_MAX || !grow_slots(c)) return false;
    size_t at = slot_of(c, word, length);
    if (c->slots[at] == 0) {
        if (!grow_storage(c, length)) return false;
        memcpy(c->text + c->text_used, word, length);
        c->words[c->word_count] = (struct counted_word){c->text_used, (uint32_t)length, 0};
        c->text_used += length;
        c->slots[at] = (uint32_t)++c->word_count;
    }
    c->words[c->slots[at] - 1].count++;
    if (index) *index = c->slots[at] - 1;
    return true;
}

void word_count_release(struct word_count *c) {
    free(c->text);
    free(c->words);
    free(c->slots);
    *c = (struct word_count){0};
}
