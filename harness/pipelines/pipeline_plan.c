/* Options and scenario into arms; see pipeline_plan.h. */
#define _GNU_SOURCE
#include "harness/pipelines/pipeline_plan.h"

#include "base/options.h"
#include "harness/experiment/scenario.h"
#include "pipeline/cores.h"
#include "pipeline/traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct grainbench_option typed_table[] = {
#define OPTION(name, letter, type, field, argument, fallback, choices, minimum, maximum, help)     \
    {name,                                                                                         \
     letter,                                                                                       \
     GRAINBENCH_OPTION_##type,                                                                     \
     offsetof(struct pipeline_options, field),                                                     \
     argument,                                                                                     \
     fallback,                                                                                     \
     choices,                                                                                      \
     minimum,                                                                                      \
     maximum,                                                                                      \
     help},
#define HEADING(text)
#include "harness/pipelines/pipeline_options.def"
#undef OPTION
#undef HEADING
    {0}};

struct text_row {
    const char *name;
    size_t offset;
};

static const struct text_row text_rows[] = {
#define OPTION(name, letter, type, field, argument, fallback, choices, minimum, maximum, help)     \
    {name, offsetof(struct pipeline_texts, field)},
#define HEADING(text)
#include "harness/pipelines/pipeline_options.def"
#undef OPTION
#undef HEADING
};

/* ---- options: defaults, then the scenario's, then the command line's */

static bool assign_scenario(struct pipeline_plan *plan, const char *name, struct error *error) {
    struct scenario scenario;
    if (!scenario_load(name, &scenario, error)) return false;
    plan->scenario = json_incref(scenario.json);
    snprintf(plan->name, sizeof plan->name, "%s", scenario.name);
    snprintf(plan->summary, sizeof plan->summary, "%s", scenario.summary);
    const json_t *options = json_object_get(scenario.json, "options");
    const char *command = json_string_value(json_object_get(scenario.json, "command"));
    bool assigned = command && strcmp(command, "pipeline") == 0 && json_is_object(options);
    if (!assigned)
        error_set(error,
                  "scenario %s is not one of 'grainbench pipeline'; try 'grainbench run "
                  "--scenario %s'",
                  scenario.name, scenario.name);
    const char *option;
    json_t *value;
    json_object_foreach((json_t *)options, option, value) {
        struct error detail;
        if (!assigned) break;
        const char *text = json_string_value(value);
        if (text && options_assign(typed_table, &plan->options, option, text, &detail)) continue;
        error_set(error, "%s: options: %s: %s", scenario.path, option,
                  text ? detail.message : "the value must be a text");
        assigned = false;
    }
    scenario_free(&scenario);
    return assigned;
}

static bool assign_texts(struct pipeline_plan *plan, const struct pipeline_texts *texts,
                         struct error *error) {
    for (size_t i = 0; i < sizeof text_rows / sizeof text_rows[0]; i++) {
        const char *text = *(const char *const *)((const char *)texts + text_rows[i].offset);
        struct error detail;
        if (text && !options_assign(typed_table, &plan->options, text_rows[i].name, text, &detail))
            return error_set(error, "--%s", detail.message);
    }
    return true;
}

/* ---- the input */

struct synthetic_options {
    int64_t rows, blocks;
    double read_us, preprocess_us, format_us, cv;
    int read_by, preprocess_by, format_by;
};

