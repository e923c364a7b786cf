/* Tables of counted events; see table_events.h. `grainbench run --events` and `grainbench profile
 * --events` write the lines; docs/record.md has their members. */
#define _GNU_SOURCE
#include "results/tables/table_events.h"

#include "results/tables/table.h"

#include <math.h>
#include <string.h>

enum { SINGLE_LANES = 5, LANE_LIMIT = 2048 };

struct marks {
    bool reading, estimated, refused, not_told;
};

static bool is_events_line(const struct record_line *line) {
    return strcmp(line->kind, "counter") == 0 && line->arm >= 0 &&
           (json_object_get(line->json, "phases") || json_object_get(line->json, "unavailable"));
}

bool record_has_events(const struct record *record) {
    for (size_t i = 0; i < record->line_count; i++)
        if (is_events_line(&record->lines[i])) return true;
    return false;
}

static double member(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* What turns a sum into the shown figure: counts a thousand items, or microseconds of CPU time. */
static double scale_of(const json_t *line, const char *event) {
    double items = member(line, "items");
    bool time = strncmp(event, "task-clock", strlen("task-clock")) == 0;
    return items > 0 ? 1000 / items / (time ? 1000 : 1) : NAN;
}

static void add_number(struct grid *grid, double value, const char *before, const char *after) {
    double magnitude = fabs(value);
    int decimals = value == 0 || magnitude >= 100 ? 0 : magnitude >= 1 ? 1 : 3;
    grid_add(grid, "%s%.*f%s", before, decimals, value, after);
}

static const char *event_title(const char *name, char *text, size_t size) {
    bool time = strncmp(name, "task-clock", strlen("task-clock")) == 0;
    snprintf(text, size, "%s%s", name, time ? ", us" : "");
    return text;
}

static void row_name(const struct arm_record *arm, char *text, size_t size) {
    char group[200];
    arm_group(arm, group, sizeof group);
    snprintf(text, size, "%s%s%s", group, group[0] ? ", " : "", arm_label(arm));
}

/* ---- by phase ---- */

static void add_phase_cell(struct grid *grid, const json_t *phase, size_t event, double scale,
                           struct marks *marks) {
    const json_t *count = json_array_get(json_object_get(phase, "counts"), event);
    const char *standing = json_string_value(json_object_get(phase, "standing"));
    if (!phase) {
        marks->not_told = true;
        grid_add(grid, "-");
    } else if (!json_is_number(count)) {
        marks->refused = true;
        grid_add(grid, "n/a");
    } else {
        bool estimated = standing && strcmp(standing, "estimated") == 0;
        bool reading = json_is_true(json_object_get(phase, "mostly_reading"));
        marks->estimated |= estimated;
        marks->reading |= reading;
        add_number(grid, json_number_value(count) * scale, estimated ? "~" : "",
                   reading ? "*" : "");
    }
}

static void add_arm_events(struct grid *grid, const struct arm_record *arm, const json_t *line,
                           struct marks *marks) {
    const json_t *events = json_object_get(line, "events");
    const json_t *phases = json_object_get(line, "phases");
    char name[300], title[128];
    row_name(arm, name, sizeof name);
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        const char *event_name = json_string_value(json_object_get(event, "name"));
        if (!event_name) continue;
        double scale = scale_of(line, event_name), sum = member(event, "count") * scale;
        grid_add(grid, "%s", name);
        grid_add(grid, "%u", arm->threads ? arm->threads : arm->workers);
        grid_add(grid, "%s", event_title(event_name, title, sizeof title));
        for (int phase = 0; phase < PHASE_COUNT; phase++)
            add_phase_cell(grid, json_object_get(phases, phase_names[phase]), i, scale, marks);
        if (isfinite(sum))
            add_number(grid, sum, "", "");
        else
            grid_add(grid, "n/a");
        grid_add(grid, "%.3f", member(line, "running_over_enabled"));
    }
}

/* ---- by worker ---- */

