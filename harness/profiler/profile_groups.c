/* Groups of symbols by PCRE2 patterns; see profile.h. */
#define _GNU_SOURCE
#include "harness/profiler/profile.h"

#include "harness/json_file.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

struct group {
    const char *name, *about;
    pcre2_code *symbol, *object; /* NULL: anything */
    pcre2_code *library;         /* an object all of which is in the group, or NULL */
};

struct profile_groups {
    json_t *storage;
    struct group *groups;
    size_t count;
    pcre2_match_data *match;
};

static bool compile(json_t *member, pcre2_code **code, struct error *error) {
    const char *pattern = json_string_value(member);
    if (!pattern) return true;
    int problem;
    PCRE2_SIZE at;
    *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, 0, &problem, &at, NULL);
    if (*code) {
        pcre2_jit_compile(*code, PCRE2_JIT_COMPLETE);
        return true;
    }
    char text[128];
    pcre2_get_error_message(problem, (PCRE2_UCHAR *)text, sizeof text);
    return error_set(error, "pattern '%s': %s at character %zu", pattern, text, (size_t)at);
}

static bool read_groups(struct profile_groups *groups, struct error *error) {
    json_t *list = json_object_get(groups->storage, "groups");
    size_t count = json_array_size(list);
    groups->groups = calloc(count + 1, sizeof *groups->groups);
    groups->match = pcre2_match_data_create(1, NULL);
    if (!groups->groups || !groups->match) return error_set(error, "out of memory");
    for (size_t i = 0; i < count; i++) {
        json_t *object = json_array_get(list, i);
        struct group *group = &groups->groups[groups->count++];
        group->name = json_string_value(json_object_get(object, "name"));
        group->about = json_string_value(json_object_get(object, "about"));
        if (!group->name) return error_set(error, "group %zu has no name", i);
        if (!compile(json_object_get(object, "symbol"), &group->symbol, error) ||
            !compile(json_object_get(object, "object"), &group->object, error) ||
            !compile(json_object_get(object, "library"), &group->library, error))
            return false;
        if (!group->symbol && !group->object)
            return error_set(error, "group %s needs a pattern: symbol or object", group->name);
    }
    groups->groups[groups->count++] = (struct group){.name = "other", .about = "everything else"};
    return true;
}

struct profile_groups *profile_groups_load(const char *path, struct error *error) {
    struct error reason;
    struct profile_groups *groups = calloc(1, sizeof *groups);
    if (!groups) {
        error_set(error, "out of memory");
        return NULL;
    }
    groups->storage = json_file_read(path, error);
    if (groups->storage && read_groups(groups, &reason)) return groups;
    if (groups->storage) error_set(error, "%s: %s", path, reason.message);
    profile_groups_free(groups);
    return NULL;
}

void profile_groups_free(struct profile_groups *groups) {
    if (!groups) return;
    for (size_t i = 0; i < groups->count; i++) {
        pcre2_code_free(groups->groups[i].symbol);
        pcre2_code_free(groups->groups[i].object);
        pcre2_code_free(groups->groups[i].library);
    }
    pcre2_match_data_free(groups->match);
    free(groups->groups);
    json_decref(groups->storage);
    free(groups);
}

size_t profile_groups_count(const struct profile_groups *groups) {
    return groups->count;
}

const char *profile_group_name(const struct profile_groups *groups, size_t group) {
    return groups->groups[group].name;
}

const char *profile_group_about(const struct profile_groups *groups, size_t group) {
    return groups->groups[group].about ? groups->groups[group].about : "";
}

static bool matches(const struct profile_groups *groups, pcre2_code *code, const char *text) {
    return !code || pcre2_match(code, (PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0, 0, groups->match,
                                NULL) >= 0;
}

int profile_group_of(const struct profile_groups *groups, const char *name, const char *object) {
    for (size_t i = 0; i < groups->count; i++)
        if (groups->groups[i].library && matches(groups, groups->groups[i].library, object))
            return (int)i;
    for (size_t i = 0; i < groups->count; i++)
        if (matches(groups, groups->groups[i].symbol, name) &&
            matches(groups, groups->groups[i].object, object))
            return (int)i;
    return (int)groups->count - 1;
}
