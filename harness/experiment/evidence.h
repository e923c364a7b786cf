/* What the environment did during a sample: how long runnable threads waited for a processor, how
 * often they were thrown off it, what the hypervisor took. Every figure may be unavailable. */
#ifndef HARNESS_EVIDENCE_H
#define HARNESS_EVIDENCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVIDENCE_UNAVAILABLE UINT64_MAX

struct evidence {
    uint64_t run_queue_wait_ns;    /* all threads of this process together */
    uint64_t own_wait_ns;          /* at most so much of it was for a thread of this process */
    uint64_t involuntary_switches; /* of this process */
    uint64_t voluntary_switches;
    uint64_t own_switches; /* at most so many of the involuntary ones were for the own caller */
    uint64_t steal_ns;     /* taken by the hypervisor, whole machine */
    uint64_t throttled;    /* periods in which a cgroup quota stopped us */
};

/* How long one thread of this process, by its number, has been runnable without running, or
 * EVIDENCE_UNAVAILABLE. */
uint64_t evidence_thread_wait_ns(int thread);
/* A reading of the running totals. `caller_apart`: the thread that reads hands work to others and
 * is bound to no processor. Where the kernel runs it on a worker's one, they wait for each other:
 * that is part of what is measured and not the environment's doing. So what it waited and what it
 * ran is `own_wait_ns`, which is unavailable for other callers. */
void evidence_read(struct evidence *now, bool caller_apart);
/* The same of the waits alone: how long threads waited; where the kernel does not tell, the
 * switches, with `own_switches` of a caller apart. The rest is unavailable. */
void evidence_read_waits(struct evidence *now, bool caller_apart);
/* Leaves out of what is counted from `start` on the waits between two later readings. */
void evidence_leave_out(struct evidence *start, const struct evidence *from,
                        const struct evidence *to);
/* How long threads waited for a processor that others had, in ns; unavailable if not known. */
uint64_t evidence_foreign_wait_ns(const struct evidence *);
/* after - before, member by member; unavailable stays unavailable. */
struct evidence evidence_difference(const struct evidence *before, const struct evidence *after);

/* Whether a sample of `duration_ns` on `workers` threads is to be trusted. NULL, or the reason in
 * words ("run-queue wait 12.3 % of worker time"), in `text`. The limits are evidence_limits(). */
const char *evidence_taint(const struct evidence *, uint64_t duration_ns, unsigned workers,
                           char *text, size_t size);
/* The limits, for the header of a record. */
json_t *evidence_limits(void);
json_t *evidence_to_json(const struct evidence *);
bool evidence_from_json(const json_t *, struct evidence *);

#endif
