/* The ledger: exact counts of the operations that the counted copies of schedulers issued, by site,
 * kind and memory order. Every participant writes its own page with plain stores; pages are added
 * up when they are read. */
#ifndef SCHEDULERS_LEDGER_H
#define SCHEDULERS_LEDGER_H

#include "schedulers/sync_kinds.h"
#include <stdbool.h>
#include <stdint.h>

struct ledger {
    uint64_t count[SYNC_SITES][SYNC_KINDS][SYNC_ORDERS];
};

/* What counted schedulers issued since the last ledger_reset, those still alive included. Pages of
 * workers that run meanwhile may be a few operations behind; where participants take turns
 * (lockstep.h) the call waits until all of them rest, so that nothing is missing. */
void ledger_read(struct ledger *out);
/* Forgets destroyed schedulers. */
void ledger_reset(void);

/* *out = *later - *earlier. */
void ledger_subtract(const struct ledger *later, const struct ledger *earlier, struct ledger *out);

/* Kinds as tables sum them. */
enum ledger_class {
    LEDGER_READ_MODIFY_WRITE, /* exchanges, fetches and compare-exchanges, failed ones included */
    LEDGER_LOAD,
    LEDGER_STORE,
    LEDGER_FULL_FENCE, /* sequentially consistent; weaker ones cost nothing on x86 */
    LEDGER_OTHER,
    LEDGER_CLASSES
};
enum ledger_class ledger_classify(enum sync_kind kind, enum sync_order order);

/* The sum of a class over the sites of a group; NULL: over every group; LEDGER_SHARED: over the
 * groups whose words all workers contend for (claims, completion, deques, injector, latches, the
 * sleep word), without epoch pins, mutexes and slots, as published counts of rayon have it. */
#define LEDGER_SHARED "shared"
uint64_t ledger_sum(const struct ledger *ledger, enum ledger_class class, const char *group);

/* True if `group` belongs to LEDGER_SHARED. */
bool ledger_group_is_shared(const char *group);

const char *ledger_site_text(enum sync_site site);
const char *ledger_site_group(enum sync_site site);
const char *ledger_kind_name(enum sync_kind kind);
const char *ledger_order_name(enum sync_order order);

#endif
