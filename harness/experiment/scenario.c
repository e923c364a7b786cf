/* Scenario files and overrides made into arms; see scenario.h. */
#define _GNU_SOURCE
#include "harness/experiment/scenario.h"

#include "base/datafile.h"
#include "base/options.h"
#include "harness/json_file.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool scenario_load(const char *name, struct scenario *scenario, struct error *error) {
    char path[PATH_MAX], relative[300];
    *scenario = (struct scenario){0};
    size_t length = strlen(name);
    bool is_path = strchr(name, '/') || (length > 5 && strcmp(name + length - 5, ".json") == 0);
    snprintf(relative, sizeof relative, "scenarios/%s.json", name);
    if (is_path)
        snprintf(path, sizeof path, "%s", name);
    else if (!datafile_find(relative, path, sizeof path, NULL))
        return error_set(error,
                         "there is no scenario '%s'; 'grainbench list scenarios' shows them%s%s",
                         name, access(name, R_OK) == 0 ? "; for the file say ./" : "",
                         access(name, R_OK) == 0 ? name : "");
    scenario->json = json_file_read(path, error);
    if (!scenario->json) return false;
    scenario->path = strdup(path);
    scenario->name = json_string_value(json_object_get(scenario->json, "name"));
    scenario->summary = json_string_value(json_object_get(scenario->json, "summary"));
    if (scenario->path && scenario->name && scenario->summary) return true;
    scenario_free(scenario);
    return error_set(error, "%s: a scenario needs \"name\" and \"summary\"", path);
}

void scenario_free(struct scenario *scenario) {
    free(scenario->path);
    json_decref(scenario->json);
    *scenario = (struct scenario){0};
}

static const char *text_of(const struct scenario *scenario, const char *name,
                           const char *fallback) {
    const char *text = json_string_value(json_object_get(scenario->json, name));
    return text ? text : fallback;
}

static double number_of(const struct scenario *scenario, const char *name, double fallback) {
    const json_t *value = json_object_get(scenario->json, name);
    return json_is_number(value) ? json_number_value(value) : fallback;
}

size_t scenario_batch_lines(const struct scenario *scenario) {
    double lines = number_of(scenario, "batch_lines", 1000);
    return lines >= 1 ? (size_t)lines : 1;
}

const char *scenario_threads(const struct scenario *scenario,
                             const struct scenario_overrides *overrides) {
    return overrides->threads ? overrides->threads
                              : text_of(scenario, "threads", "1,physical,logical");
}

static bool choose(const char *name, const char *choices, const char *word, int *value,
                   struct error *error) {
    struct grainbench_option table[] = {
        {.name = name, .type = GRAINBENCH_OPTION_CHOICE, .choices = choices}, {0}};
    return options_assign(table, value, name, word, error);
}

int scenario_placement(const struct scenario *scenario, const struct scenario_overrides *overrides,
                       struct error *error) {
    int plan = 0;
    const char *word =
        overrides->placement ? overrides->placement : text_of(scenario, "placement", "cores");
    return choose("placement", PLACEMENT_PLANS, word, &plan, error) ? plan : -1;
}

/* ---- arms ---- */

