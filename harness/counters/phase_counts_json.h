/* Counts by phase and worker as a line of a record; docs/record.md has its members. */
#ifndef HARNESS_PHASE_COUNTS_JSON_H
#define HARNESS_PHASE_COUNTS_JSON_H

#include "harness/counters/counter_list.h"
#include "harness/counters/phase_counts.h"

/* Facts of the counted run beside the counts. */
struct phase_counts_facts {
    uint64_t items;
    uint64_t read_ns;    /* one reading by a thread of its own group */
    unsigned uncounted;  /* workers whose thread the scheduler never told */
    bool rdpmc;          /* workers read without a system call */
    bool user_only;      /* kernel mode is off limits */
    bool caller_is_last; /* the last lane is the calling thread */
};

/* The `counter` line without its `arm` member. */
json_t *phase_counts_to_json(const struct phase_counts *, const struct counter_list *,
                             const struct phase_counts_facts *);

#endif
