/* `grainbench fidelity` and the scenario of the same kind: one request, one record, one table. */
#ifndef HARNESS_FIDELITY_REQUEST_H
#define HARNESS_FIDELITY_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct fidelity_request {
    const char *model, *real, *threads, *output; /* output NULL: a file in the folder of records */
    int64_t items, rounds, batches, seed;
    double sleep_us;
    bool pin, check;
};

/* What a scenario file of kind "fidelity" asks for; false for one of another kind. Texts are
 * borrowed from it. */
bool fidelity_request_from_scenario(const json_t *scenario, struct fidelity_request *request);

/* Measures, prints, writes the record; the exit code. `command` begins messages. */
int fidelity_request_run(const char *command, const struct fidelity_request *request);

#endif
