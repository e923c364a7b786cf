/* `rayon`, `rayon-min-len` and `rayon-windows`: the Rust library rayon's parallel iterator over a
 * batch and two changes of it that were proposed for tokenizers, modelled operation by operation
 * after rayon-core 1.10 to 1.13 with crossbeam-deque 0.8 and crossbeam-epoch 0.9, so that its
 * atomics can be counted and its parts exchanged. `rayon-min-len` is the change of tokenizers pull
 * request 2077: with_min_len(ceil(n / 4T)), at least 1, at most a cap, and a plain loop where there
 * is one worker; `rayon-windows` that of 2029 and 2044 (rayon_windows.h). docs/schedulers.md
 * describes both. */
#include "base/error.h"
#include "schedulers/rayon_windows.h"

struct options {
    int64_t min_len;
    int64_t cap;
    int call;
    int core;
    int deque;
    int epoch;
    int wake;
    int sleep_word;
    int64_t sleep_rounds;
    int collect;
};

enum { CALL_OUTSIDE, CALL_INSTALL };
enum { COLLECT_LIST, COLLECT_PLACE };
enum kind { KIND_RAYON, KIND_MIN_LEN, KIND_WINDOWS };

struct grainbench_scheduler {
    struct registry registry;
    struct options options;
    enum kind kind; /* all but rayon: min_len or the window follows the batch */
    bool serial;    /* the same at one worker: no thread was started */
    uint64_t batches;
    uint64_t collect_ns; /* of the caller, when it observes */
};

#define RAYON_CALL                                                                                 \
    {.name = "call",                                                                               \
     .type = GRAINBENCH_OPTION_CHOICE,                                                             \
     .offset = offsetof(struct options, call),                                                     \
     .argument = "FROM",                                                                           \
     .fallback = "outside",                                                                        \
     .choices = "outside|install",                                                                 \
     .help = "the caller is no worker and divides first, or the whole is handed to a worker"},     \
    {                                                                                              \
        .name = "collect", .type = GRAINBENCH_OPTION_CHOICE,                                       \
        .offset = offsetof(struct options, collect), .argument = "HOW", .fallback = "list",        \
        .choices = "list|place",                                                                   \
        .help = "results as a list of one vector a leaf, moved at last, or straight into place"    \
    }

#define RAYON_POOL                                                                                 \
    {.name = "core",                                                                               \
     .type = GRAINBENCH_OPTION_CHOICE,                                                             \
     .offset = offsetof(struct options, core),                                                     \
     .argument = "VERSION",                                                                        \
     .fallback = "1.13",                                                                           \
     .choices = "1.13|1.10",                                                                       \
     .help = "rayon-core whose waiting loop is modelled"},                                         \
        {.name = "deque",                                                                          \
         .type = GRAINBENCH_OPTION_CHOICE,                                                         \
         .offset = offsetof(struct options, deque),                                                \
         .argument = "LAYOUT",                                                                     \
         .fallback = "packed",                                                                     \
         .choices = "packed|padded",                                                               \
         .help = "front and back of a deque on one cache line, or on two"},                        \
        {.name = "epoch",                                                                          \
         .type = GRAINBENCH_OPTION_CHOICE,                                                         \
         .offset = offsetof(struct options, epoch),                                                \
         .argument = "PIN",                                                                        \
         .fallback = "on",                                                                         \
         .choices = "on|exchange|barrier|off",                                                     \
         .help = "how a steal pins: as on this processor, as on x86, as on Arm, or not at all"},   \
        {.name = "wake",                                                                           \
         .type = GRAINBENCH_OPTION_CHOICE,                                                         \
         .offset = offsetof(struct options, wake),                                                 \
         .argument = "HOW",                                                                        \
         .fallback = "scan",                                                                       \
         .choices = "scan|tree",                                                                   \
         .help = "find a sleeper by locking every worker from the first on, or by a bitmap, "      \
                 "along a tree"},                                                                  \
        {.name = "sleep_word",                                                                     \
         .type = GRAINBENCH_OPTION_CHOICE,                                                         \
         .offset = offsetof(struct options, sleep_word),                                           \
         .argument = "LAYOUT",                                                                     \
         .fallback = "packed",                                                                     \
         .choices = "packed|padded",                                                               \
         .help = "the sleep word beside fields that everybody reads, or on a line of its own"},    \
    {                                                                                              \
        .name = "sleep_rounds", .type = GRAINBENCH_OPTION_INTEGER,                                 \
        .offset = offsetof(struct options, sleep_rounds), .argument = "ROUNDS", .fallback = "32",  \
        .minimum = 0, .maximum = 1e9,                                                              \
        .help = "sweeps without work before a worker gets sleepy; one more and it sleeps"          \
    }

