/* A simulated machine: cores in virtual time on one real thread. A scheduler's source, compiled
 * with the virtual implementation of sync.h, runs on it; every operation it makes on shared memory
 * costs what a cost table says.
 *
 * The simulation is conservative: a core acts only when no other core is behind it in virtual time,
 * so the interleaving is the order of virtual times (ties by core number) and a run is the same to
 * the bit every time. Memory is sequentially consistent here; memory orders change timing alone.
 * Knows nothing of schedulers, batches, JSON or hardware. */
#ifndef SCHEDULERS_VIRTUAL_MACHINE_H
#define SCHEDULERS_VIRTUAL_MACHINE_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VIRTUAL_CORES_MAX 1024

/* How far apart two cores are; the index of struct virtual_costs.transfer_ns. */
enum virtual_distance {
    VIRTUAL_SAME,    /* the core itself */
    VIRTUAL_SIBLING, /* the other hardware thread of the core */
    VIRTUAL_L3,      /* another core under the same last-level cache */
    VIRTUAL_PACKAGE, /* another last-level cache of the same package */
    VIRTUAL_REMOTE,  /* another package */
    VIRTUAL_DISTANCES
};

/* What operations cost, in ns. docs/virtual.md says what each means and how it is measured. */
struct virtual_costs {
    double hit_ns;                         /* load or store of a line the core holds */
    double transfer_ns[VIRTUAL_DISTANCES]; /* fetching a line another core holds; [SAME] unused */
    double share_ns;          /* how long one reader keeps the line from the next reader */
    double rmw_ns;            /* atomic read-modify-write of a line the core holds */
    double fence_ns;          /* sequentially consistent fence or store */
    double pause_ns;          /* one spin hint */
    double yield_ns;          /* one sched_yield with nobody else to run */
    double futex_wait_ns;     /* going to sleep, until the core is free */
    double futex_call_ns;     /* a wake call that finds nobody */
    double futex_wake_ns;     /* what each woken thread adds to the call, for the waker */
    double wake_latency_ns;   /* from being woken to running again, after a short sleep */
    double wake_long_ns;      /* the same after a sleep of VIRTUAL_LONG_SLEEP_NS and more; between
                                 short and long in proportion. 0: as after a short one */
    double leaf_ns;           /* calling the body for a range */
    double allocate_ns;       /* one allocation of a runtime */
    double free_ns;           /* freeing it on the core that made it */
    double remote_free_ns;    /* freeing it on another core */
    double copy_ns;           /* copying a line that the core holds */
    double stream_ns;         /* the same for a line of another core, after the first of a block */
    double upgrade_ns;        /* writing a line of which others have copies, in a row of such */
    double crowd_factor;      /* items take so many times as long while all other cores that run
                                 items do so, but for SMT siblings; 0: as long. Between, in
                                 proportion */
    double smt_factor;        /* items take this much longer while the sibling runs items */
    double smt_spin_factor;   /* and this much while the sibling is awake without items */
    double rmw_drains_stores; /* 1: an RMW waits for the core's posted stores, as on x86; 0: no */
    double line_bytes;        /* 64 or 128 */
};

#define VIRTUAL_SHORT_SLEEP_NS 150000
#define VIRTUAL_LONG_SLEEP_NS  1500000

/* Where a core is. Cores of the same `core` are siblings. Numbers compare only for equality. */
struct virtual_place {
    uint16_t core, l3, package;
    double slowness; /* items take so many times as long on it; 0: as long */
};

/* How a run is disturbed, for exploration. All zero: not at all. */
struct virtual_disturbance {
    uint64_t seed;
    double delay_probability; /* of a random delay before an operation */
    double delay_max_ns;      /* uniform in (0, this] */
    unsigned change_points; /* > 0: order by random priorities instead of time, changed at this many
                               random operations (PCT: Burckhardt et al., ASPLOS 2010) */
    uint64_t horizon;       /* change points lie among the first `horizon` operations */
};

/* Threads that share processing units, as Linux does it; see virtual_units.c. Caches are of the
 * units where threads are bound to them: unit u is then at place u, and who is not bound has the
 * lines of the unit that it is on. Where no thread is, places and caches are the threads': what
 * threads on one unit share is not modelled. */
