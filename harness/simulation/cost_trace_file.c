/* Cost traces as files; see cost_trace.h. */
#define _GNU_SOURCE
#include "base/file.h"
#include "harness/simulation/cost_trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    size_t offset;
} section_members[] = {{"lone_encode", offsetof(struct cost_sections, lone_encode)},
                       {"lone_drop", offsetof(struct cost_sections, lone_drop)},
                       {"remote_encode", offsetof(struct cost_sections, remote_encode)},
                       {"remote_drop", offsetof(struct cost_sections, remote_drop)},
                       {"crowd", offsetof(struct cost_sections, crowd)},
                       {"reset_ns", offsetof(struct cost_sections, reset_ns)},
                       {"remote_reset_ns", offsetof(struct cost_sections, remote_reset_ns)},
                       {"result_bytes", offsetof(struct cost_sections, result_bytes)},
                       {"written_bytes", offsetof(struct cost_sections, written_bytes)}};
enum { SECTION_MEMBERS = sizeof section_members / sizeof *section_members };

static json_t *sections_to_json(const struct cost_sections *sections) {
    json_t *object = json_object();
    for (int i = 0; i < SECTION_MEMBERS; i++) {
        const double *value =
            (const double *)(const void *)((const char *)sections + section_members[i].offset);
        json_object_set_new(object, section_members[i].name, json_real(*value));
    }
    return object;
}

static bool sections_from_json(const char *path, const json_t *object,
                               struct cost_sections *sections, struct error *error) {
    for (int i = 0; i < SECTION_MEMBERS; i++) {
        const json_t *json = json_object_get(object, section_members[i].name);
        double value = json_number_value(json);
        if (!json_is_number(json) || !(value >= 0) || value > 1e9)
            return error_set(error,
                             "%s: line 1: \"sections\" needs \"%s\", a number from 0 on: "
                             "make the trace again with 'grainbench trace'",
                             path, section_members[i].name);
        *(double *)(void *)((char *)sections + section_members[i].offset) = value;
    }
    return true;
}

bool cost_trace_write(const struct cost_trace *trace, const struct corpus *corpus, const char *path,
                      struct error *error) {
    char digest[32];
    snprintf(digest, sizeof digest, "%016" PRIx64, corpus->digest);
    json_t *header =
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:o}", "kind", "trace", "source", trace->source,
                  "encoder", trace->encoder, "corpus_xxh3", digest, "lines",
                  (json_int_t)trace->count, "sections", sections_to_json(&trace->sections));
    char *first = header ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    char *text = NULL;
    size_t size = 0;
    FILE *out = first ? open_memstream(&text, &size) : NULL;
    if (out) {
        fprintf(out, "%s\n", first);
        for (size_t i = 0; i < trace->count; i++)
            fprintf(out, "%.1f %.1f\n", trace->encode_ns[i], trace->drop_ns[i]);
        if (fclose(out) != 0) size = 0;
    }
    free(first);
    bool written = size ? file_write(path, text, size, error) : error_set(error, "out of memory");
    free(text);
    return written;
}

static bool read_header(const char *path, const char *line, size_t length,
                        const struct corpus *corpus, struct cost_trace *trace,
                        struct error *error) {
    json_t *header = json_loadb(line, length, 0, NULL);
    const char *kind = json_string_value(json_object_get(header, "kind"));
    const char *digest = json_string_value(json_object_get(header, "corpus_xxh3"));
    const char *encoder = json_string_value(json_object_get(header, "encoder"));
    const char *source = json_string_value(json_object_get(header, "source"));
    char expected[32];
    snprintf(expected, sizeof expected, "%016" PRIx64, corpus->digest);
    bool good = false;
    if (!kind || strcmp(kind, "trace") != 0 || !digest || !encoder || !source)
        error_set(error, "%s: line 1: not a trace that 'grainbench trace' wrote", path);
    else if (strcmp(digest, expected) != 0)
        error_set(error, "%s: a trace of another text than %s; make one with 'grainbench trace'",
                  path, corpus->path);
    else
        good =
            sections_from_json(path, json_object_get(header, "sections"), &trace->sections, error);
    if (good) {
        snprintf(trace->encoder, sizeof trace->encoder, "%s", encoder);
        snprintf(trace->source, sizeof trace->source, "%s", source);
    }
    json_decref(header);
    return good;
}

static bool read_costs(const char *path, const char *at, struct cost_trace *trace,
                       struct error *error) {
    for (size_t i = 0; i < trace->count; i++) {
        char *end;
        trace->encode_ns[i] = strtod(at, &end);
        bool good = end != at;
        if (good) {
            at = end;
            trace->drop_ns[i] = strtod(at, &end);
            good = end != at && *end == '\n';
        }
        if (!good || !(trace->encode_ns[i] >= 0) || !(trace->drop_ns[i] >= 0))
            return error_set(error, "%s: line %zu: two costs in ns are expected, 0 or more", path,
                             i + 2);
        at = end;
    }
    return true;
}

struct cost_trace *cost_trace_read(const char *path, const struct corpus *corpus,
                                   struct error *error) {
    char *data;
    size_t size;
    if (!file_read(path, &data, &size, error)) return NULL;
    struct cost_trace *trace = cost_trace_create(corpus->line_count, error);
    const char *newline = memchr(data, '\n', size);
    bool good = trace != NULL;
    if (good && !newline) good = error_set(error, "%s: line 1: not a trace", path);
    good = good && read_header(path, data, (size_t)(newline - data), corpus, trace, error) &&
           read_costs(path, newline + 1, trace, error);
    free(data);
    if (good) return trace;
    cost_trace_free(trace);
    return NULL;
}
