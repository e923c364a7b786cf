/* `groups`: one counter an L3 cache (or package), over a range of its own; a worker claims windows
 * from its group's counter and, when that is used up, from its neighbours'. Claims of one group
 * stay within its cache, where a line moves faster, and no line is asked for by all workers.
 *
 * A group's claim word holds how many of its items are left, as a signed number. As in counter.c a
 * late worker's claim is adopted: the end of the group's range and the batch are read after the
 * claim, which acquires the caller's release store of the word, and are rewritten only when every
 * item has been run. A neighbour's word is looked at before it is claimed from, so that used-up
 * groups are not written to by everyone. */
#include "schedulers/pool.h"

struct options {
    struct pool_options pool;
    int64_t window;
    int64_t groups;
};

struct SYNC_ALIGNED group {
    sync_u64 left;
    size_t end; /* of its range; published by `left` */
    unsigned members;
};

struct grainbench_scheduler {
    struct pool pool;
    size_t window;
    unsigned group_count;
    struct group *groups;
    unsigned *group_of; /* [workers] */
};

static const struct grainbench_option options[] = {
    {.name = "window",
     .type = GRAINBENCH_OPTION_INTEGER,
     .offset = offsetof(struct options, window),
     .argument = "N",
     .fallback = "1",
     .minimum = 1,
     .maximum = 1e9,
     .help = "items a claim takes"},
    {.name = "groups",
     .type = GRAINBENCH_OPTION_INTEGER,
     .offset = offsetof(struct options, groups),
     .argument = "N",
     .fallback = "0",
     .minimum = 0,
     .maximum = 4096,
     .help = "groups of neighbouring workers; 0: one for each L3 cache in use"},
    POOL_OPTIONS,
    {0}};

/* Claims windows of a group until it has none left; returns the items run. */
static size_t run_group(struct grainbench_scheduler *scheduler, struct pool_worker *worker,
                        struct group *group) {
    size_t window = scheduler->window, done = 0;
    for (;;) {
        int64_t left =
            (int64_t)sync_fetch_sub_u64(&group->left, window, SYNC_ACQUIRE, SITE_GROUP_CLAIM);
        if (left <= 0) return done;
        size_t begin = group->end - (size_t)left;
        size_t count = (size_t)left < window ? (size_t)left : window;
        pool_body(worker, begin, begin + count);
        done += count;
    }
}

static void work(struct grainbench_scheduler *scheduler, struct pool_worker *worker,
                 uint32_t generation) {
    (void)generation;
    unsigned own = scheduler->group_of[worker->index];
    size_t done = run_group(scheduler, worker, &scheduler->groups[own]);
    if (done) pool_report(&scheduler->pool, worker, done);
    for (unsigned step = 1; step < scheduler->group_count; step++) {
        struct group *group = &scheduler->groups[(own + step) % scheduler->group_count];
        if ((int64_t)sync_load_u64(&group->left, SYNC_RELAXED, SITE_GROUP_PROBE) <= 0) continue;
        sync_tally_add(&worker->tallies.probes, 1);
        done = run_group(scheduler, worker, group);
        if (!done) continue;
        sync_tally_add(&worker->tallies.steals, 1);
        pool_report(&scheduler->pool, worker, done);
    }
}

static bool open(struct grainbench_scheduler *scheduler, const struct grainbench_batch *batch,
                 uint32_t generation) {
    size_t begin = 0;
    unsigned members = 0;
    (void)generation;
    for (unsigned g = 0; g < scheduler->group_count; g++) {
        struct group *group = &scheduler->groups[g];
        members += group->members;
        group->end = batch->item_count * members / scheduler->pool.worker_count;
        sync_store_u64(&group->left, group->end - begin, SYNC_RELEASE, SITE_GROUP_CLAIM);
        begin = group->end;
    }
    return true;
}

/* Numbers the groups of the workers from 0 in order of appearance. */
static void set_groups(struct grainbench_scheduler *scheduler, const struct grainbench_setup *setup,
                       unsigned wanted) {
    unsigned workers = setup->workers, count = 0;
    for (unsigned w = 0; w < workers; w++) {
        unsigned g = 0;
        if (wanted)
            g = w * (wanted < workers ? wanted : workers) / workers;
        else if (setup->worker_groups) {
            unsigned same = 0;
            while (setup->worker_groups[same] != setup->worker_groups[w])
                same++;
            g = same < w ? scheduler->group_of[same] : count;
        }
        scheduler->group_of[w] = g;
        if (g >= count) count = g + 1;
    }
    scheduler->group_count = count;
    for (unsigned w = 0; w < workers; w++)
        scheduler->groups[scheduler->group_of[w]].members++;
}

static bool configure(struct grainbench_scheduler *scheduler, const struct grainbench_setup *setup,
                      const void *chosen, char *message) {
    const struct options *values = chosen;
    (void)message;
    scheduler->window = (size_t)values->window;
    scheduler->groups = pool_allocate(setup->workers * sizeof(struct group));
    scheduler->group_of = calloc(setup->workers, sizeof(unsigned));
    if (!scheduler->groups || !scheduler->group_of) return false;
    set_groups(scheduler, setup, (unsigned)values->groups);
    return true;
}

static void release(struct grainbench_scheduler *scheduler) {
    free(scheduler->groups);
    free(scheduler->group_of);
}

static const struct pool_kind kind = {.size = sizeof(struct grainbench_scheduler),
                                      .configure = configure,
                                      .release = release,
                                      .open = open,
                                      .work = work};

static struct grainbench_scheduler *create(const struct grainbench_setup *setup, const void *chosen,
                                           char *message) {
    return pool_create(&kind, setup, chosen, message);
}

const struct grainbench_scheduler_operations SYNC_EXPORT(groups) = {
    POOL_SCHEDULER,
    .run = pool_hook_run,
    .name = "groups",
    .summary = "a counter for each L3 cache, then those of its neighbours",
    .capabilities = GRAINBENCH_CALLER_IS_WORKER,
    .options = options,
    .options_size = sizeof(struct options),
    .create = create,
};
