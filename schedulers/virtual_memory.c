/* Cache lines of a simulated machine: who holds them and what an access costs. See
 * virtual_machine.h and docs/virtual.md; virtual_heap.c has allocating and freeing.
 *
 * A line has at most one owner (may write) or any number of sharers (may read). An access by a core
 * that does not hold the line in the needed way fetches it from the core that had it last, at the
 * price of the distance; fetches of one line queue up: a write keeps it for its whole transfer, a
 * read only for `share_ns`, because readers can be served one after another from one copy. */
#include "schedulers/virtual_internal.h"

#include <stdlib.h>
#include <string.h>

enum { INDEX_BITS_AT_FIRST = 12, LINES_AT_FIRST = 1024 };

struct line {
    uintptr_t number; /* address >> line_shift */
    uint64_t busy_ps; /* when the next fetch can begin */
    int owner;        /* core that may write, or -1 */
    int holder;       /* core that had it last, or -1: nobody yet */
    uint32_t meant;   /* the line whose state counts: this one, or, on a stack, one of the core's */
};

#define LINE_NONE UINT32_MAX /* on a stack, where nothing is that may be reached */

bool memory_create(struct virtual_machine *m) {
    m->sharer_words = (m->core_count + 63) / 64;
    m->line_index_bits = INDEX_BITS_AT_FIRST;
    m->line_capacity = LINES_AT_FIRST;
    m->line_index = calloc((size_t)1 << m->line_index_bits, sizeof *m->line_index);
    m->lines = calloc(m->line_capacity, sizeof *m->lines);
    m->sharers = calloc((size_t)m->line_capacity * m->sharer_words, sizeof *m->sharers);
    return m->line_index && m->lines && m->sharers && heap_create(m);
}

void memory_destroy(struct virtual_machine *m) {
    heap_destroy(m);
    free(m->line_index);
    free(m->lines);
    free(m->sharers);
}

/* ---- The table of lines -------------------------------------------------------------------------
 */

static size_t slot_of(const struct virtual_machine *m, uintptr_t number) {
    return (size_t)((uint64_t)number * 0x9E3779B97F4A7C15u >> (64 - m->line_index_bits));
}

static void grow_index(struct virtual_machine *m) {
    uint32_t *index = calloc((size_t)2 << m->line_index_bits, sizeof *index);
    if (!index) virtual_fail("out of memory for %u simulated cache lines", m->line_count);
    free(m->line_index);
    m->line_index = index;
    m->line_index_bits++;
    size_t mask = ((size_t)1 << m->line_index_bits) - 1;
    for (uint32_t i = 0; i < m->line_count; i++) {
        size_t slot = slot_of(m, m->lines[i].number);
        while (index[slot])
            slot = (slot + 1) & mask;
        index[slot] = i + 1;
    }
}

static uint32_t line_add(struct virtual_machine *m, uintptr_t number) {
    if (m->line_count == m->line_capacity) {
        uint32_t capacity = m->line_capacity * 2;
        size_t words = m->sharer_words;
        struct line *lines = realloc(m->lines, capacity * sizeof *lines);
        if (lines) m->lines = lines;
        uint64_t *sharers = realloc(m->sharers, capacity * words * sizeof *sharers);
        if (sharers) m->sharers = sharers;
        if (!lines || !sharers)
            virtual_fail("out of memory for %u simulated cache lines", capacity);
        memset(sharers + m->line_capacity * words, 0,
               (capacity - m->line_capacity) * words * sizeof *sharers);
        m->line_capacity = capacity;
    }
    m->lines[m->line_count] =
        (struct line){.number = number, .owner = -1, .holder = -1, .meant = m->line_count};
    return m->line_count++;
}

static uint32_t line_find(struct virtual_machine *m, uintptr_t number) {
    size_t mask = ((size_t)1 << m->line_index_bits) - 1, slot = slot_of(m, number);
    for (uint32_t entry; (entry = m->line_index[slot]) != 0; slot = (slot + 1) & mask)
        if (m->lines[entry - 1].number == number) return entry - 1;
    uint32_t line = line_add(m, number);
    m->line_index[slot] = line + 1;
    if (m->line_count * 2 > mask) grow_index(m);
    return line;
}

/* ---- Stacks -------------------------------------------------------------------------------------
 *
 * What lies on stacks would share lines as the compiler lays out frames, and a line would come back
 * to the same place of a frame or not. So an address on a stack only stands for a line: that of the
 * object's place among those which its core has on its stack now. */

