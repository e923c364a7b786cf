/* What `grainbench simulate` is asked for, and doing it. */
#ifndef HARNESS_SIMULATE_REQUEST_H
#define HARNESS_SIMULATE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

struct simulate_request {
    const char *machine, *threads, *schedulers, *scenario, *costs, *corpus, *free, *placement;
    const char *output, *timeline, *chrome, *sleeping, *against;
    int64_t batch, batches, seed, processes;
    double gap_us, serial_mib_per_s, section_us, validate_s, tolerance;
    bool validate, bands, sensitivity, states, atomics, table;
};

/* Simulates the arms, validates and compares if asked to, prints. Returns the exit code. */
int simulate_request_run(const char *command, const struct simulate_request *request);

#endif
