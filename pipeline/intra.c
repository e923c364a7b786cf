/* A team that shares each batch; see intra.h.
 *
 * The caller publishes a batch under `lock` by raising `generation`; each member takes runs of rows
 * from `next_row` until there are none and raises `finished`. The caller does the same and then
 * waits for the others. */
#define _GNU_SOURCE
#include "pipeline/intra.h"
#include "pipeline/spin.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS_AT_ONCE = 4 };

struct member {
    struct intra *intra;
    pthread_t thread;
    unsigned index;
    void *scratch;
    struct format_counts counts;
    struct failure failure;
    bool failed;
};

struct intra {
    const struct format_setup *setup;
    struct recorder *recorder;
    int stage;
    uint64_t spin_ns;
    unsigned workers, started;
    struct member *members; /* [0] is the caller */
    pthread_mutex_t lock;
    pthread_cond_t work_ready, work_done;
    _Atomic uint64_t generation;
    _Atomic unsigned finished; /* members done with this generation, the caller not counted */
    _Atomic bool stop;
    struct batch *batch;
    _Atomic size_t next_row;
};

static void format_share(struct member *member, struct batch *batch) {
    struct intra *intra = member->intra;
    size_t rows = batch->item.row_count;
    for (;;) {
        size_t first =
            atomic_fetch_add_explicit(&intra->next_row, ROWS_AT_ONCE, memory_order_relaxed);
        if (first >= rows || member->failed) return;
        size_t last = first + ROWS_AT_ONCE < rows ? first + ROWS_AT_ONCE : rows;
        member->failed = !format_rows(intra->setup, member->scratch, batch, first, last,
                                      &member->counts, &member->failure);
    }
}

struct wait {
    struct intra *intra;
    uint64_t generation;
};

static bool has_work(void *context) {
    struct wait *wait = context;
    return atomic_load_explicit(&wait->intra->generation, memory_order_acquire) !=
               wait->generation ||
           atomic_load_explicit(&wait->intra->stop, memory_order_relaxed);
}

static bool all_finished(void *context) {
    struct intra *intra = context;
    return atomic_load_explicit(&intra->finished, memory_order_acquire) == intra->workers - 1;
}

static void *member_main(void *argument) {
    struct member *member = argument;
    struct intra *intra = member->intra;
    char name[32];
    snprintf(name, sizeof name, "team %u", member->index);
    account_begin(intra->recorder, name, intra->stage);
    struct wait wait = {intra, 0};
    for (;;) {
        struct account_mark before = account_wait(ACTIVITY_WAIT_IN);
        spin_until(has_work, &wait, intra->spin_ns);
        pthread_mutex_lock(&intra->lock);
        while (!has_work(&wait))
            pthread_cond_wait(&intra->work_ready, &intra->lock);
        pthread_mutex_unlock(&intra->lock);
        account_leave(before);
        if (atomic_load(&intra->stop)) break;
        wait.generation++;
        before = account_enter(intra->stage, ACTIVITY_BUSY, intra->batch->item.sequence);
        format_share(member, intra->batch);
        account_leave(before);
        pthread_mutex_lock(&intra->lock);
        atomic_fetch_add_explicit(&intra->finished, 1, memory_order_release);
        pthread_cond_signal(&intra->work_done);
        pthread_mutex_unlock(&intra->lock);
    }
    account_end();
    return NULL;
}

static void publish(struct intra *intra, struct batch *batch) {
    pthread_mutex_lock(&intra->lock);
    intra->batch = batch;
    atomic_store(&intra->next_row, 0);
    atomic_store(&intra->finished, 0);
    for (unsigned i = 0; i < intra->workers; i++)
        intra->members[i].counts = (struct format_counts){0};
    atomic_fetch_add_explicit(&intra->generation, 1, memory_order_release);
    pthread_mutex_unlock(&intra->lock);
    struct account_mark before = account_wait(ACTIVITY_WAKE);
    pthread_cond_broadcast(&intra->work_ready);
    account_leave(before);
}

static void wait_for_team(struct intra *intra) {
    struct account_mark before = account_wait(ACTIVITY_WAIT_IN);
    spin_until(all_finished, intra, intra->spin_ns);
    pthread_mutex_lock(&intra->lock);
    while (!all_finished(intra))
        pthread_cond_wait(&intra->work_done, &intra->lock);
    pthread_mutex_unlock(&intra->lock);
    account_leave(before);
}

static bool apply(void *shared, void *scratch, struct item *item, struct failure *failure) {
    struct intra *intra = shared;
    struct batch *batch = (struct batch *)item;
    (void)scratch;
    publish(intra, batch);
    format_share(&intra->members[0], batch);
    wait_for_team(intra);
    struct format_counts counts = {0};
    for (unsigned i = 0; i < intra->workers; i++) {
        struct member *member = &intra->members[i];
        if (member->failed) {
            *failure = member->failure;
            return false;
        }
        counts.tokens += member->counts.tokens;
        counts.kept += member->counts.kept;
    }
    format_finish(intra->setup, batch, counts);
    return true;
}

struct transform intra_transform(struct intra *intra, int stage) {
    return (struct transform){.name = "format", .stage = stage, .shared = intra, .apply = apply};
}

void intra_destroy(struct intra *intra) {
    if (!intra) return;
    pthread_mutex_lock(&intra->lock);
    atomic_store(&intra->stop, true);
    pthread_cond_broadcast(&intra->work_ready);
    pthread_mutex_unlock(&intra->lock);
    for (unsigned i = 1; i <= intra->started; i++)
        pthread_join(intra->members[i].thread, NULL);
    for (unsigned i = 0; intra->members && i < intra->workers; i++)
        format_scratch_destroy(intra->setup, intra->members[i].scratch);
    free(intra->members);
    pthread_cond_destroy(&intra->work_ready);
    pthread_cond_destroy(&intra->work_done);
    pthread_mutex_destroy(&intra->lock);
    free(intra);
}

static bool start_team(struct intra *intra, struct error *error) {
    for (unsigned i = 0; i < intra->workers; i++) {
        struct member *member = &intra->members[i];
        member->intra = intra;
        member->index = i;
        member->scratch = format_scratch_create(intra->setup, i, error);
        if (!member->scratch) return false;
    }
    for (unsigned i = 1; i < intra->workers; i++, intra->started++)
        if (pthread_create(&intra->members[i].thread, NULL, member_main, &intra->members[i]) != 0)
            return error_set(error, "cannot start thread %u of the team", i);
    return true;
}

struct intra *intra_create(const struct format_setup *setup, unsigned workers,
                           struct recorder *recorder, int stage, uint64_t spin_ns,
                           struct error *error) {
    struct intra *intra = calloc(1, sizeof *intra);
    if (!intra) {
        error_set(error, "out of memory for the team");
        return NULL;
    }
    *intra = (struct intra){.setup = setup,
                            .recorder = recorder,
                            .stage = stage,
                            .spin_ns = spin_ns,
                            .workers = workers};
    pthread_mutex_init(&intra->lock, NULL);
    pthread_cond_init(&intra->work_ready, NULL);
    pthread_cond_init(&intra->work_done, NULL);
    intra->members = calloc(workers, sizeof *intra->members);
    if (intra->members && start_team(intra, error)) return intra;
    if (!intra->members) error_set(error, "out of memory for the team");
    intra_destroy(intra);
    return NULL;
}
