/* Runs a pipeline: reading and preprocessing as phases of their own or as part of it; see run.h. */
#include "pipeline/run.h"
#include "base/clock.h"
#include "pipeline/intra.h"
#include "pipeline/stall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const pipeline_stage_names[PIPELINE_STAGES] = {
    "read", "preprocess", "window", "batch", "format", "finalize", "consume"};

/* Everything a run makes and must take apart again. */
struct run {
    const struct pipeline_setup *setup;
    struct pipeline_result *result;
    struct preprocess_setup preprocess;
    struct budget *budget;
    struct block_store *store;
    struct batch_pool *pool;
    struct intra *intra;
    struct compose_parts parts;
    struct iterator *iterator; /* with its delivery end */
    _Atomic uint64_t delivered;
    size_t fact_capacity;
};

/* ---- what the setup comes to */

static void wrap(char *text, size_t size, const char *before, const char *after) {
    char inner[COMPOSE_TEXT];
    snprintf(inner, sizeof inner, "%s", text);
    snprintf(text, size, "%.64s%.200s%.64s", before, inner, after);
}

void pipeline_composition(const struct pipeline_setup *setup, char *text, size_t size) {
    char slots[32], pool_slots[48];
    bool threads = setup->depth > 0, pool = threads && setup->workers > 1 && !setup->intra;
    snprintf(slots, sizeof slots, ", %u)", setup->depth);
    snprintf(pool_slots, sizeof pool_slots, ", %u, %u)", setup->workers, setup->depth);
    snprintf(text, size, "%s", setup->mode == PIPELINE_STREAMING ? "read" : "blocks");
    if (setup->mode == PIPELINE_STREAMING) {
        if (threads) wrap(text, size, "thread(", slots);
        wrap(text, size, "preprocess(", ")");
        if (threads) wrap(text, size, "thread(", slots);
    } else if (pool) {
        wrap(text, size, "window(", ")");
    }
    wrap(text, size, setup->shuffle_rows ? "shuffle(" : "batch(", ")");
    if (pool)
        wrap(text, size, "pool(format, ", pool_slots);
    else
        wrap(text, size, "format(", ")");
    if (threads && !pool) wrap(text, size, "thread(", slots);
    if (!device_has_finalize(setup->device)) return;
    snprintf(slots, sizeof slots, ", %u)", setup->device_depth);
    wrap(text, size, "finalize(", ")");
    if (threads && setup->device_depth) wrap(text, size, "thread(", slots);
}

static bool preprocess_synthetic(void *shared, void *scratch, struct item *item,
                                 struct failure *failure) {
    (void)scratch, (void)failure;
    cost_run(shared, item->sequence, (double)item->row_count);
    return true;
}

static bool finalize_batch(void *shared, void *scratch, struct item *item,
                           struct failure *failure) {
    (void)scratch;
    const struct device *device = shared;
    struct error error;
    if (device->operations->finalize(device->state, (struct batch *)item, &error)) return true;
    failure_set(failure, "finalize", item->sequence, FAILURE_TRANSFORM, "%.200s", error.message);
    return false;
}

static struct transform choose_preprocess(struct run *run) {
    const struct pipeline_setup *setup = run->setup;
    run->preprocess.paths = setup->paths;
    if (setup->path_count) return preprocess_transform(&run->preprocess, STAGE_PREPROCESS);
    return (struct transform){.name = "preprocess",
                              .stage = STAGE_PREPROCESS,
                              .shared = (void *)&setup->preprocess_cost,
                              .apply = preprocess_synthetic};
}