static const struct grainbench_option rayon_options[] = {
    {.name = "min_len",
     .type = GRAINBENCH_OPTION_INTEGER,
     .offset = offsetof(struct options, min_len),
     .argument = "N",
     .fallback = "1",
     .minimum = 1,
     .maximum = 1e9,
     .help = "fewest items of a leaf"},
    RAYON_CALL,
    RAYON_POOL,
    {0}};

static const struct grainbench_option min_len_options[] = {
    {.name = "cap",
     .type = GRAINBENCH_OPTION_INTEGER,
     .offset = offsetof(struct options, cap),
     .argument = "N",
     .fallback = "8",
     .minimum = 1,
     .maximum = 1e9,
     .help = "most that ceil(items / (4 * workers)) may make of min_len"},
    RAYON_CALL,
    RAYON_POOL,
    {0}};

static const struct grainbench_option windows_options[] = {
    {.name = "cap",
     .type = GRAINBENCH_OPTION_INTEGER,
     .offset = offsetof(struct options, cap),
     .argument = "N",
     .fallback = "8",
     .minimum = 1,
     .maximum = 1e9,
     .help = "most that ceil(items / (4 * workers)) may make of a window"},
    {.name = "collect",
     .type = GRAINBENCH_OPTION_CHOICE,
     .offset = offsetof(struct options, collect),
     .argument = "HOW",
     .fallback = "slots",
     .choices = "slots|place",
     .help = "slots that the caller fills and empties, or results straight into place"},
    RAYON_POOL,
    {0}};

/* ---- Batches -------------------------------------------------------------------------------- */

static size_t min_len_of(const struct grainbench_scheduler *scheduler, size_t item_count) {
    if (scheduler->kind == KIND_RAYON) return (size_t)scheduler->options.min_len;
    size_t parts = 4 * (size_t)scheduler->registry.worker_count;
    size_t length = item_count / parts + (item_count % parts != 0);
    size_t cap = (size_t)scheduler->options.cap;
    return length < 1 ? 1 : length > cap ? cap : length;
}

static void run_split(struct grainbench_scheduler *scheduler, struct loop *loop) {
    struct registry *registry = &scheduler->registry;
    loop->collects = loop->batch->results && scheduler->options.collect == COLLECT_LIST;
    sync_init_u32(&loop->full, 0);
    sync_on_stack(loop, sizeof *loop);
    struct collect_list list = loop_call(loop, scheduler->options.call == CALL_INSTALL);
    sync_off_stack(loop, sizeof *loop);
    uint64_t start_ns = registry->observe ? sync_now_ns() : 0;
    if (registry->setup.joined) registry->setup.joined(registry->setup.context);
    if (loop->collects) collect_finish(loop->batch, list);
    if (registry->observe) scheduler->collect_ns += sync_now_ns() - start_ns;
}

static void run_windows(struct grainbench_scheduler *scheduler, struct loop *loop) {
    struct registry *registry = &scheduler->registry;
    const struct grainbench_batch *batch = loop->batch;
    bool slots = scheduler->options.collect == COLLECT_LIST;
    if (slots) windows_touch_slots(batch, WINDOWS_SLOT_FILLED);
    if (!windows_call(loop, loop->min)) {
        loop_leaf(loop, &registry->caller_tallies, 0, 0, batch->item_count);
        return;
    }
    uint64_t start_ns = registry->observe ? sync_now_ns() : 0;
    if (registry->setup.joined) registry->setup.joined(registry->setup.context);
    if (slots) windows_touch_slots(batch, batch->result_size);
    if (registry->observe) scheduler->collect_ns += sync_now_ns() - start_ns;
}

