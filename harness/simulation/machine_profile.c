/* Machine profiles as JSON; see machine_profile.h. */
#define _GNU_SOURCE
#include "harness/simulation/machine_profile.h"

#include "base/datafile.h"
#include "base/file.h"
#include "base/scratch.h"
#include "harness/json_file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    double least, greatest;
    const char *meaning;
} parameters[] = {
#define PARAMETER(name, least, greatest, meaning) {#name, least, greatest, meaning},
    PROFILE_PARAMETERS(PARAMETER)
#undef PARAMETER
};

const char *profile_parameter_name(enum profile_parameter parameter) {
    return parameters[parameter].name;
}

const char *profile_parameter_meaning(enum profile_parameter parameter) {
    return parameters[parameter].meaning;
}

/* ---- reading ---- */

static bool read_value(const char *path, const char *name, const json_t *json, int parameter,
                       struct profile_value *value, struct error *error) {
    const json_t *typical = json_object_get(json, "typical");
    const json_t *low = json_object_get(json, "low"), *high = json_object_get(json, "high");
    const char *source = json_string_value(json_object_get(json, "source"));
    if (!json_is_number(typical) || !source)
        return error_set(error, "%s: \"%s\" needs \"typical\" (a number) and \"source\" (a text)",
                         path, name);
    value->typical = json_number_value(typical);
    value->low = json_is_number(low) ? json_number_value(low) : value->typical;
    value->high = json_is_number(high) ? json_number_value(high) : value->typical;
    snprintf(value->source, sizeof value->source, "%s", source);
    double least = parameters[parameter].least, greatest = parameters[parameter].greatest;
    if (value->low < least || value->high > greatest)
        return error_set(error, "%s: \"%s\" is out of range, %g to %g", path, name, least,
                         greatest);
    if (value->low > value->typical || value->high < value->typical)
        return error_set(error, "%s: \"%s\": low, typical and high must rise", path, name);
    return true;
}

static bool read_costs(const char *path, const json_t *costs, struct machine_profile *profile,
                       struct error *error) {
    if (!json_is_object(costs)) return error_set(error, "%s: \"costs\" is missing", path);
    for (int i = 0; i < PROFILE_PARAMETER_COUNT; i++) {
        const json_t *value = json_object_get(costs, parameters[i].name);
        if (!value)
            return error_set(error, "%s: \"costs\" lacks \"%s\" (%s)", path, parameters[i].name,
                             parameters[i].meaning);
        if (!read_value(path, parameters[i].name, value, i, &profile->values[i], error))
            return false;
    }
    if (json_object_size(costs) != PROFILE_PARAMETER_COUNT) {
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)(uintptr_t)costs, key, value) {
            int i = 0;
            while (i < PROFILE_PARAMETER_COUNT && strcmp(key, parameters[i].name) != 0)
                i++;
            if (i == PROFILE_PARAMETER_COUNT)
                return error_set(error, "%s: \"costs\" has \"%s\", which is no parameter", path,
                                 key);
        }
    }
    return true;
}

static char *copy_text(const json_t *json, const char *key) {
    const char *text = json_string_value(json_object_get(json, key));
    return text ? strdup(text) : NULL;
}

static bool read_groups(const char *path, const json_t *groups, struct machine_profile *profile,
                        struct error *error) {
    for (size_t i = 0; i < json_array_size(groups); i++) {
        json_int_t group = json_integer_value(json_array_get(groups, i));
        if (!json_is_integer(json_array_get(groups, i)) || group < 0 || group > 63)
            return error_set(error, "%s: \"efficiency_groups\" must be numbers of groups, 0 to 63",
                             path);
        profile->efficiency_groups |= (uint64_t)1 << group;
    }
    return true;
}

static bool read_profile(const char *path, const json_t *json, struct machine_profile *profile,
                         struct error *error) {
    const char *name = json_string_value(json_object_get(json, "name"));
    const char *title = json_string_value(json_object_get(json, "title"));
    if (!name || !title) return error_set(error, "%s: \"name\" and \"title\" must be texts", path);
    snprintf(profile->name, sizeof profile->name, "%s", name);
    snprintf(profile->title, sizeof profile->title, "%s", title);
    profile->topology = copy_text(json, "topology");
    profile->topology_xml = copy_text(json, "topology_xml");
    if (!profile->topology && !profile->topology_xml)
        return error_set(error, "%s: \"topology\" (hwloc synthetic) or \"topology_xml\" is missing",
                         path);
    profile->rmw_drains_stores = json_is_true(json_object_get(json, "rmw_drains_stores"));
    json_int_t line = json_integer_value(json_object_get(json, "line_bytes"));
    if (line != 64 && line != 128)
        return error_set(error, "%s: \"line_bytes\" must be 64 or 128", path);
    profile->line_bytes = (unsigned)line;
    return read_groups(path, json_object_get(json, "efficiency_groups"), profile, error) &&
           read_costs(path, json_object_get(json, "costs"), profile, error) &&
           profile_checks_read(path, json_object_get(json, "checks"), profile->checks, error);
}

static bool find_profile(const char *name, char *path, size_t size, struct error *error) {
    size_t length = strlen(name);
    bool is_path = strchr(name, '/') || (length > 5 && strcmp(name + length - 5, ".json") == 0);
    char file[PATH_MAX];
    if (is_path) {
        snprintf(path, size, "%s", name);
        return true;
    }
    snprintf(file, sizeof file, "machines/%s.json", name);
    return datafile_find(file, path, size, error);
}