/* A number that no address has. */
static uintptr_t stack_line_number(unsigned core, unsigned place) {
    return UINTPTR_MAX - ((uintptr_t)core << 20 | place);
}

static bool is_on_stack(const struct virtual_machine *m, const void *address) {
    for (unsigned i = 0; i < m->core_count; i++) {
        const struct coroutine *coroutine = m->cores[i].coroutine;
        if (coroutine && coroutine_has_on_stack(coroutine, address)) return true;
    }
    return false;
}

static size_t lines_in(const struct virtual_machine *m, size_t size) {
    return ((size - 1) >> m->line_shift) + 1;
}

void virtual_on_stack(const void *object, size_t size) {
    struct virtual_machine *m = virtual_current;
    struct core *core = core_now(m);
    uintptr_t first = (uintptr_t)object >> m->line_shift;
    if (first << m->line_shift != (uintptr_t)object)
        virtual_fail("an object on a stack begins within a cache line");
    for (size_t i = 0; i < lines_in(m, size); i++) {
        uint32_t meant = line_find(m, stack_line_number(m->current, core->stack_lines++));
        uint32_t line = line_find(m, first + i);
        m->lines[line].meant = meant;
    }
}

void virtual_off_stack(const void *object, size_t size) {
    struct virtual_machine *m = virtual_current;
    uintptr_t first = (uintptr_t)object >> m->line_shift;
    for (size_t i = 0; i < lines_in(m, size); i++) {
        uint32_t line = line_find(m, first + i);
        m->lines[line].meant = LINE_NONE;
        core_now(m)->stack_lines--;
    }
}

static uint32_t line_of(struct virtual_machine *m, const volatile void *address) {
    uint32_t known = m->line_count;
    uint32_t line = line_find(m, (uintptr_t)address >> m->line_shift);
    if (line == known && is_on_stack(m, (const void *)(uintptr_t)address))
        m->lines[line].meant = LINE_NONE;
    if (m->lines[line].meant == LINE_NONE)
        virtual_fail("core %u reaches an object on a stack, but where the compiler has put it must "
                     "not matter: it needs sync_on_stack",
                     m->current);
    return m->lines[line].meant;
}

/* ---- Accesses -----------------------------------------------------------------------------------
 */

/* Fetches the line for the core if it does not hold it; returns when the core has it. */
static uint64_t fetch(struct virtual_machine *m, uint32_t index, bool write, bool *moved) {
    struct line *line = &m->lines[index];
    uint64_t *sharers = m->sharers + (size_t)index * m->sharer_words;
    unsigned self = cache_now(m);
    uint64_t now = core_now(m)->clock_ps, bit = (uint64_t)1 << (self & 63);
    bool holds = write ? line->owner == (int)self : (sharers[self >> 6] & bit) != 0;
    *moved = false;
    if (holds) return now;
    uint64_t arrived = now;
    if (line->holder >= 0 && line->holder != (int)self) {
        uint64_t begin = now > line->busy_ps ? now : line->busy_ps;
        uint8_t distance = m->distances[(size_t)self * m->core_count + (unsigned)line->holder];
        arrived = begin + m->cost.transfer[distance];
        line->busy_ps = write ? arrived : begin + m->cost.share;
        *moved = true;
    } else if (write && line->holder == (int)self) {
        /* It has a copy; others may have one too, which must be invalidated. */
        bool others = false;
        for (unsigned i = 0; i < m->sharer_words; i++)
            others |= (sharers[i] & ~(i == self >> 6 ? bit : 0)) != 0;
        if (others) {
            uint64_t begin = now > line->busy_ps ? now : line->busy_ps;
            arrived = line->busy_ps = begin + m->cost.transfer[VIRTUAL_L3];
            *moved = true;
        }
    }
    if (write) {
        memset(sharers, 0, m->sharer_words * sizeof *sharers);
        line->owner = (int)self;
    } else
        line->owner = -1;
    sharers[self >> 6] |= bit;
    line->holder = (int)self;
    return arrived;
}