static void run(struct grainbench_scheduler *scheduler, const struct grainbench_batch *batch) {
    struct registry *registry = &scheduler->registry;
    scheduler->batches++;
    SYNC_ALIGNED struct loop loop = {.batch = batch, .registry = registry};
    loop.min = min_len_of(scheduler, batch->item_count);
    if (sync_forked(registry->domain)) {
        loop_leaf(&loop, &registry->caller_tallies, 0, 0, batch->item_count);
        return;
    }
    sync_enter(registry->domain, registry->worker_count);
    if (scheduler->serial)
        loop_leaf(&loop, &registry->caller_tallies, 0, 0, batch->item_count);
    else if (scheduler->kind == KIND_WINDOWS)
        run_windows(scheduler, &loop);
    else
        run_split(scheduler, &loop);
    sync_leave(registry->domain);
}

/* ---- Life ----------------------------------------------------------------------------------- */

static void *zeroed(size_t size) {
    void *memory = aligned_alloc(SYNC_LINE, (size + SYNC_LINE - 1) / SYNC_LINE * SYNC_LINE);
    if (memory) memset(memory, 0, size);
    return memory;
}

/* Everything but the threads; what was made by then is registry_destroy's to free. */
static bool init_registry(struct registry *registry, const struct options *options) {
    unsigned workers = registry->setup.workers;
    registry->core = (enum core_version)options->core;
    registry->observe = registry->setup.flags & GRAINBENCH_OBSERVE;
    epoch_init(&registry->epoch, (enum epoch_mode)options->epoch);
    lock_latch_init(&registry->caller_latch);
    tallies_reset(&registry->caller_tallies);
    epoch_register(&registry->epoch, &registry->caller_epoch, &registry->caller_tallies);
    sync_init_u32(&registry->started, 0);
    registry->infos = zeroed(workers * sizeof *registry->infos);
    registry->workers = zeroed(workers * sizeof *registry->workers);
    bool good = injector_init(&registry->injector);
    good &= sleep_init(&registry->sleep, workers, options->sleep_word == 1, &registry->injector);
    registry->sleep.rounds_until_sleepy = (unsigned)options->sleep_rounds;
    registry->sleep.wake_mode = (enum wake_mode)options->wake;
    registry->sleep.observe = registry->observe;
    if (!good || !registry->infos || !registry->workers) return false;
    for (; registry->worker_count < workers; registry->worker_count++)
        good &= registry_init_worker(registry, registry->worker_count,
                                     (enum deque_layout)options->deque);
    return good;
}

static struct grainbench_scheduler *create(const struct grainbench_setup *setup,
                                           const struct options *options, enum kind kind,
                                           char *message) {
    if (setup->workers > COUNT_MASK) { /* as rayon: the sleep word counts workers in 16 bits */
        error_write(message, "at most %u workers", COUNT_MASK);
        return NULL;
    }
    struct grainbench_scheduler *scheduler = zeroed(sizeof *scheduler);
    struct sync_domain *domain = scheduler ? sync_domain_create(setup, setup->workers + 1) : NULL;
    if (!domain) {
        free(scheduler);
        error_write(message, "no memory for the scheduler");
        return NULL;
    }
    struct registry *registry = &scheduler->registry;
    registry->domain = domain;
    registry->setup = *setup;
    scheduler->options = *options;
    scheduler->kind = kind;
    scheduler->serial = kind != KIND_RAYON && setup->workers == 1;
    bool good = init_registry(registry, options);
    if (!good) error_write(message, "no memory for %u workers", setup->workers);
    if (good && scheduler->serial && setup->worker_start) setup->worker_start(setup->context, 0);
    if (good && !scheduler->serial) {
        sync_enter(domain, setup->workers);
        good = registry_start_threads(registry);
        sync_leave(domain);
        if (!good)
            error_write(message, "cannot start %u threads; use fewer workers", setup->workers);
    }
    if (good) return scheduler;
    registry_destroy(registry);
    free(scheduler);
    return NULL;
}

