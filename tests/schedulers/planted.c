/* See planted.h. Compiled with the virtual implementation of sync.h. */
#include "planted.h"
#include "base/error.h"
#include "schedulers/sync.h"

enum bug { BUG_NONE, BUG_NO_TAG, BUG_NO_CHECK, BUG_EARLY_DONE };
enum { WORKERS_MOST = 16, SPINS = 3 };

struct SYNC_ALIGNED range {
    sync_u64 word; /* generation | high | low, 16 bits each */
};

struct thread_argument {
    struct grainbench_scheduler *scheduler;
    unsigned worker;
};

struct grainbench_scheduler {
    enum bug bug;
    unsigned workers;
    bool stop;
    const struct grainbench_batch *batch;
    struct sync_domain *domain;
    struct sync_thread *threads[WORKERS_MOST];
    struct thread_argument arguments[WORKERS_MOST];
    SYNC_ALIGNED sync_u32 generation;
    SYNC_ALIGNED sync_u64 done;
    struct range ranges[WORKERS_MOST];
};

static uint64_t pack(const struct grainbench_scheduler *s, uint32_t generation, uint64_t low,
                     uint64_t high) {
    uint64_t tag = s->bug == BUG_NO_TAG ? 0 : generation & 0xffff;
    return tag << 32 | high << 16 | low;
}

static bool claimable(const struct grainbench_scheduler *s, uint64_t word, uint32_t generation) {
    uint64_t tag = s->bug == BUG_NO_TAG ? 0 : generation & 0xffff;
    return word >> 32 == tag && (word & 0xffff) < (word >> 16 & 0xffff);
}

static void run_items(struct grainbench_scheduler *s, const struct grainbench_batch *batch,
                      size_t begin, size_t end, unsigned worker) {
    if (s->bug == BUG_EARLY_DONE)
        sync_fetch_add_u64(&s->done, end - begin, SYNC_RELEASE, SITE_POOL_DONE);
    sync_body(batch, begin, end, worker);
    if (s->bug != BUG_EARLY_DONE)
        sync_fetch_add_u64(&s->done, end - begin, SYNC_RELEASE, SITE_POOL_DONE);
}

static void work(struct grainbench_scheduler *s, unsigned worker, uint32_t generation) {
    const struct grainbench_batch *batch = s->batch;
    uint64_t own = sync_load_u64(&s->ranges[worker].word, SYNC_ACQUIRE, SITE_RANGE_OWN);
    if (s->bug != BUG_NO_TAG && own >> 32 != (generation & 0xffff)) return;
    for (unsigned step = 0; step < s->workers;) {
        unsigned victim = (worker + step) % s->workers;
        sync_u64 *theirs = &s->ranges[victim].word;
        uint64_t word = sync_load_u64(theirs, SYNC_ACQUIRE, SITE_RANGE_STEAL);
        if (!claimable(s, word, generation)) {
            step++;
            continue;
        }
        uint64_t low = word & 0xffff, high = word >> 16 & 0xffff;
        uint64_t middle = step ? high - (high - low + 1) / 2 : low + 1;
        uint64_t rest = step ? pack(s, generation, low, middle) : pack(s, generation, middle, high);
        if (!sync_cas_u64(theirs, &word, rest, SYNC_ACQ_REL, SITE_RANGE_STEAL)) continue;
        if (!step) {
            run_items(s, batch, low, middle, worker);
            continue;
        }
        if (middle + 1 < high)
            sync_store_u64(&s->ranges[worker].word, pack(s, generation, middle + 1, high),
                           SYNC_RELEASE, SITE_RANGE_OWN);
        run_items(s, batch, middle, middle + 1, worker);
        step = 0;
    }
}

