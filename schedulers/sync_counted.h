/* SYNC_COUNTED: native operations, each entered into the page of the participant that the calling
 * thread is. Included by sync.h alone. */
#ifndef SCHEDULERS_SYNC_COUNTED_H
#define SCHEDULERS_SYNC_COUNTED_H

#include "schedulers/ledger.h"
#include "schedulers/sync_processor.h"

/* The page of the calling thread; between sync_leave and sync_enter, one that is never read. */
extern _Thread_local struct ledger *sync_counted_page;

SYNC_INLINE void sync_counted_note(enum sync_kind kind, enum sync_order order,
                                   enum sync_site site) {
    uint64_t *count = &sync_counted_page->count[site][kind][order];
#ifdef SYNC_PLAIN_TALLIES
    ++*count;
#else
    /* Plain moves, but such that the page may be read meanwhile. */
    __atomic_store_n(count, __atomic_load_n(count, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
#endif
}

SYNC_INLINE void sync_before(const void *word, enum sync_kind kind, enum sync_order order,
                             enum sync_site site) {
    (void)word;
    if (kind != SYNC_CAS_OK) sync_counted_note(kind, order, site);
}

SYNC_INLINE void sync_after_cas(const void *word, bool done, enum sync_order order,
                                enum sync_site site) {
    (void)word;
    sync_counted_note(done ? SYNC_CAS_OK : SYNC_CAS_FAIL, order, site);
}

void sync_counted_pause(enum sync_site site);
#define sync_pause sync_counted_pause

SYNC_INLINE void sync_compute(uint64_t loads) {
    (void)loads;
}

SYNC_INLINE void sync_moving(void *to, const void *from, size_t size, enum sync_site site) {
    (void)to, (void)from, (void)size, (void)site;
}

SYNC_INLINE void sync_on_stack(void *object, size_t size) {
    (void)object, (void)size;
}

SYNC_INLINE void sync_off_stack(void *object, size_t size) {
    (void)object, (void)size;
}

SYNC_INLINE void sync_body(const struct grainbench_batch *batch, size_t begin, size_t end,
                           unsigned worker) {
    batch->body(batch->context, begin, end, worker);
}

#endif
