/* A thief and an owner at the deque; see steal_timing.h. The two never work at the same time: the
 * thief gives an order and waits, and times while the owner waits for the next one. */
#include "schedulers/steal_timing.h"

#include "schedulers/rayon_deque.h"

/* A sweep is over several deques, whose lines fit into any first-level cache. The thief looks at
 * every thirteenth in turn: a processor that sees loads at small equal distances fetches ahead,
 * which victims far apart in memory do not allow. */
enum { DEQUES = 32, STEP = 13, SWEEPS = EPOCH_PINS_PER_WALK / DEQUES, JOBS = 2 };
_Static_assert(SWEEPS *DEQUES == EPOCH_PINS_PER_WALK, "a block has one walk of the records");

enum order { ORDER_NONE, ORDER_EMPTY, ORDER_FILL, ORDER_END, ORDERS };

struct job {
    unsigned number;
};

struct trial {
    struct deque deques[DEQUES]; /* written never */
    struct deque_words words[DEQUES];
    struct job job;
    const struct grainbench_setup *setup;
    struct epoch_global epoch;
    struct epoch_record records[2]; /* the thief's and the owner's, who never pins */
    struct tallies tallies;
    SYNC_ALIGNED sync_u64 given;  /* the number of the last order and what it is */
    SYNC_ALIGNED sync_u64 done;   /* the number of the last order that was carried out */
    SYNC_ALIGNED uint64_t orders; /* the thief's: how many it has given */
    unsigned unexpected;          /* outcomes that cannot be */
};

/* ---- The owner ------------------------------------------------------------------------------ */

static void execute(struct rayon_worker *worker, struct job *job) {
    (void)worker, (void)job;
}

static void push(struct trial *trial, unsigned deque) {
    /* The ring has room: it never fails. */
    deque_push(&trial->deques[deque], (struct job_reference){&trial->job, execute});
}

static void carry_out(struct trial *trial, enum order order) {
    for (unsigned d = 0; d < DEQUES; d++) {
        while (deque_pop(&trial->deques[d]).job)
            continue;
        push(trial, d);
        if (order == ORDER_EMPTY) deque_pop(&trial->deques[d]);
        for (unsigned j = 1; order == ORDER_FILL && j < JOBS; j++)
            push(trial, d);
    }
}

static void own(void *argument) {
    struct trial *trial = argument;
    if (trial->setup->worker_start) trial->setup->worker_start(trial->setup->context, 1);
    for (uint64_t number = 1;; number++) {
        uint64_t given;
        while ((given = sync_load_u64(&trial->given, SYNC_ACQUIRE, SITE_POOL_WAIT)) / ORDERS <
               number)
            sync_pause(SITE_POOL_WAIT);
        enum order order = (enum order)(given % ORDERS);
        if (order == ORDER_EMPTY || order == ORDER_FILL) carry_out(trial, order);
        sync_store_u64(&trial->done, number, SYNC_RELEASE, SITE_POOL_PUBLISH);
        if (order == ORDER_END) return;
    }
}

/* ---- The thief ------------------------------------------------------------------------------ */

static void order(struct trial *trial, enum order order) {
    uint64_t number = ++trial->orders;
    sync_store_u64(&trial->given, number * ORDERS + order, SYNC_RELEASE, SITE_POOL_PUBLISH);
    while (sync_load_u64(&trial->done, SYNC_ACQUIRE, SITE_POOL_WAIT) != number)
        sync_pause(SITE_POOL_WAIT);
}

/* Each of a sweep over the deques timed alone; ns for all, without what reading the clock costs.
 * Which deque it is depends on the time, though not in this millennium: a processor would begin
 * with its loads before it has read the clock. */
static double one_by_one(struct trial *trial, enum steal_outcome expected) {
    struct job_reference job;
    double ns = 0;
    for (unsigned i = 0, deque = 0; i < DEQUES; i++, deque = (deque + STEP) % DEQUES) {
        uint64_t before = sync_now_ns(), begin = sync_now_ns();
        struct deque *victim = &trial->deques[deque + (unsigned)(begin >> 63)];
        trial->unexpected += deque_steal(victim, &trial->records[0], &job) != expected;
        uint64_t end = sync_now_ns();
        ns += (double)(end - begin) - (double)(begin - before);
    }
    return ns;
}

