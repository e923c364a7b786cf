/* Threads of a simulated machine that share its processing units. See virtual_machine.h.
 *
 * Every ready thread holds a unit and every other thread holds none, so at any virtual time at most
 * `units` threads are on a processor. A thread that becomes runnable takes an idle unit, and runs
 * when that has woken up; without one it joins the queue. A unit that its thread gives up goes to
 * the first of the queue. Threads of the queue are not in the heap: they have no clock until they
 * are given a unit, at the time of the one that gave it up. */
#include "schedulers/virtual_internal.h"

#include <stdlib.h>

enum { NOBODY = -1 };

struct unit {
    int thread;        /* that holds it, or NOBODY */
    uint64_t since_ps; /* has held it, or it has been idle */
};

static void reset(struct virtual_machine *m) {
    for (unsigned i = 0; i < m->setup.sharing.units; i++)
        m->units[i] = (struct unit){.thread = NOBODY};
    m->queue_head = m->queue_tail = NOBODY;
}

bool units_create(struct virtual_machine *m) {
    if (!m->setup.sharing.units) return true;
    m->units = calloc(m->setup.sharing.units, sizeof *m->units);
    if (m->units) reset(m);
    return m->units != NULL;
}

void units_destroy(struct virtual_machine *m) {
    free(m->units);
}

/* ---- The queue ----------------------------------------------------------------------------------
 */

static void enqueue(struct virtual_machine *m, unsigned index, uint64_t now_ps, bool first) {
    struct core *core = &m->cores[index];
    core->state = CORE_QUEUED;
    core->runnable_ps = now_ps;
    core->queue_next = first ? m->queue_head : NOBODY;
    if (first)
        m->queue_head = (int)index;
    else if (m->queue_tail != NOBODY)
        m->cores[m->queue_tail].queue_next = (int)index;
    else
        m->queue_head = (int)index;
    if (core->queue_next == NOBODY) m->queue_tail = (int)index;
}

static bool may_run_on(const struct virtual_machine *m, unsigned index, unsigned unit) {
    return index >= m->setup.sharing.bound || index == unit;
}

/* The first of the queue that may run on the unit, or NOBODY; *before is who stands before it. */
static int first_for(const struct virtual_machine *m, unsigned unit, int *before) {
    *before = NOBODY;
    for (int i = m->queue_head; i != NOBODY; i = m->cores[i].queue_next) {
        if (may_run_on(m, (unsigned)i, unit)) return i;
        *before = i;
    }
    return NOBODY;
}

static bool is_wanted(const struct virtual_machine *m, unsigned unit) {
    int before;
    return first_for(m, unit, &before) != NOBODY;
}

/* Takes it out of the queue. */
static int dequeue(struct virtual_machine *m, unsigned unit) {
    int before, index = first_for(m, unit, &before);
    if (index == NOBODY) return NOBODY;
    int next = m->cores[index].queue_next;
    if (before == NOBODY)
        m->queue_head = next;
    else
        m->cores[before].queue_next = next;
    if (m->queue_tail == index) m->queue_tail = before;
    return index;
}

/* ---- Units --------------------------------------------------------------------------------------
 */

/* The unit that the thread had last if that is idle, or else the one that went idle last, which
 * wakes up soonest; NULL: none is idle. */
static struct unit *idle_unit(const struct virtual_machine *m, unsigned index) {
    struct unit *best = NULL;
    unsigned last = m->cores[index].unit;
    if (m->units[last].thread == NOBODY && may_run_on(m, index, last)) return &m->units[last];
    for (unsigned i = 0; i < m->setup.sharing.units; i++)
        if (m->units[i].thread == NOBODY && may_run_on(m, index, i) &&
            (!best || m->units[i].since_ps > best->since_ps))
            best = &m->units[i];
    return best;
}

bool units_idle_for(const struct virtual_machine *m, unsigned index) {
    return idle_unit(m, index) != NULL;
}

static void hold(struct virtual_machine *m, struct unit *unit, unsigned index, uint64_t now_ps) {
    *unit = (struct unit){.thread = (int)index, .since_ps = now_ps};
    m->cores[index].unit = (unsigned)(unit - m->units);
    m->cores[index].state = CORE_READY;
}