struct virtual_sharing {
    unsigned units;   /* 0: every thread has a core of its own, and the rest is not used */
    unsigned bound;   /* threads below this number run on the unit of their number alone; 0, or as
                         many as there are units */
    double switch_ns; /* from one thread of a unit to the next */
    double queue_ns;  /* like futex_wake_ns, where the woken thread has to queue up for a unit */
    double slice_ns; /* how long a thread holds a unit while others want one; 0: till it gives in */
};

/* What sharing costs under Linux, as measured on one guest; docs/virtual.md says how. */
#define VIRTUAL_SHARING_LINUX                                                                      \
    ((struct virtual_sharing){.switch_ns = 1200, .queue_ns = 1200, .slice_ns = 4000000})

/* What a core did, in virtual time. The sum of the times is the core's clock. */
struct virtual_account {
    uint64_t run_ps;    /* items, stretched by SMT */
    uint64_t memory_ps; /* loads, stores, RMW, fences, line transfers */
    uint64_t wait_ps;   /* pauses and yields */
    uint64_t kernel_ps; /* inside futex calls */
    uint64_t park_ps;   /* asleep */
    uint64_t wake_ps;   /* woken, not running yet; waiting for a unit */
    uint64_t other_ps;  /* scheduler code that was given a cost (leaf calls) */
};

struct virtual_totals {
    uint64_t operations; /* everything that was charged */
    uint64_t switches;   /* from core to core */
    uint64_t rmws, transfers, parks, wakes;
};

/* Operations are counted by site and kind; what the numbers stand for is the caller's business. */
#define VIRTUAL_SITES 96
#define VIRTUAL_KINDS 24

struct virtual_site {
    uint64_t counts[VIRTUAL_KINDS];
    uint64_t transfers;
    uint64_t memory_ps; /* spent on accesses of this site */
};

/* One stretch of a core's time, given to virtual_setup.trace in the order the stretches end. */
enum virtual_stretch { VIRTUAL_STRETCH_RUN, VIRTUAL_STRETCH_PARK, VIRTUAL_STRETCH_WAKE };

/* How slow processing units are over time, as on a machine that is shared: what unit u does in step
 * k takes slowness[k * units + u] times as long as costs say. Goes round: step `steps` is step 0.
 */
struct virtual_speeds {
    float *slowness; /* [steps x units], positive; NULL: all units are as costs say */
    unsigned units;  /* thread i is on unit i % units, where threads do not share units */
    size_t steps;
    uint64_t step_ps;
};

struct virtual_setup {
    const struct virtual_costs *costs;
    const struct virtual_place *places; /* copied; one per core of the machine */
    unsigned place_count;
    struct virtual_sharing sharing;
    struct virtual_speeds speeds;           /* of items and other code with a known cost */
    struct virtual_disturbance disturbance; /* not by change_points where threads share units */
    uint64_t operation_limit; /* 0: none; a run that exceeds it has failed (no progress) */
    void (*trace)(void *context, unsigned core, enum virtual_stretch what, uint64_t begin_ps,
                  uint64_t end_ps);
    void *trace_context;
};

struct virtual_machine;

struct virtual_machine *virtual_machine_create(const struct virtual_setup *setup,
                                               struct error *error);

/* Runs function(argument) as core `first_core` until it returns. False when every core sleeps
 * before that (deadlock), the operation limit is passed, or virtual_fail was called; cores that
 * still had work are dropped, and what they had allocated with virtual_allocate is freed. */
bool virtual_machine_run(struct virtual_machine *machine, unsigned first_core,
                         void (*function)(void *), void *argument, struct error *error);
void virtual_machine_destroy(struct virtual_machine *machine);

const struct virtual_account *virtual_machine_account(const struct virtual_machine *machine,
                                                      unsigned core);
const struct virtual_totals *virtual_machine_totals(const struct virtual_machine *machine);
const struct virtual_site *virtual_machine_sites(const struct virtual_machine *machine);
/* Sets accounts, totals and sites to zero; clocks and line states go on. */
void virtual_machine_reset_counts(struct virtual_machine *machine);