static uint32_t await(struct grainbench_scheduler *s, uint32_t seen) {
    for (unsigned round = 0;; round++) {
        uint32_t now = sync_load_u32(&s->generation, SYNC_SEQ_CST, SITE_POOL_WAIT);
        if (now != seen) return now;
        if (round < SPINS) {
            sync_pause(SITE_POOL_WAIT);
            continue;
        }
        /* Right is to sleep only while the generation is the one seen: the futex checks it again.
         * The bug loads it anew and sleeps on whatever it finds. */
        if (s->bug == BUG_NO_CHECK)
            now = sync_load_u32(&s->generation, SYNC_SEQ_CST, SITE_POOL_SLEEP);
        sync_park(&s->generation, now, SITE_POOL_SLEEP);
    }
}

static void thread(void *argument) {
    struct thread_argument *self = argument;
    for (uint32_t seen = 0;;) {
        seen = await(self->scheduler, seen);
        if (self->scheduler->stop) return;
        work(self->scheduler, self->worker, seen);
    }
}

static void publish(struct grainbench_scheduler *s) {
    sync_fetch_add_u32(&s->generation, 1, SYNC_SEQ_CST, SITE_POOL_PUBLISH);
    sync_wake(&s->generation, s->workers, SITE_POOL_WAKE);
}

static struct grainbench_scheduler *create(enum bug bug, const struct grainbench_setup *setup,
                                           char *message) {
    struct grainbench_scheduler *s = sync_shared_allocate(sizeof *s);
    if (!s || setup->workers > WORKERS_MOST) {
        error_write(message, "no memory, or more than %d workers", WORKERS_MOST);
        return NULL;
    }
    *s = (struct grainbench_scheduler){.bug = bug, .workers = setup->workers};
    s->domain = sync_domain_create(setup, setup->workers);
    for (unsigned i = 1; i < s->workers; i++) {
        s->arguments[i] = (struct thread_argument){s, i};
        s->threads[i] = sync_thread_start(s->domain, i, thread, &s->arguments[i]);
    }
    return s;
}

static void run(struct grainbench_scheduler *s, const struct grainbench_batch *batch) {
    uint32_t generation = sync_load_u32(&s->generation, SYNC_RELAXED, SITE_POOL_PUBLISH) + 1;
    s->batch = batch;
    sync_store_u64(&s->done, 0, SYNC_RELAXED, SITE_POOL_PUBLISH);
    for (unsigned w = 0; w < s->workers; w++) {
        uint64_t low = batch->item_count * w / s->workers;
        uint64_t high = batch->item_count * (w + 1) / s->workers;
        sync_store_u64(&s->ranges[w].word, pack(s, generation, low, high), SYNC_RELEASE,
                       SITE_RANGE_TURN);
    }
    publish(s);
    work(s, 0, generation);
    while (sync_load_u64(&s->done, SYNC_ACQUIRE, SITE_POOL_JOIN) < batch->item_count)
        sync_pause(SITE_POOL_JOIN);
}

static void destroy(struct grainbench_scheduler *s) {
    s->stop = true;
    publish(s);
    for (unsigned i = 1; i < s->workers; i++)
        sync_thread_join(s->domain, s->threads[i]);
    sync_domain_destroy(s->domain);
    sync_shared_free(s);
}

#define PLANTED(copy, bug)                                                                         \
    static struct grainbench_scheduler *create_##copy(const struct grainbench_setup *setup,        \
                                                      const void *options, char *message) {        \
        (void)options;                                                                             \
        return create(bug, setup, message);                                                        \
    }                                                                                              \
    const struct grainbench_scheduler_operations planted_##copy = {                                \
        .struct_size = sizeof(struct grainbench_scheduler_operations),                             \
        .abi = GRAINBENCH_SCHEDULER_ABI,                                                           \
        .name = "planted-" #copy,                                                                  \
        .summary = "for tests",                                                                    \
        .capabilities = GRAINBENCH_CALLER_IS_WORKER,                                               \
        .create = create_##copy,                                                                   \
        .run = run,                                                                                \
        .destroy = destroy,                                                                        \
    }

PLANTED(none, BUG_NONE);
PLANTED(no_tag, BUG_NO_TAG);
PLANTED(no_check, BUG_NO_CHECK);
PLANTED(early_done, BUG_EARLY_DONE);
