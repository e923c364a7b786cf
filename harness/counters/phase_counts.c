/* Events by phase and worker; see phase_counts.h.
 *
 * A lane's own thread writes `first`, `last` and `entered` inside the body; the calling thread
 * reads and resets them while no body runs. The scheduler's handing over and its join order the
 * two. */
#define _GNU_SOURCE
#include "harness/counters/phase_counts.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define LANE_ALIGNMENT 128
/* Below it a value would be mostly extrapolated. */
#define LEAST_RUNNING_SHARE 0.1
/* Clocks of the two ways to read differ by some nanoseconds. */
#define WHOLE_RUNNING_SHARE 0.999

struct border {
    uint64_t time_ns;
    struct counter_raw raw;
};

struct lane {
    _Alignas(LANE_ALIGNMENT) struct border at; /* the latest border of all lanes */
    struct border first, last;                 /* of its own items in this batch */
    uint64_t reads;
    bool entered, failed;
    struct phase_cell cells[PHASE_COUNT];
};

struct phase_counts {
    struct phase_counts_setup setup;
    struct lane *lanes;
    unsigned lane_count;
    uint64_t batches, border_ns; /* border_ns: the least so far, 0 before the first */
    bool joined;                 /* this batch's join border has been read */
};

struct phase_counts *phase_counts_create(const struct phase_counts_setup *setup,
                                         struct error *error) {
    struct phase_counts *counts = calloc(1, sizeof *counts);
    unsigned lanes = setup->workers + setup->caller_lane;
    if (counts) counts->lanes = aligned_alloc(LANE_ALIGNMENT, lanes * sizeof *counts->lanes);
    if (!counts || !counts->lanes) {
        free(counts);
        error_set(error, "out of memory for the counts of %u threads", lanes);
        return NULL;
    }
    memset(counts->lanes, 0, lanes * sizeof *counts->lanes);
    counts->setup = *setup;
    counts->lane_count = lanes;
    return counts;
}

void phase_counts_destroy(struct phase_counts *counts) {
    if (!counts) return;
    free(counts->lanes);
    free(counts);
}

void phase_counts_reset(struct phase_counts *counts) {
    memset(counts->lanes, 0, counts->lane_count * sizeof *counts->lanes);
    counts->batches = counts->border_ns = 0;
}

static void read_border(struct phase_counts *counts, unsigned lane, bool own,
                        struct border *border) {
    border->time_ns = clock_now_ns();
    if (!counts->setup.read(counts->setup.context, lane, own, &border->raw))
        counts->lanes[lane].failed = true;
}

static uint64_t since(uint64_t from, uint64_t to) {
    return to > from ? to - from : 0;
}

static void add_phase(struct phase_counts *counts, struct lane *lane, enum phase phase,
                      const struct border *from, const struct border *to) {
    struct phase_cell *cell = &lane->cells[phase];
    cell->batches++;
    cell->wall_ns += since(from->time_ns, to->time_ns);
    cell->enabled_ns += since(from->raw.enabled_ns, to->raw.enabled_ns);
    cell->running_ns += since(from->raw.running_ns, to->raw.running_ns);
    for (size_t i = 0; i < counts->setup.event_count; i++)
        cell->values[i] += since(from->raw.values[i], to->raw.values[i]);
}

static bool is_caller(const struct phase_counts *counts, unsigned lane) {
    return counts->setup.caller_lane && lane == counts->setup.workers;
}

/* Ends the phases of a lane up to the moment when all workers were done. */
static void end_items(struct phase_counts *counts, unsigned index, const struct border *now) {
    struct lane *lane = &counts->lanes[index];
    if (lane->entered) {
        add_phase(counts, lane, PHASE_FORK, &lane->at, &lane->first);
        add_phase(counts, lane, PHASE_RUN, &lane->first, &lane->last);
        add_phase(counts, lane, PHASE_JOIN, &lane->last, now);
    } else {
        add_phase(counts, lane, is_caller(counts, index) ? PHASE_JOIN : PHASE_FORK, &lane->at, now);
    }
    lane->entered = false;
}

