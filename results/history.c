/* History in SQLite; see history.h.
 *
 * Write-ahead log, full synchronisation, a busy timeout, and one immediate transaction a record:
 * writers queue, readers are never blocked, and a killed writer leaves whole records or none. */
#define _GNU_SOURCE
#include "results/history.h"

#include "base/file.h"
#include "results/tables/table.h"

#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum { BUSY_TIMEOUT_MS = 20000, RETRY_MS = 5 };

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS records("
    " id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, created TEXT NOT NULL,"
    " commit_id TEXT NOT NULL, machine TEXT NOT NULL, fingerprint TEXT NOT NULL,"
    " scenario TEXT NOT NULL, path TEXT NOT NULL, samples INTEGER NOT NULL, content BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS points("
    " record INTEGER NOT NULL REFERENCES records(id), work TEXT NOT NULL, row TEXT NOT NULL,"
    " label TEXT NOT NULL, unit TEXT NOT NULL, throughput REAL NOT NULL);"
    "CREATE INDEX IF NOT EXISTS points_by_record ON points(record);"
    "PRAGMA user_version = 1;";

struct history {
    sqlite3 *database;
    char *path;
};

static bool fail(const struct history *history, struct error *error) {
    return error_set(error, "%s: %s", history->path, sqlite3_errmsg(history->database));
}

static bool execute(struct history *history, const char *sql, struct error *error) {
    return sqlite3_exec(history->database, sql, NULL, NULL, NULL) == SQLITE_OK ||
           fail(history, error);
}

static sqlite3_stmt *prepare(struct history *history, const char *sql, struct error *error) {
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(history->database, sql, -1, &statement, NULL) == SQLITE_OK)
        return statement;
    fail(history, error);
    return NULL;
}

