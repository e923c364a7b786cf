/* A bump allocator for results of one worker: everything is given back at once by arena_reset. */
#ifndef TOKENIZER_ARENA_H
#define TOKENIZER_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena_chunk;

/* Zero-initialise. */
struct arena {
    struct arena_chunk *first, *current;
    char *next, *end; /* free part of the current chunk; `next` is 16-byte aligned */
};

/* At least `size` bytes that arena_take may then take; NULL when memory is short. */
char *arena_reserve_slow(struct arena *arena, size_t size);

static inline char *arena_reserve(struct arena *arena, size_t size) {
    if ((size_t)(arena->end - arena->next) >= size) return arena->next;
    return arena_reserve_slow(arena, size);
}

/* Takes the first `size` bytes of what was reserved. */
static inline void arena_take(struct arena *arena, size_t size) {
    size_t rounded = (size + 15) & ~(size_t)15;
    size_t left = (size_t)(arena->end - arena->next);
    arena->next += rounded < left ? rounded : left;
}

/* 16-byte aligned; NULL when memory is short. */
static inline void *arena_allocate(struct arena *arena, size_t size) {
    char *memory = arena_reserve(arena, size);
    if (memory) arena_take(arena, size);
    return memory;
}

void arena_reset(struct arena *arena);   /* keeps the memory for the next round */
void arena_release(struct arena *arena); /* gives it back */

#endif
