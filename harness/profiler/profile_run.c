/* Profiled runs in processes of their own; see profile_run.h. The child sends one JSON object
 * through a pipe: what it found, or {"error": sentence}. */
#define _GNU_SOURCE
#include "harness/profiler/profile_run.h"

#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREAD_LIMIT = 1024, WARM_BATCHES = 8, BATCHES_A_STEP = 4 };

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

static bool export_profile(const struct profile_run *run, const struct profile *profile,
                           struct error *error) {
    return (!run->folded_path || profile_write_folded(profile, run->folded_path, error)) &&
           (!run->firefox_path ||
            profile_write_firefox(profile, run->arm.spec->label, run->firefox_path, error));
}

static json_t *sample_arm(const struct profile_run *run, struct arm *arm, struct error *error) {
    struct arm_sample total = {0};
    struct profile profile;
    struct profiler *profiler = profiler_create(&run->sampler, error);
    json_t *result = NULL;
    if (!profiler) return NULL;
    uint64_t begin = clock_now_ns();
    if (profiler_start(profiler, error) && run_for(arm, run->seconds, &total, error) &&
        profiler_finish(profiler, &profile, error)) {
        if (export_profile(run, &profile, error))
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

/* ---- counting ---- */

static size_t list_threads(pid_t *threads) {
    DIR *directory = opendir("/proc/self/task");
    size_t count = 0;
    for (struct dirent *entry; directory && count < THREAD_LIMIT && (entry = readdir(directory));) {
        pid_t thread = (pid_t)atoi(entry->d_name);
        if (thread > 0) threads[count++] = thread;
    }
    if (directory) closedir(directory);
    return count;
}

struct counted {
    struct counter_group groups[THREAD_LIMIT];
    struct counter_reading before[THREAD_LIMIT];
    size_t count;
    double totals[COUNTER_GROUP_LIMIT];
    double least_ratio; /* of running over enabled time, over the threads that ran */
    bool user_only;
    json_t *workers;
};

static bool open_groups(struct counted *counted, const struct counter_event *events, size_t count,
                        struct error *error) {
    pid_t threads[THREAD_LIMIT];
    size_t thread_count = list_threads(threads);
    for (size_t i = 0; i < thread_count; i++) {
        struct counter_group *group = &counted->groups[counted->count];
        if (!counter_group_open(group, events, count, threads[i], error)) return false;
        counted->user_only |= group->user_only;
        counter_group_start(group);
        if (!counter_group_read(group, &counted->before[counted->count++], error)) return false;
    }
    return true;
}

static bool read_groups(struct counted *counted, size_t count, struct error *error) {
    counted->least_ratio = 1;
    for (size_t i = 0; i < counted->count; i++) {
        struct counter_reading after;
        json_t *values = json_array();
        counter_group_stop(&counted->groups[i]);
        if (!counter_group_read(&counted->groups[i], &after, error)) {
            json_decref(values);
            return false;
        }
        for (size_t k = 0; k < count; k++) {
            double value = after.values[k] - counted->before[i].values[k];
            counted->totals[k] += value;
            json_array_append_new(values, json_real(value));
        }
        if (after.enabled_ns && after.running_ratio < counted->least_ratio)
            counted->least_ratio = after.running_ratio;
        json_array_append_new(counted->workers, values);
    }
    return true;
}

static json_t *count_arm(const struct profile_run *run, struct arm *arm,
                         const struct counter_event *events, size_t count, struct error *error) {
    struct arm_sample total = {0};
    struct counted *counted = calloc(1, sizeof *counted);
    json_t *result = NULL;
    if (!counted) {
        error_set(error, "out of memory");
        return NULL;
    }
    counted->workers = json_array();
    if (open_groups(counted, events, count, error) && run_for(arm, run->seconds, &total, error) &&
        read_groups(counted, count, error)) {
        json_t *rows = json_array();
        for (size_t i = 0; i < count; i++)
            json_array_append_new(
                rows, json_pack("{s:s, s:f, s:f}", "name", events[i].name, "count",
                                counted->totals[i], "per_item",
                                counted->totals[i] / (double)(total.items ? total.items : 1)));
        result = json_pack("{s:s, s:I, s:o, s:O, s:f, s:b}", "kind", "counter", "items",
                           (json_int_t)total.items, "events", rows, "threads", counted->workers,
                           "running_over_enabled", counted->least_ratio, "user_mode_only",
                           counted->user_only);
    }
    for (size_t i = 0; i < counted->count; i++)
        counter_group_close(&counted->groups[i]);
    json_decref(counted->workers);
    free(counted);
    return result;
}

/* ---- the process ---- */

static json_t *run_arm(const struct profile_run *run, const struct counter_event *events,
                       size_t count, struct error *error) {
    struct arm *arm = arm_create(&run->arm, error);
    uint64_t digest, ids;
    json_t *result = NULL;
    if (!arm) return NULL;
    if (arm_digest(arm, 0, WARM_BATCHES, &digest, &ids, error))
        result = count ? count_arm(run, arm, events, count, error) : sample_arm(run, arm, error);
    arm_destroy(arm);
    return result;
}

static void send_result(int descriptor, json_t *result, const struct error *error) {
    if (!result) result = json_pack("{s:s}", "error", error->message);
    FILE *out = fdopen(descriptor, "w");
    if (out && result) json_dumpf(result, out, JSON_COMPACT);
    if (out) fclose(out);
    json_decref(result);
}

static json_t *receive_result(int descriptor, pid_t child, const char *label, struct error *error) {
    FILE *in = fdopen(descriptor, "r");
    json_t *result = in ? json_loadf(in, 0, NULL) : NULL;
    int status = 0;
    if (in) fclose(in);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    const char *message = json_string_value(json_object_get(result, "error"));
    if (result && !message) return result;
    if (message)
        error_set(error, "%s: %s", label, message);
    else
        error_set(error, "%s: the process of the profiled run died%s%s", label,
                  WIFSIGNALED(status) ? " of signal " : "",
                  WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "");
    json_decref(result);
    return NULL;
}

static json_t *run_in_child(const struct profile_run *run, const struct counter_event *events,
                            size_t count, struct error *error) {
    int ends[2];
    if (pipe(ends) != 0) {
        error_set_errno(error, "cannot make a pipe");
        return NULL;
    }
    fflush(stdout);
    fflush(stderr);
    pid_t child = fork();
    if (child == 0) {
        struct error reason = {""};
        close(ends[0]);
        send_result(ends[1], run_arm(run, events, count, &reason), &reason);
        _exit(0);
    }
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        error_set_errno(error, "cannot start a process");
        return NULL;
    }
    return receive_result(ends[0], child, run->arm.spec->label, error);
}

static uint64_t number(const json_t *object, const char *key) {
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

bool profile_run_sampled(const struct profile_run *run, struct profile *profile,
                         struct error *error) {
    json_t *result = run_in_child(run, NULL, 0, error);
    if (!result) return false;
    *profile = (struct profile){.lost = number(result, "lost"),
                                .throttled = number(result, "throttled"),
                                .collector_cpu_ns = number(result, "collector_cpu_ns"),
                                .run_cpu_ns = number(result, "run_cpu_ns"),
                                .run_ns = number(result, "run_ns"),
                                .frequency = run->sampler.frequency};
    const char *source = json_string_value(json_object_get(result, "source"));
    snprintf(profile->source, sizeof profile->source, "%s", source ? source : "");
    json_t *symbols = json_object_get(result, "symbols");
    bool ok = true;
    for (size_t i = 0; ok && i < json_array_size(symbols); i++) {
        json_t *row = json_array_get(symbols, i);
        const char *name = json_string_value(json_array_get(row, 0));
        const char *object = json_string_value(json_array_get(row, 1));
        uint32_t index = name && object ? profile_intern(profile, name, object) : UINT32_MAX;
        ok = index != UINT32_MAX || error_set(error, "out of memory for the profile");
        if (!ok) break;
        profile->symbols[index].self = (uint64_t)json_integer_value(json_array_get(row, 2));
        profile->symbols[index].total = (uint64_t)json_integer_value(json_array_get(row, 3));
    }
    profile->sample_count = number(result, "samples"); /* the samples themselves are not here */
    json_decref(result);
    if (ok && profile->sample_count == 0)
        ok = error_set(error, "%s: no samples in %.1f s; sample for longer", run->arm.spec->label,
                       run->seconds);
    if (!ok) profile_free(profile);
    return ok;
}

json_t *profile_run_counted(const struct profile_run *run, const struct counter_event *events,
                            size_t count, struct error *error) {
    return run_in_child(run, events, count, error);
}
