/* The record: the file of one experiment, JSON lines, written as it happens and read whole. The
 * format is docs/record.md. This file knows nothing of how samples come about. */
#ifndef RESULTS_RECORD_H
#define RESULTS_RECORD_H

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_SCHEMA      1          /* what is written; every number from 1 on is read */
#define RECORD_UNAVAILABLE UINT64_MAX /* an integer that could not be had; left out of the file */

/* Where a batch's time goes, in the order in which it happens. */
enum phase { PHASE_FORK, PHASE_RUN, PHASE_JOIN, PHASE_COLLECT, PHASE_DROP, PHASE_COUNT };
extern const char *const phase_names[PHASE_COUNT];

enum arm_role { ROLE_BASELINE, ROLE_PATCHED, ROLE_CONTROL, ROLE_OTHER, ROLE_COUNT };
extern const char *const role_names[ROLE_COUNT];

/* One timed run of one arm. Two arms' samples of one round form a pair. */
struct sample {
    unsigned arm, round;
    unsigned position; /* in the round's order, from 0 */
    unsigned process;  /* which of several processes an arm, from 0 */
    uint64_t duration_ns, bytes, items;
    uint64_t cpu_ns;                 /* CPU time of all workers, or RECORD_UNAVAILABLE */
    uint64_t phases_ns[PHASE_COUNT]; /* each may be RECORD_UNAVAILABLE */
    json_t *evidence;                /* what the environment did meanwhile, or NULL */
    const char *tainted;             /* why the sample is not to be trusted, or NULL */
    /* A sample may be made of slices, interleaved with those of the round's other arms: slice i of
     * one arm pairs with slice i of another. Durations in ns, and the indices of tainted ones; NULL
     * if the sample is of one piece. */
    json_t *slices_ns, *slices_tainted;
};

/* One thing being compared. Texts may be NULL where they do not apply. */
struct arm_record {
    unsigned arm; /* index; arms are written in the order 0, 1, 2, ... */
    enum arm_role role;
    int control_of;    /* ROLE_CONTROL: the arm that this one repeats; else -1 */
    int compared_with; /* the arm that is its baseline; -1: the baseline arm of its row and group */
    unsigned threads;  /* what the table row says; 0 if rows are not about threads */
    const char *row_name; /* such as "physical" */
    const char *label;
    const char *scheduler, *encoder, *entry, *cost, *cache, *storage, *free;
    unsigned workers;
    json_t *json; /* writing: more members for the line, or NULL; reading: the whole line */
};

/* Any other line of a record: observation, ledger, counter, profile, figure, verdict, ... */
struct record_line {
    const char *kind;
    int arm; /* -1 if it is not about an arm */
    json_t *json;
};

struct record {
    char *path;
    int schema;
    json_t *header;
    struct arm_record *arms;
    size_t arm_count;
    struct sample *samples; /* in file order */
    size_t sample_count;
    struct record_line *lines; /* the rest, in file order */
    size_t line_count;
    bool ended;                            /* the experiment ran to its end */
    char warning[GRAINBENCH_MESSAGE_SIZE]; /* "" or why the end of the file was left out */
    json_t *storage;                       /* holds every line read; not for callers */
};

/* Reads a whole record. Lines after the last whole one (a run killed, a disk full) are left out and
 * `warning` says so. NULL, naming file and line, when a line before that is bad, the first line is
 * no header, or the schema is newer than this program. Free with record_free. */
struct record *record_read(const char *path, struct error *error);
/* The same from memory; `name` is what messages call it. */
struct record *record_parse(const char *name, const char *data, size_t size, struct error *error);
void record_free(struct record *record);

/* The next line of `kind` at or after index `from` that is about `arm` (-1: any); line_count if
 * there is none. */
size_t record_find_line(const struct record *record, size_t from, const char *kind, int arm);

/* A text of the header by path ("machine.cpu"); NULL if it is absent or no text. */
const char *record_header_text(const struct record *record, const char *path);
json_t *record_header_member(const struct record *record, const char *path); /* borrowed or NULL */

/* The member of nested objects at "a.b.c", borrowed; NULL if there is none. In an array it is the
 * element whose `name` is that: "events.instructions.per_item". */
json_t *json_path(json_t *object, const char *path);

struct record_writer;

/* Begins a record with the header line: `header`, whose reference is taken, with kind, schema and,
 * where they are missing, provenance "measured" and the time of creation. Fails when the file
 * cannot be written. Lines up to the first that holds a result (no header, arm or calibration) are
 * kept in memory; then the file is made, in place of what was there, and every function below
 * writes one whole line before it returns, or fails with a sentence (a full disk) and leaves whole
 * lines. */
struct record_writer *record_create(const char *path, json_t *header, struct error *error);
/* Appends a line; takes the reference, also on failure. NULL (as from a failed json_pack) fails. */
bool record_append(struct record_writer *writer, json_t *line, struct error *error);
bool record_append_arm(struct record_writer *writer, const struct arm_record *arm,
                       struct error *error);
bool record_append_sample(struct record_writer *writer, const struct sample *sample,
                          struct error *error);
/* Writes the `end` line, makes the file durable and frees the writer, also on failure. */
bool record_end(struct record_writer *writer, struct error *error);
/* Frees the writer without an `end` line; a record without a result leaves no file. NULL is
 * allowed. */
void record_abandon(struct record_writer *writer);

/* The file being written; valid as long as the writer. */
const char *record_writer_path(const struct record_writer *writer);

/* Sets `key` to `value`; what is no finite number becomes {"unavailable": why}. */
bool record_set_real(json_t *object, const char *key, double value, const char *why);

#endif
