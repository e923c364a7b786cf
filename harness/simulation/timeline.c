/* Timelines of simulated arms; see timeline.h. */
#define _GNU_SOURCE
#include "harness/simulation/timeline.h"

#include "base/draft.h"
#include "base/file.h"
#include "results/plots/plot_chart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARM_BATCHES = 2 };

struct stretch {
    unsigned core;
    enum virtual_stretch what;
    uint64_t begin_ps, end_ps;
};

struct arm_timeline {
    char label[ARM_TEXT];
    unsigned workers;
    struct stretch *stretches;
    size_t count, capacity;
    uint64_t begin_ps, done_ps, end_ps; /* of the batch; 0: not begun */
    bool no_memory;
};

struct timeline {
    struct arm_timeline *arms;
    size_t count;
};

struct timeline *timeline_create(void) {
    return calloc(1, sizeof(struct timeline));
}

void timeline_free(struct timeline *timeline) {
    if (!timeline) return;
    for (size_t i = 0; i < timeline->count; i++)
        free(timeline->arms[i].stretches);
    free(timeline->arms);
    free(timeline);
}

/* Joins a stretch to the core's last one if they touch and are of one kind. */
static bool extend_last(struct arm_timeline *arm, const struct stretch *stretch) {
    size_t look = arm->count < 256 ? arm->count : 256;
    for (size_t i = 0; i < look; i++) {
        struct stretch *last = &arm->stretches[arm->count - 1 - i];
        if (last->core != stretch->core) continue;
        if (last->what != stretch->what || last->end_ps != stretch->begin_ps) return false;
        last->end_ps = stretch->end_ps;
        return true;
    }
    return false;
}

static void note_stretch(void *context, unsigned core, enum virtual_stretch what, uint64_t begin_ps,
                         uint64_t end_ps) {
    struct arm_timeline *arm = context;
    struct stretch stretch = {core, what, begin_ps, end_ps};
    if (extend_last(arm, &stretch)) return;
    if (arm->count == arm->capacity) {
        size_t capacity = arm->capacity ? 2 * arm->capacity : 4096;
        struct stretch *stretches = realloc(arm->stretches, capacity * sizeof *stretches);
        if (!stretches) {
            arm->no_memory = true;
            return;
        }
        arm->stretches = stretches;
        arm->capacity = capacity;
    }
    arm->stretches[arm->count++] = stretch;
}

static void note_batch(void *context, uint64_t begin_ps, uint64_t done_ps, uint64_t end_ps) {
    struct arm_timeline *arm = context;
    arm->begin_ps = begin_ps;
    arm->done_ps = done_ps;
    arm->end_ps = end_ps;
}

/* Keeps what lies in the batch, counted from its begin. */
static void cut(struct arm_timeline *arm) {
    size_t kept = 0;
    for (size_t i = 0; i < arm->count; i++) {
        struct stretch s = arm->stretches[i];
        if (s.end_ps <= arm->begin_ps || s.begin_ps >= arm->end_ps || s.core >= arm->workers)
            continue;
        if (s.begin_ps < arm->begin_ps) s.begin_ps = arm->begin_ps;
        if (s.end_ps > arm->end_ps) s.end_ps = arm->end_ps;
        s.begin_ps -= arm->begin_ps;
        s.end_ps -= arm->begin_ps;
        arm->stretches[kept++] = s;
    }
    arm->count = kept;
    arm->done_ps -= arm->begin_ps;
    arm->end_ps -= arm->begin_ps;
    arm->begin_ps = 0;
}

bool timeline_add(struct timeline *timeline, const char *label,
                  const struct prediction_setup *setup, struct error *error) {
    struct arm_timeline *arms = realloc(timeline->arms, (timeline->count + 1) * sizeof *arms);
    if (!arms) return error_set(error, "out of memory for a timeline");
    timeline->arms = arms;
    struct arm_timeline *arm = &arms[timeline->count++];
    *arm = (struct arm_timeline){.workers = setup->spec->workers};
    snprintf(arm->label, sizeof arm->label, "%s", label);
    struct virtual_costs costs;
    struct simulation_setup simulation =
        prediction_simulation(setup, PROFILE_TYPICAL, -1, PROFILE_TYPICAL, &costs);
    struct simulation_result result;
    simulation.warm_batches = WARM_BATCHES;
    simulation.count = 1;
    simulation.trace_stretch = note_stretch;
    simulation.trace_batch = note_batch;
    simulation.trace_context = arm;
    if (!simulation_run(&simulation, &result, error)) return false;
    simulation_free(&result);
    if (arm->no_memory) return error_set(error, "out of memory for a timeline");
    cut(arm);
    return true;
}