#define FIELD(name) offsetof(struct synthetic_options, name)
static const struct grainbench_option synthetic_table[] = {
    {"rows", 0, GRAINBENCH_OPTION_INTEGER, FIELD(rows), "N", "16000", NULL, 0, 1e12, "rows"},
    {"blocks", 0, GRAINBENCH_OPTION_INTEGER, FIELD(blocks), "N", "200", NULL, 1, 1e9, "blocks"},
    {"read_us", 0, GRAINBENCH_OPTION_REAL, FIELD(read_us), "US", "0", NULL, 0, 1e9,
     "reading, a row"},
    {"preprocess_us", 0, GRAINBENCH_OPTION_REAL, FIELD(preprocess_us), "US", "0", NULL, 0, 1e9,
     "preprocessing, a row"},
    {"format_us", 0, GRAINBENCH_OPTION_REAL, FIELD(format_us), "US", "0", NULL, 0, 1e9,
     "formatting, a row"},
    {"cv", 0, GRAINBENCH_OPTION_REAL, FIELD(cv), "X", "0", NULL, 0, 10,
     "coefficient of variation of the formatting between batches"},
    {"read_by", 0, GRAINBENCH_OPTION_CHOICE, FIELD(read_by), "HOW", "sleep", "sleep|spin|memory", 0,
     0, "how reading passes the time"},
    {"preprocess_by", 0, GRAINBENCH_OPTION_CHOICE, FIELD(preprocess_by), "HOW", "spin",
     "sleep|spin|memory", 0, 0, "how preprocessing does"},
    {"format_by", 0, GRAINBENCH_OPTION_CHOICE, FIELD(format_by), "HOW", "spin", "sleep|spin|memory",
     0, 0, "how formatting does"},
    {0}};

static struct cost cost_of(int how, double us, double variation, int64_t seed) {
    static const enum cost_kind kinds[] = {COST_SLEEP, COST_SPIN, COST_MEMORY};
    return (struct cost){
        .kind = kinds[how], .ns_per_row = us * 1e3, .variation = variation, .seed = (uint64_t)seed};
}

static bool plan_synthetic(struct pipeline_plan *plan, struct pipeline_setup *setup,
                           struct error *error) {
    const struct pipeline_options *options = &plan->options;
    struct synthetic_options chosen = {0};
    plan->synthetic_text = strdup(options->synthetic);
    if (!plan->synthetic_text) return error_set(error, "out of memory");
    if (!options_parse_list(synthetic_table, &chosen, plan->synthetic_text, ':', "--synthetic",
                            error))
        return false;
    double scale = options->scale;
    setup->synthetic_rows = (uint64_t)chosen.rows;
    setup->synthetic_blocks = (uint64_t)chosen.blocks;
    setup->read_cost = cost_of(chosen.read_by, chosen.read_us * scale, 0, options->seed);
    setup->preprocess_cost =
        cost_of(chosen.preprocess_by, chosen.preprocess_us * scale, 0, options->seed);
    plan->format.cost =
        cost_of(chosen.format_by, chosen.format_us * scale, chosen.cv, options->seed);
    cost_calibrate();
    bool copies = chosen.read_by == 2 || chosen.preprocess_by == 2 || chosen.format_by == 2;
    return !copies || traffic_calibrate() ||
           error_set(error, "out of memory for the %zu MiB that a memory stage copies in",
                     traffic_area_bytes() >> 20);
}

static bool find_text(struct pipeline_plan *plan, int count, char **paths, struct error *error) {
    plan->paths = calloc((size_t)count + 1, sizeof *plan->paths);
    if (!plan->paths) return error_set(error, "out of memory");
    for (int i = 0; i < count; i++)
        plan->paths[i] = paths[i];
    plan->path_count = (unsigned)count;
    if (count) return true;
    struct corpus *corpus = corpus_load(NULL, 1000, error);
    if (!corpus) return false;
    plan->found_path = strdup(corpus->path);
    plan->built_in = corpus->built_in;
    corpus_destroy(corpus);
    plan->paths[0] = plan->found_path;
    plan->path_count = 1;
    return plan->found_path || error_set(error, "out of memory");
}

static bool make_encoder(struct pipeline_plan *plan, unsigned workers, struct error *error) {
    char vocab[4096], merges[4096];
    if (!component_parse_encoder(plan->options.encoder, &plan->encoder, error)) return false;
    if (!corpus_vocabulary_paths(plan->built_in, vocab, merges, sizeof vocab, error)) return false;
    const struct grainbench_encoder_operations *operations = plan->encoder.encoder;
    struct grainbench_encoder_setup setup = {.struct_size = sizeof setup,
                                             .vocab_path = vocab,
                                             .merges_path = merges,
                                             .workers = workers};
    char message[GRAINBENCH_MESSAGE_SIZE] = "it gave no reason";
    if (!operations->supported || operations->supported(message))
        plan->encoder_state = operations->create(&setup, plan->encoder.options, message);
    plan->format.operations = operations;
    plan->format.encoder = plan->encoder_state;
    return plan->encoder_state ||
           error_set(error, "encoder %s: %s", plan->options.encoder, message);
}