/* The thread, runnable since `runnable_ps`, runs on the unit from `start_ps` on. */
static void run_on(struct virtual_machine *m, struct unit *unit, unsigned index,
                   uint64_t start_ps) {
    struct core *core = &m->cores[index];
    core->account.wake_ps += start_ps - core->runnable_ps;
    if (m->setup.trace)
        m->setup.trace(m->setup.trace_context, index, VIRTUAL_STRETCH_WAKE, core->runnable_ps,
                       start_ps);
    core->clock_ps = start_ps + core->owed_ps;
    core->owed_ps = 0;
    hold(m, unit, index, start_ps);
    machine_push(m, index);
}

void units_start(struct virtual_machine *m, unsigned index) {
    reset(m);
    hold(m, &m->units[0], index, m->cores[index].clock_ps);
}

void units_runnable(struct virtual_machine *m, unsigned index, uint64_t now_ps) {
    struct core *core = &m->cores[index];
    struct unit *unit = idle_unit(m, index);
    if (!unit) {
        enqueue(m, index, now_ps, false);
        return;
    }
    core->runnable_ps = now_ps;
    uint64_t idle_ps = now_ps > unit->since_ps ? now_ps - unit->since_ps : 0;
    run_on(m, unit, index, now_ps + machine_wake_latency_ps(m, idle_ps));
}

void units_release(struct virtual_machine *m) {
    struct core *core = core_now(m);
    struct unit *unit = &m->units[core->unit];
    *unit = (struct unit){.thread = NOBODY, .since_ps = core->clock_ps};
    int next = dequeue(m, core->unit);
    if (next == NOBODY) return;
    /* Who was woken by a call that is not over yet is runnable only then. */
    uint64_t runnable_ps = m->cores[next].runnable_ps;
    uint64_t free_ps = core->clock_ps > runnable_ps ? core->clock_ps : runnable_ps;
    run_on(m, unit, (unsigned)next, free_ps + m->cost.unit_switch);
}

void units_yield(struct virtual_machine *m) {
    if (!is_wanted(m, core_now(m)->unit)) return;
    units_release(m);
    enqueue(m, m->current, core_now(m)->clock_ps, false);
    machine_leave(m);
}

void units_attention(struct virtual_machine *m) {
    if (m->queue_head == NOBODY) return;
    if (m->heap_count && m->heap[0] < core_key(m, m->current)) machine_pass_turn(m);
    const struct core *core = core_now(m);
    if (core->clock_ps - m->units[core->unit].since_ps >= m->cost.unit_slice) units_yield(m);
}

/* ---- Sleeping bodies ----------------------------------------------------------------------------
 */

/* Takes the unit away from the thread that has held one for longest. What that thread was in the
 * middle of, it ends when it has a unit again. */
static struct unit *preempt(struct virtual_machine *m, uint64_t now_ps) {
    struct unit *unit = NULL;
    for (unsigned i = 0; i < m->setup.sharing.units; i++)
        if (may_run_on(m, m->current, i) && (!unit || m->units[i].since_ps < unit->since_ps))
            unit = &m->units[i];
    unsigned index = (unsigned)unit->thread;
    struct core *core = &m->cores[index];
    machine_remove(m, index);
    core->owed_ps = core->clock_ps > now_ps ? core->clock_ps - now_ps : 0;
    enqueue(m, index, now_ps, true);
    return unit;
}

void virtual_sleep(uint64_t duration_ps) {
    struct virtual_machine *m = virtual_current;
    take_turn(m);
    struct core *core = core_now(m);
    uint64_t end_ps = core->clock_ps + duration_ps;
    core->running_items = false;
    core->account.run_ps += duration_ps;
    if (m->setup.trace)
        m->setup.trace(m->setup.trace_context, m->current, VIRTUAL_STRETCH_RUN, core->clock_ps,
                       end_ps);
    if (!m->units) {
        core->clock_ps = end_ps;
        return;
    }
    core->clock_ps += m->cost.futex_wait;
    take_turn(m);
    units_release(m);
    core->state = CORE_ASLEEP;
    if (end_ps < core->clock_ps) end_ps = core->clock_ps; /* it was not asleep in time */
    core->clock_ps = end_ps;
    machine_push(m, m->current);
    machine_leave(m); /* until it is the earliest: at end_ps */
    struct unit *unit = idle_unit(m, m->current);
    hold(m, unit ? unit : preempt(m, end_ps), m->current, end_ps);
}