static void choose_parts(struct run *run) {
    const struct pipeline_setup *setup = run->setup;
    bool shuffled = setup->shuffle_rows > 0;
    uint64_t skip = shuffled ? setup->start.rows : setup->start.block_row;
    run->parts = (struct compose_parts){
        .preprocess = choose_preprocess(run),
        .format = run->intra ? intra_transform(run->intra, STAGE_FORMAT)
                             : format_transform(setup->format, STAGE_FORMAT),
        .finalize = {.name = "finalize",
                     .stage = STAGE_FINALIZE,
                     .shared = (void *)setup->device,
                     .apply = finalize_batch},
        .batch = {.rows = setup->batch_rows,
                  .cross_blocks = setup->cross_blocks,
                  .drop_last = setup->drop_last,
                  .copy_rows = setup->copy_rows,
                  .shuffle_rows = setup->shuffle_rows,
                  .seed = setup->seed,
                  .skip_rows = skip,
                  .rows_before = setup->start.rows,
                  .pool = run->pool,
                  .stage = STAGE_BATCH},
        .window_rows = (uint64_t)setup->depth * setup->batch_rows,
        .window_blocks = setup->depth ? setup->depth : 1,
        .recorder = run->result->recorder,
        .budget = run->budget,
        .spin_ns = setup->spin_ns,
        .reports = run->result->reports,
    };
}

/* ---- making and taking apart */

static bool tensors_fit(const struct pipeline_setup *setup, unsigned batches, struct error *error) {
    size_t bytes =
        batches * setup->batch_rows *
        (setup->sequence_length * sizeof(int32_t) + sizeof(int32_t) + sizeof(struct row));
    if (!setup->memory_limit_bytes || bytes <= setup->memory_limit_bytes) return true;
    return error_set(
        error,
        "%u batches of %zu x %zu ids take %zu bytes, more than the memory limit of %zu; "
        "lower --batch, --sequence or --prefetch-batches, or raise --memory-limit",
        batches, setup->batch_rows, setup->sequence_length, bytes, setup->memory_limit_bytes);
}

static bool make_run(struct run *run, struct error *error) {
    const struct pipeline_setup *setup = run->setup;
    struct pipeline_result *result = run->result;
    char text[COMPOSE_TEXT];
    pipeline_composition(setup, text, sizeof text);
    if (!compose_parse(setup->composition ? setup->composition : text, &result->composition, error))
        return false;
    const char *source = result->composition.nodes[0].name;
    const char *wanted = setup->mode == PIPELINE_STREAMING ? "read" : "blocks";
    if (strcmp(source, wanted) != 0)
        return error_set(error, "composition '%.160s': the source must be '%s' in this mode",
                         result->composition.text, wanted);
    result->live_allowed = compose_batches(&result->composition);
    if (!tensors_fit(setup, result->live_allowed, error)) return false;
    result->recorder = recorder_create(setup->interval_limit, error);
    if (!result->recorder) return false;
    for (int i = 0; i < PIPELINE_STAGES; i++)
        recorder_stage(result->recorder, pipeline_stage_names[i]);
    run->budget =
        budget_create(setup->memory_limit_bytes, setup->path_count ? setup->block_bytes : 0, error);
    if (!run->budget || !(run->store = block_store_create(run->budget, error))) return false;
    run->pool = batch_pool_create(result->live_allowed, setup->batch_rows, setup->sequence_length,
                                  run->budget, error);
    if (!run->pool) return false;
    if (setup->intra && setup->workers > 1) {
        run->intra = intra_create(setup->format, setup->workers, result->recorder, STAGE_FORMAT,
                                  setup->spin_ns, error);
        if (!run->intra) return false;
    }
    choose_parts(run);
    return true;
}

static void destroy_run(struct run *run) {
    iterator_close(run->iterator);
    intra_destroy(run->intra);
    if (run->pool) run->result->live_maximum = batch_pool_live_maximum(run->pool);
    if (run->store) run->result->pinned_maximum = block_store_maximum(run->store);
    run->result->bytes_maximum = budget_maximum(run->budget);
    batch_pool_destroy(run->pool);
    block_store_destroy(run->store);
    budget_destroy(run->budget);
}

static struct iterator *make_source(struct run *run, struct error *error) {
    const struct pipeline_setup *setup = run->setup;
    bool shuffled = setup->shuffle_rows > 0;
    if (!setup->path_count) {
        struct synthetic_setup synthetic = {.rows = setup->synthetic_rows,
                                            .blocks = setup->synthetic_blocks,
                                            .cost = setup->read_cost,
                                            .first_row = shuffled ? 0 : setup->start.offset,
                                            .store = run->store,
                                            .stage = STAGE_READ};
        return synthetic_operator(&synthetic, error);
    }
    struct read_setup read = {.paths = setup->paths,
                              .path_count = setup->path_count,
                              .block_bytes = setup->block_bytes,
                              .row_limit_bytes = setup->row_limit_bytes,
                              .store = run->store,
                              .stage = STAGE_READ};
    if (!shuffled) read.start = setup->start;
    return read_operator(&read, error);
}

