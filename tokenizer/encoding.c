/* Memory of an encoding; see encoding.h. */
#include "tokenizer/encoding.h"

#include <stdlib.h>
#include <string.h>

static void *take(struct arena *arena, size_t count, size_t size) {
    return arena ? arena_allocate(arena, count * size) : malloc(count * size);
}

bool encoding_allocate(struct encoding *e, size_t count, bool only_ids, struct arena *arena) {
    *e = (struct encoding){.count = count, .storage = arena ? ENCODING_ARENA : ENCODING_HEAP};
    if (count == 0) return true;
    bool ok = (e->ids = take(arena, count, sizeof *e->ids)) != NULL;
    if (!only_ids) {
        ok = ok && (e->type_ids = take(arena, count, sizeof *e->type_ids)) != NULL;
        ok = ok && (e->tokens = take(arena, count, sizeof *e->tokens)) != NULL;
        if (ok) memset(e->tokens, 0, count * sizeof *e->tokens);
        ok = ok && (e->offsets = take(arena, count, sizeof *e->offsets)) != NULL;
        ok = ok && (e->words = take(arena, count, sizeof *e->words)) != NULL;
        ok = ok && (e->special_mask = take(arena, count, sizeof *e->special_mask)) != NULL;
        ok = ok && (e->attention_mask = take(arena, count, sizeof *e->attention_mask)) != NULL;
    }
    if (!ok) encoding_release(e);
    return ok;
}

void encoding_release(struct encoding *e) {
    if (e->storage == ENCODING_ARENA) return;
    for (size_t i = 0; e->tokens && i < e->count; i++)
        if (e->tokens[i].owned_bytes) free((char *)(uintptr_t)e->tokens[i].text);
    free(e->ids);
    free(e->type_ids);
    free(e->tokens);
    free(e->offsets);
    free(e->words);
    free(e->special_mask);
    free(e->attention_mask);
    *e = (struct encoding){.storage = ENCODING_HEAP};
}

bool encoding_copy_text(struct encoding *e, size_t token, const char *text, size_t length) {
    struct encoding_token *slot = &e->tokens[token];
    if (e->storage == ENCODING_ARENA || length == 0) {
        *slot = (struct encoding_token){text, length, 0};
        return true;
    }
    char *copy = malloc(length);
    if (!copy) return false;
    memcpy(copy, text, length);
    *slot = (struct encoding_token){copy, length, length};
    return true;
}