static double lane_value(const json_t *lane, const char *phase, size_t event) {
    const json_t *value = json_array_get(json_object_get(lane, phase), event);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static void add_lane(struct grid *grid, const char *arm, const char *event, const char *who,
                     const json_t *lane, size_t index, double scale) {
    grid_add(grid, "%s", arm);
    grid_add(grid, "%s", event);
    grid_add(grid, "%s", who);
    for (int phase = 0; phase < PHASE_COUNT; phase++) {
        double value = lane_value(lane, phase_names[phase], index);
        if (isfinite(value))
            add_number(grid, value * scale, "", "");
        else
            grid_add(grid, "-");
    }
}

/* Workers' lanes in the order of what they counted in run. */
static size_t sort_lanes(const json_t *lanes, size_t event, size_t *order) {
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(lanes) && count < LANE_LIMIT; i++) {
        const json_t *lane = json_array_get(lanes, i);
        if (!json_is_integer(json_object_get(lane, "worker"))) continue;
        double value = lane_value(lane, "run", event);
        size_t at = count++;
        for (; at > 0 && !(lane_value(json_array_get(lanes, order[at - 1]), "run", event) <=
                           (isfinite(value) ? value : 0));
             at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    return count;
}

static void add_arm_lanes(struct grid *grid, const struct arm_record *arm, const json_t *line) {
    const json_t *events = json_object_get(line, "events");
    const json_t *lanes = json_object_get(line, "workers");
    static const char *const places[] = {"fewest in run", "median in run", "most in run"};
    char name[300], title[128], who[32];
    row_name(arm, name, sizeof name);
    for (size_t i = 0; i < json_array_size(events); i++) {
        const char *event = json_string_value(json_object_get(json_array_get(events, i), "name"));
        size_t order[LANE_LIMIT], count = json_array_size(lanes);
        if (!event) continue;
        double scale = scale_of(line, event);
        event_title(event, title, sizeof title);
        bool all = count <= SINGLE_LANES;
        size_t workers = all ? 0 : sort_lanes(lanes, i, order);
        for (size_t place = 0; workers && place < 3; place++)
            add_lane(grid, name, title, places[place],
                     json_array_get(lanes, order[place * (workers - 1) / 2]), i, scale);
        for (size_t lane = 0; lane < count; lane++) {
            const json_t *object = json_array_get(lanes, lane);
            const json_t *worker = json_object_get(object, "worker");
            if (!all && json_is_integer(worker)) continue;
            if (json_is_integer(worker))
                snprintf(who, sizeof who, "worker %d", (int)json_integer_value(worker));
            else
                snprintf(who, sizeof who, "caller");
            add_lane(grid, name, title, who, object, i, scale);
        }
    }
}

/* ---- notes ---- */

struct range {
    double low, high;
};

static void widen(struct range *range, double value) {
    if (!isfinite(value)) return;
    if (!(value >= range->low)) range->low = value;
    if (!(value <= range->high)) range->high = value;
}

/* "972 to 1262", or one number where both would read the same. */
static const char *range_text(const struct range *range, int decimals, char *text, size_t size) {
    char high[32];
    snprintf(text, size, "%.*f", decimals, range->low);
    snprintf(high, sizeof high, "%.*f", decimals, range->high);
    size_t used = strlen(text);
    if (strcmp(text, high) != 0) snprintf(text + used, size - used, " to %s", high);
    return text;
}

static void print_reading_costs(const struct record *record, FILE *out) {
    struct range read = {NAN, NAN}, border = {NAN, NAN}, reads = {NAN, NAN}, items = {NAN, NAN};
    const char *reader = "read";
    bool user_only = false;
    char a[80], b[80], c[80], d[80], name[300];
    for (size_t i = 0; i < record->line_count; i++) {
        const json_t *line = record->lines[i].json;
        if (!is_events_line(&record->lines[i]) || !json_object_get(line, "phases")) continue;
        widen(&read, member(line, "read_ns"));
        widen(&border, member(line, "border_ns") / 1000);
        widen(&reads, member(line, "worker_reads_per_batch"));
        widen(&items, member(line, "items") / member(line, "batches"));
        if (json_is_string(json_object_get(line, "reader")))
            reader = json_string_value(json_object_get(line, "reader"));
        user_only |= json_is_true(json_object_get(line, "user_mode_only"));
        if (!(member(line, "uncounted_workers") > 0)) continue;
        row_name(&record->arms[record->lines[i].arm], name, sizeof name);
        fprintf(out, "%s: the threads of %.0f workers are not known and were not counted.\n", name,
                member(line, "uncounted_workers"));
    }
    fprintf(out,
            "One read of a group took %s ns (by %s); a border, where the caller reads all of them, "
            "%s us at\nleast; workers read their own %s times a batch of %s items%s.\n",
            range_text(&read, 0, a, sizeof a), reader, range_text(&border, 1, b, sizeof b),
            range_text(&reads, 1, c, sizeof c), range_text(&items, 0, d, sizeof d),
            user_only ? "; user mode only" : "");
}

/* Each reason once, however many arms it is true of. */
static void print_unavailable(const struct record *record, FILE *out) {
    for (size_t i = 0; i < record->line_count; i++) {
        const json_t *missing = json_object_get(record->lines[i].json, "unavailable");
        if (!is_events_line(&record->lines[i])) continue;
        if (json_is_string(missing))
            fprintf(out, "%s: n/a: %s.\n", arm_label(&record->arms[record->lines[i].arm]),
                    json_string_value(missing));
        for (size_t k = 0; k < json_array_size(missing); k++) {
            const json_t *event = json_array_get(missing, k);
            bool said = false;
            for (size_t before = 0; before < i && !said; before++) {
                const json_t *others = json_object_get(record->lines[before].json, "unavailable");
                for (size_t m = 0;
                     is_events_line(&record->lines[before]) && !said && m < json_array_size(others);
                     m++)
                    said = json_equal(json_array_get(others, m), event);
            }
            if (!said)
                fprintf(out, "%s: n/a: %s.\n", json_string_value(json_object_get(event, "name")),
                        json_string_value(json_object_get(event, "why")));
        }
    }
}

static void print_notes(const struct record *record, const struct marks *marks, FILE *out) {
    fputs("Untimed run; each worker by its own borders: fork until its first item, run until its "
          "last\none, join until all are done. A worker without items stays in fork, a caller that "
          "only\nwaits in join.\n",
          out);
    if (marks->not_told)
        fputs(
            "-: of no phase: a scheduler that does not tell when it collects does so in join; what "
            "is not timed\nis not counted.\n",
            out);
    if (marks->reading)
        fputs("*: the phase lasts less than ten borders, so much of this is the reading.\n", out);
    if (marks->estimated)
        fputs("~: the group counted a part of the time and is scaled up by it.\n", out);
    if (marks->refused)
        fputs("n/a: the group counted less than a tenth of the time; ask for fewer events.\n", out);
    print_reading_costs(record, out);
    print_unavailable(record, out);
}

/* ---- tables ---- */

typedef void add_rows(struct grid *, const struct arm_record *, const json_t *, struct marks *);

static void add_phase_rows(struct grid *grid, const struct arm_record *arm, const json_t *line,
                           struct marks *marks) {
    add_arm_events(grid, arm, line, marks);
}

static void add_lane_rows(struct grid *grid, const struct arm_record *arm, const json_t *line,
                          struct marks *marks) {
    (void)marks;
    add_arm_lanes(grid, arm, line);
}

static bool print_rows(const struct record *record, const char *const *titles, add_rows *add,
                       const char *heading, bool markdown, struct marks *marks, FILE *out,
                       struct error *error) {
    struct grid *grid = grid_create(titles);
    if (!grid) return error_set(error, "out of memory for a table");
    for (size_t i = 0; i < record->line_count; i++)
        if (is_events_line(&record->lines[i]) && json_object_get(record->lines[i].json, "phases"))
            add(grid, &record->arms[record->lines[i].arm], record->lines[i].json, marks);
    fprintf(out, "%s%s\n\n", markdown ? "### " : "", heading);
    bool ok = grid_print(grid, markdown ? GRID_MARKDOWN : GRID_TEXT, out, error);
    fputc('\n', out);
    grid_free(grid);
    return ok;
}

bool table_print_events(const struct record *record, bool markdown, FILE *out,
                        struct error *error) {
    static const char *const phases[] = {"<arm", "threads", "<event", "fork", "run",
                                         "join", "collect", "drop",   "sum",  "running/enabled",
                                         NULL};
    static const char *const workers[] = {"<arm", "<event",  "<who", "fork", "run",
                                          "join", "collect", "drop", NULL};
    struct marks marks = {0};
    bool any = false;
    for (size_t i = 0; i < record->line_count; i++)
        any |=
            is_events_line(&record->lines[i]) && json_object_get(record->lines[i].json, "phases");
    if (any && (!print_rows(record, phases, add_phase_rows, "Events by phase: per 1,000 items",
                            markdown, &marks, out, error) ||
                !print_rows(record, workers, add_lane_rows, "Events by worker: per 1,000 items",
                            markdown, &marks, out, error)))
        return false;
    if (any)
        print_notes(record, &marks, out);
    else
        print_unavailable(record, out);
    return true;
}
