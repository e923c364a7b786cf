/* A profile: symbols, samples with their stacks, and shares with intervals. Where the samples come
 * from (this program's sampler, perf script) it does not know. */
#ifndef HARNESS_PROFILE_H
#define HARNESS_PROFILE_H

#include "base/error.h"
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct profile_symbol {
    char *name;           /* without version, compiler suffix or hash */
    char *object;         /* file name of the program or library, or "[kernel]" */
    uint64_t self, total; /* samples in it; samples with it anywhere on the stack */
    int group;            /* index into the groups; -1: not looked up yet */
};

struct profile_sample {
    size_t first_frame; /* index into frames: the innermost function first */
    uint32_t frame_count;
    uint32_t thread;
    uint64_t time_ns;
};

struct profile {
    struct profile_symbol *symbols;
    size_t symbol_count, symbol_room;
    uint32_t *frames; /* symbol indices */
    size_t frame_count, frame_room;
    struct profile_sample *samples;
    size_t sample_count, sample_room;
    uint32_t *table; /* hash table of symbol indices + 1 */
    size_t table_size;
    uint64_t *seen; /* per symbol: the last sample that had it, for `total` */
    uint64_t lost, throttled;
    uint64_t collector_cpu_ns, run_ns, run_cpu_ns;
    uint64_t frequency;
    char source[280];      /* "cpu-clock", "cycles", "perf script", ...; with any caveat */
    uint64_t *repeat_ends; /* sample counts after each repetition that was pooled, or NULL */
};

/* The index of a symbol, made if need be; UINT32_MAX when out of memory. */
uint32_t profile_intern(struct profile *profile, const char *name, const char *object);
/* Adds a sample; frames[0] is the innermost. */
bool profile_add_sample(struct profile *profile, uint32_t thread, uint64_t time_ns,
                        const uint32_t *frames, size_t count);
void profile_free(struct profile *profile);

/* A share of n samples with its 95 % interval (Wilson), in per cent. */
struct profile_share {
    double value, low, high;
};
struct profile_share profile_share_of(uint64_t count, uint64_t samples);

/* Copies `name` without "@version", ".isra.0"-like suffixes and, for Rust, demangled and without
 * its hash. */
void profile_clean_name(const char *name, char *clean, size_t size);

/* Groups of symbols by patterns, from a data file: the first group that matches has the symbol, so
 * that shares add up. The last group, "other", matches all. */
struct profile_groups;
struct profile_groups *profile_groups_load(const char *path, struct error *error);
void profile_groups_free(struct profile_groups *groups);
size_t profile_groups_count(const struct profile_groups *groups);
const char *profile_group_name(const struct profile_groups *groups, size_t group);
const char *profile_group_about(const struct profile_groups *groups, size_t group);
int profile_group_of(const struct profile_groups *groups, const char *name, const char *object);

/* Reads the text of `perf script` into an empty profile. */
bool profile_read_perf_script(const char *path, struct profile *profile, struct error *error);

/* One line a stack, outermost first, semicolons between, a count at the end. */
bool profile_write_folded(const struct profile *profile, const char *path, struct error *error);
/* The Firefox profiler's processed format. */
bool profile_write_firefox(const struct profile *profile, const char *name, const char *path,
                           struct error *error);

#endif
