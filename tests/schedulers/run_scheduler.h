/* Helpers of scheduler tests: a scheduler by name and option list, and a batch through it. */
#ifndef TESTS_SCHEDULERS_RUN_SCHEDULER_H
#define TESTS_SCHEDULERS_RUN_SCHEDULER_H

#include "base/options.h"
#include "schedulers/schedulers.h"
#include <stdlib.h>
#include <string.h>

struct running {
    const struct grainbench_scheduler_operations *operations;
    struct grainbench_scheduler *scheduler;
    void *options;
};

/* `list` is "name=value:name=value", or "". Ends the test program when it cannot be made. */
static inline struct running scheduler_start(enum schedulers_copy copy, const char *name,
                                             const char *list, unsigned workers, unsigned flags) {
    struct running running = {.operations = schedulers_find(copy, name)};
    struct error error = {"no such scheduler"};
    char text[256];
    snprintf(text, sizeof text, "%s", list);
    bool good = running.operations != NULL;
    if (good) {
        size_t size = running.operations->options_size;
        running.options = calloc(1, size ? size : 1);
        if (running.operations->options)
            good = options_parse_list(running.operations->options, running.options, text, ':', name,
                                      &error);
    }
    struct grainbench_setup setup = {
        .struct_size = sizeof setup, .workers = workers, .flags = flags, .seed = 1};
    if (good)
        running.scheduler = running.operations->create(&setup, running.options, error.message);
    if (!running.scheduler) {
        fprintf(stderr, "%s:%s: %s\n", name, list, error.message);
        exit(1);
    }
    return running;
}

static inline void scheduler_run(const struct running *running, size_t items, grainbench_body body,
                                 void *context) {
    struct grainbench_batch batch = {
        .struct_size = sizeof batch, .item_count = items, .body = body, .context = context};
    running->operations->run(running->scheduler, &batch);
}

static inline void scheduler_end(struct running *running) {
    running->operations->destroy(running->scheduler);
    free(running->options);
}

#endif
