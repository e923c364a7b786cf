/* The vocabulary of sync.h that the ledger and the simulator share with it: memory orders, kinds of
 * operation and sites. */
#ifndef SCHEDULERS_SYNC_KINDS_H
#define SCHEDULERS_SYNC_KINDS_H

enum sync_order {
    SYNC_RELAXED = __ATOMIC_RELAXED,
    SYNC_ACQUIRE = __ATOMIC_ACQUIRE,
    SYNC_RELEASE = __ATOMIC_RELEASE,
    SYNC_ACQ_REL = __ATOMIC_ACQ_REL,
    SYNC_SEQ_CST = __ATOMIC_SEQ_CST
};
#define SYNC_ORDERS (SYNC_SEQ_CST + 1)

/* What the ledger tells apart. Kinds after SYNC_FENCE have no memory order and are entered under
 * SYNC_RELAXED. */
enum sync_kind {
    SYNC_LOAD,
    SYNC_STORE,
    SYNC_EXCHANGE,
    SYNC_FETCH_ADD,
    SYNC_FETCH_SUB,
    SYNC_FETCH_OR,
    SYNC_FETCH_AND,
    SYNC_CAS_OK,
    SYNC_CAS_FAIL,
    SYNC_FENCE,
    SYNC_PAUSE,
    SYNC_YIELD,
    SYNC_PARK,
    SYNC_WAKE,
    SYNC_THREAD_START,
    SYNC_ALLOCATE,
    SYNC_FREE,
    SYNC_KINDS
};

enum sync_site {
#define SITE(name, group, text) SITE_##name,
#include "schedulers/sync_sites.def"
#undef SITE
    SYNC_SITES
};

#endif
