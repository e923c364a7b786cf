/* Allocating and freeing on a simulated machine; memory whose line layout does not depend on the
 * process. Every core has an arena, whose lock is a cache line like any other, and keeps a few
 * small blocks of each size for itself. See virtual_machine.h. */
#include "schedulers/virtual_internal.h"

#include <stdlib.h>
#include <string.h>

struct allocation {
    struct allocation *next_all, *next_free;
    size_t size;
    unsigned size_class;
    unsigned core; /* that asked for it */
};

enum { ALLOCATION_ALIGNMENT = 128, SMALLEST_CLASS = 7 };
_Static_assert(sizeof(struct allocation) <= ALLOCATION_ALIGNMENT,
               "the header fits before the block");

bool heap_create(struct virtual_machine *m) {
    size_t size = (size_t)m->core_count * ALLOCATION_ALIGNMENT;
    m->arenas = aligned_alloc(ALLOCATION_ALIGNMENT, size);
    if (m->arenas) memset(m->arenas, 0, size);
    return m->arenas != NULL;
}

void heap_destroy(struct virtual_machine *m) {
    while (m->allocations) {
        struct allocation *next = m->allocations->next_all;
        free(m->allocations);
        m->allocations = next;
    }
    free(m->arenas);
}

static struct allocation *allocation_of(const void *memory) {
    return (struct allocation *)(uintptr_t)((const char *)memory - ALLOCATION_ALIGNMENT);
}

static unsigned size_class_of(size_t size) {
    unsigned size_class = SMALLEST_CLASS;
    while (((size_t)1 << size_class) < size)
        size_class++;
    return size_class;
}

/* How many blocks of the class the core keeps; NULL: such blocks are not kept. */
static uint8_t *cached_blocks(struct core *core, unsigned size_class) {
    return size_class <= CACHED_CLASS_MOST ? &core->cached_blocks[size_class] : NULL;
}

void *virtual_allocate(size_t size) {
    struct virtual_machine *m = virtual_current;
    take_turn(m);
    uint8_t *cached = cached_blocks(core_now(m), size_class_of(size));
    if (cached && *cached)
        --*cached;
    else
        virtual_arena_touch(m->current, m->cost.allocate);
    virtual_spend(m->cost.allocate);
    return virtual_allocate_free_of_charge(size);
}

void *virtual_allocate_free_of_charge(size_t size) {
    struct virtual_machine *m = virtual_current;
    unsigned size_class = size_class_of(size);
    if (size_class >= sizeof m->free_blocks / sizeof *m->free_blocks) return NULL;
    struct allocation *allocation = m->free_blocks[size_class];
    if (allocation)
        m->free_blocks[size_class] = allocation->next_free;
    else {
        allocation =
            aligned_alloc(ALLOCATION_ALIGNMENT, ALLOCATION_ALIGNMENT + ((size_t)1 << size_class));
        if (!allocation) return NULL;
        allocation->next_all = m->allocations;
        m->allocations = allocation;
    }
    allocation->size = size;
    allocation->size_class = size_class;
    allocation->core = m->current;
    return (char *)allocation + ALLOCATION_ALIGNMENT;
}

size_t virtual_allocated_size(const void *memory) {
    return allocation_of(memory)->size;
}

void virtual_free(void *memory) {
    if (!memory) return;
    struct virtual_machine *m = virtual_current;
    take_turn(m);
    struct allocation *allocation = allocation_of(memory);
    uint64_t cost = allocation->core == m->current ? m->cost.free : m->cost.remote_free;
    uint8_t *cached = cached_blocks(core_now(m), allocation->size_class);
    if (cached && *cached < CACHED_BLOCKS)
        ++*cached;
    else
        virtual_arena_touch(allocation->core, cost);
    virtual_spend(cost);
    virtual_free_of_charge(memory);
}

void virtual_free_of_charge(void *memory) {
    if (!memory) return;
    struct virtual_machine *m = virtual_current;
    struct allocation *allocation = allocation_of(memory);
    allocation->next_free = m->free_blocks[allocation->size_class];
    m->free_blocks[allocation->size_class] = allocation;
}