void virtual_touch(const volatile void *address, enum virtual_access access, unsigned kind,
                   unsigned site_number) {
    struct virtual_machine *m = virtual_current;
    take_turn(m);
    struct core *core = core_now(m);
    core->running_items = false;
    bool moved;
    uint64_t now = core->clock_ps;
    uint64_t arrived = fetch(m, line_of(m, address), access != VIRTUAL_LOAD, &moved);
    uint64_t done = arrived + m->cost.hit;
    switch (access) {
    case VIRTUAL_LOAD:
        break;
    case VIRTUAL_STORE: /* the store buffer takes it; it is visible when the line has come */
        if (done > core->drained_ps) core->drained_ps = done;
        done = now + m->cost.hit;
        break;
    case VIRTUAL_STORE_ORDERED:
        if (core->drained_ps > done) done = core->drained_ps;
        done += m->cost.fence;
        break;
    case VIRTUAL_RMW:
        if (m->cost.rmw_drains_stores && core->drained_ps > done) done = core->drained_ps;
        done += m->cost.rmw;
        if (moved) m->lines[line_of(m, address)].busy_ps = done;
        m->totals.rmws++;
        break;
    }
    struct virtual_site *site = &m->sites[site_number];
    site->counts[kind]++;
    site->transfers += moved;
    site->memory_ps += done - now;
    m->totals.transfers += moved;
    core->account.memory_ps += done - now;
    core->clock_ps = done;
}

void virtual_recount(unsigned from, unsigned to, unsigned site) {
    struct virtual_machine *m = virtual_current;
    m->sites[site].counts[from]--;
    m->sites[site].counts[to]++;
}

void virtual_fence(unsigned kind, unsigned site) {
    struct virtual_machine *m = virtual_current;
    take_turn(m);
    struct core *core = core_now(m);
    uint64_t now = core->clock_ps, done = core->drained_ps > now ? core->drained_ps : now;
    done += m->cost.fence;
    m->sites[site].counts[kind]++;
    m->sites[site].memory_ps += done - now;
    core->account.memory_ps += done - now;
    core->clock_ps = done;
}

static void wait_a_little(uint64_t cost_ps, unsigned kind, unsigned site) {
    struct virtual_machine *m = virtual_current;
    struct core *core = core_now(m);
    m->totals.operations++;
    m->sites[site].counts[kind]++;
    core->running_items = false;
    core->clock_ps += cost_ps;
    core->account.wait_ps += cost_ps;
    go_last(m);
    if (m->setup.disturbance.change_points || m->setup.operation_limit) take_turn(m);
}

void virtual_pause(unsigned kind, unsigned site) {
    wait_a_little(virtual_current->cost.pause, kind, site);
}

void virtual_yield(unsigned kind, unsigned site) {
    struct virtual_machine *m = virtual_current;
    wait_a_little(m->cost.yield, kind, site);
    if (!m->units) return;
    take_turn(m);
    units_yield(m);
}

/* ---- Copying and arenas -------------------------------------------------------------------------
 */

/* Makes the core hold the line; true if it had to be fetched. The arrival is in *arrived_ps. */
static bool hold(struct virtual_machine *m, uintptr_t address, bool write, uint64_t *arrived_ps) {
    bool moved;
    *arrived_ps = fetch(m, line_of(m, (const void *)address), write, &moved);
    m->totals.transfers += moved;
    return moved;
}

void virtual_move(void *to, const void *from, size_t size, unsigned site_number) {
    struct virtual_machine *m = virtual_current;
    if (!size) return;
    take_turn(m);
    struct core *core = core_now(m);
    uint64_t begin = core->clock_ps, arrived;
    uintptr_t line = (uintptr_t)1 << m->line_shift, at = (uintptr_t)from & ~(line - 1);
    bool fetched = false;
    for (; at < (uintptr_t)from + size; at += line) {
        bool moved = hold(m, at, false, &arrived);
        m->sites[site_number].transfers += moved;
        if (moved && !fetched)
            core->clock_ps = arrived;
        else if (moved)
            core->clock_ps += m->cost.stream;
        fetched |= moved;
        core->clock_ps += m->cost.copy;
    }
    virtual_own(to, size);
    m->sites[site_number].memory_ps += core->clock_ps - begin;
    core->account.memory_ps += core->clock_ps - begin;
}

/* Others have copies, and none of them may write. */
static bool others_share(const struct virtual_machine *m, uint32_t index) {
    const uint64_t *sharers = m->sharers + (size_t)index * m->sharer_words;
    unsigned self = cache_now(m);
    if (m->lines[index].owner >= 0) return false;
    for (unsigned i = 0; i < m->sharer_words; i++) {
        uint64_t own = i == self >> 6 ? (uint64_t)1 << (self & 63) : 0;
        if (sharers[i] & ~own) return true;
    }
    return false;
}

