/* Sleeping and waking on a simulated machine. A waker pays for the call and again for every thread
 * it wakes; a woken thread runs some time later. See virtual_machine.h. */
#include "schedulers/virtual_internal.h"

static void trace(struct virtual_machine *m, unsigned core, enum virtual_stretch what,
                  uint64_t begin_ps, uint64_t end_ps) {
    if (m->setup.trace) m->setup.trace(m->setup.trace_context, core, what, begin_ps, end_ps);
}

static void charge_kernel(struct core *core, uint64_t cost_ps) {
    core->clock_ps += cost_ps;
    core->account.kernel_ps += cost_ps;
    core->running_items = false;
}

bool virtual_futex_wait(const volatile uint32_t *word, uint32_t expected, unsigned kind,
                        unsigned site) {
    struct virtual_machine *m = virtual_current;
    struct core *core = core_now(m);
    charge_kernel(core, m->cost.futex_wait);
    go_last(m);
    take_turn(m);
    m->sites[site].counts[kind]++;
    if (*word != expected) return false;
    m->totals.parks++;
    core->state = CORE_PARKED;
    core->futex = word;
    core->futex_next = -1;
    core->parked_ps = core->clock_ps;
    if (m->futex_tail >= 0)
        m->cores[m->futex_tail].futex_next = (int)m->current;
    else
        m->futex_head = (int)m->current;
    m->futex_tail = (int)m->current;
    if (m->units) units_release(m);
    machine_leave(m);
    return true;
}

uint64_t machine_wake_latency_ps(const struct virtual_machine *m, uint64_t slept_ps) {
    const uint64_t brief = VIRTUAL_SHORT_SLEEP_NS * (uint64_t)1000;
    const uint64_t range = (VIRTUAL_LONG_SLEEP_NS - VIRTUAL_SHORT_SLEEP_NS) * (uint64_t)1000;
    uint64_t beyond = slept_ps > brief ? slept_ps - brief : 0;
    if (beyond > range) beyond = range;
    double part = (double)beyond / (double)range;
    return m->cost.wake_latency +
           (uint64_t)((double)(m->cost.wake_long - m->cost.wake_latency) * part);
}

static void wake_core(struct virtual_machine *m, unsigned index, uint64_t now_ps) {
    struct core *core = &m->cores[index];
    core->account.park_ps += now_ps - core->parked_ps;
    trace(m, index, VIRTUAL_STRETCH_PARK, core->parked_ps, now_ps);
    if (m->units) {
        units_runnable(m, index, now_ps);
        return;
    }
    uint64_t ready_ps = now_ps + machine_wake_latency_ps(m, now_ps - core->parked_ps);
    core->account.wake_ps += ready_ps - now_ps;
    trace(m, index, VIRTUAL_STRETCH_WAKE, now_ps, ready_ps);
    core->clock_ps = ready_ps;
    core->state = CORE_READY;
    machine_push(m, index);
}

unsigned virtual_futex_wake(const volatile uint32_t *word, unsigned count, unsigned kind,
                            unsigned site) {
    struct virtual_machine *m = virtual_current;
    struct core *waker = core_now(m);
    take_turn(m);
    m->sites[site].counts[kind]++;
    charge_kernel(waker, m->cost.futex_call);
    unsigned woken = 0;
    int before = -1;
    for (int i = m->futex_head; i >= 0 && woken < count;) {
        int next = m->cores[i].futex_next;
        if (m->cores[i].futex == word) {
            if (before >= 0)
                m->cores[before].futex_next = next;
            else
                m->futex_head = next;
            if (m->futex_tail == i) m->futex_tail = before;
            bool queues = m->units && !units_idle_for(m, (unsigned)i);
            charge_kernel(waker, queues ? m->cost.unit_queue : m->cost.futex_wake);
            wake_core(m, (unsigned)i, waker->clock_ps);
            m->totals.wakes++;
            woken++;
        } else
            before = i;
        i = next;
    }
    return woken;
}
