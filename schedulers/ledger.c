/* Names of what a ledger counts; its pages are kept by sync_counted.c. */
#include "schedulers/ledger.h"

const char *ledger_site_text(enum sync_site site) {
    static const char *const texts[] = {
#define SITE(name, group, text) [SITE_##name] = text,
#include "schedulers/sync_sites.def"
#undef SITE
    };
    return texts[site];
}

const char *ledger_site_group(enum sync_site site) {
    static const char *const groups[] = {
#define SITE(name, group, text) [SITE_##name] = #group,
#include "schedulers/sync_sites.def"
#undef SITE
    };
    return groups[site];
}

const char *ledger_kind_name(enum sync_kind kind) {
    static const char *const names[] = {[SYNC_LOAD] = "load",
                                        [SYNC_STORE] = "store",
                                        [SYNC_EXCHANGE] = "exchange",
                                        [SYNC_FETCH_ADD] = "fetch_add",
                                        [SYNC_FETCH_SUB] = "fetch_sub",
                                        [SYNC_FETCH_OR] = "fetch_or",
                                        [SYNC_FETCH_AND] = "fetch_and",
                                        [SYNC_CAS_OK] = "cas",
                                        [SYNC_CAS_FAIL] = "cas_failed",
                                        [SYNC_FENCE] = "fence",
                                        [SYNC_PAUSE] = "pause",
                                        [SYNC_YIELD] = "yield",
                                        [SYNC_PARK] = "park",
                                        [SYNC_WAKE] = "wake",
                                        [SYNC_THREAD_START] = "thread",
                                        [SYNC_ALLOCATE] = "allocate",
                                        [SYNC_FREE] = "free"};
    return names[kind];
}

const char *ledger_order_name(enum sync_order order) {
    switch (order) {
    case SYNC_RELAXED:
        return "relaxed";
    case SYNC_ACQUIRE:
        return "acquire";
    case SYNC_RELEASE:
        return "release";
    case SYNC_ACQ_REL:
        return "acq_rel";
    case SYNC_SEQ_CST:
        return "seq_cst";
    }
    return "consume";
}
