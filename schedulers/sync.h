/* The only door through which a scheduler reaches shared memory, other threads and time.
 *
 * No scheduler includes <stdatomic.h>, <pthread.h> or <time.h>, keeps thread-local data or calls
 * malloc: it calls the functions below. Each scheduler source is compiled once per implementation:
 *
 *   SYNC_NATIVE   C11 atomics, futexes, POSIX threads; what is timed. Nothing is added to an
 *                 operation: the hooks are empty and vanish.
 *   SYNC_COUNTED  the same, and every operation is entered into a ledger that belongs to the
 *                 participant (see ledger.h). No shared memory is touched for it.
 *   SYNC_VIRTUAL  participants are coroutines on simulated cores in virtual time.
 *
 * Every operation names its site (sync_sites.def), so that counts and simulated costs have an
 * address. A loop that waits for another participant must pause, yield or park in every round:
 * under SYNC_VIRTUAL and in lockstep nobody else runs otherwise. */
#ifndef SCHEDULERS_SYNC_H
#define SCHEDULERS_SYNC_H

#include "schedulers/sync_kinds.h"
#include <grainbench/scheduler.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes to keep between words that different workers write: two 64-byte lines, because x86 fetches
 * lines in pairs, and one line of the Arm parts that have 128. */
#define SYNC_LINE    128
#define SYNC_ALIGNED __attribute__((aligned(SYNC_LINE)))

#define SYNC_INLINE static inline __attribute__((always_inline, unused))

#if defined(SYNC_NATIVE)
#define SYNC_FUNCTION(name) sync_native_##name
#define SYNC_EXPORT(name)   scheduler_native_##name
#elif defined(SYNC_COUNTED)
#define SYNC_FUNCTION(name) sync_counted_##name
#define SYNC_EXPORT(name)   scheduler_counted_##name
#elif defined(SYNC_VIRTUAL)
#define SYNC_FUNCTION(name) sync_virtual_##name
#define SYNC_EXPORT(name)   scheduler_virtual_##name
#else
#error "define SYNC_NATIVE, SYNC_COUNTED or SYNC_VIRTUAL"
#endif

/* ---- Words ---------------------------------------------------------------------------------- */

typedef struct {
    uint32_t value;
} sync_u32;

typedef struct {
    uint64_t value;
} sync_u64;

typedef struct {
    void *value;
} sync_pointer;

/* Hooks of the implementation, called around every operation on a word:
 *   sync_before(word, kind, order, site)    before it; kind is SYNC_CAS_OK for a compare-exchange
 *   sync_after_cas(word, done, order, site) after a compare-exchange; done: it succeeded */
#if defined(SYNC_NATIVE)
#include "schedulers/sync_native.h"
#elif defined(SYNC_COUNTED)
#include "schedulers/sync_counted.h"
#else
#include "schedulers/virtual_sync.h"
#endif

/* Defines, for words of one width, sync_init_W (before the word is shared: not an atomic operation,
 * not counted) and the operations. A failed compare-exchange stores what it saw in *expected and
 * reads with the acquire part of `order`. */
#define SYNC_WORD_OPERATIONS(suffix, word, type)                                                   \
    SYNC_INLINE void sync_init_##suffix(word *w, type value) {                                     \
        w->value = value;                                                                          \
    }                                                                                              \
    SYNC_INLINE type sync_load_##suffix(word *w, enum sync_order order, enum sync_site site) {     \
        sync_before(w, SYNC_LOAD, order, site);                                                    \
        return __atomic_load_n(&w->value, order);                                                  \
    }                                                                                              \
    SYNC_INLINE void sync_store_##suffix(word *w, type value, enum sync_order order,               \
                                         enum sync_site site) {                                    \
        sync_before(w, SYNC_STORE, order, site);                                                   \
        __atomic_store_n(&w->value, value, order);                                                 \
    }                                                                                              \
    SYNC_INLINE type sync_exchange_##suffix(word *w, type value, enum sync_order order,            \
                                            enum sync_site site) {                                 \
        sync_before(w, SYNC_EXCHANGE, order, site);                                                \
        return __atomic_exchange_n(&w->value, value, order);                                       \
    }                                                                                              \
    SYNC_INLINE bool sync_cas_##suffix(word *w, type *expected, type desired,                      \
                                       enum sync_order order, enum sync_site site) {               \
        sync_before(w, SYNC_CAS_OK, order, site);                                                  \
        bool done = __atomic_compare_exchange_n(&w->value, expected, desired, false, order,        \
                                                order == SYNC_ACQ_REL   ? SYNC_ACQUIRE             \
                                                : order == SYNC_RELEASE ? SYNC_RELAXED             \
                                                                        : order);                  \
        sync_after_cas(w, done, order, site);                                                      \
        return done;                                                                               \
    }

