/* A scheduler: a way to run the n items of a batch on W workers. This is the plug-in ABI and, at
 * the same time, the interface of every built-in scheduler.
 *
 * A loadable module exports one symbol:
 *
 *     const struct grainbench_scheduler_operations *grainbench_scheduler(void);
 *
 * Every struct begins with its size, so that fields can be appended without breaking modules.
 * A scheduler knows nothing of tokenizers, statistics or hardware counters. */
#ifndef GRAINBENCH_SCHEDULER_H
#define GRAINBENCH_SCHEDULER_H

#include <grainbench/option.h>
#include <stdbool.h>
#include <stdint.h>

#define GRAINBENCH_SCHEDULER_ABI 1
#define GRAINBENCH_SCHEDULER_SYMBOL "grainbench_scheduler"

/* Runs the items [begin, end) one after another, as worker `worker` (0 .. workers-1, unique among
 * the calls in progress). Each item of a batch is run exactly once. */
typedef void (*grainbench_body)(void *context, size_t begin, size_t end, unsigned worker);

struct grainbench_batch {
    size_t struct_size;
    size_t item_count;
    const uint32_t *item_costs; /* relative cost of each item (line bytes), or NULL: unknown */
    grainbench_body body;
    void *context;
    /* Where results live, for schedulers that model how a runtime collects them. The body writes
     * item i's result to results + i * result_size. A scheduler that collects "a list of vectors
     * per leaf" moves each result out into the leaf's vector and, after the join, back. NULL and 0
     * if the caller has nothing to collect. */
    void *results;
    size_t result_size;
};

/* Bits of grainbench_setup.flags */
#define GRAINBENCH_OBSERVE 1u /* also keep times per worker state: costs clock reads, not for timed runs */

struct grainbench_setup {
    size_t struct_size;
    unsigned workers; /* >= 1 */
    unsigned flags;
    /* Called once on each worker's own thread before it takes work (the harness binds it to its
     * processing unit here), and once when it ends. A scheduler whose caller is worker 0 calls it
     * from `create` on the calling thread. May be NULL. */
    void (*worker_start)(void *context, unsigned worker);
    void (*worker_stop)(void *context, unsigned worker);
    void *context;
    const unsigned *worker_groups; /* per worker: index of its L3 cache or package; NULL: one group */
    uint64_t seed;                 /* for random victims and the like: same seed, same choices */
    /* Appended; NULL in timed runs. A scheduler that merges results after its join calls it in
     * `run`, on the calling thread, between the two, so that counters can be read at that border.
     * One that does not leaves collecting a part of joining. */
    void (*joined)(void *context);
};

#define GRAINBENCH_LEAF_SIZES 2049

/* Time a worker spent in each state since the last reset, in ns. Filled under GRAINBENCH_OBSERVE. */
struct grainbench_worker_time {
    uint64_t run_ns;   /* inside the body */
    uint64_t steal_ns; /* looking for work at other workers and finding some */
    uint64_t spin_ns;  /* awake and finding nothing */
    uint64_t park_ns;  /* asleep in the kernel */
    uint64_t wake_ns;  /* from being woken to running again, where known */
};

/* Counts since the last reset, summed over workers. UINT64_MAX means "not known to this scheduler"
 * and is shown as n/a. The caller sets struct_size, worker_times and worker_time_count, and every
 * worker time to UINT64_MAX: a scheduler that does not know them leaves them so. */
struct grainbench_statistics {
    size_t struct_size;
    uint64_t batches;
    uint64_t leaves;           /* calls of the body */
    uint64_t joins;            /* splits in two */
    uint64_t steals;           /* pieces of work taken from another worker */
    uint64_t probes;           /* looks at another worker's queue */
    uint64_t injections;       /* pieces of work handed in from outside the pool */
    uint64_t pins;             /* epoch pins (memory reclamation) */
    uint64_t collections;      /* epoch collections */
    uint64_t idle_episodes;    /* times a worker ran out of work */
    uint64_t parks;            /* times a worker went to sleep */
    uint64_t wakes;            /* times a sleeping worker was woken */
    uint64_t wake_scan_locks;  /* mutexes taken while looking for a sleeper */
    uint64_t leaf_sizes[GRAINBENCH_LEAF_SIZES]; /* [k]: leaves of k items; last: that many or more */
    struct grainbench_worker_time *worker_times; /* the caller's array, or NULL */
    unsigned worker_time_count;
    uint64_t list_nodes; /* results collected as a list of vectors: nodes made */
    uint64_t collect_ns; /* under GRAINBENCH_OBSERVE: the caller's merging of results after the join */
};

/* Bits of grainbench_scheduler_operations.capabilities */
#define GRAINBENCH_CALLER_IS_WORKER 1u /* the thread that calls run() is worker 0 */
#define GRAINBENCH_CALLER_ONLY      2u /* everything runs on the calling thread, whatever `workers` */
#define GRAINBENCH_COLLECTS         4u /* can collect results (list of vectors) itself */
#define GRAINBENCH_USES_COSTS       8u /* uses item_costs when they are there */

struct grainbench_scheduler; /* opaque: whatever `create` made */

struct grainbench_scheduler_operations {
    size_t struct_size;
    unsigned abi; /* GRAINBENCH_SCHEDULER_ABI */
    const char *name;
    const char *summary; /* one line for `grainbench list schedulers` */
    unsigned capabilities;
    const struct grainbench_option *options; /* into a struct of options_size bytes; NULL: none */
    size_t options_size;

    /* Optional. False when this scheduler cannot run here, with the reason in `message`. */
    bool (*supported)(char *message);
    /* Required. NULL on failure, with the reason in `message` (GRAINBENCH_MESSAGE_SIZE bytes). */
    struct grainbench_scheduler *(*create)(const struct grainbench_setup *setup,
                                           const void *options, char *message);
    /* Required. Returns when every item has run; called by one thread at a time, always the one
     * that called create. */
    void (*run)(struct grainbench_scheduler *, const struct grainbench_batch *batch);
    /* Optional. Adds up the counts since the last reset; called between batches. */
    void (*statistics)(struct grainbench_scheduler *, struct grainbench_statistics *out);
    void (*reset_statistics)(struct grainbench_scheduler *);
    /* Required. Ends and joins every thread. */
    void (*destroy)(struct grainbench_scheduler *);
};

#endif
