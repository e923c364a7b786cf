/* Counts as JSON; see phase_counts_json.h. */
#define _GNU_SOURCE
#include "harness/counters/phase_counts_json.h"

/* A phase that lasts less than so many of the borders around it is mostly reading. */
enum { BORDERS_A_PHASE = 10 };

static const char *const standing_names[] = {"counted", "estimated", "refused"};

/* An array with a number an event, or null where the group counted too little of the time. */
static json_t *values_to_json(const struct phase_counts *counts, const struct counter_list *list,
                              int lane, enum phase phase) {
    json_t *values = json_array();
    bool refused = phase_counts_standing(counts, lane, phase) == PHASE_REFUSED;
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(
            values, refused ? json_null() : json_real(phase_counts_value(counts, lane, phase, i)));
    return values;
}

/* Of the workers, each by its own borders; of the caller where no worker has the phase. */
static double mean_wall_ns(const struct phase_counts *counts, bool caller_is_last,
                           enum phase phase) {
    struct phase_cell sum = phase_counts_cell(counts, PHASE_ALL_LANES, phase);
    if (caller_is_last) {
        int last = (int)phase_counts_lanes(counts) - 1;
        struct phase_cell caller = phase_counts_cell(counts, last, phase);
        if (sum.batches > caller.batches) {
            sum.batches -= caller.batches;
            sum.wall_ns -= caller.wall_ns;
        }
    }
    return sum.batches ? (double)sum.wall_ns / (double)sum.batches : 0;
}

static json_t *phase_to_json(const struct phase_counts *counts, const struct counter_list *list,
                             const struct phase_counts_facts *facts, enum phase phase) {
    struct phase_cell cell = phase_counts_cell(counts, PHASE_ALL_LANES, phase);
    double wall_ns = mean_wall_ns(counts, facts->caller_is_last, phase);
    double ratio = cell.enabled_ns ? (double)cell.running_ns / (double)cell.enabled_ns : 1;
    return json_pack(
        "{s:f, s:o, s:f, s:s, s:b}", "wall_ns_per_batch", wall_ns, "counts",
        values_to_json(counts, list, PHASE_ALL_LANES, phase), "running_over_enabled", ratio,
        "standing", standing_names[phase_counts_standing(counts, PHASE_ALL_LANES, phase)],
        "mostly_reading", wall_ns < BORDERS_A_PHASE * (double)phase_counts_border_ns(counts));
}

static bool has_phase(const struct phase_counts *counts, int lane, enum phase phase) {
    return phase_counts_cell(counts, lane, phase).batches > 0;
}

static json_t *lanes_to_json(const struct phase_counts *counts, const struct counter_list *list,
                             const struct phase_counts_facts *facts) {
    json_t *lanes = json_array();
    unsigned count = phase_counts_lanes(counts);
    for (unsigned lane = 0; lane < count; lane++) {
        bool caller = facts->caller_is_last && lane + 1 == count;
        json_t *object = json_object();
        json_object_set_new(object, "worker",
                            caller ? json_string("caller") : json_integer((json_int_t)lane));
        for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
            if (has_phase(counts, (int)lane, phase))
                json_object_set_new(object, phase_names[phase],
                                    values_to_json(counts, list, (int)lane, phase));
        json_array_append_new(lanes, object);
    }
    return lanes;
}

/* Sums over phases; a phase that is refused leaves the event without a sum. The run phase by itself
 * is what the work takes: in it nobody waits for others, in fork and join spinning counts too. */
static json_t *sums_to_json(const struct phase_counts *counts, const struct counter_list *list,
                            uint64_t items) {
    double each = (double)(items ? items : 1);
    bool run_refused = phase_counts_standing(counts, PHASE_ALL_LANES, PHASE_RUN) == PHASE_REFUSED;
    json_t *events = json_array();
    bool refused = false;
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        refused |= phase_counts_standing(counts, PHASE_ALL_LANES, phase) == PHASE_REFUSED;
    for (size_t i = 0; i < list->count; i++) {
        double sum = 0;
        for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
            sum += phase_counts_value(counts, PHASE_ALL_LANES, phase, i);
        json_t *event = json_pack("{s:s}", "name", list->events[i].name);
        if (!refused) {
            json_object_set_new(event, "count", json_real(sum));
            json_object_set_new(event, "per_item", json_real(sum / each));
        }
        if (!run_refused)
            json_object_set_new(
                event, "run_per_item",
                json_real(phase_counts_value(counts, PHASE_ALL_LANES, PHASE_RUN, i) / each));
        json_array_append_new(events, event);
    }
    return events;
}

static double least_running_share(const struct phase_counts *counts) {
    double least = 1;
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++) {
        struct phase_cell cell = phase_counts_cell(counts, PHASE_ALL_LANES, phase);
        double share = cell.enabled_ns ? (double)cell.running_ns / (double)cell.enabled_ns : 1;
        if (share < least) least = share;
    }
    return least;
}

json_t *phase_counts_to_json(const struct phase_counts *counts, const struct counter_list *list,
                             const struct phase_counts_facts *facts) {
    json_t *phases = json_object();
    for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
        if (has_phase(counts, PHASE_ALL_LANES, phase))
            json_object_set_new(phases, phase_names[phase],
                                phase_to_json(counts, list, facts, phase));
    double batches = (double)phase_counts_batches(counts);
    return json_pack("{s:I, s:I, s:o, s:o, s:o, s:O, s:f, s:b, s:s, s:I, s:I, s:f, s:i}", "batches",
                     (json_int_t)phase_counts_batches(counts), "items", (json_int_t)facts->items,
                     "events", sums_to_json(counts, list, facts->items), "phases", phases,
                     "workers", lanes_to_json(counts, list, facts), "unavailable",
                     list->unavailable, "running_over_enabled", least_running_share(counts),
                     "user_mode_only", facts->user_only, "reader", facts->rdpmc ? "rdpmc" : "read",
                     "read_ns", (json_int_t)facts->read_ns, "border_ns",
                     (json_int_t)phase_counts_border_ns(counts), "worker_reads_per_batch",
                     batches > 0 ? (double)phase_counts_worker_reads(counts) / batches : 0.0,
                     "uncounted_workers", (int)facts->uncounted);
}