static struct grainbench_scheduler *create_rayon(const struct grainbench_setup *setup,
                                                 const void *options, char *message) {
    return create(setup, options, KIND_RAYON, message);
}

static struct grainbench_scheduler *create_min_len(const struct grainbench_setup *setup,
                                                   const void *options, char *message) {
    return create(setup, options, KIND_MIN_LEN, message);
}

static struct grainbench_scheduler *create_windows(const struct grainbench_setup *setup,
                                                   const void *options, char *message) {
    return create(setup, options, KIND_WINDOWS, message);
}

static void destroy(struct grainbench_scheduler *scheduler) {
    struct grainbench_setup setup = scheduler->registry.setup;
    registry_destroy(&scheduler->registry);
    if (scheduler->serial && setup.worker_stop) setup.worker_stop(setup.context, 0);
    free(scheduler);
}

static void statistics(struct grainbench_scheduler *scheduler, struct grainbench_statistics *out) {
    const struct registry *registry = &scheduler->registry;
    tallies_begin(out);
    for (unsigned i = 0; i < registry->worker_count; i++)
        tallies_add(&registry->workers[i].tallies, i, out);
    /* The caller runs items alone where it does, as worker 0. */
    tallies_add(&registry->caller_tallies, 0, out);
    out->batches = scheduler->batches;
    out->collect_ns = scheduler->collect_ns;
}

static void reset_statistics(struct grainbench_scheduler *scheduler) {
    struct registry *registry = &scheduler->registry;
    for (unsigned i = 0; i < registry->worker_count; i++)
        tallies_reset(&registry->workers[i].tallies);
    tallies_reset(&registry->caller_tallies);
    scheduler->batches = scheduler->collect_ns = 0;
}

const struct grainbench_scheduler_operations SYNC_EXPORT(rayon) = {
    .struct_size = sizeof(struct grainbench_scheduler_operations),
    .abi = GRAINBENCH_SCHEDULER_ABI,
    .name = "rayon",
    .summary = "rayon's per-item splitting, stealing deques, park and wake (a model)",
    .capabilities = GRAINBENCH_COLLECTS,
    .options = rayon_options,
    .options_size = sizeof(struct options),
    .create = create_rayon,
    .run = run,
    .statistics = statistics,
    .reset_statistics = reset_statistics,
    .destroy = destroy,
};

const struct grainbench_scheduler_operations SYNC_EXPORT(rayon_min_len) = {
    .struct_size = sizeof(struct grainbench_scheduler_operations),
    .abi = GRAINBENCH_SCHEDULER_ABI,
    .name = "rayon-min-len",
    .summary = "rayon with_min_len(ceil(n / 4T)) up to a cap, and a plain loop at one worker",
    .capabilities = GRAINBENCH_COLLECTS,
    .options = min_len_options,
    .options_size = sizeof(struct options),
    .create = create_min_len,
    .run = run,
    .statistics = statistics,
    .reset_statistics = reset_statistics,
    .destroy = destroy,
};

const struct grainbench_scheduler_operations SYNC_EXPORT(rayon_windows) = {
    .struct_size = sizeof(struct grainbench_scheduler_operations),
    .abi = GRAINBENCH_SCHEDULER_ABI,
    .name = "rayon-windows",
    .summary = "windows of items from a counter, by one spawned job a worker of rayon's pool",
    .capabilities = GRAINBENCH_COLLECTS,
    .options = windows_options,
    .options_size = sizeof(struct options),
    .create = create_windows,
    .run = run,
    .statistics = statistics,
    .reset_statistics = reset_statistics,
    .destroy = destroy,
};