/* The members of an arm in a scenario file that are not members of a spec. */
static json_t *spec_members(const json_t *arm) {
    json_t *copy = json_copy((json_t *)arm);
    static const char *const others[] = {"role", "control_of", "only_threads"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        json_object_del(copy, others[i]);
    return copy;
}

static bool read_role(const json_t *arm, enum arm_role *role, struct error *error) {
    const char *word = json_string_value(json_object_get(arm, "role"));
    *role = ROLE_OTHER;
    for (int i = 0; word && i < ROLE_COUNT; i++)
        if (strcmp(word, role_names[i]) == 0) {
            *role = (enum arm_role)i;
            return true;
        }
    return !word || error_set(error, "role: '%s' is not baseline, patched, control or other", word);
}

/* Sets an option in the text of a component, "name:option=value": its value if it is there, else
 * one more option. */
static bool set_option(char *text, size_t size, const char *name, const char *value,
                       struct error *error) {
    char key[64], copy[ARM_TEXT];
    if (!value) return true;
    snprintf(key, sizeof key, ":%s=", name);
    snprintf(copy, sizeof copy, "%s", text);
    char *at = strstr(copy, key);
    const char *rest = at ? at + strlen(key) + strcspn(at + strlen(key), ":") : "";
    if (at) *at = 0;
    int length = snprintf(text, size, "%s%s%s%s", copy, key, value, rest);
    return (length > 0 && (size_t)length < size) ||
           error_set(error, "%s: too many options for one encoder", name);
}

static bool apply_overrides(const struct scenario_overrides *overrides, struct arm_spec *spec,
                            struct error *error) {
    if (overrides->encoder) snprintf(spec->encoder, sizeof spec->encoder, "%s", overrides->encoder);
    size_t size = sizeof spec->encoder;
    if (!set_option(spec->encoder, size, "cost", overrides->cost, error) ||
        !set_option(spec->encoder, size, "cache", overrides->cache, error) ||
        !set_option(spec->encoder, size, "storage", overrides->storage, error))
        return false;
    if (overrides->gap_ns) spec->gap_ns = overrides->gap_ns;
    if (overrides->dose) spec->dose = overrides->dose;
    return (!overrides->dose_line ||
            choose("dose-line", ARM_DOSE_LINES, overrides->dose_line, &spec->dose_line, error)) &&
           (!overrides->entry ||
            choose("entry", ARM_ENTRIES, overrides->entry, &spec->entry, error)) &&
           (!overrides->tokenizer ||
            choose("tokenizer", ARM_TOKENIZERS, overrides->tokenizer, &spec->tokenizer, error)) &&
           (!overrides->free || choose("free", ARM_FREES, overrides->free, &spec->free_by, error));
}

/* The arms of --schedulers: the first is the baseline, with an A/A control of its own. */
static json_t *arms_of_list(const char *list) {
    json_t *arms = json_array();
    const char *first = list;
    for (const char *at = list; at;) {
        size_t length = strcspn(at, ",");
        const char *role = at == first ? "baseline" : "patched";
        json_array_append_new(arms, json_pack("{s:s%, s:s%, s:s}", "label", at, length, "scheduler",
                                              at, length, "role", role));
        at = at[length] ? at + length + 1 : NULL;
    }
    size_t length = strcspn(first, ",");
    json_t *label = json_string("A/A");
    json_array_append_new(arms,
                          json_pack("{s:o, s:s%, s:s, s:s%}", "label", label, "scheduler", first,
                                    length, "role", "control", "control_of", first, length));
    return arms;
}

static int find_arm(const struct experiment *experiment, unsigned group, const char *label) {
    for (size_t i = 0; i < experiment->arm_count; i++)
        if (experiment->arms[i].group == group &&
            strcmp(experiment->arms[i].spec.label, label) == 0)
            return (int)i;
    return -1;
}

static bool wanted_here(const json_t *arm, unsigned workers) {
    const json_t *only = json_object_get(arm, "only_threads");
    if (!json_is_array(only)) return true;
    for (size_t i = 0; i < json_array_size(only); i++)
        if (json_integer_value(json_array_get(only, i)) == (json_int_t)workers) return true;
    return false;
}

/* Whether the dynamic linker would find a library: by path, or in the usual folders. It would only
 * warn about one that it does not find, and the arm would run without it unnoticed. */
static bool library_installed(const char *name) {
    static const char *const folders[] = {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
                                          "/usr/lib64", "/usr/lib", "/usr/local/lib"};
    if (strchr(name, '/')) return access(name, R_OK) == 0;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", folders[i], name);
        if (access(path, R_OK) == 0) return true;
    }
    return false;
}

/* A group or arm that preloads a library that is not installed is left out, and said to be. */
static bool can_preload(const json_t *members, const char *what) {
    const char *library = json_string_value(json_object_get(members, "preload"));
    if (!library || !library[0] || library_installed(library)) return true;
    fprintf(stderr, "note: %s is left out: %s is not installed\n", what ? what : "an arm", library);
    return false;
}

struct planner {
    const struct scenario *scenario;
    const struct scenario_overrides *overrides;
    struct experiment *experiment;
    int plan;
};

static bool changes_encoder(const struct scenario_overrides *overrides) {
    return overrides->encoder || overrides->cost || overrides->cache || overrides->storage;
}

static bool add_arm(struct planner *planner, const json_t *group, const json_t *arm,
                    const struct thread_count *count, unsigned group_index, struct error *error) {
    struct experiment_arm added = {.control_of = -1, .group = group_index};
    const json_t *json = planner->scenario->json;
    arm_spec_init(&added.spec);
    added.spec.workers = count->workers;
    added.spec.plan = planner->plan;
    added.spec.seed = planner->experiment->seed;
    const char *tokenizer = json_string_value(json_object_get(json, "tokenizer"));
    const char *entry = json_string_value(json_object_get(json, "entry"));
    json_t *members = spec_members(arm);
    const json_t *common = json_object_get(group, "arm");
    bool ok = (!tokenizer ||
               choose("tokenizer", ARM_TOKENIZERS, tokenizer, &added.spec.tokenizer, error)) &&
              (!entry || choose("entry", ARM_ENTRIES, entry, &added.spec.entry, error)) &&
              (!common || arm_spec_from_json(common, &added.spec, error)) &&
              arm_spec_from_json(members, &added.spec, error) &&
              apply_overrides(planner->overrides, &added.spec, error) &&
              read_role(arm, &added.role, error);
    json_decref(members);
    if (!ok) return false;
    added.row_name = count->kind;
    const char *group_name = json_string_value(json_object_get(group, "name"));
    snprintf(added.group_name, sizeof added.group_name, "%s",
             group_name && !changes_encoder(planner->overrides) ? group_name : added.spec.encoder);
    const char *of = json_string_value(json_object_get(arm, "control_of"));
    if (added.role == ROLE_CONTROL) {
        added.control_of = of ? find_arm(planner->experiment, group_index, of) : -1;
        if (added.control_of < 0)
            return error_set(error, "control arm '%s': control_of must name an arm before it",
                             added.spec.label);
    }
    return experiment_add(planner->experiment, &added) >= 0 || error_set(error, "out of memory");
}