static bool plan_input(struct pipeline_plan *plan, int path_count, char **paths,
                       struct pipeline_setup *setup, struct error *error) {
    plan->format.pad_id = (int32_t)plan->options.pad_id;
    if (plan->options.synthetic && path_count)
        return error_set(error,
                         "'%s' and --synthetic exclude each other: the scenario or the option "
                         "says that there is no text",
                         paths[0]);
    if (plan->options.synthetic) return plan_synthetic(plan, setup, error);
    if (!find_text(plan, path_count, paths, error)) return false;
    setup->paths = plan->paths;
    setup->path_count = plan->path_count;
    return make_encoder(plan, setup->workers, error);
}

/* ---- the arms */

static uint64_t choose_spin(const struct pipeline_plan *plan, const struct pipeline_setup *setup) {
    if (plan->options.spin_us >= 0) return (uint64_t)(plan->options.spin_us * 1e3);
    char text[COMPOSE_TEXT];
    struct composition composition;
    pipeline_composition(setup, text, sizeof text);
    if (!compose_parse(setup->composition ? setup->composition : text, &composition, NULL))
        return 0;
    unsigned threads = compose_threads(&composition) + 1 + (setup->intra ? setup->workers - 1 : 0);
    return threads <= cores_available() ? 50000 : 0;
}

static bool add_arm(struct pipeline_plan *plan, const struct pipeline_setup *shared, unsigned depth,
                    bool is_control, struct error *error) {
    if (plan->arm_count == PIPELINE_ARMS)
        return error_set(error, "--prefetch-batches: at most %d depths", PIPELINE_ARMS - 1);
    struct pipeline_arm *arm = &plan->arms[plan->arm_count++];
    *arm = (struct pipeline_arm){.depth = depth, .is_control = is_control, .setup = *shared};
    arm->setup.depth = depth;
    arm->setup.spin_ns = choose_spin(plan, &arm->setup);
    if (is_control)
        snprintf(arm->label, sizeof arm->label, "A/A");
    else if (shared->composition)
        snprintf(arm->label, sizeof arm->label, "composition");
    else
        snprintf(arm->label, sizeof arm->label, "depth %u", depth);
    return true;
}

static bool plan_depths(struct pipeline_plan *plan, const struct pipeline_setup *shared,
                        struct error *error) {
    const char *at = plan->options.depths;
    do {
        char *end;
        unsigned long depth = strtoul(at, &end, 10);
        if (end == at || (*end && *end != ',') || (*end && !end[1]) ||
            depth > EXECUTOR_DEPTH_LIMIT || *at == '-')
            return error_set(error,
                             "--prefetch-batches: '%s' is not a list of depths such as 0,1,2,4 "
                             "(at most %d)",
                             plan->options.depths, EXECUTOR_DEPTH_LIMIT);
        if (depth > 64)
            fprintf(stderr,
                    "grainbench pipeline: depth %lu only costs memory: 64 is more than any "
                    "variation of durations needs\n",
                    depth);
        for (unsigned i = 0; i < plan->arm_count; i++)
            if (plan->arms[i].depth == depth)
                return error_set(error, "--prefetch-batches: depth %lu is named twice", depth);
        if (!add_arm(plan, shared, (unsigned)depth, false, error)) return false;
        at = *end ? end + 1 : end;
    } while (*at);
    return true;
}

