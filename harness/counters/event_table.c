/* Event tables of data/events; see event_table.h. */
#define _GNU_SOURCE
#include "harness/counters/event_table.h"

#include "base/file.h"
#include "harness/json_file.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const calibration_names[CALIBRATE_COUNT] = {
    "fetch_add", "exchange", "cas_success", "cas_fail", "load", "store", "fence"};

/* The value of the first line "key : value" of /proc/cpuinfo. */
static bool find_value(const char *cpuinfo, const char *key, char *value, size_t size) {
    size_t length = strlen(key);
    for (const char *line = cpuinfo; line && *line;) {
        const char *end = strchrnul(line, '\n');
        const char *colon = memchr(line, ':', (size_t)(end - line));
        if (colon && strncmp(line, key, length) == 0 && strspn(line + length, " \t:") &&
            line + length + strspn(line + length, " \t") == colon) {
            const char *start = colon + 1 + strspn(colon + 1, " \t");
            snprintf(value, size, "%.*s", (int)(end > start ? end - start : 0), start);
            return true;
        }
        line = *end ? end + 1 : NULL;
    }
    return false;
}

bool cpu_identity_parse(const char *cpuinfo, struct cpu_identity *identity) {
    char text[96];
    *identity = (struct cpu_identity){.family = -1, .model = -1};
    if (find_value(cpuinfo, "vendor_id", text, sizeof text))
        snprintf(identity->vendor, sizeof identity->vendor, "%.15s", text);
    if (find_value(cpuinfo, "cpu family", text, sizeof text)) identity->family = atoi(text);
    if (find_value(cpuinfo, "model", text, sizeof text)) identity->model = atoi(text);
    find_value(cpuinfo, "model name", identity->name, sizeof identity->name);
    if (find_value(cpuinfo, "CPU implementer", text, sizeof text))
        identity->implementer = (unsigned)strtoul(text, NULL, 16);
    if (find_value(cpuinfo, "CPU part", text, sizeof text))
        identity->part = (unsigned)strtoul(text, NULL, 16);
    if (!identity->name[0] && identity->implementer)
        snprintf(identity->name, sizeof identity->name, "Arm implementer 0x%02x part 0x%03x",
                 identity->implementer, identity->part);
    return identity->vendor[0] || identity->implementer;
}

bool cpu_identity_read(struct cpu_identity *identity, struct error *error) {
    char *text;
    size_t size;
    if (!file_read("/proc/cpuinfo", &text, &size, error)) return false;
    bool known = cpu_identity_parse(text, identity);
    free(text);
    return known || error_set(error, "/proc/cpuinfo does not say what processor this is");
}

static bool read_config(json_t *member, uint64_t *config) {
    const char *text = json_string_value(member);
    char *end;
    if (!text) return false;
    *config = strtoull(text, &end, 0);
    return end != text && !*end;
}

static bool read_event(json_t *object, struct event *event) {
    *event = (struct event){
        .name = json_string_value(json_object_get(object, "name")),
        .counts = json_string_value(json_object_get(object, "counts")),
        .comparable = json_string_value(json_object_get(object, "comparable")),
        .libpfm = json_string_value(json_object_get(object, "libpfm")),
    };
    if (!event->name || !event->counts ||
        !read_config(json_object_get(object, "config"), &event->config))
        return false;
    json_t *expect = json_object_get(object, "expect");
    event->calibrated = expect != NULL;
    for (int i = 0; i < CALIBRATE_COUNT; i++) {
        json_t *number = json_object_get(expect, calibration_names[i]);
        event->expected[i] = json_is_number(number) ? json_number_value(number) : (double)NAN;
    }
    json_t *also = json_object_get(object, "try_also");
    for (size_t i = 0; i < json_array_size(also) && i < 4; i++)
        if (!read_config(json_array_get(also, i), &event->alternatives[event->alternative_count++]))
            return false;
    return true;
}

