/* JSON lines of `grainbench encode`; see encode_json.h. */
#define _GNU_SOURCE
#include "harness/encoder_bench/encode_json.h"

#include "tokenizer/encoding.h"
#include "tokenizer/offsets.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *integers(const uint32_t *values, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_integer(values[i]));
    return array;
}

static json_t *token_texts(const struct encoding *e) {
    json_t *array = json_array();
    for (size_t i = 0; i < e->count; i++)
        json_array_append_new(array, json_stringn(e->tokens[i].text, e->tokens[i].length));
    return array;
}

static json_t *word_indices(const struct encoding *e) {
    json_t *array = json_array();
    for (size_t i = 0; i < e->count; i++)
        json_array_append_new(array,
                              e->words[i].present ? json_integer(e->words[i].index) : json_null());
    return array;
}

static json_t *offset_pairs(const struct encoding_offset *offsets, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            array, json_pack("[I,I]", (json_int_t)offsets[i].start, (json_int_t)offsets[i].end));
    return array;
}

/* Adds the encoding by one entry point to `object`: its offsets and, the first time, the rest. */
static bool add_entry(const struct encode_json_work *work, enum grainbench_entry entry,
                      const char *text, size_t length, const char *name, json_t *object,
                      struct error *error) {
    char message[GRAINBENCH_MESSAGE_SIZE], trimmed_name[64];
    void *slot = NULL;
    if (posix_memalign(&slot, 64, work->operations->result_size) != 0)
        return error_set(error, "out of memory");
    if (!work->operations->encode(work->encoder, work->scratch, entry, text, length, slot,
                                  message)) {
        free(slot);
        return error_set(error, "%s", message);
    }
    const struct encoding *e = slot;
    if (entry == GRAINBENCH_ENTRY_BATCH) {
        json_object_set_new(object, "ids", integers(e->ids, e->count));
        json_object_set_new(object, "tokens", token_texts(e));
        json_object_set_new(object, "words", word_indices(e));
        json_object_set_new(object, "special_mask", integers(e->special_mask, e->count));
    }
    json_object_set_new(object, name, offset_pairs(e->offsets, e->count));
    if (work->trim) {
        offsets_trim(work->tokenizer, e->ids, e->offsets, e->count);
        snprintf(trimmed_name, sizeof trimmed_name, "%s_trim", name);
        json_object_set_new(object, trimmed_name, offset_pairs(e->offsets, e->count));
    }
    if (work->operations->result_drop) work->operations->result_drop(work->encoder, slot);
    free(slot);
    return true;
}

static bool encode_value(const struct encode_json_work *work, const json_t *value, FILE *out,
                         struct error *error) {
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);
    json_t *object = json_object();
    if (!object) return error_set(error, "out of memory");
    json_object_set_new(object, "text", json_stringn(text, length));
    bool ok =
        add_entry(work, GRAINBENCH_ENTRY_BATCH, text, length, "offsets_bytes", object, error) &&
        add_entry(work, GRAINBENCH_ENTRY_CHAR_OFFSETS, text, length, "offsets_chars", object,
                  error);
    if (ok && json_dumpf(object, out, JSON_COMPACT) != 0) ok = error_set(error, "cannot write");
    if (ok) fputc('\n', out);
    json_decref(object);
    if (work->operations->scratch_reset)
        work->operations->scratch_reset(work->encoder, work->scratch);
    return ok;
}

bool encode_json_line(const struct encode_json_work *work, const char *line, size_t length,
                      FILE *out, struct error *error) {
    json_error_t detail;
    if (strcmp(work->operations->name, "null") == 0)
        return error_set(error, "the null encoder has no tokens; choose another with --encoder");
    json_t *root = json_loadb(line, length, JSON_ALLOW_NUL, &detail);
    if (!root) return error_set(error, "not JSON: %s (column %d)", detail.text, detail.column);
    const json_t *value = json_object_get(root, "text");
    bool ok = json_is_string(value) ? encode_value(work, value, out, error)
                                    : error_set(error, "needs an object with a string \"text\"");
    json_decref(root);
    return ok;
}