/* One border of all lanes; `phase` ends with it. PHASE_COUNT: none does. */
static void pass_border(struct phase_counts *counts, enum phase phase) {
    uint64_t begin_ns = clock_now_ns();
    for (unsigned i = 0; i < counts->lane_count; i++) {
        struct lane *lane = &counts->lanes[i];
        struct border now;
        read_border(counts, i, is_caller(counts, i), &now);
        if (phase == PHASE_JOIN)
            end_items(counts, i, &now);
        else if (phase != PHASE_COUNT)
            add_phase(counts, lane, phase, &lane->at, &now);
        lane->at = now;
    }
    uint64_t took_ns = clock_now_ns() - begin_ns;
    if (!counts->border_ns || took_ns < counts->border_ns) counts->border_ns = took_ns;
}

void phase_counts_begin(struct phase_counts *counts) {
    counts->batches++;
    counts->joined = false;
    pass_border(counts, PHASE_COUNT);
}

void phase_counts_joined(struct phase_counts *counts) {
    counts->joined = true;
    pass_border(counts, PHASE_JOIN);
}

void phase_counts_returned(struct phase_counts *counts) {
    pass_border(counts, counts->joined ? PHASE_COLLECT : PHASE_JOIN);
}

void phase_counts_dropped(struct phase_counts *counts) {
    pass_border(counts, PHASE_DROP);
}

void phase_counts_enter(struct phase_counts *counts, unsigned worker) {
    struct lane *lane = &counts->lanes[worker];
    if (lane->entered) return;
    lane->entered = true;
    read_border(counts, worker, true, &lane->first);
    lane->reads++;
}

void phase_counts_leave(struct phase_counts *counts, unsigned worker) {
    struct lane *lane = &counts->lanes[worker];
    read_border(counts, worker, true, &lane->last);
    lane->reads++;
}

/* ---- results ---- */

static void add_cell(struct phase_cell *sum, const struct phase_cell *cell, size_t events) {
    sum->batches += cell->batches;
    sum->wall_ns += cell->wall_ns;
    sum->enabled_ns += cell->enabled_ns;
    sum->running_ns += cell->running_ns;
    for (size_t i = 0; i < events; i++)
        sum->values[i] += cell->values[i];
}

static double running_share(const struct phase_cell *cell) {
    /* A thread that did not run had nothing to count. */
    return cell->enabled_ns ? (double)cell->running_ns / (double)cell->enabled_ns : 1;
}

static enum phase_standing cell_standing(const struct phase_cell *cell) {
    double share = running_share(cell);
    return share < LEAST_RUNNING_SHARE   ? PHASE_REFUSED
           : share < WHOLE_RUNNING_SHARE ? PHASE_ESTIMATED
                                         : PHASE_COUNTED;
}

static bool is_meant(int wanted, unsigned lane) {
    return wanted == PHASE_ALL_LANES || (unsigned)wanted == lane;
}

enum phase_standing phase_counts_standing(const struct phase_counts *counts, int lane,
                                          enum phase phase) {
    enum phase_standing worst = PHASE_COUNTED;
    for (unsigned i = 0; i < counts->lane_count; i++) {
        enum phase_standing standing = cell_standing(&counts->lanes[i].cells[phase]);
        if (is_meant(lane, i) && standing > worst) worst = standing;
    }
    return worst;
}

double phase_counts_value(const struct phase_counts *counts, int lane, enum phase phase,
                          size_t event) {
    double sum = 0;
    for (unsigned i = 0; i < counts->lane_count; i++) {
        const struct phase_cell *cell = &counts->lanes[i].cells[phase];
        if (!is_meant(lane, i) || !cell->running_ns) continue;
        sum += (double)cell->values[event] / running_share(cell);
    }
    return sum;
}

struct phase_cell phase_counts_cell(const struct phase_counts *counts, int lane, enum phase phase) {
    struct phase_cell sum = {0};
    for (unsigned i = 0; i < counts->lane_count; i++)
        if (is_meant(lane, i))
            add_cell(&sum, &counts->lanes[i].cells[phase], counts->setup.event_count);
    return sum;
}

unsigned phase_counts_lanes(const struct phase_counts *counts) {
    return counts->lane_count;
}

uint64_t phase_counts_batches(const struct phase_counts *counts) {
    return counts->batches;
}

uint64_t phase_counts_worker_reads(const struct phase_counts *counts) {
    uint64_t reads = 0;
    for (unsigned i = 0; i < counts->lane_count; i++)
        reads += counts->lanes[i].reads;
    return reads;
}

uint64_t phase_counts_border_ns(const struct phase_counts *counts) {
    return counts->border_ns;
}

bool phase_counts_complete(const struct phase_counts *counts) {
    for (unsigned i = 0; i < counts->lane_count; i++)
        if (counts->lanes[i].failed) return false;
    return true;
}
