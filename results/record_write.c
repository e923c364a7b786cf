/* Writes records: one write a line, so that whatever was measured survives a kill; see record.h.
 * The file appears with the first line that holds a result: a run that fails before leaves nothing
 * behind, and a record of that name as it was. */
#define _GNU_SOURCE
#include "results/record.h"

#include "base/draft.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *const phase_names[PHASE_COUNT] = {"fork", "run", "join", "collect", "drop"};
const char *const role_names[ROLE_COUNT] = {"baseline", "patched", "control", "other"};

struct record_writer {
    char *path;
    int file;   /* -1: not made yet */
    char *kept; /* lines until it is made */
    size_t kept_bytes;
    off_t written_bytes; /* whole lines in the file */
    uint64_t sample_count;
};

static bool write_whole(struct record_writer *writer, const char *data, size_t size,
                        struct error *error) {
    for (size_t done = 0; done < size;) {
        ssize_t written = write(writer->file, data + done, size - done);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            error_set_errno(error, "%s: cannot write to the record", writer->path);
            (void)!ftruncate(writer->file, writer->written_bytes); /* no half lines */
            return false;
        }
        done += (size_t)written;
    }
    writer->written_bytes += (off_t)size;
    return true;
}

static bool keep(struct record_writer *writer, const char *data, size_t size, struct error *error) {
    char *larger = realloc(writer->kept, writer->kept_bytes + size);
    if (!larger) return error_set(error, "%s: out of memory for the record", writer->path);
    memcpy(larger + writer->kept_bytes, data, size);
    writer->kept = larger;
    writer->kept_bytes += size;
    return true;
}

/* Makes the file, with the lines that were kept. */
static bool make_file(struct record_writer *writer, struct error *error) {
    struct file_draft draft;
    if (!file_draft_open(&draft, writer->path, NULL))
        return error_set_errno(error, "%s: cannot create the record", writer->path);
    writer->file = draft.descriptor;
    writer->written_bytes = 0;
    bool made = write_whole(writer, writer->kept, writer->kept_bytes, error);
    if (made && !file_draft_publish(&draft, NULL))
        made = error_set_errno(error, "%s: cannot create the record", writer->path);
    if (!made) {
        file_draft_drop(&draft);
        writer->file = -1;
        return false;
    }
    free(writer->kept);
    writer->kept = NULL;
    writer->kept_bytes = 0;
    return true;
}

static bool is_result(const json_t *line) {
    static const char *const before[] = {"header", "arm", "calibration"};
    const char *kind = json_string_value(json_object_get(line, "kind"));
    for (size_t i = 0; kind && i < sizeof before / sizeof before[0]; i++)
        if (strcmp(kind, before[i]) == 0) return false;
    return true;
}

bool record_append(struct record_writer *writer, json_t *line, struct error *error) {
    char *text = line ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    bool make = writer->file < 0 && is_result(line);
    json_decref(line);
    if (!text) return error_set(error, "%s: a line of the record cannot be made", writer->path);
    size_t length = strlen(text);
    text[length] = '\n'; /* in place of the terminator: one write a line */
    bool written = writer->file < 0 ? keep(writer, text, length + 1, error)
                                    : write_whole(writer, text, length + 1, error);
    free(text);
    return written && (!make || make_file(writer, error));
}

static void add_creation_time(json_t *header) {
    char text[64];
    time_t now = time(NULL);
    struct tm parts;
    if (json_object_get(header, "created") || !gmtime_r(&now, &parts)) return;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    json_object_set_new(header, "created", json_string(text));
}

/* kind and schema come first in the file, whatever the caller's order. */
static json_t *complete_header(json_t *header) {
    json_t *line = json_pack("{s:s, s:i}", "kind", "header", "schema", RECORD_SCHEMA);
    if (!line || !header || json_object_update_missing(line, header) != 0) {
        json_decref(line);
        json_decref(header);
        return NULL;
    }
    json_decref(header);
    if (!json_object_get(line, "provenance"))
        json_object_set_new(line, "provenance", json_string("measured"));
    add_creation_time(line);
    return line;
}

struct record_writer *record_create(const char *path, json_t *header, struct error *error) {
    json_t *line = complete_header(header);
    struct record_writer *writer = calloc(1, sizeof *writer);
    if (!writer || !line || !(writer->path = strdup(path))) {
        error_set(error, "%s: out of memory for the record's header", path);
        json_decref(line);
        free(writer);
        return NULL;
    }
    writer->file = -1;
    if (!file_can_be_written(path, NULL)) {
        error_set_errno(error, "%s: cannot create the record", path);
        json_decref(line);
    } else if (record_append(writer, line, error)) {
        return writer;
    }
    record_abandon(writer);
    return NULL;
}

