/* SYNC_NATIVE: what is timed. Included by sync.h alone. */
#ifndef SCHEDULERS_SYNC_NATIVE_H
#define SCHEDULERS_SYNC_NATIVE_H

#include "schedulers/sync_processor.h"

SYNC_INLINE void sync_before(const void *word, enum sync_kind kind, enum sync_order order,
                             enum sync_site site) {
    (void)word, (void)kind, (void)order, (void)site;
}

SYNC_INLINE void sync_after_cas(const void *word, bool done, enum sync_order order,
                                enum sync_site site) {
    (void)word, (void)done, (void)order, (void)site;
}

SYNC_INLINE void sync_pause(enum sync_site site) {
    (void)site;
    processor_pause();
}

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
