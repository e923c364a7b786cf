/* Chart: in which phase of a batch counted events fall, as stacked bars. */
#define _GNU_SOURCE
#include "results/plots/plot_parts.h"

#include <string.h>

/* The place of an event among those of a line; its size if it is not there. */
static size_t place_of(const json_t *events, const char *name) {
    size_t place;
    json_t *event;
    json_array_foreach(events, place, event) {
        const char *own = json_string_value(json_object_get(event, "name"));
        if (own && strcmp(own, name) == 0) break;
    }
    return place;
}

/* An event that no phase counted has no row; one of which a phase was refused has none either, for
 * the others' shares are not known then. */
static void put_event(struct stacked_rows *rows, const struct record *record,
                      const struct arm_record *arm, const char *name, const void *context) {
    const char *event = context;
    json_t *line = (json_t *)plot_line_of(record, "counter", arm->arm);
    const json_t *events = json_object_get(line, "events");
    double counts[PHASE_COUNT], sum = 0, items = json_number_value(json_object_get(line, "items"));
    size_t place = place_of(events, event);
    char row[192];
    if (place >= json_array_size(events)) return;
    for (int phase = 0; phase < PHASE_COUNT; phase++) {
        const json_t *object = json_object_get(json_object_get(line, "phases"), phase_names[phase]);
        const json_t *count = json_array_get(json_object_get(object, "counts"), place);
        if (object && !json_is_number(count)) return;
        counts[phase] = json_number_value(count);
        sum += counts[phase];
    }
    if (sum <= 0 || items <= 0) return;
    for (int phase = 0; phase < PHASE_COUNT; phase++)
        counts[phase] *= 100 / sum;
    double per_1000 = 1000 * sum / items;
    snprintf(row, sizeof row, "%s: %s", event, name);
    if (strncmp(event, "task-clock", strlen("task-clock")) == 0)
        stacked_put(rows, row, counts, "%.0f us", per_1000 / 1000);
    else
        stacked_put(rows, row, counts, "%.*f",
                    per_1000 < 10    ? 2
                    : per_1000 < 100 ? 1
                                     : 0,
                    per_1000);
}

bool plot_add_event_phases(struct plot_set *set, const struct plot_block *block, const char *stem,
                           struct error *error) {
    const struct stacked_chart what = {
        .name = "event-phases",
        .heading = "In which phase events fall",
        .how = "share of each event's count on all threads, in a run of its own",
        .caption = "Share of counted events in fork, run, join, collect and drop, one bar an event "
                   "and arm",
        .x_title = "share of the event's count (%), and events per 1,000 items",
        .unit = "per cent of the event's count in",
        .part_names = phase_names,
        .part_colors = plot_phase_colors,
        .parts = PHASE_COUNT,
        .is_share = true,
    };
    struct stacked_rows rows;
    const json_t *events = NULL, *event;
    size_t index;
    if (!stacked_begin(&rows, set, stem, &what, error)) return false;
    /* All arms were asked for the same events; the first that could count tells which. */
    for (size_t i = 0; i < block->series_count && !events; i++)
        events = json_object_get(
            plot_line_of(block->record, "counter", block->series[i].arms[0]->arm), "events");
    json_array_foreach(events, index, event) {
        const char *name = json_string_value(json_object_get(event, "name"));
        if (name) stacked_put_arms(&rows, block, put_event, name);
    }
    return stacked_end(&rows, set, block->record, block->name, error);
}
