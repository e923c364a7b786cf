/* Trial runs of a scheduler's and an encoder's functions, in a child process; see modules.h. */
#include "base/options.h"
#include "harness/modules/module_trial.h"
#include "harness/modules/modules.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIAL_ITEMS = 5 };

struct item_counts {
    atomic_uint times[TRIAL_ITEMS];
    atomic_bool out_of_range;
    unsigned workers;
};

static void count_items(void *context, size_t begin, size_t end, unsigned worker) {
    struct item_counts *counts = context;
    if (begin > end || end > TRIAL_ITEMS || worker >= counts->workers) {
        atomic_store(&counts->out_of_range, true);
        return;
    }
    for (size_t i = begin; i < end; i++)
        atomic_fetch_add(&counts->times[i], 1);
}

struct scheduler_attempt {
    const struct grainbench_scheduler_operations *operations;
    const struct grainbench_setup *setup;
    const void *options;
};

static bool check_batch(const char *name, const struct item_counts *counts, struct error *error) {
    if (atomic_load(&counts->out_of_range))
        return error_set(error,
                         "%s: called the body with a range or worker number out of bounds (%d "
                         "items, %u workers)",
                         name, TRIAL_ITEMS, counts->workers);
    for (size_t i = 0; i < TRIAL_ITEMS; i++)
        if (atomic_load(&counts->times[i]) != 1)
            return error_set(error, "%s: ran item %zu of a batch of %d %u times instead of once",
                             name, i, TRIAL_ITEMS, atomic_load(&counts->times[i]));
    return true;
}

static bool attempt_scheduler(void *context, struct module_trial *trial, struct error *error) {
    const struct scheduler_attempt *attempt = context;
    const struct grainbench_scheduler_operations *operations = attempt->operations;
    char message[GRAINBENCH_MESSAGE_SIZE] = "";
    module_trial_stage(trial, "in create");
    struct grainbench_scheduler *scheduler =
        operations->create(attempt->setup, attempt->options, message);
    if (!scheduler)
        return error_set(error, "%s: cannot be created: %s", operations->name,
                         message[0] ? message : "it gave no reason");
    struct item_counts counts = {.workers = attempt->setup->workers};
    struct grainbench_batch batch = {.struct_size = sizeof batch,
                                     .item_count = TRIAL_ITEMS,
                                     .body = count_items,
                                     .context = &counts};
    module_trial_stage(trial, "in run");
    operations->run(scheduler, &batch);
    if (!check_batch(operations->name, &counts, error)) return false;
    module_trial_stage(trial, "in destroy");
    operations->destroy(scheduler);
    return true;
}

bool modules_try_scheduler(const struct grainbench_scheduler_operations *operations,
                           const struct grainbench_setup *setup, const void *options,
                           struct error *error) {
    struct scheduler_attempt attempt = {operations, setup, options};
    char subject[128];
    snprintf(subject, sizeof subject, "scheduler %s", operations->name);
    return module_trial_run(subject, attempt_scheduler, &attempt, error);
}

struct encoder_attempt {
    const struct grainbench_encoder_operations *operations;
    const struct grainbench_encoder_setup *setup;
    const void *options;
};

static bool encode_by_each_entry(const struct encoder_attempt *attempt, void *encoder,
                                 void *scratch, struct error *error) {
    static const char text[] = "A trial of 1 text.";
    const struct grainbench_encoder_operations *operations = attempt->operations;
    char message[GRAINBENCH_MESSAGE_SIZE] = "";
    size_t size = (operations->result_size + 15) / 16 * 16;
    void *result = aligned_alloc(16, size);
    if (!result) return error_set(error, "out of memory");
    bool good = true;
    for (int entry = GRAINBENCH_ENTRY_BATCH; good && entry <= GRAINBENCH_ENTRY_IDS; entry++) {
        const uint32_t *ids = NULL;
        good = operations->encode(encoder, scratch, (enum grainbench_entry)entry, text,
                                  sizeof text - 1, result, message);
        if (!good) {
            error_set(error, "%s: cannot encode: %s", operations->name, message);
        } else if (operations->result_ids(result, &ids) == 0 || !ids) {
            good = error_set(error, "%s: gave no ids for a text of %zu bytes", operations->name,
                             sizeof text - 1);
        }
        if (good && operations->result_drop) operations->result_drop(encoder, result);
    }
    free(result);
    return good;
}

static bool attempt_encoder(void *context, struct module_trial *trial, struct error *error) {
    const struct encoder_attempt *attempt = context;
    const struct grainbench_encoder_operations *operations = attempt->operations;
    char message[GRAINBENCH_MESSAGE_SIZE] = "";
    module_trial_stage(trial, "in create");
    void *encoder = operations->create(attempt->setup, attempt->options, message);
    if (!encoder)
        return error_set(error, "%s: cannot be created: %s", operations->name,
                         message[0] ? message : "it gave no reason");
    module_trial_stage(trial, "in scratch_create");
    void *scratch = operations->scratch_create(encoder, 0, message);
    if (!scratch)
        return error_set(error, "%s: a scratch cannot be created: %s", operations->name,
                         message[0] ? message : "it gave no reason");
    module_trial_stage(trial, "in encode");
    if (!encode_by_each_entry(attempt, encoder, scratch, error)) return false;
    module_trial_stage(trial, "in destroy");
    operations->scratch_destroy(encoder, scratch);
    operations->destroy(encoder);
    return true;
}

bool modules_try_encoder(const struct grainbench_encoder_operations *operations,
                         const struct grainbench_encoder_setup *setup, const void *options,
                         struct error *error) {
    struct encoder_attempt attempt = {operations, setup, options};
    char subject[128];
    snprintf(subject, sizeof subject, "encoder %s", operations->name);
    return module_trial_run(subject, attempt_encoder, &attempt, error);
}
