/* Names and sums of what a ledger counts; its pages are kept by sync_counted.c. */
#include "schedulers/ledger.h"
#include <stddef.h>
#include <string.h>

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

void ledger_subtract(const struct ledger *later, const struct ledger *earlier, struct ledger *out) {
    const uint64_t *from = &later->count[0][0][0], *less = &earlier->count[0][0][0];
    uint64_t *to = &out->count[0][0][0];
    for (size_t i = 0; i < sizeof *out / sizeof *to; i++)
        to[i] = from[i] - less[i];
}

enum ledger_class ledger_classify(enum sync_kind kind, enum sync_order order) {
    switch (kind) {
    case SYNC_LOAD:
        return LEDGER_LOAD;
    case SYNC_STORE:
        return LEDGER_STORE;
    case SYNC_EXCHANGE:
    case SYNC_FETCH_ADD:
    case SYNC_FETCH_SUB:
    case SYNC_FETCH_OR:
    case SYNC_FETCH_AND:
    case SYNC_CAS_OK:
    case SYNC_CAS_FAIL:
        return LEDGER_READ_MODIFY_WRITE;
    case SYNC_FENCE:
        return order == SYNC_SEQ_CST ? LEDGER_FULL_FENCE : LEDGER_OTHER;
    default:
        return LEDGER_OTHER;
    }
}

bool ledger_group_is_shared(const char *group) {
    static const char *const shared[] = {"pool",  "done",  "claim", "steal",
                                         "deque", "latch", "sleep", "injector"};
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++)
        if (strcmp(group, shared[i]) == 0) return true;
    return false;
}

static bool group_matches(const char *group, const char *wanted) {
    if (!wanted) return true;
    if (strcmp(wanted, LEDGER_SHARED) == 0) return ledger_group_is_shared(group);
    return strcmp(group, wanted) == 0;
}

uint64_t ledger_sum(const struct ledger *ledger, enum ledger_class class, const char *group) {
    uint64_t sum = 0;
    for (unsigned site = 0; site < SYNC_SITES; site++) {
        if (!group_matches(ledger_site_group((enum sync_site)site), group)) continue;
        for (unsigned kind = 0; kind < SYNC_KINDS; kind++)
            for (unsigned order = 0; order < SYNC_ORDERS; order++)
                if (ledger_classify((enum sync_kind)kind, (enum sync_order)order) == class)
                    sum += ledger->count[site][kind][order];
    }
    return sum;
}
