/* Two builds side by side; see builds.h. The work is left to `grainbench run`, as a process of its
 * own on a scenario file made for the purpose. */
#define _GNU_SOURCE
#include "harness/arms/builds.h"

#include "base/scratch.h"
#include "harness/code_hash.h"
#include "harness/experiment/scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* The program of a build: the folder's `grainbench`, or the path itself if it is a file. */
static bool find_program(const char *build, char *path, struct error *error) {
    struct stat status;
    char joined[PATH_MAX];
    if (stat(build, &status) != 0) return error_set_errno(error, "%s: no such build", build);
    int length = snprintf(joined, sizeof joined, "%s%s", build,
                          S_ISDIR(status.st_mode) ? "/grainbench" : "");
    if (length >= (int)sizeof joined || !realpath(joined, path) || access(path, X_OK) != 0)
        return error_set(error, "%s: holds no program 'grainbench'; build it first", build);
    return true;
}

/* Whether both programs are the same code, wherever and at whatever commit they were built. */
static bool same_code(const char *a, const char *b) {
    uint64_t first, second;
    return code_hash_file(a, &first, NULL) && code_hash_file(b, &second, NULL) && first == second;
}

/* The three arms that one arm of the scenario becomes. */
static json_t *three_arms(const char *baseline, const char *candidate) {
    return json_pack("[{s:s, s:s, s:s}, {s:s, s:s, s:s}, {s:s, s:s, s:s, s:s}]", "label",
                     "baseline build", "role", "baseline", "program", baseline, "label",
                     "candidate build", "role", "patched", "program", candidate, "label", "A/A",
                     "role", "control", "control_of", "baseline build", "program", baseline);
}

/* A group of the scenario with one of its arms, as a group of three builds. */
static json_t *make_group(const json_t *group, const json_t *arm, const char *baseline,
                          const char *candidate) {
    json_t *shared = json_object();
    char name[256];
    const char *group_name = json_string_value(json_object_get(group, "name"));
    const char *label = json_string_value(json_object_get(arm, "label"));
    json_object_update(shared, json_object_get(group, "arm"));
    json_object_update(shared, (json_t *)arm);
    json_object_del(shared, "label");
    json_object_del(shared, "role");
    json_object_del(shared, "control_of");
    snprintf(name, sizeof name, "%s%s%s", group_name ? group_name : "",
             group_name && label ? ", " : "", label ? label : "");
    return json_pack("{s:s, s:o, s:o}", "name", name, "arm", shared, "arms",
                     three_arms(baseline, candidate));
}

static bool is_compared(const json_t *arm) {
    const char *role = json_string_value(json_object_get(arm, "role"));
    return role && (strcmp(role, "baseline") == 0 || strcmp(role, "patched") == 0);
}

static json_t *plan_builds(const json_t *scenario, const char *baseline, const char *candidate) {
    json_t *plan = json_deep_copy(scenario), *groups = json_array();
    json_t *listed = json_object_get(scenario, "groups"), *group, *arm;
    json_t *alone = json_pack("[{}]");
    size_t i, j;
    json_array_foreach(json_array_size(listed) ? listed : alone, i, group) {
        json_t *own = json_object_get(group, "arms");
        json_array_foreach(own ? own : json_object_get(scenario, "arms"), j, arm) {
            if (is_compared(arm))
                json_array_append_new(groups, make_group(group, arm, baseline, candidate));
        }
    }
    json_decref(alone);
    json_object_set_new(plan, "groups", groups);
    json_object_del(plan, "arms");
    return plan;
}

static enum builds_status run_program(char **arguments, bool quiet, struct error *error) {
    pid_t pid;
    int status;
    fflush(stdout);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (quiet) posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    errno = posix_spawn(&pid, "/proc/self/exe", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (errno) {
        error_set_errno(error, "cannot start grainbench run");
        return BUILDS_FAILED;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    error_set(error, "grainbench run failed");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return BUILDS_MEASURED;
    return WIFEXITED(status) && WEXITSTATUS(status) == 5 ? BUILDS_OUTPUTS_DIFFER : BUILDS_FAILED;
}

enum builds_status builds_run_scenario(json_t *scenario, const struct builds_options *options,
                                       struct error *error) {
    char path[SCRATCH_PATH_SIZE], time_s[64], rounds[64];
    int file = scratch_open(path, error);
    if (file < 0) return BUILDS_FAILED;
    if (json_dumpfd(scenario, file, JSON_INDENT(1)) != 0) {
        error_set_errno(error, "cannot write a scenario");
        close(file);
        return BUILDS_FAILED;
    }
    char *arguments[24] = {
        "grainbench", "run", "--scenario", path, "--output", (char *)options->output, "--no-table"};
    int count = 7;
    if (options->threads) {
        arguments[count++] = "--threads";
        arguments[count++] = (char *)options->threads;
    }
    if (options->corpus) {
        arguments[count++] = "--corpus";
        arguments[count++] = (char *)options->corpus;
    }
    if (options->time_s > 0) {
        snprintf(time_s, sizeof time_s, "%g", options->time_s);
        arguments[count++] = "--time";
        arguments[count++] = time_s;
    }
    if (options->rounds > 0) {
        snprintf(rounds, sizeof rounds, "%" PRId64, options->rounds);
        arguments[count++] = "--rounds";
        arguments[count++] = rounds;
    }
    enum builds_status status = run_program(arguments, options->quiet, error);
    close(file);
    return status;
}

enum builds_status builds_measure(const struct builds_options *options, struct error *error) {
    char baseline[PATH_MAX], candidate[PATH_MAX];
    struct scenario scenario;
    if (!find_program(options->baseline, baseline, error) ||
        !find_program(options->candidate, candidate, error))
        return BUILDS_FAILED;
    if (same_code(baseline, candidate)) return BUILDS_IDENTICAL;
    if (!scenario_load(options->scenario, &scenario, error)) return BUILDS_FAILED;
    json_t *plan = plan_builds(scenario.json, baseline, candidate);
    enum builds_status status = builds_run_scenario(plan, options, error);
    json_decref(plan);
    scenario_free(&scenario);
    return status;
}
