/* See lockstep.h. One mutex guards everything; each participant waits on its own condition. */
#include "schedulers/lockstep.h"
#include <pthread.h>
#include <stdlib.h>

enum { NOBODY = -1 };

struct participant {
    pthread_cond_t turn;
    const uint32_t *parked_on; /* NULL: not parked */
    bool ended;
};

struct lockstep {
    pthread_mutex_t mutex;
    pthread_cond_t quiet; /* running became NOBODY */
    int running;
    unsigned count;
    unsigned ready_count;
    unsigned *ready; /* a queue of participants; at most `count` */
    struct participant participants[];
};

struct lockstep *lockstep_create(unsigned participants) {
    struct lockstep *lockstep =
        calloc(1, sizeof *lockstep + participants * sizeof lockstep->participants[0]);
    unsigned *ready = calloc(participants, sizeof *ready);
    if (!lockstep || !ready) {
        free(lockstep);
        free(ready);
        return NULL;
    }
    pthread_mutex_init(&lockstep->mutex, NULL);
    pthread_cond_init(&lockstep->quiet, NULL);
    for (unsigned i = 0; i < participants; i++)
        pthread_cond_init(&lockstep->participants[i].turn, NULL);
    lockstep->ready = ready;
    lockstep->count = participants;
    lockstep->running = NOBODY;
    return lockstep;
}

void lockstep_destroy(struct lockstep *lockstep) {
    if (!lockstep) return;
    for (unsigned i = 0; i < lockstep->count; i++)
        pthread_cond_destroy(&lockstep->participants[i].turn);
    pthread_cond_destroy(&lockstep->quiet);
    pthread_mutex_destroy(&lockstep->mutex);
    free(lockstep->ready);
    free(lockstep);
}

/* The functions below this line are called with the mutex held. */

static void make_ready(struct lockstep *lockstep, unsigned participant) {
    lockstep->ready[lockstep->ready_count++] = participant;
}

static void pass_the_turn(struct lockstep *lockstep) {
    if (lockstep->ready_count == 0) {
        lockstep->running = NOBODY;
        pthread_cond_broadcast(&lockstep->quiet);
        return;
    }
    unsigned next = lockstep->ready[0];
    lockstep->ready_count--;
    for (unsigned i = 0; i < lockstep->ready_count; i++)
        lockstep->ready[i] = lockstep->ready[i + 1];
    lockstep->running = (int)next;
    pthread_cond_signal(&lockstep->participants[next].turn);
}

static void await_turn(struct lockstep *lockstep, unsigned participant) {
    while (lockstep->running != (int)participant)
        pthread_cond_wait(&lockstep->participants[participant].turn, &lockstep->mutex);
}

static void yield_locked(struct lockstep *lockstep) {
    unsigned self = (unsigned)lockstep->running;
    make_ready(lockstep, self);
    pass_the_turn(lockstep);
    await_turn(lockstep, self);
}

/* ---- */

void lockstep_enter(struct lockstep *lockstep, unsigned participant) {
    pthread_mutex_lock(&lockstep->mutex);
    while (lockstep->running != NOBODY)
        pthread_cond_wait(&lockstep->quiet, &lockstep->mutex);
    lockstep->running = (int)participant;
    pthread_mutex_unlock(&lockstep->mutex);
}

void lockstep_leave(struct lockstep *lockstep) {
    pthread_mutex_lock(&lockstep->mutex);
    pass_the_turn(lockstep);
    pthread_mutex_unlock(&lockstep->mutex);
}

void lockstep_await_rest(struct lockstep *lockstep) {
    pthread_mutex_lock(&lockstep->mutex);
    while (lockstep->running != NOBODY)
        pthread_cond_wait(&lockstep->quiet, &lockstep->mutex);
    pthread_mutex_unlock(&lockstep->mutex);
}

void lockstep_queue(struct lockstep *lockstep, unsigned participant) {
    pthread_mutex_lock(&lockstep->mutex);
    make_ready(lockstep, participant);
    pthread_mutex_unlock(&lockstep->mutex);
}

void lockstep_begin(struct lockstep *lockstep, unsigned participant) {
    pthread_mutex_lock(&lockstep->mutex);
    await_turn(lockstep, participant);
    pthread_mutex_unlock(&lockstep->mutex);
}

void lockstep_end(struct lockstep *lockstep, unsigned participant) {
    pthread_mutex_lock(&lockstep->mutex);
    lockstep->participants[participant].ended = true;
    pass_the_turn(lockstep);
    pthread_mutex_unlock(&lockstep->mutex);
}

void lockstep_join(struct lockstep *lockstep, unsigned participant) {
    pthread_mutex_lock(&lockstep->mutex);
    while (!lockstep->participants[participant].ended)
        yield_locked(lockstep);
    pthread_mutex_unlock(&lockstep->mutex);
}

void lockstep_yield(struct lockstep *lockstep) {
    pthread_mutex_lock(&lockstep->mutex);
    yield_locked(lockstep);
    pthread_mutex_unlock(&lockstep->mutex);
}

void lockstep_park(struct lockstep *lockstep, const uint32_t *word, uint32_t expected) {
    pthread_mutex_lock(&lockstep->mutex);
    if (__atomic_load_n(word, __ATOMIC_SEQ_CST) == expected) {
        unsigned self = (unsigned)lockstep->running;
        lockstep->participants[self].parked_on = word;
        pass_the_turn(lockstep);
        await_turn(lockstep, self);
    }
    pthread_mutex_unlock(&lockstep->mutex);
}

void lockstep_wake(struct lockstep *lockstep, const uint32_t *word, unsigned count) {
    pthread_mutex_lock(&lockstep->mutex);
    for (unsigned i = 0; i < lockstep->count && count > 0; i++) {
        if (lockstep->participants[i].parked_on != word) continue;
        lockstep->participants[i].parked_on = NULL;
        make_ready(lockstep, i);
        count--;
    }
    pthread_mutex_unlock(&lockstep->mutex);
}
