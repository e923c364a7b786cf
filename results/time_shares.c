/* Phases and worker states from records; see time_shares.h. */
#define _GNU_SOURCE
#include "results/time_shares.h"

#include <stdlib.h>

const char *const worker_state_names[WORKER_STATES] = {"in items", "steal", "spin",
                                                       "park",     "wake",  "not told"};

/* What remains of `duration` beyond the phases goes to the last part. */
static void scale_phases(struct time_phases *times, const double *sums, double duration,
                         double items) {
    double rest = duration;
    times->total = 0;
    for (int phase = 0; phase <= PHASE_COUNT; phase++) {
        double sum = phase < PHASE_COUNT ? sums[phase] : rest > 0 ? rest : 0;
        rest -= sum;
        times->us[phase] = sum / items; /* ns an item = us per 1,000 items */
        times->total += times->us[phase];
    }
}

/* From timed samples, if they tell the run phase from the others. */
static bool phases_of_samples(const struct record *record, const struct arm_record *arm,
                              struct time_phases *times) {
    double sums[PHASE_COUNT] = {0}, items = 0, duration = 0;
    for (size_t i = 0; i < record->sample_count; i++) {
        const struct sample *sample = &record->samples[i];
        if (sample->arm != arm->arm || sample->tainted || !sample->items ||
            sample->phases_ns[PHASE_RUN] == RECORD_UNAVAILABLE)
            continue;
        for (int phase = 0; phase < PHASE_COUNT; phase++)
            if (sample->phases_ns[phase] != RECORD_UNAVAILABLE)
                sums[phase] += (double)sample->phases_ns[phase];
        items += (double)sample->items;
        duration += (double)sample->duration_ns;
    }
    if (items > 0) scale_phases(times, sums, duration, items);
    return items > 0;
}

/* Items of an observation: all leaves together. */
static double items_of_leaves(const json_t *line) {
    json_t *sizes = json_object_get(line, "leaf_sizes"), *count;
    const char *key;
    double items = 0;
    json_object_foreach(sizes, key, count) items += strtod(key, NULL) * json_number_value(count);
    return items;
}

/* From an instrumented run that was not timed. */
static bool phases_of_observation(const struct record *record, const struct arm_record *arm,
                                  struct time_phases *times) {
    size_t at = record_find_line(record, 0, "observation", (int)arm->arm);
    if (at == record->line_count) return false;
    const json_t *line = record->lines[at].json;
    json_t *phases = json_object_get(line, "phases_ns");
    double sums[PHASE_COUNT] = {0}, items = items_of_leaves(line);
    double duration = json_number_value(json_object_get(line, "duration_ns"));
    if (!phases || items <= 0 || duration <= 0) return false;
    for (int phase = 0; phase < PHASE_COUNT; phase++)
        sums[phase] = json_number_value(json_object_get(phases, phase_names[phase]));
    scale_phases(times, sums, duration, items);
    return true;
}

bool time_phases_of(const struct record *record, const struct arm_record *arm,
                    struct time_phases *times) {
    return phases_of_samples(record, arm, times) || phases_of_observation(record, arm, times);
}

bool worker_states_of(const struct record *record, const struct arm_record *arm,
                      double shares[WORKER_STATES]) {
    static const char *const keys[WORKER_STATES - 1] = {"run_ns", "steal_ns", "spin_ns", "park_ns",
                                                        "wake_ns"};
    size_t at = record_find_line(record, 0, "observation", (int)arm->arm);
    if (at == record->line_count || !arm->workers) return false;
    const json_t *line = record->lines[at].json;
    double wall = json_number_value(json_object_get(line, "duration_ns")) * arm->workers;
    double useful = json_number_value(json_object_get(line, "useful_ns"));
    json_t *times = json_object_get(line, "worker_times");
    if (wall <= 0 || useful <= 0) return false;
    double sum = 0;
    for (int state = 0; state < WORKER_STATES - 1; state++) {
        double total = 0;
        for (size_t i = 0; i < json_array_size(times); i++)
            total += json_number_value(json_object_get(json_array_get(times, i), keys[state]));
        if (state == 0) total = useful;
        shares[state] = 100 * total / wall;
        sum += shares[state];
    }
    shares[WORKER_STATES - 1] = sum < 100 ? 100 - sum : 0;
    return true;
}
