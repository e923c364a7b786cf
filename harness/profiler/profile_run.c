/* Asks an arm's process for a profile; see profile_run.h. */
#define _GNU_SOURCE
#include "harness/profiler/profile_run.h"

#include <string.h>

enum { ESTIMATE_BATCHES = 8 };

static uint64_t number(const json_t *object, const char *key) {
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

static bool read_symbols(const json_t *symbols, struct profile *profile, struct error *error) {
    for (size_t i = 0; i < json_array_size(symbols); i++) {
        json_t *row = json_array_get(symbols, i);
        const char *name = json_string_value(json_array_get(row, 0));
        const char *object = json_string_value(json_array_get(row, 1));
        uint32_t index = name && object ? profile_intern(profile, name, object) : UINT32_MAX;
        if (index == UINT32_MAX) return error_set(error, "out of memory for the profile");
        profile->symbols[index].self = (uint64_t)json_integer_value(json_array_get(row, 2));
        profile->symbols[index].total = (uint64_t)json_integer_value(json_array_get(row, 3));
    }
    return true;
}

static json_t *make_request(const struct profile_run *run) {
    json_t *request = json_pack("{s:s, s:f, s:i, s:b, s:b}", "do", "profile", "seconds",
                                run->seconds, "frequency", (int)run->sampler.frequency, "user_only",
                                run->sampler.user_only, "timers", run->sampler.timers);
    if (run->folded_path) json_object_set_new(request, "folded", json_string(run->folded_path));
    if (run->firefox_path) json_object_set_new(request, "firefox", json_string(run->firefox_path));
    return request;
}

bool profile_run_sampled(struct arm_process *process, const char *label,
                         const struct profile_run *run, struct profile *profile,
                         struct error *error) {
    json_t *result = arm_process_profile(process, make_request(run), run->seconds, error);
    if (!result) return false;
    *profile = (struct profile){.lost = number(result, "lost"),
                                .throttled = number(result, "throttled"),
                                .collector_cpu_ns = number(result, "collector_cpu_ns"),
                                .run_cpu_ns = number(result, "run_cpu_ns"),
                                .run_ns = number(result, "run_ns"),
                                .frequency = run->sampler.frequency};
    const char *source = json_string_value(json_object_get(result, "source"));
    snprintf(profile->source, sizeof profile->source, "%s", source ? source : "");
    bool ok = read_symbols(json_object_get(result, "symbols"), profile, error);
    profile->sample_count = number(result, "samples"); /* the samples themselves are not here */
    json_decref(result);
    if (ok && profile->sample_count == 0)
        ok = error_set(error, "%s: no samples in %.1f s; sample for longer", label, run->seconds);
    if (!ok) profile_free(profile);
    return ok;
}

json_t *profile_run_counted(struct arm_process *process, double seconds, const char *events,
                            struct error *error) {
    uint64_t digest, ids, duration_ns;
    if (!arm_process_digest(process, 0, ESTIMATE_BATCHES, &digest, &ids, &duration_ns, error))
        return NULL;
    double batch_ns = (double)(duration_ns + 1) / ESTIMATE_BATCHES;
    return arm_process_count(process, 0, (size_t)(seconds * 1e9 / batch_ns) + 1, events, error);
}
