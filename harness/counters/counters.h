/* Hardware and software counters of threads through perf_event_open: groups that count together,
 * read at the borders of what is measured. Every reading tells how much of the time it counted. */
#ifndef HARNESS_COUNTERS_H
#define HARNESS_COUNTERS_H

#include "harness/counters/counters_pfm.h"
#include "harness/counters/event_table.h"
#include <sys/types.h>

enum { COUNTER_GROUP_LIMIT = 8 };

struct counter_event {
    char name[96]; /* as asked for */
    struct event_encoding encoding;
    const struct event *event; /* its row in the table, or NULL */
};

struct counter_reading {
    size_t count;
    uint64_t enabled_ns, running_ns;    /* running < enabled: the kernel took turns, an estimate */
    double values[COUNTER_GROUP_LIMIT]; /* scaled by enabled / running */
    double running_ratio;               /* 1: counted all the time; 0: never */
};

/* What a name stands for: a canonical event of `table` (may be NULL), "cycles" and "instructions",
 * a software event ("task-clock", "context-switches", "cpu-migrations", "page-faults"),
 * "futex-calls" (a tracepoint), a raw code "r1f25", or a name of libpfm4; each may end in ":u". */
bool counter_resolve(const char *name, const struct event_table *table, struct counter_event *event,
                     struct error *error);
/* The names of software events and the tracepoint, ended by NULL. */
extern const char *const counter_software_names[];

/* A reading as the kernel gives it, since the group was opened. */
struct counter_raw {
    uint64_t enabled_ns, running_ns; /* while its thread ran; while it counted */
    uint64_t values[COUNTER_GROUP_LIMIT];
};

/* A group that counts on one thread of this process (0: the calling one). Counts from the first
 * counter_group_start on. */
struct counter_group {
    int descriptors[COUNTER_GROUP_LIMIT];
    const void *pages[COUNTER_GROUP_LIMIT]; /* of counter_page.h, or NULL: read by system call */
    size_t count;
    pid_t thread;
    bool user_only; /* the kernel did not let it count kernel mode */
};

/* False with the reason when the kernel refuses: no PMU, no permission, blocked, no such event.
 * Tries again without kernel mode where that is what is forbidden. */
bool counter_group_open(struct counter_group *group, const struct counter_event *events,
                        size_t count, pid_t thread, struct error *error);
void counter_group_start(struct counter_group *group);
void counter_group_stop(struct counter_group *group);
bool counter_group_read(const struct counter_group *group, struct counter_reading *reading,
                        struct error *error);
/* `own`: called on the thread that is counted, which may then read by rdpmc. */
bool counter_group_read_raw(const struct counter_group *group, bool own, struct counter_raw *raw);
/* Whether its own thread reads it without a system call. */
bool counter_group_has_rdpmc(const struct counter_group *group);
void counter_group_close(struct counter_group *group);

/* A sentence for the errno of a failed perf_event_open. */
void counter_explain_failure(int code, const char *name, struct error *error);
/* kernel.perf_event_paranoid, or -2 if it cannot be read. */
int counter_paranoid_level(void);

#endif
