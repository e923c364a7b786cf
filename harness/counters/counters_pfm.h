/* Event names of libpfm4. Its headers bring a perf_event.h of their own that cannot be included
 * beside the kernel's, so this is the only door to it. */
#ifndef HARNESS_COUNTERS_PFM_H
#define HARNESS_COUNTERS_PFM_H

#include "base/error.h"
#include <stdint.h>

struct event_encoding {
    uint32_t type; /* of perf_event_attr */
    uint64_t config, config1, config2;
    bool exclude_user, exclude_kernel, exclude_hypervisor;
};

/* Encodes a name such as "cycles:u", "icx::MEM_INST_RETIRED:LOCK_LOADS" or "perf_raw::r1f25:u".
 * False with libpfm4's reason, or saying that this build is without libpfm4. */
bool event_encode(const char *name, struct event_encoding *encoding, struct error *error);

/* For tests, before the first event_encode: encodings of processors that are not here. */
void event_encode_absent_processors(void);

#endif
