/* The simulated machine: cores, their order in virtual time, starting and ending. See
 * virtual_machine.h; memory is in virtual_memory.c, sleeping in virtual_futex.c. */
#include "schedulers/virtual_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Thread_local struct virtual_machine *virtual_current;

/* ---- The heap of ready cores -------------------------------------------------------------------
 */

void machine_push(struct virtual_machine *m, unsigned core) {
    uint64_t key = core_key(m, core);
    unsigned i = m->heap_count++;
    while (i && key < m->heap[(i - 1) / 2]) {
        m->heap[i] = m->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    m->heap[i] = key;
}

/* A ready core that is not the current one becomes none. */
void machine_remove(struct virtual_machine *m, unsigned core) {
    unsigned i = 0;
    while ((m->heap[i] & CORE_MASK) != core)
        i++;
    uint64_t key = m->heap[--m->heap_count];
    if (i == m->heap_count) return;
    for (; i && key < m->heap[(i - 1) / 2]; i = (i - 1) / 2)
        m->heap[i] = m->heap[(i - 1) / 2];
    for (unsigned child; (child = 2 * i + 1) < m->heap_count; i = child) {
        if (child + 1 < m->heap_count) child += m->heap[child + 1] < m->heap[child];
        if (key <= m->heap[child]) break;
        m->heap[i] = m->heap[child];
    }
    m->heap[i] = key;
}

/* Puts `key` in place of the smallest and returns that one. */
static uint64_t heap_replace(struct virtual_machine *m, uint64_t key) {
    uint64_t *heap = m->heap, smallest = heap[0];
    unsigned count = m->heap_count, i = 0;
    for (;;) {
        unsigned child = 2 * i + 1;
        if (child >= count) break;
        if (child + 1 < count) child += heap[child + 1] < heap[child];
        if (key <= heap[child]) break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = key;
    return smallest;
}

static void switch_to(struct virtual_machine *m, unsigned core) {
    struct coroutine *from = core_now(m)->coroutine;
    if (core == m->current) return;
    m->current = core;
    m->totals.switches++;
    coroutine_switch(from, m->cores[core].coroutine);
}

void machine_pass_turn(struct virtual_machine *m) {
    uint64_t key = heap_replace(m, core_key(m, m->current));
    switch_to(m, (unsigned)(key & CORE_MASK));
}

_Noreturn static void stop(struct virtual_machine *m) {
    coroutine_switch(core_now(m)->coroutine, m->thread);
    abort(); /* a stopped machine is never continued */
}

_Noreturn void virtual_fail(const char *format, ...) {
    struct virtual_machine *m = virtual_current;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(m->failure.message, sizeof m->failure.message, format, arguments);
    va_end(arguments);
    m->failed = true;
    stop(m);
}

static void fail_deadlock(struct virtual_machine *m) {
    unsigned parked = 0, joining = 0;
    for (unsigned i = 0; i < m->core_count; i++) {
        parked += m->cores[i].state == CORE_PARKED;
        joining += m->cores[i].state == CORE_JOINING;
    }
    virtual_fail("deadlock after %llu operations: %u cores sleep and nobody is left to wake them%s",
                 (unsigned long long)m->steps, parked,
                 joining ? "; one waits for a thread to end" : "");
}

void machine_leave(struct virtual_machine *m) {
    if (!m->heap_count) fail_deadlock(m);
    uint64_t key = m->heap[--m->heap_count];
    if (m->heap_count) key = heap_replace(m, key);
    switch_to(m, (unsigned)(key & CORE_MASK));
}

/* ---- Disturbance --------------------------------------------------------------------------------
 */

static void set_next_attention(struct virtual_machine *m) {
    const struct virtual_disturbance *d = &m->setup.disturbance;
    m->next_attention = m->setup.operation_limit ? m->setup.operation_limit : UINT64_MAX;
    if (d->delay_probability > 0 || m->units) m->next_attention = 0; /* every step */
    if (m->change_point_next < d->change_points) {
        uint64_t point = m->change_points[m->change_point_next];
        if (point < m->next_attention) m->next_attention = point;
    }
}

void machine_attention(struct virtual_machine *m) {
    const struct virtual_disturbance *d = &m->setup.disturbance;
    struct core *core = core_now(m);
    if (m->setup.operation_limit && m->steps >= m->setup.operation_limit)
        virtual_fail("no end after %llu operations: the cores wait for each other without sleeping",
                     (unsigned long long)m->steps);
    if (d->delay_probability > 0 && random_unit(&m->random) < d->delay_probability) {
        uint64_t delay = 1 + random_below(&m->random, (uint64_t)(d->delay_max_ns * 1000));
        core->clock_ps += delay;
        core->account.other_ps += delay;
    }
    while (m->change_point_next < d->change_points &&
           m->steps >= m->change_points[m->change_point_next]) {
        core->priority = ++m->lowest_priority;
        m->change_point_next++;
    }
    set_next_attention(m);
    if (m->units) units_attention(m);
}

static int compare_points(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool disturbance_create(struct virtual_machine *m) {
    const struct virtual_disturbance *d = &m->setup.disturbance;
    m->random.state = d->seed;
    m->lowest_priority = (uint64_t)VIRTUAL_CORES_MAX * 1024;
    if (d->change_points) {
        m->change_points = calloc(d->change_points, sizeof *m->change_points);
        if (!m->change_points) return false;
        uint64_t horizon = d->horizon ? d->horizon : 10000;
        for (unsigned i = 0; i < d->change_points; i++)
            m->change_points[i] = 1 + random_below(&m->random, horizon);
        qsort(m->change_points, d->change_points, sizeof *m->change_points, compare_points);
        for (unsigned i = 0; i < m->core_count; i++)
            m->cores[i].priority = 1 + random_below(&m->random, m->lowest_priority);
    }
    set_next_attention(m);
    return true;
}

/* ---- Making and running -------------------------------------------------------------------------
 */

static uint64_t to_ps(double ns) {
    return ns <= 0 ? 0 : (uint64_t)(ns * 1000 + 0.5);
}

static void set_costs(struct virtual_machine *m, const struct virtual_costs *c) {
    struct picoseconds *p = &m->cost;
    for (int i = 0; i < VIRTUAL_DISTANCES; i++)
        p->transfer[i] = to_ps(c->transfer_ns[i]);
    p->hit = to_ps(c->hit_ns);
    p->transfer[VIRTUAL_SAME] = p->hit;
    p->share = to_ps(c->share_ns);
    p->rmw = to_ps(c->rmw_ns);
    p->fence = to_ps(c->fence_ns);
    p->pause = to_ps(c->pause_ns);
    p->yield = to_ps(c->yield_ns);
    p->futex_wait = to_ps(c->futex_wait_ns);
    p->futex_call = to_ps(c->futex_call_ns);
    p->futex_wake = to_ps(c->futex_wake_ns);
    p->wake_latency = to_ps(c->wake_latency_ns);
    p->wake_long = c->wake_long_ns > c->wake_latency_ns ? to_ps(c->wake_long_ns) : p->wake_latency;
    p->leaf = to_ps(c->leaf_ns);
    p->allocate = to_ps(c->allocate_ns);
    p->free = to_ps(c->free_ns);
    p->remote_free = to_ps(c->remote_free_ns);
    p->copy = to_ps(c->copy_ns);
    p->stream = to_ps(c->stream_ns);
    p->upgrade = to_ps(c->upgrade_ns);
    p->smt_factor = c->smt_factor;
    p->smt_spin_factor = c->smt_spin_factor;
    p->crowd_factor = c->crowd_factor > 0 ? c->crowd_factor : 1;
    p->rmw_drains_stores = c->rmw_drains_stores != 0;
    p->unit_switch = to_ps(m->setup.sharing.switch_ns);
    p->unit_queue = to_ps(m->setup.sharing.queue_ns);
    p->unit_slice = to_ps(m->setup.sharing.slice_ns);
    if (!p->unit_slice) p->unit_slice = UINT64_MAX;
    m->line_shift = c->line_bytes > 64 ? 7 : 6;
}

static enum virtual_distance place_distance(const struct virtual_place *a,
                                            const struct virtual_place *b) {
    if (a->core == b->core) return VIRTUAL_SIBLING;
    if (a->l3 == b->l3) return VIRTUAL_L3;
    return a->package == b->package ? VIRTUAL_PACKAGE : VIRTUAL_REMOTE;
}

static void set_places(struct virtual_machine *m, const struct virtual_place *places) {
    unsigned n = m->core_count;
    for (unsigned a = 0; a < n; a++) {
        m->cores[a].sibling = -1;
        m->cores[a].futex_next = -1;
        m->cores[a].slowness = places[a].slowness > 0 ? places[a].slowness : 1;
        for (unsigned b = 0; b < n; b++) {
            enum virtual_distance d =
                a == b ? VIRTUAL_SAME : place_distance(&places[a], &places[b]);
            m->distances[(size_t)a * n + b] = (uint8_t)d;
            if (d == VIRTUAL_SIBLING) m->cores[a].sibling = (int)b;
        }
    }
}

struct virtual_machine *virtual_machine_create(const struct virtual_setup *setup,
                                               struct error *error) {
    unsigned n = setup->place_count;
    if (n < 1 || n > VIRTUAL_CORES_MAX) {
        error_set(error, "a simulated machine has 1 to %d cores, not %u", VIRTUAL_CORES_MAX, n);
        return NULL;
    }
    struct virtual_machine *m = calloc(1, sizeof *m);
    if (!m) goto no_memory;
    m->setup = *setup;
    m->core_count = n;
    m->heap = calloc(n, sizeof *m->heap);
    m->cores = calloc(n, sizeof *m->cores);
    m->distances = calloc(n, n);
    m->futex_head = m->futex_tail = -1;
    set_costs(m, setup->costs);
    if (!m->heap || !m->cores || !m->distances || !memory_create(m) || !units_create(m))
        goto no_memory;
    set_places(m, setup->places);
    if (!disturbance_create(m)) goto no_memory;
    return m;
no_memory:
    error_set(error, "out of memory for a simulated machine of %u cores", n);
    virtual_machine_destroy(m);
    return NULL;
}

void virtual_machine_destroy(struct virtual_machine *m) {
    if (!m) return;
    memory_destroy(m);
    units_destroy(m);
    free(m->change_points);
    free(m->distances);
    free(m->cores);
    free(m->heap);
    free(m);
}

/* First frame of every core: what is left when its function returns is to wake who joins it. */
static void core_main(void *argument) {
    struct core *core = argument;
    struct virtual_machine *m = virtual_current;
    core->function(core->argument);
    take_turn(m);
    core->state = CORE_ENDED;
    for (unsigned i = 0; i < m->core_count; i++) {
        struct core *other = &m->cores[i];
        if (other->state != CORE_JOINING || &m->cores[other->joined] != core) continue;
        other->account.park_ps += core->clock_ps - other->parked_ps;
        if (m->units) {
            units_runnable(m, i, core->clock_ps);
            continue;
        }
        other->state = CORE_READY;
        other->account.wake_ps += m->cost.wake_latency;
        other->clock_ps = core->clock_ps + m->cost.wake_latency;
        machine_push(m, i);
    }
    if (m->units) units_release(m);
    machine_leave(m);
    abort();
}

static bool core_start(struct virtual_machine *m, unsigned index, void (*function)(void *),
                       void *argument, uint64_t clock_ps, struct error *error) {
    struct core *core = &m->cores[index];
    core->coroutine = coroutine_create(core_main, core, error);
    if (!core->coroutine) return false;
    core->function = function;
    core->argument = argument;
    core->clock_ps = clock_ps;
    core->state = CORE_READY;
    m->started++;
    return true;
}

struct first {
    void (*function)(void *);
    void *argument;
};

static void first_main(void *argument) {
    struct first *first = argument;
    struct virtual_machine *m = virtual_current;
    first->function(first->argument);
    m->finished = true;
    stop(m);
}

bool virtual_machine_run(struct virtual_machine *m, unsigned first_core, void (*function)(void *),
                         void *argument, struct error *error) {
    struct first first = {function, argument};
    struct virtual_machine *outer = virtual_current;
    m->thread = coroutine_of_thread(error);
    if (!m->thread) return false;
    virtual_current = m;
    m->current = first_core;
    m->finished = m->failed = false;
    m->started = 0;
    if (m->units) units_start(m, first_core);
    if (core_start(m, first_core, first_main, &first, m->cores[first_core].clock_ps, error))
        coroutine_switch(m->thread, m->cores[first_core].coroutine);
    virtual_current = outer;
    for (unsigned i = 0; i < m->core_count; i++) {
        coroutine_destroy(m->cores[i].coroutine);
        m->cores[i].coroutine = NULL;
        m->cores[i].state = CORE_UNUSED;
    }
    m->heap_count = 0;
    m->futex_head = m->futex_tail = -1;
    coroutine_destroy(m->thread);
    if (m->failed) return error_set(error, "%s", m->failure.message);
    return m->finished;
}

const struct virtual_account *virtual_machine_account(const struct virtual_machine *m,
                                                      unsigned core) {
    return &m->cores[core].account;
}

const struct virtual_totals *virtual_machine_totals(const struct virtual_machine *m) {
    return &m->totals;
}

const struct virtual_site *virtual_machine_sites(const struct virtual_machine *m) {
    return m->sites;
}

void virtual_machine_reset_counts(struct virtual_machine *m) {
    memset(&m->totals, 0, sizeof m->totals);
    memset(m->sites, 0, sizeof m->sites);
    for (unsigned i = 0; i < m->core_count; i++) {
        struct core *core = &m->cores[i];
        memset(&core->account, 0, sizeof core->account);
        /* A core that sleeps now has slept since this moment as far as the new counts go. */
        if (core->state == CORE_PARKED || core->state == CORE_JOINING)
            core->parked_ps = core_now(m)->clock_ps;
        if (core->state == CORE_QUEUED && core->runnable_ps < core_now(m)->clock_ps)
            core->runnable_ps = core_now(m)->clock_ps;
    }
}

/* ---- Threads ------------------------------------------------------------------------------------
 */

bool virtual_is_running(void) {
    return virtual_current != NULL;
}

unsigned virtual_core(void) {
    return virtual_current->current;
}

unsigned virtual_started(void) {
    return virtual_current->started;
}

uint64_t virtual_now_ps(void) {
    return core_now(virtual_current)->clock_ps;
}

unsigned virtual_spawn(void (*function)(void *), void *argument, int place) {
    struct virtual_machine *m = virtual_current;
    take_turn(m);
    unsigned index = 0;
    if (place >= 0 && (unsigned)place < m->core_count && m->cores[place].state == CORE_UNUSED)
        index = (unsigned)place;
    else
        while (index < m->core_count && m->cores[index].state != CORE_UNUSED)
            index++;
    if (index == m->core_count)
        virtual_fail("more threads than the simulated machine has cores (%u)", m->core_count);
    struct error error;
    if (!core_start(m, index, function, argument, core_now(m)->clock_ps, &error))
        virtual_fail("%s", error.message);
    if (m->units)
        units_runnable(m, index, core_now(m)->clock_ps);
    else
        machine_push(m, index);
    return index;
}

void virtual_join(unsigned index) {
    struct virtual_machine *m = virtual_current;
    take_turn(m);
    struct core *core = core_now(m), *other = &m->cores[index];
    if (other->state != CORE_ENDED) {
        core->state = CORE_JOINING;
        core->joined = index;
        core->parked_ps = core->clock_ps;
        if (m->units) units_release(m);
        machine_leave(m);
    }
    coroutine_destroy(other->coroutine);
    other->coroutine = NULL;
    other->state = CORE_UNUSED;
}