/* ---- the phases */

static bool failed(const struct failure *failure, struct error *error) {
    return error_set(error, "%s: %s", failure->stage, failure->message);
}

struct block_list {
    struct block **blocks;
    size_t count, capacity;
};

static void release_blocks(struct block_list *list) {
    for (size_t i = 0; i < list->count; i++)
        block_release(list->blocks[i]);
    free(list->blocks);
}

static bool append_block(struct block_list *list, struct block *block) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 64;
        struct block **grown = realloc(list->blocks, capacity * sizeof *grown);
        if (!grown) return false;
        list->blocks = grown;
        list->capacity = capacity;
    }
    list->blocks[list->count++] = block;
    return true;
}

static bool read_all(struct run *run, struct iterator *source, struct block_list *list,
                     struct error *error) {
    struct item *item;
    struct failure failure = {0};
    enum iterator_status status;
    while ((status = iterator_next(source, &item, &failure)) == ITERATOR_OK) {
        if (!append_block(list, (struct block *)item)) {
            item_release(item);
            return error_set(error, "out of memory for the input");
        }
        size_t limit = run->setup->memory_limit_bytes;
        if (limit && budget_used(run->budget) > limit)
            return error_set(error,
                             "phased mode keeps the whole input in memory, more than the limit "
                             "of %zu bytes; use --mode streaming or raise --memory-limit",
                             limit);
    }
    return status == ITERATOR_END || failed(&failure, error);
}

static bool preprocess_all(struct run *run, struct block_list *list, struct error *error) {
    struct failure failure = {0};
    for (size_t i = 0; i < list->count; i++)
        if (!transform_apply(&run->parts.preprocess, NULL, &list->blocks[i]->item, &failure))
            return failed(&failure, error);
    return true;
}

/* Reads and preprocesses as phases; the source of predict is then what is in memory. */
static bool run_first_phases(struct run *run, struct error *error) {
    struct block_list list = {0};
    struct iterator *source = make_source(run, error);
    if (!source) return false;
    uint64_t start_ns = clock_now_ns();
    bool done = read_all(run, source, &list, error);
    run->result->read_ns = clock_now_ns() - start_ns;
    iterator_close(source);
    start_ns = clock_now_ns();
    done = done && preprocess_all(run, &list, error);
    run->result->preprocess_ns = clock_now_ns() - start_ns;
    run->result->blocks = list.count;
    if (done && (run->parts.source = array_operator(list.blocks, list.count, error))) return true;
    release_blocks(&list);
    return false;
}

static bool keep_facts(struct run *run, const struct batch *batch) {
    struct pipeline_result *result = run->result;
    if (!run->setup->interval_limit) return true;
    if (result->batch_fact_count == run->fact_capacity) {
        size_t capacity = run->fact_capacity ? 2 * run->fact_capacity : 256;
        void *grown = realloc(result->batch_facts, capacity * sizeof *result->batch_facts);
        if (!grown) return false;
        result->batch_facts = grown;
        run->fact_capacity = capacity;
    }
    result->batch_facts[result->batch_fact_count++] =
        (struct batch_facts){batch->blocks_begun, batch->item.segment_end};
    return true;
}

static void add_up(struct pipeline_result *result, const struct batch *batch) {
    result->rows += batch->item.row_count;
    result->batches++;
    result->text_bytes += batch->text_bytes;
    result->tokens += batch->tokens;
    result->kept_tokens += batch->kept_tokens;
    result->cells += batch->item.row_count * batch->sequence_length;
    result->digest =
        digest_append(result->digest, (struct digest){batch->digest, batch->digest_factor});
}