static const char *const part_names[] = {"items", "asleep", "waking"};

static bool build_chart(const struct arm_timeline *arm, size_t number, struct chart *chart,
                        struct error *error) {
    static const int colors[] = {3, 7, 1};
    struct chart_builder builder;
    char stem[64];
    snprintf(stem, sizeof stem, "timeline-%zu", number + 1);
    if (!chart_begin(&builder, chart, "timeline", stem, error)) return false;
    double longest = (double)arm->end_ps / 1e6;
    snprintf(chart->heading, sizeof chart->heading, "%.100s, %u workers, one simulated batch",
             arm->label, arm->workers);
    snprintf(chart->subheading, sizeof chart->subheading,
             "all items done after %.1f us, the batch after %.1f us; white: awake without items",
             (double)arm->done_ps / 1e6, longest);
    snprintf(
        chart->caption, sizeof chart->caption,
        "Timeline of one simulated batch: when each of %u workers of %.100s ran items, slept and "
        "was waking.",
        arm->workers, arm->label);
    chart->height = arm->workers > 40 ? 130 + 7 * (int)arm->workers : 450;
    fprintf(builder.values, "rows = %u\nparts = 3\nlongest = %g\n", arm->workers, longest);
    chart_put_texts(builder.values, "part_name", part_names, 3);
    chart_put_integers(builder.values, "part_color", colors, 3);
    chart_put_text(builder.values, "x_title", "us since the batch was handed over");
    chart_put_text(builder.values, "y_title", "worker");
    for (size_t i = 0; i < arm->count; i++)
        fprintf(builder.data, "%.3f %.3f %u %d\n", (double)arm->stretches[i].begin_ps / 1e6,
                (double)arm->stretches[i].end_ps / 1e6, arm->stretches[i].core,
                (int)arm->stretches[i].what + 1);
    return chart_end(&builder, error);
}

bool timeline_draw(const struct timeline *timeline, const char *folder, struct error *error) {
    struct folder_draft draft;
    if (!folder_draft_open(&draft, folder, error)) return false;
    for (size_t i = 0; i < timeline->count; i++) {
        struct chart chart = {0};
        struct chart_output output = {.folder = draft.path, .theme = CHART_LIGHT};
        bool done = build_chart(&timeline->arms[i], i, &chart, error) &&
                    chart_write(&chart, &output, error);
        chart_discard(&chart);
        if (!done) return folder_draft_fail(&draft, error);
    }
    return folder_draft_publish(&draft, error);
}

static void put_name(FILE *out, size_t arm, int worker, const char *kind, const char *name) {
    char *text = NULL;
    json_t *json = json_string(name);
    if (json) text = json_dumps(json, JSON_ENCODE_ANY);
    fprintf(out, "{\"ph\":\"M\",\"pid\":%zu,\"tid\":%d,\"name\":\"%s\",\"args\":{\"name\":%s}},\n",
            arm + 1, worker, kind, text ? text : "\"\"");
    free(text);
    json_decref(json);
}

bool timeline_write_chrome(const struct timeline *timeline, const char *path, struct error *error) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) return error_set(error, "out of memory for a trace");
    fprintf(out, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n");
    for (size_t a = 0; a < timeline->count; a++) {
        const struct arm_timeline *arm = &timeline->arms[a];
        char name[ARM_TEXT + 48];
        snprintf(name, sizeof name, "%s, %u workers (simulated)", arm->label, arm->workers);
        put_name(out, a, 0, "process_name", name);
        for (unsigned w = 0; w < arm->workers; w++) {
            snprintf(name, sizeof name, "worker %u", w);
            put_name(out, a, (int)w, "thread_name", name);
        }
        for (size_t i = 0; i < arm->count; i++) {
            const struct stretch *s = &arm->stretches[i];
            fprintf(
                out,
                "{\"ph\":\"X\",\"pid\":%zu,\"tid\":%u,\"name\":\"%s\",\"ts\":%.3f,\"dur\":%.3f},\n",
                a + 1, s->core, part_names[s->what], (double)s->begin_ps / 1e6,
                (double)(s->end_ps - s->begin_ps) / 1e6);
        }
    }
    fprintf(out, "{\"ph\":\"M\",\"pid\":0,\"name\":\"process_name\",\"args\":{\"name\":"
                 "\"grainbench\"}}]}\n");
    bool written = fclose(out) == 0 ? file_write(path, text, size, error)
                                    : error_set(error, "out of memory for a trace");
    free(text);
    return written;
}