bool machine_profile_load(const char *name, struct machine_profile *profile, struct error *error) {
    *profile = (struct machine_profile){0};
    char path[PATH_MAX];
    if (!find_profile(name, path, sizeof path, error)) return false;
    json_t *json = json_file_read(path, error);
    if (!json) return false;
    bool read = read_profile(path, json, profile, error);
    json_decref(json);
    if (!read) machine_profile_free(profile);
    return read;
}

void machine_profile_free(struct machine_profile *profile) {
    free(profile->topology);
    free(profile->topology_xml);
    *profile = (struct machine_profile){0};
}

/* ---- writing ---- */

bool machine_profile_save(const struct machine_profile *profile, const char *path,
                          struct error *error) {
    json_t *costs = json_object();
    for (int i = 0; i < PROFILE_PARAMETER_COUNT; i++) {
        const struct profile_value *v = &profile->values[i];
        json_object_set_new(costs, parameters[i].name,
                            json_pack("{s:f, s:f, s:f, s:s}", "typical", v->typical, "low", v->low,
                                      "high", v->high, "source", v->source));
    }
    json_t *groups = json_array();
    for (int g = 0; g < 64; g++)
        if (profile->efficiency_groups >> g & 1) json_array_append_new(groups, json_integer(g));
    json_t *json =
        json_pack("{s:s, s:s, s:s*, s:s*, s:b, s:i, s:o, s:o, s:o*}", "name", profile->name,
                  "title", profile->title, "topology", profile->topology, "topology_xml",
                  profile->topology_xml, "rmw_drains_stores", profile->rmw_drains_stores,
                  "line_bytes", (int)profile->line_bytes, "efficiency_groups", groups, "costs",
                  costs, "checks", profile_checks_json(profile->checks));
    char *text = json ? json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) : NULL;
    json_decref(json);
    if (!text) return error_set(error, "out of memory");
    size_t length = strlen(text);
    text[length] = '\n'; /* in place of the NUL: the file is written by length */
    bool written = file_write(path, text, length + 1, error);
    free(text);
    return written;
}

/* ---- using ---- */

double profile_value(const struct machine_profile *profile, enum profile_parameter parameter,
                     enum profile_end end) {
    const struct profile_value *v = &profile->values[parameter];
    return end == PROFILE_LOW ? v->low : end == PROFILE_HIGH ? v->high : v->typical;
}

struct virtual_costs machine_profile_costs(const struct machine_profile *profile,
                                           enum profile_end end, int one,
                                           enum profile_end one_end) {
    double v[PROFILE_PARAMETER_COUNT];
    for (int i = 0; i < PROFILE_PARAMETER_COUNT; i++)
        v[i] = profile_value(profile, (enum profile_parameter)i, i == one ? one_end : end);
    return (struct virtual_costs){
        .hit_ns = v[PROFILE_hit_ns],
        .transfer_ns = {v[PROFILE_hit_ns], v[PROFILE_transfer_sibling_ns],
                        v[PROFILE_transfer_l3_ns], v[PROFILE_transfer_package_ns],
                        v[PROFILE_transfer_remote_ns]},
        .share_ns = v[PROFILE_share_ns],
        .rmw_ns = v[PROFILE_rmw_ns],
        .fence_ns = v[PROFILE_fence_ns],
        .pause_ns = v[PROFILE_pause_ns],
        .yield_ns = v[PROFILE_yield_ns],
        .futex_wait_ns = v[PROFILE_futex_wait_ns],
        .futex_call_ns = v[PROFILE_futex_call_ns],
        .futex_wake_ns = v[PROFILE_futex_wake_ns],
        .wake_latency_ns = v[PROFILE_wake_latency_ns],
        .wake_long_ns = v[PROFILE_wake_long_ns],
        .leaf_ns = v[PROFILE_leaf_ns],
        .allocate_ns = v[PROFILE_allocate_ns],
        .free_ns = v[PROFILE_free_ns],
        .remote_free_ns = v[PROFILE_remote_free_ns],
        .copy_ns = v[PROFILE_copy_ns],
        .stream_ns = v[PROFILE_stream_ns],
        .upgrade_ns = v[PROFILE_upgrade_ns],
        .smt_factor = v[PROFILE_smt_factor],
        .smt_spin_factor = v[PROFILE_smt_spin_factor],
        .rmw_drains_stores = profile->rmw_drains_stores,
        .line_bytes = profile->line_bytes,
    };
}

/* hwloc reads XML from files, so the profile's text goes through one. */
static struct placement *placement_of_xml(const char *xml, enum placement_plan plan,
                                          struct error *error) {
    char path[SCRATCH_PATH_SIZE];
    int file = scratch_open(path, error);
    if (file < 0) return NULL;
    size_t length = strlen(xml);
    struct placement *placement = NULL;
    if (write(file, xml, length) == (ssize_t)length) {
        struct placement_source source = {.xml_path = path};
        placement = placement_create(&source, plan, error);
    } else
        error_set_errno(error, "the topology cannot be written");
    close(file);
    return placement;
}

struct placement *machine_profile_placement(const struct machine_profile *profile,
                                            enum placement_plan plan, struct error *error) {
    if (profile->topology_xml) return placement_of_xml(profile->topology_xml, plan, error);
    struct placement_source source = {.synthetic = profile->topology};
    return placement_create(&source, plan, error);
}