static long long read_number(struct history *history, const char *sql) {
    sqlite3_stmt *statement = prepare(history, sql, NULL);
    long long number = -1;
    if (statement && sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

/* SQLite does not wait for others when a fresh file is turned to a write-ahead log: of several
 * processes that open it first, all but one are told at once that it is busy. They try again. */
static bool use_write_ahead_log(struct history *history, struct error *error) {
    int waited_ms = 0, code;
    while ((code = sqlite3_exec(history->database, "PRAGMA journal_mode=WAL", NULL, NULL, NULL)) ==
               SQLITE_BUSY &&
           waited_ms < BUSY_TIMEOUT_MS)
        waited_ms += sqlite3_sleep(RETRY_MS);
    return code == SQLITE_OK || fail(history, error);
}

static bool set_up(struct history *history, struct error *error) {
    long long version = read_number(history, "PRAGMA user_version");
    if (version > 1)
        return error_set(error, "%s: was written by a newer grainbench (version %lld)",
                         history->path, version);
    return use_write_ahead_log(history, error) &&
           execute(history, "PRAGMA synchronous=FULL", error) &&
           (version == 1 || (execute(history, "BEGIN IMMEDIATE", error) &&
                             execute(history, schema, error) && execute(history, "COMMIT", error)));
}

/* A disk that was full before the first table was there: the files hold nothing. */
static void remove_begun(const char *path) {
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    char name[4096];
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (snprintf(name, sizeof name, "%s%s", path, endings[i]) < (int)sizeof name) unlink(name);
}

struct history *history_open(const char *path, struct error *error) {
    struct history *history = calloc(1, sizeof *history);
    bool is_new = access(path, F_OK) != 0;
    if (!history || !(history->path = strdup(path))) {
        error_set(error, "out of memory for the history");
        free(history);
        return NULL;
    }
    bool opened = sqlite3_open(path, &history->database) == SQLITE_OK || fail(history, error);
    if (opened) sqlite3_busy_timeout(history->database, BUSY_TIMEOUT_MS);
    if (opened && set_up(history, error)) return history;
    int code = sqlite3_errcode(history->database);
    history_close(history);
    if (is_new && (code == SQLITE_FULL || code == SQLITE_IOERR)) remove_begun(path);
    return NULL;
}

void history_close(struct history *history) {
    if (!history) return;
    sqlite3_close(history->database);
    free(history->path);
    free(history);
}

/* ---- adding ---- */

static const char *text_or(const char *text, const char *fallback) {
    return text ? text : fallback;
}

static bool step_insert(struct history *history, sqlite3_stmt *statement, struct error *error) {
    int code = sqlite3_step(statement);
    sqlite3_finalize(statement);
    return code == SQLITE_DONE || fail(history, error);
}

static bool insert_record(struct history *history, const struct record *record, const char *hash,
                          const char *data, size_t size, struct error *error) {
    sqlite3_stmt *statement = prepare(
        history,
        "INSERT INTO records(hash, created, commit_id, machine, fingerprint, scenario, path,"
        " samples, content) VALUES(?,?,?,?,?,?,?,?,?)",
        error);
    if (!statement) return false;
    char machine[256];
    text_of_machine(record, machine, sizeof machine);
    const char *texts[] = {hash,
                           text_or(record_header_text(record, "created"), ""),
                           text_or(record_header_text(record, "program.commit"), ""),
                           machine,
                           text_or(record_header_text(record, "machine.fingerprint"), ""),
                           text_or(record_header_text(record, "scenario"), ""),
                           record->path};
    for (int i = 0; i < 7; i++)
        sqlite3_bind_text(statement, i + 1, texts[i], -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(statement, 8, (sqlite3_int64)record->sample_count);
    sqlite3_bind_blob64(statement, 9, data, size, SQLITE_STATIC);
    return step_insert(history, statement, error);
}

static bool insert_points(struct history *history, const struct record *record, long long id,
                          struct error *error) {
    for (unsigned i = 0; i < record->arm_count; i++) {
        double throughput = arm_throughput(record, i);
        if (record->arms[i].role == ROLE_CONTROL || isnan(throughput)) continue;
        sqlite3_stmt *statement =
            prepare(history,
                    "INSERT INTO points(record, work, row, label, unit, throughput)"
                    " VALUES(?,?,?,?,?,?)",
                    error);
        if (!statement) return false;
        char group[256], row[256];
        arm_group(&record->arms[i], group, sizeof group);
        text_of_row(&record->arms[i], row, sizeof row);
        sqlite3_bind_int64(statement, 1, id);
        sqlite3_bind_text(statement, 2, group, -1, SQLITE_TRANSIENT);
        sqlite3_bind_text(statement, 3, row, -1, SQLITE_TRANSIENT);
        sqlite3_bind_text(statement, 4, arm_label(&record->arms[i]), -1, SQLITE_TRANSIENT);
        sqlite3_bind_text(statement, 5, record_unit(record), -1, SQLITE_TRANSIENT);
        sqlite3_bind_double(statement, 6, throughput);
        if (!step_insert(history, statement, error)) return false;
    }
    return true;
}

static long long find_hash(struct history *history, const char *hash) {
    sqlite3_stmt *statement = prepare(history, "SELECT id FROM records WHERE hash = ?", NULL);
    long long id = 0;
    if (!statement) return 0;
    sqlite3_bind_text(statement, 1, hash, -1, SQLITE_TRANSIENT);
    if (sqlite3_step(statement) == SQLITE_ROW) id = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return id;
}

static bool add_parsed(struct history *history, const struct record *record, const char *data,
                       size_t size, long long *id, bool *known, struct error *error) {
    char hash[40];
    XXH128_hash_t digest = XXH3_128bits(data, size);
    snprintf(hash, sizeof hash, "%016" PRIx64 "%016" PRIx64, digest.high64, digest.low64);
    if (!execute(history, "BEGIN IMMEDIATE", error)) return false;
    *id = find_hash(history, hash);
    *known = *id != 0;
    bool done = *known || insert_record(history, record, hash, data, size, error);
    if (done && !*known) {
        *id = sqlite3_last_insert_rowid(history->database);
        done = insert_points(history, record, *id, error);
    }
    done = done && execute(history, "COMMIT", error);
    if (!done) sqlite3_exec(history->database, "ROLLBACK", NULL, NULL, NULL);
    return done;
}

bool history_add(struct history *history, const char *path, long long *id, bool *known,
                 struct error *error) {
    char *data;
    size_t size;
    if (!file_read(path, &data, &size, error)) return false;
    struct record *record = record_parse(path, data, size, error);
    bool done = record && add_parsed(history, record, data, size, id, known, error);
    record_free(record);
    free(data);
    return done;
}

/* ---- reading ---- */

static const char *column_text(sqlite3_stmt *statement, int column) {
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text ? text : "";
}

/* Binds the two filters, NULL meaning any: "WHERE (?1 IS NULL OR scenario = ?1) ...". */
#define FILTER " WHERE (?1 IS NULL OR scenario = ?1) AND (?2 IS NULL OR fingerprint = ?2) "

static sqlite3_stmt *prepare_filtered(struct history *history, const char *sql,
                                      const char *scenario, const char *fingerprint,
                                      struct error *error) {
    sqlite3_stmt *statement = prepare(history, sql, error);
    if (statement && scenario) sqlite3_bind_text(statement, 1, scenario, -1, SQLITE_TRANSIENT);
    if (statement && fingerprint)
        sqlite3_bind_text(statement, 2, fingerprint, -1, SQLITE_TRANSIENT);
    return statement;
}

bool history_list(struct history *history, const char *scenario, const char *fingerprint,
                  void (*visit)(void *context, const struct history_entry *entry), void *context,
                  struct error *error) {
    sqlite3_stmt *statement =
        prepare_filtered(history,
                         "SELECT id, created, commit_id, machine, fingerprint, scenario, path, "
                         "samples FROM records" FILTER "ORDER BY created, id",
                         scenario, fingerprint, error);
    if (!statement) return false;
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct history_entry entry = {.id = sqlite3_column_int64(statement, 0),
                                      .created = column_text(statement, 1),
                                      .commit = column_text(statement, 2),
                                      .machine = column_text(statement, 3),
                                      .fingerprint = column_text(statement, 4),
                                      .scenario = column_text(statement, 5),
                                      .path = column_text(statement, 6),
                                      .samples = sqlite3_column_int64(statement, 7)};
        visit(context, &entry);
    }
    sqlite3_finalize(statement);
    return code == SQLITE_DONE || fail(history, error);
}

struct record *history_load(struct history *history, long long id, struct error *error) {
    sqlite3_stmt *statement =
        prepare(history, "SELECT path, content FROM records WHERE id = ?", error);
    struct record *record = NULL;
    if (!statement) return NULL;
    sqlite3_bind_int64(statement, 1, id);
    if (sqlite3_step(statement) == SQLITE_ROW)
        record = record_parse(column_text(statement, 0), sqlite3_column_blob(statement, 1),
                              (size_t)sqlite3_column_bytes(statement, 1), error);
    else
        error_set(error, "%s: holds no record %lld", history->path, id);
    sqlite3_finalize(statement);
    return record;
}

void history_series_free(struct history_series *series, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct history_series *one = &series[i];
        for (size_t j = 0; j < one->count; j++) {
            free(one->commits[j]);
            free(one->created[j]);
        }
        char *texts[] = {one->machine, one->fingerprint, one->scenario, one->group,
                         one->row,     one->label,       one->unit};
        for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++)
            free(texts[t]);
        free(one->values);
        free(one->ids);
        free(one->commits);
        free(one->created);
    }
    free(series);
}

