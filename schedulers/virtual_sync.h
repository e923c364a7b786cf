/* SYNC_VIRTUAL: participants are coroutines on the cores of a simulated machine
 * (virtual_machine.h). Included by sync.h alone. */
#ifndef SCHEDULERS_VIRTUAL_SYNC_H
#define SCHEDULERS_VIRTUAL_SYNC_H

#include "schedulers/virtual_machine.h"

_Static_assert(SYNC_SITES <= VIRTUAL_SITES, "VIRTUAL_SITES holds every site");
_Static_assert(SYNC_KINDS <= VIRTUAL_KINDS, "VIRTUAL_KINDS holds every kind");

SYNC_INLINE void sync_before(const void *word, enum sync_kind kind, enum sync_order order,
                             enum sync_site site) {
    if (kind == SYNC_LOAD)
        virtual_touch(word, VIRTUAL_LOAD, kind, site);
    else if (kind == SYNC_STORE)
        virtual_touch(word, order == SYNC_SEQ_CST ? VIRTUAL_STORE_ORDERED : VIRTUAL_STORE, kind,
                      site);
    else if (kind != SYNC_FENCE)
        virtual_touch(word, VIRTUAL_RMW, kind, site);
    else if (order == SYNC_SEQ_CST)
        virtual_fence(kind, site);
}

SYNC_INLINE void sync_after_cas(const void *word, bool done, enum sync_order order,
                                enum sync_site site) {
    (void)word, (void)order;
    if (!done) virtual_recount(SYNC_CAS_OK, SYNC_CAS_FAIL, site);
}

SYNC_INLINE void sync_pause(enum sync_site site) {
    virtual_pause(SYNC_PAUSE, site);
}

SYNC_INLINE void sync_compute(uint64_t loads) {
    virtual_compute(loads);
}

SYNC_INLINE void sync_moving(void *to, const void *from, size_t size, enum sync_site site) {
    virtual_move(to, from, size, site);
}

SYNC_INLINE void sync_on_stack(void *object, size_t size) {
    virtual_on_stack(object, size);
}

SYNC_INLINE void sync_off_stack(void *object, size_t size) {
    virtual_off_stack(object, size);
}

/* The harness's simulated body charges each item's cost with virtual_work. */
SYNC_INLINE void sync_body(const struct grainbench_batch *batch, size_t begin, size_t end,
                           unsigned worker) {
    virtual_leaf();
    batch->body(batch->context, begin, end, worker);
}

#endif
