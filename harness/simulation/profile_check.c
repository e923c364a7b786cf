/* Checks of a machine profile and their JSON; see profile_check.h. */
#include "harness/simulation/profile_check.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *what;
} kinds[] = {
#define CHECK(name, what) {#name, what},
    PROFILE_CHECKS(CHECK)
#undef CHECK
};

const char *profile_check_name(enum profile_check_kind kind) {
    return kinds[kind].name;
}

const char *profile_check_what(enum profile_check_kind kind) {
    return kinds[kind].what;
}

double profile_check_error(const struct profile_check *check) {
    return check->model / check->measured - 1;
}

/* ---- JSON: null stands for what was not measured ---- */

static bool read_number(const json_t *json, const char *key, double *number) {
    const json_t *value = json_object_get(json, key);
    *number = json_is_number(value) ? json_number_value(value) : NAN;
    return json_is_number(value) || json_is_null(value);
}

static bool read_check(const char *path, const char *name, const json_t *json,
                       struct profile_check *check, struct error *error) {
    const char *source = json_string_value(json_object_get(json, "source"));
    if (!source || !*source || !read_number(json, "measured", &check->measured) ||
        !read_number(json, "low", &check->low) || !read_number(json, "high", &check->high) ||
        !read_number(json, "model", &check->model))
        return error_set(error,
                         "%s: \"%s\" needs \"measured\", \"low\", \"high\" and \"model\" (numbers "
                         "or null) and \"source\" (a text)",
                         path, name);
    snprintf(check->source, sizeof check->source, "%s", source);
    bool none =
        isnan(check->measured) && isnan(check->low) && isnan(check->high) && isnan(check->model);
    bool sound = check->low > 0 && check->low <= check->measured &&
                 check->measured <= check->high && check->model >= 0;
    return none || sound ||
           error_set(error,
                     "%s: \"%s\": low, measured and high must be above 0 and rise, and the model "
                     "must not be below 0; or all are null",
                     path, name);
}

static int kind_of(const char *name) {
    int kind = 0;
    while (kind < PROFILE_CHECK_COUNT && strcmp(name, kinds[kind].name) != 0)
        kind++;
    return kind;
}

bool profile_checks_read(const char *path, const json_t *json, struct profile_check *checks,
                         struct error *error) {
    memset(checks, 0, PROFILE_CHECK_COUNT * sizeof *checks);
    if (!json) return true;
    if (!json_is_object(json)) return error_set(error, "%s: \"checks\" is no object", path);
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)json, name, value) {
        int kind = kind_of(name);
        if (kind == PROFILE_CHECK_COUNT)
            return error_set(error, "%s: \"checks\" has \"%s\", which is no check", path, name);
        if (!read_check(path, name, value, &checks[kind], error)) return false;
    }
    return true;
}

static json_t *number(double value) {
    return isnan(value) ? json_null() : json_real(value);
}

json_t *profile_checks_json(const struct profile_check *checks) {
    json_t *json = NULL;
    for (int i = 0; i < PROFILE_CHECK_COUNT; i++) {
        const struct profile_check *check = &checks[i];
        if (!check->source[0]) continue;
        if (!json) json = json_object();
        json_object_set_new(json, kinds[i].name,
                            json_pack("{s:o, s:o, s:o, s:o, s:s, s:s}", "measured",
                                      number(check->measured), "low", number(check->low), "high",
                                      number(check->high), "model", number(check->model), "unit",
                                      "ns", "source", check->source));
    }
    return json;
}