/* One batch at the consumer. */
static bool consume(struct run *run, struct batch *batch, struct error *error) {
    const struct device *device = run->setup->device;
    if (device->operations->requested_ns) {
        double ns = device->operations->requested_ns(device->state, batch);
        run->result->requested_ns = ns < 0 ? -1 : run->result->requested_ns + ns;
    }
    struct account_mark before = account_enter(STAGE_CONSUME, ACTIVITY_BUSY, batch->item.sequence);
    bool consumed = device->operations->consume(device->state, batch, error);
    account_leave(before);
    account_count(STAGE_CONSUME);
    if (!consumed) return false;
    add_up(run->result, batch);
    return keep_facts(run, batch) || error_set(error, "out of memory for the record of batches");
}

static bool consume_all(struct run *run, uint64_t start_ns, struct error *error) {
    struct pipeline_result *result = run->result;
    struct item *item;
    struct failure failure = {0};
    enum iterator_status status;
    uint64_t limit = run->setup->stop_after;
    while ((!limit || result->batches < limit) &&
           (status = iterator_next(run->iterator, &item, &failure)) == ITERATOR_OK) {
        if (!result->batches) result->first_batch_ns = clock_now_ns() - start_ns;
        bool consumed = consume(run, (struct batch *)item, error);
        item_release(item);
        if (!consumed) return false;
        atomic_fetch_add_explicit(&run->delivered, 1, memory_order_relaxed);
        struct cursor delivered = delivery_cursor(run->iterator);
        if (run->setup->go_on && !run->setup->go_on(run->setup->go_on_context, &delivered))
            return true;
    }
    if (limit && result->batches == limit) return true;
    result->finished = status == ITERATOR_END;
    return status == ITERATOR_END ||
           (status == ITERATOR_CANCELLED ? error_set(error, "the pipeline was interrupted")
                                         : failed(&failure, error));
}

static bool predict(struct run *run, struct error *error) {
    const struct pipeline_setup *setup = run->setup;
    struct pipeline_result *result = run->result;
    uint64_t start_ns = clock_now_ns();
    struct iterator *built = compose_build(&result->composition, &run->parts, error);
    if (!built) return false;
    run->iterator = delivery_operator(built, run->pool, setup->start, error);
    if (!run->iterator) {
        iterator_close(built);
        return false;
    }
    struct stall_reporter *reporter = NULL;
    if (setup->stall_seconds > 0 && !(reporter = stall_start(setup->stall_seconds, &run->delivered,
                                                             result->recorder, stderr, error)))
        return false;
    bool done = consume_all(run, start_ns, error);
    result->predict_ns = clock_now_ns() - start_ns;
    stall_stop(reporter);
    result->cursor = delivery_cursor(run->iterator);
    return done;
}

static bool run_phases(struct run *run, struct error *error) {
    uint64_t start_ns = clock_now_ns();
    bool done;
    if (run->setup->mode == PIPELINE_PHASED) {
        done = run_first_phases(run, error) && predict(run, error);
        const struct pipeline_result *result = run->result;
        run->result->total_ns = result->read_ns + result->preprocess_ns + result->predict_ns;
    } else {
        done = (run->parts.source = make_source(run, error)) && predict(run, error);
        run->result->total_ns = clock_now_ns() - start_ns;
    }
    return done;
}

bool pipeline_run(const struct pipeline_setup *setup, struct pipeline_result *result,
                  struct error *error) {
    memset(result, 0, sizeof *result);
    result->digest.factor = 1;
    if (!setup->device->operations->requested_ns) result->requested_ns = -1;
    struct run run = {.setup = setup, .result = result};
    atomic_init(&run.delivered, 0);
    bool done = make_run(&run, error);
    if (done) {
        account_begin(result->recorder, "consumer", STAGE_CONSUME);
        done = run_phases(&run, error);
        iterator_close(run.iterator); /* the threads' accounts end here */
        run.iterator = NULL;
        account_end();
    }
    destroy_run(&run);
    return done;
}

void pipeline_result_free(struct pipeline_result *result) {
    recorder_destroy(result->recorder);
    free(result->batch_facts);
    memset(result, 0, sizeof *result);
}