static void set_text(json_t *line, const char *key, const char *text) {
    if (text) json_object_set_new(line, key, json_string(text));
}

static void set_integer(json_t *line, const char *key, uint64_t value) {
    if (value <= INT64_MAX) json_object_set_new(line, key, json_integer((json_int_t)value));
}

bool record_append_arm(struct record_writer *writer, const struct arm_record *arm,
                       struct error *error) {
    json_t *line = json_pack("{s:s, s:i, s:s}", "kind", "arm", "arm", (int)arm->arm, "role",
                             role_names[arm->role]);
    if (!line) return record_append(writer, NULL, error);
    set_text(line, "label", arm->label);
    if (arm->control_of >= 0) set_integer(line, "control_of", (uint64_t)arm->control_of);
    if (arm->compared_with >= 0) set_integer(line, "baseline", (uint64_t)arm->compared_with);
    if (arm->threads || arm->row_name) {
        json_t *row = json_object();
        if (arm->threads) set_integer(row, "threads", arm->threads);
        set_text(row, "name", arm->row_name);
        json_object_set_new(line, "row", row);
    }
    set_text(line, "scheduler", arm->scheduler);
    set_text(line, "encoder", arm->encoder);
    set_text(line, "entry", arm->entry);
    set_text(line, "cost", arm->cost);
    set_text(line, "cache", arm->cache);
    set_text(line, "storage", arm->storage);
    set_text(line, "free", arm->free);
    if (arm->workers) set_integer(line, "workers", arm->workers);
    if (arm->json) json_object_update_missing(line, arm->json);
    return record_append(writer, line, error);
}

bool record_append_sample(struct record_writer *writer, const struct sample *sample,
                          struct error *error) {
    json_t *line = json_pack("{s:s, s:i, s:i, s:i, s:i}", "kind", "sample", "arm", (int)sample->arm,
                             "round", (int)sample->round, "position", (int)sample->position,
                             "process", (int)sample->process);
    json_t *phases = json_object();
    if (!line || !phases) {
        json_decref(line);
        json_decref(phases);
        return record_append(writer, NULL, error);
    }
    set_integer(line, "duration_ns", sample->duration_ns);
    set_integer(line, "bytes", sample->bytes);
    set_integer(line, "items", sample->items);
    set_integer(line, "cpu_ns", sample->cpu_ns);
    for (int i = 0; i < PHASE_COUNT; i++)
        set_integer(phases, phase_names[i], sample->phases_ns[i]);
    if (json_object_size(phases)) json_object_set(line, "phases_ns", phases);
    json_decref(phases);
    if (sample->evidence) json_object_set(line, "evidence", sample->evidence);
    if (sample->slices_ns) json_object_set(line, "slices_ns", sample->slices_ns);
    if (sample->slices_tainted) json_object_set(line, "slices_tainted", sample->slices_tainted);
    set_text(line, "tainted", sample->tainted);
    writer->sample_count++;
    return record_append(writer, line, error);
}

bool record_end(struct record_writer *writer, struct error *error) {
    bool written = record_append(
        writer, json_pack("{s:s, s:I}", "kind", "end", "samples", (json_int_t)writer->sample_count),
        error);
    /* Pipes and character devices cannot be synchronised; that is no failure. */
    if (written && fsync(writer->file) != 0 && errno != EINVAL && errno != EROFS)
        written = error_set_errno(error, "%s: cannot write to the record", writer->path);
    int file = writer->file;
    writer->file = -1;
    if (file >= 0 && close(file) != 0 && written)
        written = error_set_errno(error, "%s: cannot write to the record", writer->path);
    record_abandon(writer);
    return written;
}

void record_abandon(struct record_writer *writer) {
    if (!writer) return;
    if (writer->file >= 0) close(writer->file);
    free(writer->kept);
    free(writer->path);
    free(writer);
}

const char *record_writer_path(const struct record_writer *writer) {
    return writer->path;
}

bool record_set_real(json_t *object, const char *key, double value, const char *why) {
    json_t *member = isfinite(value) ? json_real(value) : json_pack("{s:s}", "unavailable", why);
    return json_object_set_new(object, key, member) == 0;
}
