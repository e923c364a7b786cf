/* The arm's side of profiled runs: samples every thread of the process while batches run; see
 * profile_run.h. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "harness/profiler/profile_run.h"

enum { BATCHES_A_STEP = 4 };

/* Runs batches for `seconds`; adds up what was done. */
static bool run_for(struct arm *arm, double seconds, struct arm_sample *total,
                    struct error *error) {
    uint64_t end = clock_now_ns() + (uint64_t)(seconds * 1e9);
    size_t first = 0;
    do {
        struct arm_sample sample;
        if (!arm_measure(arm, first, BATCHES_A_STEP, &sample, error)) return false;
        total->duration_ns += sample.duration_ns;
        total->cpu_ns += sample.cpu_ns;
        total->items += sample.items;
        total->bytes += sample.bytes;
        first += BATCHES_A_STEP;
    } while (clock_now_ns() < end);
    return true;
}

static json_t *symbols_to_json(const struct profile *profile) {
    json_t *list = json_array();
    for (size_t i = 0; i < profile->symbol_count; i++) {
        const struct profile_symbol *symbol = &profile->symbols[i];
        json_array_append_new(list, json_pack("[s, s, I, I]", symbol->name, symbol->object,
                                              (json_int_t)symbol->self, (json_int_t)symbol->total));
    }
    return list;
}

static bool export_profile(const json_t *request, const char *label, const struct profile *profile,
                           struct error *error) {
    const char *folded = json_string_value(json_object_get(request, "folded"));
    const char *firefox = json_string_value(json_object_get(request, "firefox"));
    return (!folded || profile_write_folded(profile, folded, error)) &&
           (!firefox || profile_write_firefox(profile, label, firefox, error));
}

json_t *profile_serve(struct arm *arm, const char *label, const json_t *request,
                      struct error *error) {
    struct profiler_options options = {
        .frequency = (unsigned)json_integer_value(json_object_get(request, "frequency")),
        .user_only = json_is_true(json_object_get(request, "user_only")),
        .timers = json_is_true(json_object_get(request, "timers"))};
    double seconds = json_number_value(json_object_get(request, "seconds"));
    struct arm_sample total = {0};
    struct profile profile;
    struct profiler *profiler = profiler_create(&options, error);
    json_t *result = NULL;
    if (!profiler) return NULL;
    uint64_t begin = clock_now_ns();
    if (profiler_start(profiler, error) && run_for(arm, seconds, &total, error) &&
        profiler_finish(profiler, &profile, error)) {
        if (export_profile(request, label, &profile, error))
            result = json_pack(
                "{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "symbols",
                symbols_to_json(&profile), "samples", (json_int_t)profile.sample_count, "lost",
                (json_int_t)profile.lost, "throttled", (json_int_t)profile.throttled,
                "collector_cpu_ns", (json_int_t)profile.collector_cpu_ns, "run_cpu_ns",
                (json_int_t)total.cpu_ns, "run_ns", (json_int_t)(clock_now_ns() - begin), "items",
                (json_int_t)total.items, "source", profile.source);
        profile_free(&profile);
    }
    profiler_destroy(profiler);
    return result;
}