/* ---- Inside virtual_machine_run only: what the running core does ---- */

bool virtual_is_running(void); /* false outside of a machine */
unsigned virtual_core(void);
unsigned virtual_started(void); /* cores that were ever started: the threads of the process */
uint64_t virtual_now_ps(void);

/* Starts function(argument) on core number `place` of the setup's places (or, when that is taken or
 * `place` is negative, on the next free one). Returns the core. Fails the run if there is none. */
unsigned virtual_spawn(void (*function)(void *), void *argument, int place);
void virtual_join(unsigned core); /* waits, asleep, until it has ended */

enum virtual_access {
    VIRTUAL_LOAD,
    VIRTUAL_STORE,         /* posted: the core goes on while the line is fetched */
    VIRTUAL_STORE_ORDERED, /* sequentially consistent: waits until it is visible */
    VIRTUAL_RMW
};

/* Copies memory that cores write, line by line: what other cores wrote last is fetched, the first
 * such line at the price of the distance, the following ones at `stream_ns`. */
void virtual_move(void *to, const void *from, size_t size, unsigned site);
/* The core writes this memory: lines that another core wrote last come at `stream_ns` each, lines
 * that others have copies of at `upgrade_ns`. */
void virtual_own(const void *memory, size_t size);

/* An object on the running core's stack, aligned to a line, that may be reached from now on; its
 * lines are the next ones of a stack of the core's that has nothing else. The last one is taken off
 * first. Reaching any other part of a core's stack fails the run. */
void virtual_on_stack(const void *object, size_t size);
void virtual_off_stack(const void *object, size_t size);

/* Before the access: waits for the core's turn and charges the cost. The caller then acts on the
 * real memory at once. */
void virtual_touch(const volatile void *address, enum virtual_access access, unsigned kind,
                   unsigned site);
/* Enters an operation that was counted as kind `from` as kind `to` instead. */
void virtual_recount(unsigned from, unsigned to, unsigned site);
void virtual_fence(unsigned kind, unsigned site);
void virtual_pause(unsigned kind, unsigned site);
void virtual_yield(unsigned kind, unsigned site);

/* Memory of the machine, aligned to 128 bytes, reused in an order that does not depend on the
 * process; NULL without memory. Freed with the machine at the latest. Every core has an arena with
 * a lock and, for small blocks, a cache of seven of a size: what does not fit there goes to the
 * arena that the block came from, also when another core frees it (as in glibc's malloc). */
void *virtual_allocate(size_t size);
/* Goes to the arena that `core`'s memory comes from: its lock's line must come here, and stays
 * busy for hold_ps. Costs nothing while the line is here: measured costs of allocating and freeing
 * include the lock. */
void virtual_arena_touch(unsigned core, uint64_t hold_ps);
size_t virtual_allocated_size(const void *memory); /* what was asked for */
void virtual_free(void *memory);
/* The same without costs. */
void *virtual_allocate_free_of_charge(size_t size);
void virtual_free_of_charge(void *memory);

/* Runs items: `duration_ps` of work, stretched while the SMT sibling is busy. */
void virtual_work(uint64_t duration_ps);
/* Items that only sleep, for so long from the call on. A thread that shares units is on one for
 * the first futex_wait_ns of that alone, and at the end, where none is idle, it takes the unit of
 * the thread that has held its own for longest. */
void virtual_sleep(uint64_t duration_ps);
/* Other code with a known cost. */
void virtual_spend(uint64_t duration_ps);
void virtual_leaf(void);              /* charges leaf_ns */
void virtual_compute(uint64_t loads); /* charges hit_ns each */

/* Sleeps if *word == expected; false at once if not. Spurious returns do not happen. */
bool virtual_futex_wait(const volatile uint32_t *word, uint32_t expected, unsigned kind,
                        unsigned site);
/* Wakes up to `count` sleepers of the word, first come first served; returns how many. */
unsigned virtual_futex_wake(const volatile uint32_t *word, unsigned count, unsigned kind,
                            unsigned site);

/* Ends the run as failed. Does not return. */
_Noreturn void virtual_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
