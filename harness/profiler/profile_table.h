/* Profiles of several arms side by side: shares of groups and symbols with intervals that also hold
 * what differs between repetitions. */
#ifndef HARNESS_PROFILE_TABLE_H
#define HARNESS_PROFILE_TABLE_H

#include "harness/profiler/profile.h"
#include <stdio.h>

enum { PROFILE_ARM_LIMIT = 6, PROFILE_REPEAT_LIMIT = 16 };

struct profile_row {
    char *name, *object; /* object: NULL for groups */
    int group;
    uint64_t counts[PROFILE_ARM_LIMIT][PROFILE_REPEAT_LIMIT];
    uint64_t most; /* the greatest count of an arm */
};

struct profile_arm {
    char label[160];
    size_t repeats;
    uint64_t samples[PROFILE_REPEAT_LIMIT];
    uint64_t lost, throttled, collector_cpu_ns, run_cpu_ns, run_ns, items;
    char source[280];
    json_t *counters; /* what was counted in a run of its own, or NULL */
};

struct profile_table {
    struct profile_arm arms[PROFILE_ARM_LIMIT];
    size_t arm_count;
    struct profile_row *rows; /* symbols */
    size_t row_count, row_room;
    struct profile_row *groups; /* as many as there are groups */
    size_t group_count;
};

/* Adds one repetition of an arm, making the arm's rows; groups decides each symbol's group. */
bool profile_table_add(struct profile_table *table, size_t arm, const struct profile *profile,
                       const struct profile_groups *groups, struct error *error);
/* Sorts symbols by their greatest share and sums up the groups. */
bool profile_table_finish(struct profile_table *table, const struct profile_groups *groups,
                          struct error *error);
void profile_table_free(struct profile_table *table);

/* The share of a row in an arm. With three repetitions or more the interval is the wider of that of
 * sampling and that of the repetitions. */
struct profile_share profile_table_share(const struct profile_table *table,
                                         const struct profile_row *row, size_t arm);

/* Groups, then the `limit` greatest symbols. */
void profile_table_print(const struct profile_table *table, const struct profile_groups *groups,
                         size_t limit, FILE *out);
/* The `profile` line of an arm for a record, without its `arm` member. */
json_t *profile_table_to_json(const struct profile_table *table,
                              const struct profile_groups *groups, size_t arm, size_t limit);

#endif
