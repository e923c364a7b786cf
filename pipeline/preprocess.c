/* The preprocess transform: finds the rows of a block and checks that they are UTF-8, which
 * encoders rely on. */
#include "pipeline/operators.h"

#include <string.h>

/* The length of the well-formed sequence at `text` (Unicode 15, table 3-7), or 0. */
static size_t sequence_length(const unsigned char *text, size_t left) {
    unsigned lead = text[0], low = 0x80, high = 0xBF;
    if (lead < 0x80) return 1;
    size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                    : lead >= 0xE0 && lead <= 0xEF ? 3
                    : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                   : 0;
    if (!length || length > left) return 0;
    if (lead == 0xE0) low = 0xA0;  /* no overlong forms, */
    if (lead == 0xED) high = 0x9F; /* no surrogates, */
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F; /* nothing above U+10FFFF */
    if (text[1] < low || text[1] > high) return 0;
    for (size_t i = 2; i < length; i++)
        if (text[i] < 0x80 || text[i] > 0xBF) return 0;
    return length;
}

/* How many bytes at the start of `text` are well-formed: `size` if all are. */
static size_t valid_prefix(const char *text, size_t size) {
    size_t at = 0;
    while (at < size) {
        uint64_t eight;
        if (size - at >= 8 && (memcpy(&eight, text + at, 8), !(eight & 0x8080808080808080u))) {
            at += 8;
            continue;
        }
        size_t length = sequence_length((const unsigned char *)text + at, size - at);
        if (!length) return at;
        at += length;
    }
    return at;
}

static size_t count_lines(const char *text, size_t size) {
    size_t count = size && text[size - 1] != '\n';
    for (const char *end = text + size; (text = memchr(text, '\n', (size_t)(end - text))); text++)
        count++;
    return count;
}

static bool index_rows(struct block *block) {
    const char *text = block->data, *end = text + block->size;
    size_t count = count_lines(text, block->size);
    if (!block_reserve_rows(block, count)) return false;
    for (size_t i = 0; i < count; i++) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        if (!line_end) line_end = end;
        block->rows[i] = (struct row){text, (uint32_t)(line_end - text)};
        text = line_end + 1;
    }
    block->item.row_count = count;
    return true;
}

static bool apply(void *shared, void *scratch, struct item *item, struct failure *failure) {
    (void)scratch;
    const struct preprocess_setup *setup = shared;
    struct block *block = (struct block *)item;
    size_t valid = valid_prefix(block->data, block->size);
    if (valid < block->size) {
        failure_set(failure, "preprocess", item->sequence, FAILURE_INPUT,
                    "%.150s: byte %llu is not valid UTF-8", setup->paths[block->file],
                    (unsigned long long)(block->offset + valid));
        return false;
    }
    if (index_rows(block)) return true;
    failure_set(failure, "preprocess", item->sequence, FAILURE_MEMORY, "out of memory for rows");
    return false;
}

struct transform preprocess_transform(const struct preprocess_setup *setup, int stage) {
    return (struct transform){
        .name = "preprocess", .stage = stage, .shared = (void *)setup, .apply = apply};
}
