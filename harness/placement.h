/* Which worker runs on which processing unit (PU), planned over an hwloc topology: real, synthetic
 * or from XML. The only file that knows hwloc's objects is placement.c. */
#ifndef HARNESS_PLACEMENT_H
#define HARNESS_PLACEMENT_H

#include "base/error.h"
#include <stdbool.h>

enum placement_plan {
    PLACEMENT_CORES,   /* physical cores first, fastest kind first, then SMT siblings */
    PLACEMENT_COMPACT, /* fill a core, then the next, then the next package */
    PLACEMENT_SCATTER  /* as `cores`, taking packages and L3 caches in turn */
};
#define PLACEMENT_PLANS "cores|compact|scatter"

struct placement; /* opaque; immutable after create, shared by threads */

struct placement_source {
    const char *synthetic; /* hwloc synthetic description, or NULL */
    const char *xml_path;  /* hwloc XML file, or NULL; neither: this machine within its limits */
};

/* Loads the topology and makes the plan. Call before any thread is bound: the process's own binding
 * (taskset, cgroup) is the limit that the plan keeps to. */
struct placement *placement_create(const struct placement_source *source, enum placement_plan plan,
                                   struct error *error);
void placement_destroy(struct placement *);

unsigned placement_pu_count(const struct placement *);   /* PUs that may be used: "logical" */
unsigned placement_core_count(const struct placement *); /* cores with at least one: "physical" */
unsigned placement_package_count(const struct placement *);
/* The operating system's number of the PU of worker w; beyond pu_count it wraps around. */
unsigned placement_pu(const struct placement *, unsigned worker);
/* The L3 cache (or package, without one) of worker w, numbered from 0. */
unsigned placement_group(const struct placement *, unsigned worker);
/* The package of worker w, numbered from 0. */
unsigned placement_package(const struct placement *, unsigned worker);
/* Index of the core of worker w in the plan's core numbering. */
unsigned placement_core(const struct placement *, unsigned worker);
const char *placement_rule(const struct placement *); /* the plan in words */
/* NULL if threads can be bound here, else why not ("synthetic topology", ...). */
const char *placement_unbound_reason(const struct placement *);

/* Binds the calling thread to worker w's PU and checks where it runs. False with the reason. */
bool placement_bind(const struct placement *, unsigned worker, struct error *error);
/* Binds the calling thread to all PUs of workers 0 .. workers-1. */
bool placement_bind_any(const struct placement *, unsigned workers, struct error *error);
/* The PU the calling thread last ran on, or -1. */
int placement_last_pu(const struct placement *);

/* The topology as XML, for the record. The caller frees it with free(). NULL if hwloc fails. */
char *placement_topology_xml(const struct placement *);
/* "1 package, 2 cores, 2 PUs, 1 L3" */
void placement_describe(const struct placement *, char *text, size_t size);

/* A list of thread counts: "1,physical,logical", "1,2,88", "all". Repeats are dropped: on a machine
 * without SMT `physical` and `logical` are one row. */
struct thread_count {
    unsigned workers;
    const char *kind; /* "physical", "logical", "physical = logical", "oversubscribed" or NULL */
};
enum { THREAD_COUNT_LIMIT = 64 };
/* Refuses 0, and more workers than PUs unless `oversubscribe`. Returns how many, or -1. */
int placement_parse_threads(const struct placement *, const char *text, bool oversubscribe,
                            struct thread_count counts[THREAD_COUNT_LIMIT], struct error *error);

#endif
