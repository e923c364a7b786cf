/* What the parts of the simulated machine share: its state, and taking turns. For virtual_*.c
 * beside it alone. */
#ifndef SCHEDULERS_VIRTUAL_INTERNAL_H
#define SCHEDULERS_VIRTUAL_INTERNAL_H

#include "base/random.h"
#include "schedulers/virtual_coroutine.h"
#include "schedulers/virtual_machine.h"

/* Order of turns: clock (or priority) above, core number below, in one comparable number. */
#define CORE_BITS 10
#define CORE_MASK ((1u << CORE_BITS) - 1)

enum { SIZE_CLASSES = 48, CACHED_BLOCKS = 7, CACHED_CLASS_MOST = 10 /* up to 1 KiB */ };

enum core_state {
    CORE_UNUSED,
    CORE_READY,
    CORE_PARKED,
    CORE_JOINING,
    CORE_ENDED,
    /* Only where threads share units: */
    CORE_QUEUED, /* runnable, without a unit */
    CORE_ASLEEP  /* its body sleeps; in the heap, at the time when that ends */
};

struct core {
    uint64_t clock_ps;
    uint64_t priority;   /* under PCT: smaller goes first */
    uint64_t drained_ps; /* when its posted stores are all visible */
    struct coroutine *coroutine;
    void (*function)(void *);
    void *argument;
    enum core_state state;
    bool running_items, ran_items; /* now, and ever */
    int sibling;                   /* core on the other hardware thread, or -1 */
    const volatile uint32_t *futex;
    int futex_next;  /* in the queue of sleepers, or -1 */
    unsigned joined; /* the core it waits for, while CORE_JOINING */
    uint64_t parked_ps;
    unsigned unit;        /* that it holds or held last */
    int queue_next;       /* among those without a unit, or -1 */
    uint64_t runnable_ps; /* while CORE_QUEUED: since when */
    uint64_t owed_ps;     /* what it was in the middle of when it lost its unit */
    double slowness;
    uint8_t cached_blocks[CACHED_CLASS_MOST + 1]; /* by size class */
    unsigned stack_lines;                         /* of the objects on its stack that are reached */
    struct virtual_account account;
};

struct picoseconds {
    uint64_t hit, transfer[VIRTUAL_DISTANCES], share, rmw, fence, pause, yield, futex_wait,
        futex_call, futex_wake, wake_latency, wake_long, leaf, allocate, free, remote_free, copy,
        stream, upgrade, unit_switch, unit_queue, unit_slice;
    bool rmw_drains_stores;
    double smt_factor, smt_spin_factor, crowd_factor;
};

struct line;
struct unit;
struct allocation;

struct virtual_machine {
    uint64_t *heap; /* keys of the ready cores but the current one, smallest first */
    unsigned heap_count;
    unsigned current;
    struct core *cores;
    uint8_t *distances; /* core_count x core_count */
    struct picoseconds cost;
    unsigned core_count;
    unsigned started; /* cores so far */

    /* Lines: a hash table from address to an index in `lines`. */
    unsigned line_shift;
    uint32_t *line_index;
    unsigned line_index_bits;
    struct line *lines;
    uint64_t *sharers; /* sharer_words bits' words a line */
    unsigned sharer_words;
    uint32_t line_count, line_capacity;

    int futex_head, futex_tail;
    struct unit *units;             /* NULL: every thread has a core of its own */
    int queue_head, queue_tail;     /* of runnable threads without a unit */
    struct allocation *allocations; /* all blocks, live and free */
    struct allocation *free_blocks[SIZE_CLASSES];
    char *arenas; /* a line for each core: its arena's lock */

    struct virtual_totals totals;
    struct virtual_site sites[VIRTUAL_SITES];
    struct virtual_setup setup;
    uint64_t steps;          /* like totals.operations, never reset */
    uint64_t next_attention; /* step at which take_turn has something special to do */
    struct random random;
    uint64_t lowest_priority;
    uint64_t *change_points; /* ascending; change_point_next is the first still ahead */
    unsigned change_point_next;

    struct coroutine *thread;
    bool failed, finished;
    struct error failure;
};

extern _Thread_local struct virtual_machine *virtual_current;

static inline struct core *core_now(struct virtual_machine *m) {
    return &m->cores[m->current];
}

static inline uint64_t core_key(const struct virtual_machine *m, unsigned core) {
    const struct core *c = &m->cores[core];
    uint64_t order = m->setup.disturbance.change_points ? c->priority : c->clock_ps;
    return order << CORE_BITS | core;
}

void machine_push(struct virtual_machine *m, unsigned core);
void machine_remove(struct virtual_machine *m, unsigned core);
void machine_pass_turn(struct virtual_machine *m); /* to heap[0], keeping the current core ready */
void machine_leave(struct virtual_machine *m);     /* to heap[0]; the current core is not ready */
void machine_attention(struct virtual_machine *m); /* limits, change points, random delays */
/* Processors that have nothing to do fall asleep too, ever deeper. */
uint64_t machine_wake_latency_ps(const struct virtual_machine *m, uint64_t slept_ps);

/* Returns when the current core is the earliest. Everything visible to others comes after this. */
static inline void take_turn(struct virtual_machine *m) {
    m->totals.operations++;
    if (++m->steps >= m->next_attention) machine_attention(m);
    if (m->heap_count && m->heap[0] < core_key(m, m->current)) machine_pass_turn(m);
}

/* The cache that the current thread works with. */
static inline unsigned cache_now(const struct virtual_machine *m) {
    return m->setup.sharing.bound ? m->cores[m->current].unit : m->current;
}

/* Gives the turn up for fairness when order is by priority: a waiting core goes last. */
static inline void go_last(struct virtual_machine *m) {
    if (m->setup.disturbance.change_points) core_now(m)->priority = ++m->lowest_priority;
}

/* ---- Sharing units: all but units_create and units_destroy only where m->units is not NULL ----
 */

bool units_create(struct virtual_machine *m);
void units_destroy(struct virtual_machine *m);
/* Whether a thread that becomes runnable now need not queue up. */
bool units_idle_for(const struct virtual_machine *m, unsigned index);
/* The first thread of a run takes a unit. */
void units_start(struct virtual_machine *m, unsigned index);
/* A thread that is not in the heap can run from `now_ps` on: on an idle unit, or it queues up. */
void units_runnable(struct virtual_machine *m, unsigned index, uint64_t now_ps);
/* The current thread, whose turn it is, gives its unit up, and leaves or queues up next. */
void units_release(struct virtual_machine *m);
/* The current thread goes behind all others that want a unit. */
void units_yield(struct virtual_machine *m);
/* The same if its time slice is over. Before every operation. */
void units_attention(struct virtual_machine *m);

bool memory_create(struct virtual_machine *m);
void memory_destroy(struct virtual_machine *m);
bool heap_create(struct virtual_machine *m);
void heap_destroy(struct virtual_machine *m);

#endif
