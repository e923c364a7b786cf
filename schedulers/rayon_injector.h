/* The queue through which jobs enter from outside the pool: crossbeam's Injector, a list of blocks
 * of 63 slots. An index counts slots in steps of 2 (64 a block, the last one standing for "next
 * block being linked"); bit 0 of the head says that its block is not the last.
 *
 * The push that takes a block's last slot links the next block and moves the tail past the gap; the
 * steal that takes it moves the head and frees the block. One outside caller waits for its job
 * before it brings another, so when the last slot is taken all others were read long ago. */
#ifndef SCHEDULERS_RAYON_INJECTOR_H
#define SCHEDULERS_RAYON_INJECTOR_H

#include "schedulers/rayon_deque.h"

#define INJECTOR_SLOTS 63
#define INJECTOR_LAP   64
#define INJECTOR_STEP  2u /* of an index, per slot */

enum { SLOT_WRITTEN = 1, SLOT_READ = 2 };
enum { HEAD_HAS_NEXT = 1 };

struct injector_slot {
    struct job_reference job;
    sync_u64 state;
};

struct injector_block {
    sync_pointer next;
    struct injector_slot slots[INJECTOR_SLOTS];
};

struct injector_end {
    SYNC_ALIGNED sync_u64 index;
    sync_pointer block;
};

struct injector {
    struct injector_end head, tail;
    struct injector_block *spare; /* made before the tail needs it, so that a push cannot fail */
};

static inline struct injector_block *injector_block_create(void) {
    struct injector_block *block = sync_shared_allocate(sizeof *block);
    if (!block) return NULL;
    sync_init_pointer(&block->next, NULL);
    for (unsigned i = 0; i < INJECTOR_SLOTS; i++)
        sync_init_u64(&block->slots[i].state, 0);
    return block;
}

static inline bool injector_init(struct injector *injector) {
    struct injector_block *block = injector_block_create();
    sync_init_u64(&injector->head.index, 0);
    sync_init_u64(&injector->tail.index, 0);
    sync_init_pointer(&injector->head.block, block);
    sync_init_pointer(&injector->tail.block, block);
    injector->spare = block ? injector_block_create() : NULL;
    return block && injector->spare;
}

static inline void injector_free(struct injector *injector) {
    sync_shared_free(injector->head.block.value);
    sync_shared_free(injector->spare);
}

static inline bool injector_is_empty(struct injector *injector, enum sync_site site) {
    uint64_t head = sync_load_u64(&injector->head.index, SYNC_SEQ_CST, site);
    uint64_t tail = sync_load_u64(&injector->tail.index, SYNC_SEQ_CST, site);
    return head / INJECTOR_STEP == tail / INJECTOR_STEP;
}

/* The outside caller only, one job at a time. False without memory for the block after next. */
static inline bool injector_push(struct injector *injector, struct job_reference job) {
    const enum sync_site site = SITE_INJECTOR_PUSH;
    if (!injector->spare) injector->spare = injector_block_create();
    if (!injector->spare) return false;
    uint64_t tail = sync_load_u64(&injector->tail.index, SYNC_ACQUIRE, site);
    struct injector_block *block = sync_load_pointer(&injector->tail.block, SYNC_ACQUIRE, site);
    unsigned offset = tail / INJECTOR_STEP % INJECTOR_LAP;
    sync_cas_u64(&injector->tail.index, &tail, tail + INJECTOR_STEP, SYNC_SEQ_CST, site);
    if (offset + 1 == INJECTOR_SLOTS) {
        struct injector_block *next = injector->spare;
        injector->spare = NULL;
        sync_store_pointer(&injector->tail.block, next, SYNC_RELEASE, site);
        sync_store_u64(&injector->tail.index, tail + 2 * INJECTOR_STEP, SYNC_RELEASE, site);
        sync_store_pointer(&block->next, next, SYNC_RELEASE, site);
    }
    block->slots[offset].job = job;
    sync_fetch_or_u64(&block->slots[offset].state, SLOT_WRITTEN, SYNC_RELEASE, site);
    return true;
}

/* Frees the block whose last slot was taken, after a look at every other slot's state. */
static __attribute__((noinline, unused)) void injector_free_block(struct injector_block *block) {
    for (unsigned i = INJECTOR_SLOTS - 1; i-- > 0;)
        while (
            !(sync_load_u64(&block->slots[i].state, SYNC_ACQUIRE, SITE_INJECTOR_STEAL) & SLOT_READ))
            sync_pause(SITE_INJECTOR_STEAL);
    sync_shared_free(block);
}

static inline void injector_move_head(struct injector *injector, struct injector_block *block,
                                      uint64_t head) {
    const enum sync_site site = SITE_INJECTOR_STEAL;
    struct injector_block *next;
    while (!(next = sync_load_pointer(&block->next, SYNC_ACQUIRE, site)))
        sync_pause(site);
    uint64_t index = (head & ~(uint64_t)HEAD_HAS_NEXT) + 2 * INJECTOR_STEP;
    if (sync_load_pointer(&next->next, SYNC_RELAXED, site)) index |= HEAD_HAS_NEXT;
    sync_store_pointer(&injector->head.block, next, SYNC_RELEASE, site);
    sync_store_u64(&injector->head.index, index, SYNC_RELEASE, site);
}

/* Workers. */
static inline enum steal_outcome injector_steal(struct injector *injector,
                                                struct job_reference *job) {
    const enum sync_site site = SITE_INJECTOR_STEAL;
    uint64_t head;
    struct injector_block *block;
    unsigned offset;
    for (;;) {
        head = sync_load_u64(&injector->head.index, SYNC_ACQUIRE, site);
        block = sync_load_pointer(&injector->head.block, SYNC_ACQUIRE, site);
        offset = head / INJECTOR_STEP % INJECTOR_LAP;
        if (offset != INJECTOR_SLOTS) break;
        sync_pause(site); /* somebody moves the head */
    }
    uint64_t next = head + INJECTOR_STEP;
    if (!(next & HEAD_HAS_NEXT)) {
        sync_fence(SYNC_SEQ_CST, site);
        uint64_t tail = sync_load_u64(&injector->tail.index, SYNC_RELAXED, site);
        if (head / INJECTOR_STEP == tail / INJECTOR_STEP) return STEAL_EMPTY;
        if (head / INJECTOR_STEP / INJECTOR_LAP != tail / INJECTOR_STEP / INJECTOR_LAP)
            next |= HEAD_HAS_NEXT;
    }
    if (!sync_cas_u64(&injector->head.index, &head, next, SYNC_SEQ_CST, site)) return STEAL_RETRY;
    if (offset + 1 == INJECTOR_SLOTS) injector_move_head(injector, block, head);
    struct injector_slot *slot = &block->slots[offset];
    while (!(sync_load_u64(&slot->state, SYNC_ACQUIRE, site) & SLOT_WRITTEN))
        sync_pause(site);
    *job = slot->job;
    if (offset + 1 == INJECTOR_SLOTS)
        injector_free_block(block);
    else
        sync_fetch_or_u64(&slot->state, SLOT_READ, SYNC_ACQ_REL, site);
    return STEAL_SUCCESS;
}

#endif
