/* Events by name, checked one by one; see counter_list.h. */
#define _GNU_SOURCE
#include "harness/counters/counter_list.h"

#include "base/datafile.h"
#include "harness/counters/counters_calibration.h"

#include <limits.h>
#include <string.h>

enum { CALIBRATION_OPERATIONS = 20000 };

static bool is_trustworthy(struct counter_event *event, struct error *error) {
    struct counter_group group;
    struct calibration calibration;
    char vector[256];
    if (!counter_group_open(&group, event, 1, 0, error)) return false;
    counter_group_close(&group);
    if (!event->event || !event->event->calibrated) return true;
    if (!calibration_run(event, CALIBRATION_OPERATIONS, &calibration, error)) return false;
    if (calibration.accepted) return true;
    calibration_describe(&calibration, vector, sizeof vector);
    return error_set(error, "it does not count what it claims: %s", vector);
}

/* "NAME: why" without the name. */
static const char *reason_of(const struct error *error, const char *name) {
    size_t length = strlen(name);
    bool named = strncmp(error->message, name, length) == 0 && error->message[length] == ':';
    return named ? error->message + length + 2 : error->message;
}

static bool add_event(struct counter_list *list, const char *name, struct error *error) {
    struct error reason;
    if (list->count == COUNTER_GROUP_LIMIT)
        return error_set(error, "--events: at most %d events count together", COUNTER_GROUP_LIMIT);
    struct counter_event *event = &list->events[list->count];
    if (counter_resolve(name, list->has_table ? &list->table : NULL, event, &reason) &&
        is_trustworthy(event, &reason)) {
        list->count++;
        return true;
    }
    json_array_append_new(list->unavailable,
                          json_pack("{s:s, s:s}", "name", name, "why", reason_of(&reason, name)));
    return true;
}

bool counter_list_make(const char *names, struct counter_list *list, struct error *error) {
    struct cpu_identity identity;
    char folder[PATH_MAX];
    *list = (struct counter_list){.unavailable = json_array()};
    list->has_table = cpu_identity_read(&identity, NULL) &&
                      datafile_find("events", folder, sizeof folder, NULL) &&
                      event_table_find(folder, &identity, &list->table, NULL);
    bool ok = true;
    for (const char *at = names; ok && *at;) {
        char name[sizeof list->events[0].name];
        size_t length = strcspn(at, ",");
        if (length == 0 || length >= sizeof name) {
            ok = error_set(error, "--events: names separated by commas, not '%s'", names);
            break;
        }
        snprintf(name, sizeof name, "%.*s", (int)length, at);
        ok = add_event(list, name, error);
        at += length + (at[length] == ',');
    }
    if (ok && !list->count && !json_array_size(list->unavailable))
        ok = error_set(error, "--events: names no event");
    if (!ok) counter_list_free(list);
    return ok;
}

void counter_list_free(struct counter_list *list) {
    if (list->has_table) event_table_free(&list->table);
    json_decref(list->unavailable);
    *list = (struct counter_list){0};
}