/* The sweep timed as a whole: the processor may begin with the next before this one is done. */
static double in_a_row(struct trial *trial, enum steal_outcome expected) {
    struct job_reference job;
    unsigned wrong = 0;
    uint64_t before = sync_now_ns(), begin = sync_now_ns();
    for (unsigned i = 0, deque = 0; i < DEQUES; i++, deque = (deque + STEP) % DEQUES)
        wrong += deque_steal(&trial->deques[deque], &trial->records[0], &job) != expected;
    uint64_t end = sync_now_ns();
    trial->unexpected += wrong;
    return (double)(end - begin) - (double)(begin - before);
}

/* The mean of a block of sweeps, with an order before each or not. */
static double block(struct trial *trial, enum order what,
                    double (*sweep)(struct trial *, enum steal_outcome),
                    enum steal_outcome expected) {
    double ns = 0;
    for (unsigned s = 0; s < SWEEPS; s++) {
        if (what != ORDER_NONE) order(trial, what);
        ns += sweep(trial, expected);
    }
    return ns / (SWEEPS * DEQUES);
}

static void take_times(struct trial *trial, struct steal_timing *timing) {
    for (unsigned b = 0; b < STEAL_TIMING_BLOCKS; b++) {
        double ns[STEAL_TIMING_KINDS] = {[STEAL_TIMING_PROBE_WRITTEN] =
                                             block(trial, ORDER_EMPTY, one_by_one, STEAL_EMPTY)};
        /* Here, right after probes of the same deques: their lines have come. */
        ns[STEAL_TIMING_PROBE_HELD] = block(trial, ORDER_NONE, one_by_one, STEAL_EMPTY);
        ns[STEAL_TIMING_PROBE_ROW] = block(trial, ORDER_EMPTY, in_a_row, STEAL_EMPTY);
        ns[STEAL_TIMING_STEAL] = block(trial, ORDER_FILL, one_by_one, STEAL_SUCCESS);
        for (int k = 0; k < STEAL_TIMING_KINDS; k++)
            timing->ns[k][b] = ns[k];
    }
    order(trial, ORDER_END);
}

/* ---- Both ----------------------------------------------------------------------------------- */

static bool trial_init(struct trial *trial, const struct grainbench_setup *setup) {
    memset(trial, 0, sizeof *trial);
    trial->setup = setup;
    epoch_init(&trial->epoch, EPOCH_PROCESSOR);
    for (unsigned r = 0; r < 2; r++)
        epoch_register(&trial->epoch, &trial->records[r], &trial->tallies);
    sync_init_u64(&trial->given, 0);
    sync_init_u64(&trial->done, 0);
    bool good = true;
    for (unsigned d = 0; d < DEQUES; d++)
        good &= deque_init(&trial->deques[d], &trial->words[d], DEQUE_PACKED);
    return good;
}

static bool run(struct sync_domain *domain, struct trial *trial, struct steal_timing *timing,
                struct error *error) {
    if (trial->setup->worker_start) trial->setup->worker_start(trial->setup->context, 0);
    struct sync_thread *owner = sync_thread_start(domain, 1, own, trial);
    if (!owner) return error_set(error, "a second thread cannot be started");
    take_times(trial, timing);
    sync_thread_join(domain, owner);
    return !trial->unexpected ||
           error_set(error, "%u of the timed steals ended as none can", trial->unexpected);
}

bool SYNC_EXPORT(steal_timing)(const struct grainbench_setup *setup, struct steal_timing *timing,
                               struct error *error) {
    struct sync_domain *domain = sync_domain_create(setup, 2);
    struct trial *trial = domain ? sync_shared_allocate(sizeof *trial) : NULL;
    bool good = trial && trial_init(trial, setup);
    if (!good) error_set(error, "out of memory");
    sync_enter(domain, 0);
    bool done = good && run(domain, trial, timing, error);
    sync_leave(domain);
    for (unsigned d = 0; trial && d < DEQUES; d++)
        deque_free(&trial->deques[d]);
    sync_shared_free(trial);
    if (domain) sync_domain_destroy(domain);
    return done;
}
