/* Checks of a machine profile: what the profile has no parameter for, because the model puts it
 * together from parameters, measured on the machine and simulated with the profile. They decide
 * nothing in a simulation. */
#ifndef HARNESS_PROFILE_CHECK_H
#define HARNESS_PROFILE_CHECK_H

#include "base/error.h"
#include <jansson.h>

/* One row a check: CHECK(name, what it is of). All times are ns. */
#define PROFILE_CHECKS(CHECK)                                                                      \
    CHECK(steal_probe_held_ns, "probing an empty deque whose lines the thief has")                 \
    CHECK(steal_probe_written_ns, "probing an empty deque after its owner pushed and popped")      \
    CHECK(steal_probe_row_ns, "the same for each of 32 such deques in a row")                      \
    CHECK(steal_ns, "stealing a job that the owner has just pushed")

enum profile_check_kind {
#define CHECK(name, what) PROFILE_CHECK_##name,
    PROFILE_CHECKS(CHECK)
#undef CHECK
        PROFILE_CHECK_COUNT
};

struct profile_check {
    double measured, low, high; /* NAN: not measured, and `source` says why */
    double model;               /* with the profile's typical values; NAN where not measured */
    char source[192];           /* "": the profile has no such check */
};

/* A model that is off by more than this share of what was measured is far off. */
#define PROFILE_CHECK_FAR 0.3

const char *profile_check_name(enum profile_check_kind kind);
const char *profile_check_what(enum profile_check_kind kind);

/* How far the model is off, as a share of what was measured; NAN: not measured. */
double profile_check_error(const struct profile_check *check);

/* The checks of the object "checks" of the profile at `path`; NULL: it has none. False where one is
 * unknown or lacks something. */
bool profile_checks_read(const char *path, const json_t *json, struct profile_check *checks,
                         struct error *error);
/* NULL: there are none, or no memory. */
json_t *profile_checks_json(const struct profile_check *checks);

#endif