/* Read-modify-writes return the value before. */
#define SYNC_ARITHMETIC(operation, kind, suffix, word, type)                                       \
    SYNC_INLINE type sync_##operation##_##suffix(word *w, type operand, enum sync_order order,     \
                                                 enum sync_site site) {                            \
        sync_before(w, kind, order, site);                                                         \
        return __atomic_##operation(&w->value, operand, order);                                    \
    }

#define SYNC_ARITHMETIC_OPERATIONS(suffix, word, type)                                             \
    SYNC_ARITHMETIC(fetch_add, SYNC_FETCH_ADD, suffix, word, type)                                 \
    SYNC_ARITHMETIC(fetch_sub, SYNC_FETCH_SUB, suffix, word, type)                                 \
    SYNC_ARITHMETIC(fetch_or, SYNC_FETCH_OR, suffix, word, type)                                   \
    SYNC_ARITHMETIC(fetch_and, SYNC_FETCH_AND, suffix, word, type)

SYNC_WORD_OPERATIONS(u32, sync_u32, uint32_t)
SYNC_WORD_OPERATIONS(u64, sync_u64, uint64_t)
SYNC_WORD_OPERATIONS(pointer, sync_pointer, void *)
SYNC_ARITHMETIC_OPERATIONS(u32, sync_u32, uint32_t)
SYNC_ARITHMETIC_OPERATIONS(u64, sync_u64, uint64_t)

SYNC_INLINE void sync_fence(enum sync_order order, enum sync_site site) {
    sync_before(NULL, SYNC_FENCE, order, site);
    __atomic_thread_fence(order);
}

/* ---- Tallies ------------------------------------------------------------------------------------
 *
 * Statistics that one participant writes and the caller may read at any time. Not part of the
 * runtime being modelled, so neither counted nor charged; they compile to plain moves. A build that
 * checks the ledger by intercepting atomics makes them plain (SYNC_PLAIN_TALLIES). */

typedef struct {
    uint64_t value;
} sync_tally;

SYNC_INLINE uint64_t sync_tally_read(const sync_tally *tally) {
#ifdef SYNC_PLAIN_TALLIES
    return tally->value;
#else
    return __atomic_load_n(&tally->value, __ATOMIC_RELAXED);
#endif
}

SYNC_INLINE void sync_tally_set(sync_tally *tally, uint64_t value) {
#ifdef SYNC_PLAIN_TALLIES
    tally->value = value;
#else
    __atomic_store_n(&tally->value, value, __ATOMIC_RELAXED);
#endif
}

SYNC_INLINE void sync_tally_add(sync_tally *tally, uint64_t amount) {
    sync_tally_set(tally, sync_tally_read(tally) + amount);
}

/* ---- Participants: who runs --------------------------------------------------------------------
 *
 * A domain is everything that belongs to one created scheduler. Its participants are numbered: the
 * workers 0 .. workers-1 and, where the caller is not a worker, the caller as `workers`. Operations
 * belong to the participant that the calling thread is at that moment: a thread started with
 * sync_thread_start is one for its whole life; the thread that calls create, run or destroy makes
 * itself one with sync_enter and stops with sync_leave. create and destroy enter as well when they
 * use words or threads. */