static bool starts_series(const struct history_series *last, sqlite3_stmt *statement) {
    return !last || strcmp(last->fingerprint, column_text(statement, 1)) != 0 ||
           strcmp(last->scenario, column_text(statement, 2)) != 0 ||
           strcmp(last->group, column_text(statement, 3)) != 0 ||
           strcmp(last->row, column_text(statement, 4)) != 0 ||
           strcmp(last->label, column_text(statement, 5)) != 0;
}

static bool append_series(struct history_series **series, size_t *count, sqlite3_stmt *statement) {
    struct history_series *grown = reallocarray(*series, *count + 1, sizeof *grown);
    if (!grown) return false;
    *series = grown;
    grown[*count] = (struct history_series){.machine = strdup(column_text(statement, 0)),
                                            .fingerprint = strdup(column_text(statement, 1)),
                                            .scenario = strdup(column_text(statement, 2)),
                                            .group = strdup(column_text(statement, 3)),
                                            .row = strdup(column_text(statement, 4)),
                                            .label = strdup(column_text(statement, 5)),
                                            .unit = strdup(column_text(statement, 6))};
    const struct history_series *made = &grown[(*count)++];
    return made->machine && made->fingerprint && made->scenario && made->group && made->row &&
           made->label && made->unit;
}

static bool append_value(struct history_series *series, sqlite3_stmt *statement) {
    size_t room = series->count + 1;
    double *values = reallocarray(series->values, room, sizeof *values);
    if (values) series->values = values;
    long long *ids = reallocarray(series->ids, room, sizeof *ids);
    if (ids) series->ids = ids;
    char **commits = reallocarray(series->commits, room, sizeof *commits);
    if (commits) series->commits = commits;
    char **created = reallocarray(series->created, room, sizeof *created);
    if (created) series->created = created;
    if (!values || !ids || !commits || !created) return false;
    values[series->count] = sqlite3_column_double(statement, 7);
    ids[series->count] = sqlite3_column_int64(statement, 8);
    commits[series->count] = strdup(column_text(statement, 9));
    created[series->count] = strdup(column_text(statement, 10));
    series->count++;
    return commits[series->count - 1] && created[series->count - 1];
}

bool history_series(struct history *history, const char *scenario, const char *fingerprint,
                    struct history_series **series, size_t *count, struct error *error) {
    *series = NULL;
    *count = 0;
    sqlite3_stmt *statement = prepare_filtered(
        history,
        "SELECT machine, fingerprint, scenario, work, row, label, unit, throughput, records.id,"
        " commit_id, created FROM points JOIN records ON points.record = records.id" FILTER
        "ORDER BY fingerprint, scenario, work, row, label, created, records.id",
        scenario, fingerprint, error);
    if (!statement) return false;
    bool done = true;
    int code = SQLITE_DONE;
    while (done && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        if (starts_series(*count ? &(*series)[*count - 1] : NULL, statement))
            done = append_series(series, count, statement);
        done = done && append_value(&(*series)[*count - 1], statement);
    }
    sqlite3_finalize(statement);
    if (!done) error_set(error, "out of memory for the history");
    if (done && code != SQLITE_DONE) done = fail(history, error);
    if (!done) {
        history_series_free(*series, *count);
        *series = NULL;
        *count = 0;
    }
    return done;
}
