/* Profiles of the arms of an experiment, taken in their processes when nothing is timed any more.
 */
#define _GNU_SOURCE
#include "base/datafile.h"
#include "harness/experiment/experiment_internal.h"
#include "harness/profiler/profile_run.h"
#include "harness/profiler/profile_table.h"
#include "harness/progress.h"

#include <limits.h>
#include <stdlib.h>

/* Five turns: intervals then hold what differs between runs. */
enum { PROFILE_TURNS = 5, PROFILE_FREQUENCY = 999, PROFILE_SYMBOLS = 60 };

/* One arm's turns; a table of one arm. `reason` is why there is none. */
struct arm_profile {
    struct profile_table table;
    struct error reason;
    bool failed;
};

static void take_turn(struct runner *runner, size_t arm, const struct profile_groups *groups,
                      struct arm_profile *out) {
    struct profile_run run = {.sampler = {.frequency = PROFILE_FREQUENCY},
                              .seconds = runner->experiment->profile_s};
    struct profile profile;
    if (out->failed) return;
    out->failed =
        !profile_run_sampled(runner->processes[arm], runner->experiment->arms[arm].spec.label, &run,
                             &profile, &out->reason);
    if (out->failed) return;
    out->table.arm_count = 1;
    out->failed = !profile_table_add(&out->table, 0, &profile, groups, &out->reason);
    profile_free(&profile);
}

static bool write_profile(struct runner *runner, size_t arm, const struct profile_groups *groups,
                          struct arm_profile *taken, struct error *error) {
    json_t *line = NULL;
    if (!taken->failed && taken->table.arm_count)
        taken->failed = !profile_table_finish(&taken->table, groups, &taken->reason);
    if (!taken->failed && taken->table.arm_count)
        line = profile_table_to_json(&taken->table, groups, 0, PROFILE_SYMBOLS);
    else
        line = json_pack("{s:s, s:s}", "kind", "profile", "unavailable", taken->reason.message);
    json_object_set_new(line, "arm", json_integer((json_int_t)arm));
    return record_append(runner->writer, line, error);
}

bool runner_profile_arms(struct runner *runner, struct error *error) {
    struct experiment *experiment = runner->experiment;
    char path[PATH_MAX];
    if (!datafile_find("profile/groups.json", path, sizeof path, error)) return false;
    struct profile_groups *groups = profile_groups_load(path, error);
    struct arm_profile *taken = calloc(experiment->arm_count, sizeof *taken);
    bool ok = groups && (taken || error_set(error, "out of memory for profiles"));
    for (int turn = 0; ok && turn < PROFILE_TURNS; turn++)
        for (size_t i = 0; i < experiment->arm_count && !runner_interrupted; i++) {
            progress_show("sampling", ((double)turn + (double)i / (double)experiment->arm_count) /
                                          PROFILE_TURNS);
            if (experiment->arms[i].role != ROLE_CONTROL) take_turn(runner, i, groups, &taken[i]);
        }
    for (size_t i = 0; ok && i < experiment->arm_count && !runner_interrupted; i++)
        if (experiment->arms[i].role != ROLE_CONTROL)
            ok = write_profile(runner, i, groups, &taken[i], error);
    for (size_t i = 0; taken && i < experiment->arm_count; i++)
        profile_table_free(&taken[i].table);
    free(taken);
    profile_groups_free(groups);
    return ok;
}