static bool plan_arms(struct pipeline_plan *plan, const struct pipeline_setup *setup, bool force,
                      struct error *error) {
    if (!plan_depths(plan, setup, error)) return false;
    unsigned deepest = 0;
    for (unsigned i = 0; i < plan->arm_count; i++)
        if (plan->arms[i].depth > deepest) deepest = plan->arms[i].depth;
    if (setup->composition) {
        struct pipeline_setup composed = *setup;
        struct pipeline_setup plain = *setup;
        plain.composition = NULL;
        plan->arm_count = 0;
        struct composition parsed;
        if (!compose_parse(setup->composition, &parsed, error) ||
            !add_arm(plan, &plain, 0, false, error) || !add_arm(plan, &composed, 0, false, error))
            return false;
        deepest = compose_threads(&parsed);
    }
    if (plan->device.operations->uses_processor && deepest && cores_available() == 1 && !force)
        return error_set(error,
                         "there is one processor, and consumer %s needs one of its own: nothing "
                         "can overlap; use --consumer sleep, or --force to see that",
                         plan->device.operations->name);
    return !plan->options.control ||
           add_arm(plan, &plan->arms[0].setup, plan->arms[0].depth, true, error);
}

/* Buffers of a device that copies: more than any depth that does not draw a warning needs. */
enum { DEVICE_BATCHES = 192 };

static bool make_device(struct pipeline_plan *plan, struct error *error) {
    const struct pipeline_options *options = &plan->options;
    struct device_setup setup = {.batch_rows = (size_t)options->batch,
                                 .sequence_length = (size_t)options->sequence,
                                 .vocabulary_size = 50257,
                                 .batch_count = DEVICE_BATCHES,
                                 .scale = options->scale};
    return device_create(&plan->device, options->consumer, &setup, error);
}

static void fill_setup(const struct pipeline_plan *plan, struct pipeline_setup *setup) {
    const struct pipeline_options *options = &plan->options;
    unsigned cores = cores_available();
    *setup = (struct pipeline_setup){
        .block_bytes = (size_t)options->block_bytes,
        .row_limit_bytes = (size_t)options->row_limit,
        .format = &plan->format,
        .device = &plan->device,
        .mode = options->mode ? PIPELINE_STREAMING : PIPELINE_PHASED,
        .composition = options->composition,
        .workers = options->workers ? (unsigned)options->workers
                   : cores > 1      ? cores - 1
                                    : 1,
        .device_depth = (unsigned)options->device_depth,
        .intra = options->parallel == 1,
        .batch_rows = (size_t)options->batch,
        .sequence_length = (size_t)options->sequence,
        .cross_blocks = options->cross_blocks,
        .drop_last = options->drop_last,
        .copy_rows = options->copy_rows,
        .shuffle_rows = (size_t)options->shuffle_rows,
        .seed = (uint64_t)options->seed,
        .memory_limit_bytes = (size_t)options->memory_limit,
        .interval_limit = (size_t)options->intervals,
    };
}

bool pipeline_plan(const char *scenario, const struct pipeline_texts *texts, int path_count,
                   char **paths, bool force, struct pipeline_plan *plan, struct error *error) {
    memset(plan, 0, sizeof *plan);
    snprintf(plan->name, sizeof plan->name, "pipeline");
    snprintf(plan->summary, sizeof plan->summary, "prefetching of batches");
    struct pipeline_setup setup;
    if (!options_set_defaults(typed_table, &plan->options, error)) return false;
    if (scenario && !assign_scenario(plan, scenario, error)) return false;
    if (!assign_texts(plan, texts, error)) return false;
    if (scenario && path_count && !texts->synthetic) plan->options.synthetic = NULL;
    fill_setup(plan, &setup);
    return plan_input(plan, path_count, paths, &setup, error) && make_device(plan, error) &&
           plan_arms(plan, &setup, force, error);
}

void pipeline_plan_free(struct pipeline_plan *plan) {
    device_destroy(&plan->device);
    if (plan->encoder_state) plan->encoder.encoder->destroy(plan->encoder_state);
    component_free(&plan->encoder);
    free(plan->paths);
    free(plan->found_path);
    free(plan->synthetic_text);
    json_decref(plan->scenario);
}
