/* A bump allocator; see arena.h. */
#include "tokenizer/arena.h"

#include <stdlib.h>

#define FIRST_CHUNK_BYTES (256u << 10)
#define CHUNK_LIMIT_BYTES (16u << 20)

struct arena_chunk {
    struct arena_chunk *next;
    size_t size; /* of `memory` */
    _Alignas(16) char memory[];
};

static void enter(struct arena *arena, struct arena_chunk *chunk) {
    arena->current = chunk;
    arena->next = chunk->memory;
    arena->end = chunk->memory + chunk->size;
}

char *arena_reserve_slow(struct arena *arena, size_t size) {
    /* Chunks behind the current one are from before the last reset. */
    struct arena_chunk *old = arena->current ? arena->current->next : arena->first;
    for (; old; old = old->next)
        if (old->size >= size) {
            enter(arena, old);
            return arena->next;
        }
    size_t wanted = arena->current ? arena->current->size * 2 : FIRST_CHUNK_BYTES;
    if (wanted > CHUNK_LIMIT_BYTES) wanted = CHUNK_LIMIT_BYTES;
    if (wanted < size) wanted = size;
    if (wanted > SIZE_MAX - sizeof(struct arena_chunk)) return NULL;
    struct arena_chunk *chunk = malloc(sizeof *chunk + wanted);
    if (!chunk) return NULL;
    chunk->size = wanted;
    struct arena_chunk **link = arena->current ? &arena->current->next : &arena->first;
    chunk->next = *link;
    *link = chunk;
    enter(arena, chunk);
    return arena->next;
}

void arena_reset(struct arena *arena) {
    arena->current = NULL;
    arena->next = arena->end = NULL;
    if (arena->first) enter(arena, arena->first);
}

void arena_release(struct arena *arena) {
    for (struct arena_chunk *chunk = arena->first, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    *arena = (struct arena){0};
}
