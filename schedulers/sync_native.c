/* SYNC_NATIVE's threads, futexes and memory: Linux and POSIX. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "schedulers/fork_mark.h"
#include "schedulers/futex.h"
#include "schedulers/sync.h"
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

struct sync_domain {
    unsigned fork_generation; /* of the process that made it */
};

struct sync_thread {
    pthread_t handle;
    void (*function)(void *);
    void *argument;
};

struct sync_domain *sync_domain_create(const struct grainbench_setup *setup,
                                       unsigned participants) {
    (void)setup, (void)participants;
    struct sync_domain *domain = malloc(sizeof *domain);
    if (domain) domain->fork_generation = fork_mark_use();
    return domain;
}

void sync_domain_destroy(struct sync_domain *domain) {
    free(domain);
}

void sync_enter(struct sync_domain *domain, unsigned participant) {
    (void)domain, (void)participant;
}

void sync_leave(struct sync_domain *domain) {
    (void)domain;
}

static void *thread_main(void *argument) {
    struct sync_thread *thread = argument;
    thread->function(thread->argument);
    return NULL;
}

struct sync_thread *sync_thread_start(struct sync_domain *domain, unsigned participant,
                                      void (*function)(void *), void *argument) {
    (void)domain, (void)participant;
    struct sync_thread *thread = malloc(sizeof *thread);
    if (!thread) return NULL;
    thread->function = function;
    thread->argument = argument;
    if (pthread_create(&thread->handle, NULL, thread_main, thread) != 0) {
        free(thread);
        return NULL;
    }
    return thread;
}

void sync_thread_join(struct sync_domain *domain, struct sync_thread *thread) {
    if (!sync_forked(domain)) pthread_join(thread->handle, NULL);
    free(thread);
}

bool sync_forked(const struct sync_domain *domain) {
    return domain->fork_generation != fork_mark_generation();
}

void sync_park(sync_u32 *word, uint32_t expected, enum sync_site site) {
    (void)site;
    futex_wait(&word->value, expected);
}

void sync_wake(sync_u32 *word, unsigned count, enum sync_site site) {
    (void)site;
    futex_wake(&word->value, count);
}

void sync_yield(enum sync_site site) {
    (void)site;
    sched_yield();
}

uint64_t sync_now_ns(void) {
    return clock_now_ns();
}

void *sync_allocate(size_t size, enum sync_site site) {
    (void)site;
    return malloc(size);
}

void *sync_reallocate(void *memory, size_t size, enum sync_site site) {
    (void)site;
    return realloc(memory, size);
}

void sync_free(void *memory, enum sync_site site) {
    (void)site;
    free(memory);
}

void *sync_shared_allocate(size_t size) {
    return aligned_alloc(SYNC_LINE, (size + SYNC_LINE - 1) / SYNC_LINE * SYNC_LINE);
}

void sync_shared_free(void *memory) {
    free(memory);
}
