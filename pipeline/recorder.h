/* Where the threads of a pipeline spend their time. Every thread has an account; at any moment it
 * is in one activity of one stage, and each change costs one clock read, so that by construction
 *
 *     wall = busy + wait_in + wait_slot + wake + other
 *
 * holds for each thread. Optionally keeps the intervals themselves, for the model and for a trace.
 * Knows nothing of items, threads' purposes or text. */
#ifndef PIPELINE_RECORDER_H
#define PIPELINE_RECORDER_H

#include "base/error.h"
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { RECORDER_STAGES = 16, RECORDER_HISTOGRAM = 40 };

enum activity {
    ACTIVITY_OTHER,     /* the executor itself: locks, bookkeeping */
    ACTIVITY_BUSY,      /* a stage's own work */
    ACTIVITY_WAIT_IN,   /* starved: waiting for an item from upstream */
    ACTIVITY_WAIT_SLOT, /* back-pressured: waiting for a free slot downstream */
    ACTIVITY_WAKE,      /* in the system call that wakes another thread */
    ACTIVITIES
};

extern const char *const activity_names[ACTIVITIES];

struct recorded_interval {
    uint64_t start_ns;
    uint64_t end_ns;
    uint64_t sequence;
    uint8_t stage;
    uint8_t activity;
};

struct stage_times {
    uint64_t count; /* items */
    uint64_t wall_ns[ACTIVITIES];
    uint64_t busy_cpu_ns;                   /* thread CPU time inside BUSY */
    uint64_t histogram[RECORDER_HISTOGRAM]; /* [k]: busy intervals of [2^k, 2^(k+1)) ns */
};

struct account {
    char name[32];
    uint64_t start_ns, end_ns; /* read apart from the changes of activity: the check of the sum */
    uint64_t cpu_ns;
    uint64_t run_delay_ns; /* runnable but not running; UINT64_MAX: the kernel does not tell */
    uint64_t voluntary_switches, involuntary_switches;
    struct stage_times stages[RECORDER_STAGES];
    struct recorded_interval *intervals;
    size_t interval_count;
    uint64_t intervals_dropped;
    struct account *next;
    /* The current interval. Only the thread itself writes; a stall reporter reads `visible`. */
    int stage;
    enum activity activity;
    uint64_t sequence, since_ns, cpu_since_ns;
    _Atomic uint64_t visible;       /* stage << 8 | activity, or ACCOUNT_ENDED */
    _Atomic uint64_t visible_since; /* ns */
    struct recorder *recorder;
};

#define ACCOUNT_ENDED UINT64_MAX

struct recorder;

/* Keeps at most `interval_limit` intervals a thread (0: none). NULL when out of memory. */
struct recorder *recorder_create(size_t interval_limit, struct error *error);
void recorder_destroy(struct recorder *recorder);

/* The number of the stage called `name`, the same for the same name; before threads start. */
int recorder_stage(struct recorder *recorder, const char *name);
const char *recorder_stage_name(const struct recorder *recorder, int stage);
int recorder_stage_count(const struct recorder *recorder);

/* The accounts, newest first. Their figures are complete once their threads have ended; `visible`
 * and `name` may be read at any time. */
struct account *recorder_accounts(struct recorder *recorder);

/* The sum of all activities of an account, and of one of them over all stages. */
uint64_t account_total_ns(const struct account *account);
uint64_t account_activity_ns(const struct account *account, enum activity activity);

/* Opens and closes the calling thread's account. `stage` is where time between items is booked.
 * Without a recorder all of these do nothing. */
void account_begin(struct recorder *recorder, const char *name, int stage);
void account_end(void);

struct account_mark {
    int stage;
    enum activity activity;
    uint64_t sequence;
};

/* The calling thread now does `activity` of `stage`; returns what it did before. */
struct account_mark account_enter(int stage, enum activity activity, uint64_t sequence);
/* The same, staying with the current stage and item. */
struct account_mark account_wait(enum activity activity);
void account_leave(struct account_mark before);
void account_count(int stage); /* one more item through `stage` */

#endif
