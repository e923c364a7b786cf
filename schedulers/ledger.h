/* The ledger: exact counts of the operations that the counted copies of schedulers issued, by site,
 * kind and memory order. Every participant writes its own page with plain stores; pages are added
 * up when the scheduler is destroyed, after its threads were joined. */
#ifndef SCHEDULERS_LEDGER_H
#define SCHEDULERS_LEDGER_H

#include "schedulers/sync_kinds.h"
#include <stdint.h>

struct ledger {
    uint64_t count[SYNC_SITES][SYNC_KINDS][SYNC_ORDERS];
};

/* What all counted schedulers destroyed since the last ledger_reset issued. Only while no counted
 * scheduler is alive. */
void ledger_read(struct ledger *out);
void ledger_reset(void);

const char *ledger_site_text(enum sync_site site);
const char *ledger_site_group(enum sync_site site);
const char *ledger_kind_name(enum sync_kind kind);
const char *ledger_order_name(enum sync_order order);

#endif