static bool add_group(struct planner *planner, const json_t *group, const json_t *arms,
                      const struct thread_count *count, unsigned group_index, struct error *error) {
    size_t before = planner->experiment->arm_count;
    for (size_t i = 0; i < json_array_size(arms); i++) {
        const json_t *arm = json_array_get(arms, i);
        struct error detail;
        if (!wanted_here(arm, count->workers) ||
            !can_preload(arm, json_string_value(json_object_get(arm, "label"))))
            continue;
        if (!add_arm(planner, group, arm, count, group_index, &detail))
            return error_set(error, "%s: arm %zu: %s", planner->scenario->path, i + 1,
                             detail.message);
    }
    return planner->experiment->arm_count > before ||
           error_set(error, "%s: no arm for %u threads", planner->scenario->path, count->workers);
}

static void read_settings(const struct scenario *scenario,
                          const struct scenario_overrides *overrides,
                          struct experiment *experiment) {
    bool given = overrides->rounds > 0 || overrides->time_s > 0;
    experiment->rounds = given ? (overrides->rounds > 0 ? (uint64_t)overrides->rounds : 0)
                               : (uint64_t)number_of(scenario, "rounds", 0);
    experiment->time_s =
        given ? (overrides->time_s > 0 ? overrides->time_s : 0) : number_of(scenario, "time_s", 30);
    experiment->sample_ms =
        overrides->sample_ms > 0 ? overrides->sample_ms : number_of(scenario, "sample_ms", 12);
    experiment->slices = (unsigned)number_of(scenario, "slices", 48);
    experiment->processes = overrides->processes > 0
                                ? (unsigned)overrides->processes
                                : (unsigned)number_of(scenario, "processes", 8);
    experiment->precision =
        overrides->precision > 0 ? overrides->precision : number_of(scenario, "precision", 0);
    experiment->events = overrides->events ? overrides->events : text_of(scenario, "events", NULL);
    experiment->observe = true;
    experiment->seed = overrides->seed;
}

bool scenario_plan(const struct scenario *scenario, const struct scenario_overrides *overrides,
                   const struct thread_count *counts, int count, struct experiment *experiment,
                   struct error *error) {
    struct planner planner = {scenario, overrides, experiment, 0};
    planner.plan = scenario_placement(scenario, overrides, error);
    if (planner.plan < 0) return false;
    read_settings(scenario, overrides, experiment);
    const char *command = text_of(scenario, "command", "run");
    if (strcmp(command, "run") != 0)
        return error_set(error, "scenario %s is for 'grainbench %s --scenario %s'", scenario->name,
                         command, scenario->name);
    const json_t *groups = json_object_get(scenario->json, "groups");
    json_t *listed = overrides->schedulers ? arms_of_list(overrides->schedulers) : NULL;
    bool one_group = overrides->encoder || overrides->cost;
    size_t group_count = one_group && json_array_size(groups) > 1 ? 1 : json_array_size(groups);
    bool ok = group_count > 0 || error_set(error, "%s: \"groups\" is missing", scenario->path);
    unsigned index = 0;
    for (size_t g = 0; ok && g < group_count; g++) {
        const json_t *group = json_array_get(groups, g);
        const json_t *arms = json_object_get(group, "arms");
        if (!arms) arms = json_object_get(scenario->json, "arms");
        if (!can_preload(json_object_get(group, "arm"),
                         json_string_value(json_object_get(group, "name"))))
            continue;
        for (int t = 0; ok && t < count; t++)
            ok = add_group(&planner, group, listed ? listed : arms, &counts[t], index++, error);
    }
    json_decref(listed);
    return ok;
}

static int by_name(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

void scenario_list(void (*visit)(void *context, const struct scenario *), void *context) {
    char folder[PATH_MAX];
    char *names[256];
    size_t count = 0;
    if (!datafile_find("scenarios", folder, sizeof folder, NULL)) return;
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        size_t length = strlen(entry->d_name);
        if (length <= 5 || strcmp(entry->d_name + length - 5, ".json") != 0 || count == 256)
            continue;
        names[count++] = strndup(entry->d_name, length - 5);
    }
    if (directory) closedir(directory);
    qsort(names, count, sizeof names[0], by_name);
    for (size_t i = 0; i < count; i++) {
        struct scenario scenario;
        if (names[i] && scenario_load(names[i], &scenario, NULL)) {
            visit(context, &scenario);
            scenario_free(&scenario);
        }
        free(names[i]);
    }
}
