/* Reads records, whole or cut off; see record.h. */
#define _GNU_SOURCE
#include "results/record.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

struct reader {
    struct record *record;
    const char *name;
    size_t line; /* number of the current one, from 1 */
    size_t sample_room, line_room, arm_room;
    struct error *error;
};

static bool fail(struct reader *reader, const char *what) {
    return error_set(reader->error, "%s: line %zu: %s", reader->name, reader->line, what);
}

/* Room for one more element of `size` bytes in *array, which holds `count`. */
static bool make_room(struct reader *reader, void *array, size_t count, size_t *room, size_t size) {
    void **pointer = array;
    if (count < *room) return true;
    size_t wanted = *room ? *room * 2 : 16;
    void *grown = reallocarray(*pointer, wanted, size);
    if (!grown) return fail(reader, "out of memory");
    *pointer = grown;
    *room = wanted;
    return true;
}

/* A whole number at or above 0; `fallback` if the member is absent or something else. */
static uint64_t get_integer(json_t *object, const char *key, uint64_t fallback) {
    json_t *member = json_object_get(object, key);
    if (!json_is_integer(member) || json_integer_value(member) < 0) return fallback;
    return (uint64_t)json_integer_value(member);
}

static int get_index(json_t *object, const char *key) {
    uint64_t value = get_integer(object, key, RECORD_UNAVAILABLE);
    return value <= INT32_MAX ? (int)value : -1;
}

