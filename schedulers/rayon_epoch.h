/* Epoch-based reclamation as crossbeam-epoch does it, as far as a loop pays for it: every steal
 * pins, every 128th pin of a worker walks all records and may advance the global epoch. Nothing is
 * ever retired here (deque buffers live as long as their worker), so the walk finds no garbage, as
 * in a loop on the real thing.
 *
 * The pin is also a full barrier that the steal needs between its two loads; a deque without
 * epochs must issue that barrier itself (rayon_deque.h). */
#ifndef SCHEDULERS_RAYON_EPOCH_H
#define SCHEDULERS_RAYON_EPOCH_H

#include "schedulers/sync.h"
#include "schedulers/tallies.h"

enum epoch_mode {
    EPOCH_PROCESSOR, /* what crossbeam does on this processor */
    EPOCH_EXCHANGE,  /* x86: one compare-exchange, cheaper there than store and barrier */
    EPOCH_BARRIER,   /* elsewhere: store, then a full barrier */
    EPOCH_OFF
};

#define EPOCH_PINNED           1u
#define EPOCH_STEP             2u
#define EPOCH_PINS_PER_WALK    128
#define EPOCH_GARBAGE_PER_WALK 8

struct SYNC_ALIGNED epoch_record {
    sync_u64 epoch;    /* 0, or global epoch | PINNED; written by its owner alone */
    sync_pointer next; /* the next record */
    uint64_t pins;     /* the owner's */
    struct epoch_global *global;
    struct tallies *tallies;
};

struct epoch_global {
    SYNC_ALIGNED sync_u64 epoch;
    SYNC_ALIGNED sync_pointer first; /* record */
    sync_pointer garbage;            /* the head of the queue of retired memory, */
    sync_pointer garbage_next;       /* and its successor: always NULL */
    enum epoch_mode mode;
};

static inline void epoch_init(struct epoch_global *global, enum epoch_mode mode) {
#if defined(__x86_64__) || defined(__i386__)
    enum epoch_mode here = EPOCH_EXCHANGE;
#else
    enum epoch_mode here = EPOCH_BARRIER;
#endif
    global->mode = mode == EPOCH_PROCESSOR ? here : mode;
    sync_init_u64(&global->epoch, 0);
    sync_init_pointer(&global->first, NULL);
    sync_init_pointer(&global->garbage, &global->garbage_next);
    sync_init_pointer(&global->garbage_next, NULL);
}

/* Before any thread uses the global. */
static inline void epoch_register(struct epoch_global *global, struct epoch_record *record,
                                  struct tallies *tallies) {
    sync_init_u64(&record->epoch, 0);
    sync_init_pointer(&record->next, global->first.value);
    record->pins = 0;
    record->global = global;
    record->tallies = tallies;
    sync_init_pointer(&global->first, record);
}

static inline void epoch_advance(struct epoch_global *global) {
    uint64_t epoch = sync_load_u64(&global->epoch, SYNC_RELAXED, SITE_EPOCH_COLLECT);
    sync_fence(SYNC_SEQ_CST, SITE_EPOCH_COLLECT);
    struct epoch_record *record =
        sync_load_pointer(&global->first, SYNC_ACQUIRE, SITE_EPOCH_COLLECT);
    while (record) {
        uint64_t seen = sync_load_u64(&record->epoch, SYNC_RELAXED, SITE_EPOCH_COLLECT);
        if ((seen & EPOCH_PINNED) && (seen & ~(uint64_t)EPOCH_PINNED) != epoch) return;
        record = sync_load_pointer(&record->next, SYNC_ACQUIRE, SITE_EPOCH_COLLECT);
    }
    sync_fence(SYNC_ACQUIRE, SITE_EPOCH_COLLECT);
    sync_store_u64(&global->epoch, epoch + EPOCH_STEP, SYNC_RELEASE, SITE_EPOCH_COLLECT);
}

static __attribute__((noinline, unused)) void epoch_collect(struct epoch_record *self) {
    struct epoch_global *global = self->global;
    sync_tally_add(&self->tallies->collections, 1);
    epoch_advance(global);
    for (unsigned step = 0; step < EPOCH_GARBAGE_PER_WALK; step++) {
        sync_pointer *head = sync_load_pointer(&global->garbage, SYNC_ACQUIRE, SITE_EPOCH_COLLECT);
        if (!sync_load_pointer(head, SYNC_ACQUIRE, SITE_EPOCH_COLLECT)) break;
    }
}

/* The full barrier of a steal, with or without an epoch. */
static inline void epoch_pin(struct epoch_record *self) {
    struct epoch_global *global = self->global;
    if (global->mode == EPOCH_OFF) {
        sync_fence(SYNC_SEQ_CST, SITE_DEQUE_STEAL);
        return;
    }
    uint64_t pinned = sync_load_u64(&global->epoch, SYNC_RELAXED, SITE_EPOCH_PIN) | EPOCH_PINNED;
    if (global->mode == EPOCH_EXCHANGE) {
        uint64_t unpinned = 0;
        sync_cas_u64(&self->epoch, &unpinned, pinned, SYNC_SEQ_CST, SITE_EPOCH_PIN);
    } else {
        sync_store_u64(&self->epoch, pinned, SYNC_RELAXED, SITE_EPOCH_PIN);
        sync_fence(SYNC_SEQ_CST, SITE_EPOCH_PIN);
    }
    sync_tally_add(&self->tallies->pins, 1);
    if (self->pins++ % EPOCH_PINS_PER_WALK == 0) epoch_collect(self);
}

static inline void epoch_unpin(struct epoch_record *self) {
    if (self->global->mode != EPOCH_OFF)
        sync_store_u64(&self->epoch, 0, SYNC_RELEASE, SITE_EPOCH_UNPIN);
}

#endif
