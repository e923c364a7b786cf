/* Vectors and slices of the original; see reference_memory.h. */
#include "tokenizer/reference_memory.h"

#include <stdlib.h>

/* Compilers remove a malloc whose memory is only written and freed; what is paid here must stay. */
static void *keep(void *memory) {
    __asm__ volatile("" : "+r"(memory) : : "memory");
    return memory;
}

struct vector vector_create(struct payer *payer, size_t capacity, size_t size) {
    struct vector vector = {NULL, 0, 0};
    if (capacity == 0 || payer->failed) return vector;
    vector.memory = keep(malloc(capacity * size));
    if (vector.memory)
        vector.capacity = capacity;
    else
        payer->failed = true;
    return vector;
}

void vector_reserve(struct payer *payer, struct vector *vector, size_t more, size_t size,
                    size_t least) {
    size_t needed = vector->length + more;
    if (needed <= vector->capacity || payer->failed) return;
    size_t capacity = 2 * vector->capacity;
    if (capacity < needed) capacity = needed;
    if (capacity < least) capacity = least;
    void *memory =
        keep(vector->memory ? realloc(vector->memory, capacity * size) : malloc(capacity * size));
    if (!memory) {
        payer->failed = true;
        return;
    }
    vector->memory = memory;
    vector->capacity = capacity;
}

struct vector vector_copy(struct payer *payer, const void *bytes, size_t length) {
    struct vector vector = vector_create(payer, length, 1);
    if (vector.memory) {
        memcpy(vector.memory, bytes, length);
        vector.length = length;
    }
    return vector;
}

void vector_free(struct vector *vector) {
    free(vector->memory);
    *vector = (struct vector){NULL, 0, 0};
}

void pay_at_once(struct payer *payer, size_t size) {
    struct vector vector = vector_create(payer, size, 1);
    vector_free(&vector);
}

void slice_free(struct slice *slice) {
    vector_free(&slice->original);
    vector_free(&slice->normalized);
    vector_free(&slice->alignment);
}

struct slice slice_create(struct payer *payer, const char *text, size_t start, size_t end,
                          size_t prefix) {
    struct slice slice = {.shift = start};
    size_t length = end - start + prefix;
    slice.original = vector_copy(payer, text + start, end - start);
    slice.normalized = vector_create(payer, length, 1);
    if (slice.normalized.memory) {
        char *normalized = slice.normalized.memory;
        if (prefix) normalized[0] = ' ';
        memcpy(normalized + prefix, text + start, end - start);
        slice.normalized.length = length;
    }
    slice.alignment = vector_create(payer, length, sizeof(struct range));
    struct range *alignment = slice.alignment.memory;
    if (alignment) {
        for (size_t i = 0; i < length; i++)
            alignment[i] = (struct range){i, i + 1};
        slice.alignment.length = length;
    }
    return slice;
}
