/* A scheduler module that is wrong in one way, chosen by ODD when it is compiled; ODD_NOTHING is a
 * good one. Runs everything on the calling thread. */
#include <grainbench/scheduler.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum odd {
    ODD_NOTHING,
    ODD_ABI,
    ODD_TABLE_SIZE,
    ODD_NO_RUN,
    ODD_CREATE_CRASHES,
    ODD_CREATE_FAILS,
    ODD_CREATE_EXITS,
    ODD_LOAD_CRASHES,
    ODD_RUNS_TWICE,
    ODD_NOT_HERE,
    ODD_OPTIONS,
    ODD_NO_SYMBOL,
    ODD_FROM_THE_FUTURE
};

struct odd_options {
    int64_t number;
};

static const struct grainbench_option option_table[] = {{"number", 0, GRAINBENCH_OPTION_INTEGER,
                                                         offsetof(struct odd_options, number), "N",
                                                         "3", NULL, 0, 10, "a number"},
                                                        {0}};

__attribute__((constructor)) static void when_loaded(void) {
    if (ODD == ODD_LOAD_CRASHES) raise(SIGSEGV);
}

static bool odd_supported(char *message) {
    if (ODD != ODD_NOT_HERE) return true;
    snprintf(message, GRAINBENCH_MESSAGE_SIZE, "needs a machine with one core less");
    return false;
}

static struct grainbench_scheduler *odd_create(const struct grainbench_setup *setup,
                                               const void *options, char *message) {
    if (ODD == ODD_CREATE_CRASHES) raise(SIGSEGV);
    if (ODD == ODD_CREATE_EXITS) exit(9);
    if (ODD == ODD_CREATE_FAILS || ((const struct odd_options *)options)->number != 3) {
        snprintf(message, GRAINBENCH_MESSAGE_SIZE, "no luck with %u workers", setup->workers);
        return NULL;
    }
    return malloc(1);
}

static void odd_run(struct grainbench_scheduler *scheduler, const struct grainbench_batch *batch) {
    (void)scheduler;
    batch->body(batch->context, 0, batch->item_count, 0);
    if (ODD == ODD_RUNS_TWICE) batch->body(batch->context, 1, 2, 0);
}

static void odd_destroy(struct grainbench_scheduler *scheduler) {
    free(scheduler);
}

/* A later version of the ABI struct, with a field that this program does not know. */
static const struct {
    struct grainbench_scheduler_operations known;
    void (*unknown)(void);
} operations = {
    .known = {.struct_size = ODD == ODD_TABLE_SIZE        ? 24
                             : ODD == ODD_FROM_THE_FUTURE ? sizeof operations
                                                          : sizeof operations.known,
              .abi = ODD == ODD_ABI ? 999 : GRAINBENCH_SCHEDULER_ABI,
              .name = "odd",
              .summary = "runs on the caller",
              .capabilities = GRAINBENCH_CALLER_ONLY,
              .options = option_table,
              .options_size = ODD == ODD_OPTIONS ? 2 : sizeof(struct odd_options),
              .supported = odd_supported,
              .create = odd_create,
              .run = ODD == ODD_NO_RUN ? NULL : odd_run,
              .destroy = odd_destroy},
};

#if ODD_EXPORTS
__attribute__((visibility("default"))) const struct grainbench_scheduler_operations *
grainbench_scheduler(void);

const struct grainbench_scheduler_operations *grainbench_scheduler(void) {
    return &operations.known;
}
#else
__attribute__((visibility("default"))) const void *another_symbol(void);

const void *another_symbol(void) {
    return &operations;
}
#endif