static const char *get_text(json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

static bool read_header(struct reader *reader, json_t *line) {
    const char *kind = get_text(line, "kind");
    if (!kind || strcmp(kind, "header") != 0)
        return fail(reader, "a record begins with a header line, and this is none; is it a record "
                            "of grainbench?");
    json_t *schema = json_object_get(line, "schema");
    if (!json_is_integer(schema) || json_integer_value(schema) < 1)
        return fail(reader, "the header names no schema number");
    if (json_integer_value(schema) > RECORD_SCHEMA)
        return error_set(reader->error,
                         "%s: the record has schema %lld, and this program reads up to %d; use a "
                         "newer grainbench",
                         reader->name, (long long)json_integer_value(schema), RECORD_SCHEMA);
    reader->record->schema = (int)json_integer_value(schema);
    reader->record->header = line;
    return true;
}

static bool read_arm(struct reader *reader, json_t *line) {
    struct record *record = reader->record;
    if (get_index(line, "arm") != (int)record->arm_count)
        return fail(reader, "arms must be numbered 0, 1, 2, ... in the order of their lines");
    if (!make_room(reader, &record->arms, record->arm_count, &reader->arm_room,
                   sizeof *record->arms))
        return false;
    json_t *row = json_object_get(line, "row");
    struct arm_record arm = {
        .arm = (unsigned)record->arm_count,
        .role = ROLE_OTHER,
        .control_of = get_index(line, "control_of"),
        .compared_with = get_index(line, "baseline"),
        .threads = (unsigned)get_integer(row, "threads", 0),
        .row_name = get_text(row, "name"),
        .label = get_text(line, "label"),
        .scheduler = get_text(line, "scheduler"),
        .encoder = get_text(line, "encoder"),
        .entry = get_text(line, "entry"),
        .cost = get_text(line, "cost"),
        .cache = get_text(line, "cache"),
        .storage = get_text(line, "storage"),
        .free = get_text(line, "free"),
        .workers = (unsigned)get_integer(line, "workers", 0),
        .json = line,
    };
    const char *role = get_text(line, "role");
    for (int i = 0; role && i < ROLE_COUNT; i++)
        if (strcmp(role, role_names[i]) == 0) arm.role = (enum arm_role)i;
    record->arms[record->arm_count++] = arm;
    return true;
}

static bool read_sample(struct reader *reader, json_t *line) {
    struct record *record = reader->record;
    int arm = get_index(line, "arm"), round = get_index(line, "round");
    uint64_t duration_ns = get_integer(line, "duration_ns", 0);
    if (arm < 0 || (size_t)arm >= record->arm_count)
        return fail(reader, "the sample's arm has no arm line before it");
    if (round < 0) return fail(reader, "the sample names no round");
    if (duration_ns == 0) return fail(reader, "the sample's duration_ns is missing or not above 0");
    if (!make_room(reader, &record->samples, record->sample_count, &reader->sample_room,
                   sizeof *record->samples))
        return false;
    json_t *phases = json_object_get(line, "phases_ns");
    struct sample sample = {
        .arm = (unsigned)arm,
        .round = (unsigned)round,
        .position = (unsigned)get_integer(line, "position", 0),
        .process = (unsigned)get_integer(line, "process", 0),
        .duration_ns = duration_ns,
        .bytes = get_integer(line, "bytes", 0),
        .items = get_integer(line, "items", 0),
        .cpu_ns = get_integer(line, "cpu_ns", RECORD_UNAVAILABLE),
        .evidence = json_object_get(line, "evidence"),
        .tainted = get_text(line, "tainted"),
        .slices_ns = json_object_get(line, "slices_ns"),
        .slices_tainted = json_object_get(line, "slices_tainted"),
    };
    for (int i = 0; i < PHASE_COUNT; i++)
        sample.phases_ns[i] = get_integer(phases, phase_names[i], RECORD_UNAVAILABLE);
    record->samples[record->sample_count++] = sample;
    return true;
}

static bool read_other(struct reader *reader, const char *kind, json_t *line) {
    struct record *record = reader->record;
    if (!make_room(reader, &record->lines, record->line_count, &reader->line_room,
                   sizeof *record->lines))
        return false;
    int arm = get_index(line, "arm");
    if (arm >= 0 && (size_t)arm >= record->arm_count)
        return fail(reader, "the line is about an arm that has no arm line before it");
    record->lines[record->line_count++] =
        (struct record_line){.kind = kind, .arm = arm, .json = line};
    if (strcmp(kind, "end") == 0) record->ended = true;
    return true;
}

static bool read_line(struct reader *reader, json_t *line) {
    if (!json_is_object(line)) return fail(reader, "not a JSON object");
    if (json_array_append(reader->record->storage, line) != 0) return fail(reader, "out of memory");
    if (!reader->record->header) return read_header(reader, line);
    const char *kind = get_text(line, "kind");
    if (!kind) return fail(reader, "the object has no member 'kind'");
    if (strcmp(kind, "arm") == 0) return read_arm(reader, line);
    if (strcmp(kind, "sample") == 0) return read_sample(reader, line);
    return read_other(reader, kind, line);
}

/* Reads lines until the end or a bad one. The last line of a file that was cut off is no JSON; that
 * is a warning. The same anywhere else is an error. */
static bool read_lines(struct reader *reader, const char *data, size_t size) {
    for (size_t begin = 0; begin < size;) {
        const char *end = memchr(data + begin, '\n', size - begin);
        size_t length = end ? (size_t)(end - data) - begin : size - begin;
        reader->line++;
        json_error_t problem;
        json_t *line = json_loadb(data + begin, length, JSON_REJECT_DUPLICATES, &problem);
        if (!line && !reader->record->header && data[begin] != '{')
            return fail(reader, "not JSON; is it a record of grainbench?");
        if (!line && !end) {
            snprintf(reader->record->warning, sizeof reader->record->warning,
                     "%s: cut off in line %zu; read up to the line before", reader->name,
                     reader->line);
            break;
        }
        if (!line && !reader->record->header)
            return fail(reader, "not JSON; is it a record of grainbench?");
        if (!line)
            return error_set(reader->error,
                             "%s: line %zu: not JSON (%s); the file was changed after it was "
                             "written: get it again, or remove the line",
                             reader->name, reader->line, problem.text);
        bool read = read_line(reader, line);
        json_decref(line);
        if (!read) return false;
        begin += length + 1;
    }
    if (!reader->record->header)
        return error_set(reader->error, "%s: %s", reader->name,
                         size ? "cut off in its first line; nothing can be read from it"
                              : "the file is empty");
    return true;
}

struct record *record_parse(const char *name, const char *data, size_t size, struct error *error) {
    struct record *record = calloc(1, sizeof *record);
    if (!record || !(record->path = strdup(name)) || !(record->storage = json_array())) {
        error_set(error, "%s: out of memory", name);
        record_free(record);
        return NULL;
    }
    struct reader reader = {.record = record, .name = name, .error = error};
    if (!read_lines(&reader, data, size)) {
        record_free(record);
        return NULL;
    }
    if (!record->ended && !record->warning[0])
        snprintf(record->warning, sizeof record->warning,
                 "%s: the run did not reach its end; %zu samples were kept", name,
                 record->sample_count);
    return record;
}

struct record *record_read(const char *path, struct error *error) {
    char *data;
    size_t size;
    if (!file_read(path, &data, &size, error)) return NULL;
    struct record *record = record_parse(path, data, size, error);
    free(data);
    return record;
}

void record_free(struct record *record) {
    if (!record) return;
    json_decref(record->storage);
    free(record->arms);
    free(record->samples);
    free(record->lines);
    free(record->path);
    free(record);
}

size_t record_find_line(const struct record *record, size_t from, const char *kind, int arm) {
    for (; from < record->line_count; from++)
        if (strcmp(record->lines[from].kind, kind) == 0 &&
            (arm < 0 || record->lines[from].arm == arm))
            break;
    return from < record->line_count ? from : record->line_count;
}

json_t *record_header_member(const struct record *record, const char *path) {
    return json_path(record->header, path);
}

static json_t *element_named(const json_t *array, const char *name) {
    size_t index;
    json_t *element;
    json_array_foreach(array, index, element) {
        const char *own = json_string_value(json_object_get(element, "name"));
        if (own && strcmp(own, name) == 0) return element;
    }
    return NULL;
}

json_t *json_path(json_t *object, const char *path) {
    char key[64];
    while (object && *path) {
        size_t length = strcspn(path, ".");
        if (length >= sizeof key) return NULL;
        memcpy(key, path, length);
        key[length] = 0;
        object = json_is_array(object) ? element_named(object, key) : json_object_get(object, key);
        path += length + (path[length] == '.');
    }
    return object;
}

const char *record_header_text(const struct record *record, const char *path) {
    return json_string_value(record_header_member(record, path));
}
