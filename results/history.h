/* History: records by commit, machine and scenario in one SQLite file. Several processes may write
 * at once; what was added survives a writer that is killed. */
#ifndef RESULTS_HISTORY_H
#define RESULTS_HISTORY_H

#include "results/record.h"

struct history;

/* Opens the file, making it if need be. NULL, naming the file, on failure. */
struct history *history_open(const char *path, struct error *error);
void history_close(struct history *history);

/* Adds the record in file `path`. *id is its number; *known is set if it was there already. */
bool history_add(struct history *history, const char *path, long long *id, bool *known,
                 struct error *error);

struct history_entry {
    long long id;
    const char *created, *commit, *machine, *fingerprint, *scenario, *path;
    long long samples;
};

/* Calls `visit` for every record, oldest first; `scenario` and `fingerprint` narrow it down unless
 * NULL. Texts are valid during the call. */
bool history_list(struct history *history, const char *scenario, const char *fingerprint,
                  void (*visit)(void *context, const struct history_entry *entry), void *context,
                  struct error *error);

/* The record of a number, to be freed with record_free. */
struct record *history_load(struct history *history, long long id, struct error *error);

/* One value over time: an arm's throughput on one machine in one scenario. */
struct history_series {
    char *machine, *fingerprint, *scenario, *group, *row, *label, *unit;
    size_t count;
    double *values;
    long long *ids;
    char **commits, **created;
};

/* All series, oldest value first. Free with history_series_free. */
bool history_series(struct history *history, const char *scenario, const char *fingerprint,
                    struct history_series **series, size_t *count, struct error *error);
void history_series_free(struct history_series *series, size_t count);

#endif
