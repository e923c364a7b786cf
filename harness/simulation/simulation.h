/* One arm on a simulated machine: the scheduler's own source, costs from a trace. */
#ifndef HARNESS_SIMULATION_H
#define HARNESS_SIMULATION_H

#include "harness/corpus.h"
#include "harness/placement.h"
#include "harness/simulation/cost_trace.h"
#include "schedulers/virtual_machine.h"
#include <grainbench/scheduler.h>

struct simulation_setup {
    const char *scheduler; /* with options */
    unsigned workers;
    const struct virtual_costs *costs;
    const struct placement *placement; /* of the simulated machine */
    const struct corpus *corpus;
    const struct cost_trace *trace;
    int free_by;                /* enum arm_free */
    uint64_t efficiency_groups; /* bit g: the cores of placement group g are efficiency cores */
    double efficiency_speed;    /* theirs, of the other cores' */
    double gap_ns;              /* idle time of the caller before every batch */
    double serial_section_ns;   /* of the caller in every batch's timed region */
    size_t warm_batches;        /* run before counting; wraps around */
    size_t first, count;        /* batches that count; they wrap around */
    size_t stride;              /* from one batch to the next; 0: 1 */
    uint64_t seed;
    struct virtual_sharing sharing; /* of processing units, by the workers and the caller */
    /* Of every line. Not NULL: bodies sleep, each as long as its items' encode costs and the
     * overshoot of its first, and give nothing back. */
    const double *overshoot_ns;
    struct virtual_speeds speeds; /* of the processing units, from the run's begin on */
    struct virtual_disturbance disturbance;
    void (*trace_stretch)(void *context, unsigned core, enum virtual_stretch what,
                          uint64_t begin_ps, uint64_t end_ps);
    void (*trace_batch)(void *context, uint64_t begin_ps, uint64_t done_ps, uint64_t end_ps);
    void *trace_context;
};

struct simulation_batch {
    uint64_t duration_ns; /* the timed region: until all items are done, and dropping if timed */
    uint64_t parallel_ns, drop_ns;
    uint64_t bytes, items;
};

struct simulation_result {
    struct simulation_batch *batches; /* [count] */
    size_t count;
    uint64_t duration_ns, bytes; /* sums over batches */
    double useful_share;         /* time in items over workers x duration */
    double ideal_ns; /* of every batch: its items' time over workers, or its longest item */
    struct grainbench_statistics *statistics; /* the scheduler's own, without worker times */
    struct virtual_account *accounts; /* [workers + 1]: the last is a caller that is no worker */
    unsigned workers;
    struct virtual_totals totals;
    struct virtual_site sites[VIRTUAL_SITES];
    uint64_t operations; /* of the whole run, warm-up included */
};

/* Runs to the end of the last batch. False with a sentence on a bad scheduler text, too many
 * workers for the machine, or a run that deadlocks. Free with simulation_free. */
bool simulation_run(const struct simulation_setup *setup, struct simulation_result *result,
                    struct error *error);
void simulation_free(struct simulation_result *result);

double simulation_mib_per_s(const struct simulation_result *result);
/* Atomic read-modify-writes and swaps a batch, over all sites. */
double simulation_rmws_per_batch(const struct simulation_result *result);

#endif
