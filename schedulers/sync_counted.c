/* SYNC_COUNTED's pages, threads and waiting. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "schedulers/fork_mark.h"
#include "schedulers/futex.h"
#include "schedulers/lockstep.h"
#include "schedulers/sync.h"
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

static struct ledger
    nobodys_page; /* operations outside sync_enter: a mistake, kept out of the counts */
_Thread_local struct ledger *sync_counted_page = &nobodys_page;
static _Thread_local struct sync_domain *current; /* of the page's participant */

/* Guarded by the mutex: what destroyed domains issued, and those alive. */
static pthread_mutex_t domains_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct ledger total;
static struct sync_domain *domains;

struct sync_domain {
    struct sync_domain *next;
    unsigned fork_generation;
    unsigned participants;
    struct lockstep *lockstep; /* NULL: participants run freely */
    struct ledger pages[];
};

struct sync_thread {
    pthread_t handle;
    struct sync_domain *domain;
    unsigned participant;
    void (*function)(void *);
    void *argument;
};

static void add_pages(const struct sync_domain *domain, struct ledger *sum) {
    for (unsigned i = 0; i < domain->participants; i++) {
        const uint64_t *from = &domain->pages[i].count[0][0][0];
        uint64_t *to = &sum->count[0][0][0];
        for (size_t k = 0; k < sizeof *sum / sizeof *to; k++)
            to[k] += __atomic_load_n(&from[k], __ATOMIC_RELAXED);
    }
}

void ledger_read(struct ledger *out) {
    pthread_mutex_lock(&domains_mutex);
    *out = total;
    for (struct sync_domain *domain = domains; domain; domain = domain->next) {
        if (domain->lockstep && !sync_forked(domain)) lockstep_await_rest(domain->lockstep);
        add_pages(domain, out);
    }
    pthread_mutex_unlock(&domains_mutex);
}

void ledger_reset(void) {
    pthread_mutex_lock(&domains_mutex);
    memset(&total, 0, sizeof total);
    pthread_mutex_unlock(&domains_mutex);
}

struct sync_domain *sync_domain_create(const struct grainbench_setup *setup,
                                       unsigned participants) {
    struct sync_domain *domain = calloc(1, sizeof *domain + participants * sizeof *domain->pages);
    if (!domain) return NULL;
    domain->fork_generation = fork_mark_use();
    domain->participants = participants;
    if (setup->workers == 1) {
        domain->lockstep = lockstep_create(participants);
        if (!domain->lockstep) {
            free(domain);
            return NULL;
        }
    }
    pthread_mutex_lock(&domains_mutex);
    domain->next = domains;
    domains = domain;
    pthread_mutex_unlock(&domains_mutex);
    return domain;
}

void sync_domain_destroy(struct sync_domain *domain) {
    if (!domain) return;
    pthread_mutex_lock(&domains_mutex);
    struct sync_domain **link = &domains;
    while (*link != domain)
        link = &(*link)->next;
    *link = domain->next;
    add_pages(domain, &total);
    pthread_mutex_unlock(&domains_mutex);
    lockstep_destroy(domain->lockstep);
    free(domain);
}

static void become(struct sync_domain *domain, unsigned participant) {
    current = domain;
    sync_counted_page = domain ? &domain->pages[participant] : &nobodys_page;
}

void sync_enter(struct sync_domain *domain, unsigned participant) {
    if (domain->lockstep && !sync_forked(domain)) lockstep_enter(domain->lockstep, participant);
    become(domain, participant);
}

void sync_leave(struct sync_domain *domain) {
    become(NULL, 0);
    if (domain->lockstep && !sync_forked(domain)) lockstep_leave(domain->lockstep);
}

static void *thread_main(void *argument) {
    struct sync_thread *thread = argument;
    struct lockstep *lockstep = thread->domain->lockstep;
    if (lockstep) lockstep_begin(lockstep, thread->participant);
    become(thread->domain, thread->participant);
    thread->function(thread->argument);
    become(NULL, 0);
    if (lockstep) lockstep_end(lockstep, thread->participant);
    return NULL;
}

struct sync_thread *sync_thread_start(struct sync_domain *domain, unsigned participant,
                                      void (*function)(void *), void *argument) {
    struct sync_thread *thread = malloc(sizeof *thread);
    if (!thread) return NULL;
    *thread = (struct sync_thread){
        .domain = domain, .participant = participant, .function = function, .argument = argument};
    if (pthread_create(&thread->handle, NULL, thread_main, thread) != 0) {
        free(thread);
        return NULL;
    }
    if (domain->lockstep) lockstep_queue(domain->lockstep, participant);
    sync_counted_note(SYNC_THREAD_START, SYNC_RELAXED, SITE_THREADS);
    return thread;
}

void sync_thread_join(struct sync_domain *domain, struct sync_thread *thread) {
    if (!sync_forked(domain)) {
        if (domain->lockstep) lockstep_join(domain->lockstep, thread->participant);
        pthread_join(thread->handle, NULL);
    }
    free(thread);
}

bool sync_forked(const struct sync_domain *domain) {
    return domain->fork_generation != fork_mark_generation();
}

void sync_park(sync_u32 *word, uint32_t expected, enum sync_site site) {
    sync_counted_note(SYNC_PARK, SYNC_RELAXED, site);
    if (current && current->lockstep)
        lockstep_park(current->lockstep, &word->value, expected);
    else
        futex_wait(&word->value, expected);
}

void sync_wake(sync_u32 *word, unsigned count, enum sync_site site) {
    sync_counted_note(SYNC_WAKE, SYNC_RELAXED, site);
    if (current && current->lockstep)
        lockstep_wake(current->lockstep, &word->value, count);
    else
        futex_wake(&word->value, count);
}

void sync_yield(enum sync_site site) {
    sync_counted_note(SYNC_YIELD, SYNC_RELAXED, site);
    if (current && current->lockstep)
        lockstep_yield(current->lockstep);
    else
        sched_yield();
}

void sync_pause(enum sync_site site) {
    sync_counted_note(SYNC_PAUSE, SYNC_RELAXED, site);
    if (current && current->lockstep)
        lockstep_yield(current->lockstep);
    else
        processor_pause();
}

uint64_t sync_now_ns(void) {
    return clock_now_ns();
}

void *sync_allocate(size_t size, enum sync_site site) {
    sync_counted_note(SYNC_ALLOCATE, SYNC_RELAXED, site);
    return malloc(size);
}

void *sync_reallocate(void *memory, size_t size, enum sync_site site) {
    sync_counted_note(SYNC_ALLOCATE, SYNC_RELAXED, site);
    return realloc(memory, size);
}

void sync_free(void *memory, enum sync_site site) {
    sync_counted_note(SYNC_FREE, SYNC_RELAXED, site);
    free(memory);
}

void *sync_shared_allocate(size_t size) {
    return aligned_alloc(SYNC_LINE, (size + SYNC_LINE - 1) / SYNC_LINE * SYNC_LINE);
}

void sync_shared_free(void *memory) {
    free(memory);
}
