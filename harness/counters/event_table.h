/* What hardware events a processor has, from data/events: canonical names, encodings, what each
 * really counts. Knows nothing of the kernel's interface. */
#ifndef HARNESS_EVENT_TABLE_H
#define HARNESS_EVENT_TABLE_H

#include "base/error.h"
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* What a processor calls itself in /proc/cpuinfo. */
struct cpu_identity {
    char vendor[16]; /* x86: "AuthenticAMD", "GenuineIntel"; else "" */
    int family, model;
    unsigned implementer, part; /* Arm; else 0 */
    char name[96];              /* for people */
};

/* Operations whose counts calibration knows. */
enum calibration_operation {
    CALIBRATE_FETCH_ADD,
    CALIBRATE_EXCHANGE,
    CALIBRATE_CAS_SUCCESS,
    CALIBRATE_CAS_FAIL,
    CALIBRATE_LOAD,
    CALIBRATE_STORE,
    CALIBRATE_FENCE,
    CALIBRATE_COUNT
};
extern const char *const calibration_names[CALIBRATE_COUNT];

struct event {
    const char *name;       /* canonical: "atomics" */
    const char *counts;     /* what it really counts */
    const char *comparable; /* events of other processors with the same text count the same; NULL */
    const char *libpfm;     /* its name in libpfm4, or NULL */
    uint64_t config;        /* of PERF_TYPE_RAW */
    uint64_t alternatives[4]; /* encodings to try if calibration rejects `config` */
    size_t alternative_count;
    bool calibrated;                  /* `expected` is known */
    double expected[CALIBRATE_COUNT]; /* count an operation; NAN: anything */
};

struct missing_event {
    const char *name, *why;
};

struct event_table {
    const char *microarchitecture;
    unsigned counters; /* that can count at the same time */
    struct event *events;
    size_t count;
    struct missing_event *missing; /* what this processor cannot count, and why */
    size_t missing_count;
    char path[4096];
    json_t *storage; /* holds the texts */
};

/* From the text of /proc/cpuinfo; false if nothing in it is known. */
bool cpu_identity_parse(const char *cpuinfo, struct cpu_identity *identity);
bool cpu_identity_read(struct cpu_identity *identity, struct error *error);

/* Reads one table. */
bool event_table_load(const char *path, struct event_table *table, struct error *error);
/* The table in `folder` that is about this processor. False, naming it, if there is none. */
bool event_table_find(const char *folder, const struct cpu_identity *identity,
                      struct event_table *table, struct error *error);
bool event_table_matches(const struct event_table *table, const struct cpu_identity *identity);
void event_table_free(struct event_table *table);

const struct event *event_find(const struct event_table *table, const char *name);

#endif