#define sync_domain_create   SYNC_FUNCTION(domain_create)
#define sync_domain_destroy  SYNC_FUNCTION(domain_destroy)
#define sync_enter           SYNC_FUNCTION(enter)
#define sync_leave           SYNC_FUNCTION(leave)
#define sync_thread_start    SYNC_FUNCTION(thread_start)
#define sync_thread_join     SYNC_FUNCTION(thread_join)
#define sync_forked          SYNC_FUNCTION(forked)
#define sync_park            SYNC_FUNCTION(park)
#define sync_wake            SYNC_FUNCTION(wake)
#define sync_yield           SYNC_FUNCTION(yield)
#define sync_now_ns          SYNC_FUNCTION(now_ns)
#define sync_allocate        SYNC_FUNCTION(allocate)
#define sync_reallocate      SYNC_FUNCTION(reallocate)
#define sync_free            SYNC_FUNCTION(free)
#define sync_shared_allocate SYNC_FUNCTION(shared_allocate)
#define sync_shared_free     SYNC_FUNCTION(shared_free)

struct sync_domain;
struct sync_thread; /* handle of a started thread */

/* NULL without memory. */
struct sync_domain *sync_domain_create(const struct grainbench_setup *setup, unsigned participants);
void sync_domain_destroy(struct sync_domain *domain); /* after every thread was joined */
void sync_enter(struct sync_domain *domain, unsigned participant);
void sync_leave(struct sync_domain *domain);

/* Starts a thread that is `participant` and runs function(argument); NULL if it cannot be had. */
struct sync_thread *sync_thread_start(struct sync_domain *domain, unsigned participant,
                                      void (*function)(void *), void *argument);
void sync_thread_join(struct sync_domain *domain, struct sync_thread *thread);

/* True in a process forked since the domain was made: its threads are not here. run() then does
 * the whole batch on the calling thread, and destroy only frees memory. */
bool sync_forked(const struct sync_domain *domain);

/* ---- Waiting and time ----------------------------------------------------------------------- */

/* Sleeps until woken if the word still holds `expected`; may return without reason. */
void sync_park(sync_u32 *word, uint32_t expected, enum sync_site site);
/* Wakes up to `count` sleepers of the word. */
void sync_wake(sync_u32 *word, unsigned count, enum sync_site site);
/* Lets other threads of this core run (sched_yield). */
void sync_yield(enum sync_site site);
/* Tells the core that this is a waiting loop (x86 pause, Arm isb): defined by the implementation.
 *   void sync_pause(enum sync_site site); */
/* For times per worker state under GRAINBENCH_OBSERVE, and for `adaptive`, whose decisions are
 * about time; no other scheduler decides by it. */
uint64_t sync_now_ns(void);

/* ---- Work and memory ------------------------------------------------------------------------ */

/* Runs the batch's body over [begin, end) as `worker`: defined by the implementation, because the
 * virtual copy charges the items' costs here.
 *   void sync_body(const struct grainbench_batch *batch, size_t begin, size_t end, unsigned
 * worker); */

/* Plain computing of about so many loads from the nearest cache, where it could matter (a pass over
 * a batch's costs): defined by the implementation, because the virtual copy charges it.
 *   void sync_compute(uint64_t loads); */

/* malloc, realloc and free of memory that a runtime allocates while a batch runs (result vectors,
 * list nodes). NULL without memory. */
void *sync_allocate(size_t size, enum sync_site site);
void *sync_reallocate(void *memory, size_t size, enum sync_site site);
void sync_free(void *memory, enum sync_site site);

/* memcpy of what one thread has written and maybe another one reads: plain, but under SYNC_VIRTUAL
 * the lines have to come. The hook is sync_moving(to, from, size, site). */
SYNC_INLINE void sync_move(void *to, const void *from, size_t size, enum sync_site site) {
    sync_moving(to, from, size, site);
    memcpy(to, from, size);
}

/* Between the two, an object on the calling thread's stack whose words other threads reach, or
 * which sync_move moves. It must be SYNC_ALIGNED, and what is put on a stack last leaves it first.
 * Nothing happens, but under SYNC_VIRTUAL the object's lines are the next ones of a stack that has
 * nothing but such objects: where the compiler lays a frame out must not decide which objects come
 * to lie on one line. There, reaching a stack otherwise ends the run. Defined by the
 * implementation. void sync_on_stack(void *object, size_t size); void sync_off_stack(void *object,
 * size_t size); */

/* Memory of words that workers share and that is made or given back while batches run: aligned to
 * SYNC_LINE, neither counted nor charged. Under SYNC_VIRTUAL its lines are the same ones in every
 * run; malloc's would not be. NULL without memory. */
void *sync_shared_allocate(size_t size);
void sync_shared_free(void *memory);

#endif
