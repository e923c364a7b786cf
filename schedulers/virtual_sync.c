/* SYNC_VIRTUAL's threads, sleeping, time and memory; see sync.h and virtual_machine.h. */
#ifndef SYNC_VIRTUAL
#define SYNC_VIRTUAL 1
#endif
#include "schedulers/sync.h"

#include <stdlib.h>
#include <string.h>

struct sync_domain {
    unsigned participants;
};

struct sync_thread {
    unsigned core;
};

struct sync_domain *sync_domain_create(const struct grainbench_setup *setup,
                                       unsigned participants) {
    (void)setup;
    struct sync_domain *domain = virtual_allocate(sizeof *domain);
    if (domain) domain->participants = participants;
    return domain;
}

void sync_domain_destroy(struct sync_domain *domain) {
    virtual_free(domain);
}

void sync_enter(struct sync_domain *domain, unsigned participant) {
    (void)domain, (void)participant; /* the running core is the participant */
}

void sync_leave(struct sync_domain *domain) {
    (void)domain;
}

struct sync_thread *sync_thread_start(struct sync_domain *domain, unsigned participant,
                                      void (*function)(void *), void *argument) {
    (void)domain;
    struct sync_thread *thread = virtual_allocate(sizeof *thread);
    if (thread) thread->core = virtual_spawn(function, argument, (int)participant);
    return thread;
}

void sync_thread_join(struct sync_domain *domain, struct sync_thread *thread) {
    (void)domain;
    virtual_join(thread->core);
    virtual_free(thread);
}

bool sync_forked(const struct sync_domain *domain) {
    (void)domain;
    return false;
}

void sync_park(sync_u32 *word, uint32_t expected, enum sync_site site) {
    virtual_futex_wait(&word->value, expected, SYNC_PARK, site);
}

void sync_wake(sync_u32 *word, unsigned count, enum sync_site site) {
    virtual_futex_wake(&word->value, count, SYNC_WAKE, site);
}

void sync_yield(enum sync_site site) {
    virtual_yield(SYNC_YIELD, site);
}

uint64_t sync_now_ns(void) {
    return virtual_now_ps() / 1000;
}

void *sync_allocate(size_t size, enum sync_site site) {
    (void)site;
    return virtual_allocate(size);
}

void *sync_reallocate(void *memory, size_t size, enum sync_site site) {
    (void)site;
    if (!memory) return virtual_allocate(size);
    size_t old_size = virtual_allocated_size(memory);
    void *bigger = virtual_allocate(size);
    if (!bigger) return NULL;
    sync_move(bigger, memory, old_size < size ? old_size : size, site);
    virtual_free(memory);
    return bigger;
}

void sync_free(void *memory, enum sync_site site) {
    (void)site;
    virtual_free(memory);
}

void *sync_shared_allocate(size_t size) {
    return virtual_allocate_free_of_charge(size);
}

void sync_shared_free(void *memory) {
    virtual_free_of_charge(memory);
}