static bool read_table(struct event_table *table, struct error *error) {
    json_t *events = json_object_get(table->storage, "events");
    json_t *missing = json_object_get(table->storage, "missing");
    json_t *counters = json_object_get(table->storage, "counters");
    table->microarchitecture =
        json_string_value(json_object_get(table->storage, "microarchitecture"));
    if (!table->microarchitecture || !json_is_array(events))
        return error_set(error, "%s: needs microarchitecture and events", table->path);
    table->counters = json_is_integer(counters) ? (unsigned)json_integer_value(counters) : 0;
    table->events = calloc(json_array_size(events) + 1, sizeof *table->events);
    table->missing = calloc(json_array_size(missing) + 1, sizeof *table->missing);
    if (!table->events || !table->missing)
        return error_set(error, "%s: out of memory", table->path);
    for (size_t i = 0; i < json_array_size(events); i++) {
        if (!read_event(json_array_get(events, i), &table->events[table->count++]))
            return error_set(error,
                             "%s: event %zu needs the texts name and counts, and config as text "
                             "like \"0x21d0\"",
                             table->path, i);
    }
    for (size_t i = 0; i < json_array_size(missing); i++) {
        json_t *object = json_array_get(missing, i);
        const char *name = json_string_value(json_object_get(object, "name"));
        const char *why = json_string_value(json_object_get(object, "why"));
        if (!name || !why)
            return error_set(error, "%s: missing event %zu needs name and why", table->path, i);
        table->missing[table->missing_count++] = (struct missing_event){name, why};
    }
    return true;
}

bool event_table_load(const char *path, struct event_table *table, struct error *error) {
    *table = (struct event_table){0};
    snprintf(table->path, sizeof table->path, "%s", path);
    table->storage = json_file_read(path, error);
    if (!table->storage) return false;
    if (read_table(table, error)) return true;
    event_table_free(table);
    return false;
}

void event_table_free(struct event_table *table) {
    free(table->events);
    free(table->missing);
    json_decref(table->storage);
    *table = (struct event_table){0};
}

static bool rule_matches(json_t *rule, const struct cpu_identity *identity) {
    const char *vendor = json_string_value(json_object_get(rule, "vendor"));
    const char *implementer = json_string_value(json_object_get(rule, "implementer"));
    if (vendor) {
        if (strcmp(vendor, identity->vendor) != 0 ||
            json_integer_value(json_object_get(rule, "family")) != identity->family)
            return false;
        json_t *models = json_object_get(rule, "models");
        for (size_t i = 0; i < json_array_size(models); i++) {
            json_t *range = json_array_get(models, i);
            if (identity->model >= json_integer_value(json_array_get(range, 0)) &&
                identity->model <= json_integer_value(json_array_get(range, 1)))
                return true;
        }
        return false;
    }
    if (!implementer || strtoul(implementer, NULL, 16) != identity->implementer) return false;
    json_t *parts = json_object_get(rule, "parts");
    for (size_t i = 0; i < json_array_size(parts); i++) {
        const char *part = json_string_value(json_array_get(parts, i));
        if (part && strtoul(part, NULL, 16) == identity->part) return true;
    }
    return false;
}

bool event_table_matches(const struct event_table *table, const struct cpu_identity *identity) {
    json_t *rules = json_object_get(table->storage, "match");
    for (size_t i = 0; i < json_array_size(rules); i++)
        if (rule_matches(json_array_get(rules, i), identity)) return true;
    return false;
}

bool event_table_find(const char *folder, const struct cpu_identity *identity,
                      struct event_table *table, struct error *error) {
    DIR *directory = opendir(folder);
    if (!directory) return error_set_errno(error, "%s: cannot open", folder);
    bool found = false, ok = true;
    for (struct dirent *entry; ok && !found && (entry = readdir(directory));) {
        char path[4096];
        size_t length = strlen(entry->d_name);
        if (length < 5 || strcmp(entry->d_name + length - 5, ".json") != 0) continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        ok = event_table_load(path, table, error);
        found = ok && event_table_matches(table, identity);
        if (ok && !found) event_table_free(table);
    }
    closedir(directory);
    if (ok && !found)
        return error_set(error, "no table in %s is about this processor (%s, family %d model %d)",
                         folder, identity->name[0] ? identity->name : identity->vendor,
                         identity->family, identity->model);
    return found;
}

const struct event *event_find(const struct event_table *table, const char *name) {
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->events[i].name, name) == 0) return &table->events[i];
    return NULL;
}