void virtual_own(const void *memory, size_t size) {
    struct virtual_machine *m = virtual_current;
    uintptr_t line = (uintptr_t)1 << m->line_shift;
    uint64_t arrived, took_ps = 0;
    for (uintptr_t at = (uintptr_t)memory & ~(line - 1); at < (uintptr_t)memory + size;
         at += line) {
        bool shared = others_share(m, line_of(m, (const void *)at));
        if (hold(m, at, true, &arrived)) took_ps += shared ? m->cost.upgrade : m->cost.stream;
    }
    core_now(m)->clock_ps += took_ps;
    core_now(m)->account.memory_ps += took_ps;
}

void virtual_arena_touch(unsigned arena, uint64_t hold_ps) {
    struct virtual_machine *m = virtual_current;
    struct core *core = core_now(m);
    uint64_t arrived;
    uintptr_t address = (uintptr_t)m->arenas + (uintptr_t)arena * 128;
    if (!hold(m, address, true, &arrived)) return;
    m->lines[line_of(m, (const void *)address)].busy_ps = arrived + hold_ps;
    core->account.memory_ps += arrived - core->clock_ps;
    core->clock_ps = arrived;
}

/* ---- Work ---------------------------------------------------------------------------------------
 */

static double sibling_factor(const struct virtual_machine *m, const struct core *core) {
    if (core->sibling < 0) return 1;
    const struct core *sibling = &m->cores[core->sibling];
    if (sibling->state != CORE_READY) return 1;
    return sibling->running_items ? m->cost.smt_factor : m->cost.smt_spin_factor;
}

/* By how many of the others that ever run items do so now. */
static double crowd_factor(const struct virtual_machine *m, const struct core *core) {
    unsigned others = 0, running = 0;
    if (m->cost.crowd_factor == 1) return 1;
    for (unsigned i = 0; i < m->core_count; i++) {
        const struct core *other = &m->cores[i];
        if (other == core || (int)i == core->sibling || !other->ran_items) continue;
        others++;
        running += other->state == CORE_READY && other->running_items;
    }
    return others ? 1 + (m->cost.crowd_factor - 1) * running / others : 1;
}

/* How long it takes on the core's unit from now on. */
static uint64_t slowed(const struct virtual_machine *m, const struct core *core,
                       uint64_t duration_ps) {
    const struct virtual_speeds *speeds = &m->setup.speeds;
    unsigned unit = (m->units ? core->unit : m->current) % speeds->units;
    uint64_t at_ps = core->clock_ps;
    double left_ps = (double)duration_ps;
    for (;;) {
        double slowness =
            speeds->slowness[at_ps / speeds->step_ps % speeds->steps * speeds->units + unit];
        uint64_t step_left_ps = speeds->step_ps - at_ps % speeds->step_ps;
        double done_ps = (double)step_left_ps / slowness;
        if (left_ps <= done_ps) return at_ps - core->clock_ps + (uint64_t)(left_ps * slowness);
        left_ps -= done_ps;
        at_ps += step_left_ps;
    }
}

static void run_for(struct virtual_machine *m, struct core *core, uint64_t duration_ps) {
    if (m->setup.trace)
        m->setup.trace(m->setup.trace_context, m->current, VIRTUAL_STRETCH_RUN, core->clock_ps,
                       core->clock_ps + duration_ps);
    core->clock_ps += duration_ps;
    core->account.run_ps += duration_ps;
}

void virtual_work(uint64_t duration_ps) {
    struct virtual_machine *m = virtual_current;
    take_turn(m);
    struct core *core = core_now(m);
    double factor = sibling_factor(m, core) * core->slowness * crowd_factor(m, core);
    uint64_t cost = factor == 1 ? duration_ps : (uint64_t)((double)duration_ps * factor);
    if (m->setup.speeds.slowness) cost = slowed(m, core, cost);
    core->running_items = core->ran_items = true;
    for (; m->units && cost > m->cost.unit_slice; cost -= m->cost.unit_slice) {
        run_for(m, core, m->cost.unit_slice);
        take_turn(m); /* its slice is over */
    }
    run_for(m, core, cost);
}

void virtual_spend(uint64_t duration_ps) {
    struct virtual_machine *m = virtual_current;
    struct core *core = core_now(m);
    m->totals.operations++;
    if (m->setup.speeds.slowness) duration_ps = slowed(m, core, duration_ps);
    core->clock_ps += duration_ps;
    core->account.other_ps += duration_ps;
}

void virtual_compute(uint64_t loads) {
    virtual_spend(loads * virtual_current->cost.hit);
}

void virtual_leaf(void) {
    virtual_spend(virtual_current->cost.leaf);
}
