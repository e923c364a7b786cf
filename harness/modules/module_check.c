/* Checks of exported tables; see module_check.h. */
#include "harness/modules/module_check.h"

#include <string.h>

/* The table of ABI 1 as first published. Later fields are appended; a module without them is fine.
 */
#define SIZE_UP_TO(type, field) (offsetof(type, field) + sizeof(((type *)0)->field))

static const size_t scheduler_size_v1 = SIZE_UP_TO(struct grainbench_scheduler_operations, destroy);
static const size_t encoder_size_v1 = SIZE_UP_TO(struct grainbench_encoder_operations, batch_drop);

static bool check_head(const char *path, const char *what, size_t struct_size, size_t least,
                       unsigned abi, unsigned wanted, struct error *error) {
    if (abi != wanted)
        return error_set(error,
                         "%s: its %s has ABI %u, this program wants %u; build it again with this "
                         "program's headers",
                         path, what, abi, wanted);
    if (struct_size < least)
        return error_set(error,
                         "%s: its %s says its table has %zu bytes, ABI %u has at least %zu; set "
                         "struct_size to the sizeof of the table",
                         path, what, struct_size, wanted, least);
    return true;
}

static size_t option_value_size(enum grainbench_option_type type) {
    switch (type) {
    case GRAINBENCH_OPTION_FLAG:
        return sizeof(bool);
    case GRAINBENCH_OPTION_INTEGER:
        return sizeof(int64_t);
    case GRAINBENCH_OPTION_REAL:
        return sizeof(double);
    case GRAINBENCH_OPTION_TEXT:
        return sizeof(const char *);
    case GRAINBENCH_OPTION_CHOICE:
        return sizeof(int);
    default:
        return 0;
    }
}

static bool check_options(const char *path, const struct grainbench_option *options, size_t size,
                          struct error *error) {
    for (const struct grainbench_option *row = options; row && row->type; row++) {
        if (row->type > GRAINBENCH_OPTION_HEADING)
            return error_set(error, "%s: option table: row %td has an unknown type", path,
                             row - options);
        if (row->type == GRAINBENCH_OPTION_HEADING) continue;
        if (!row->name || !row->help)
            return error_set(error, "%s: option table: row %td lacks a name or a help text", path,
                             row - options);
        if (row->type == GRAINBENCH_OPTION_CHOICE && !row->choices)
            return error_set(error, "%s: option '%s' lacks its choices", path, row->name);
        if (row->offset > size || option_value_size(row->type) > size - row->offset)
            return error_set(error, "%s: option '%s' lies outside the options struct of %zu bytes",
                             path, row->name, size);
    }
    return true;
}

static bool check_required(const char *path, const char *what, const char *name, bool present,
                           struct error *error) {
    return present ||
           error_set(error, "%s: its %s lacks '%s', which is required", path, what, name);
}

bool module_check_scheduler(const char *path,
                            const struct grainbench_scheduler_operations *exported,
                            struct grainbench_scheduler_operations *copy, struct error *error) {
    const char *what = "scheduler";
    if (!exported)
        return error_set(error, "%s: %s() gave no table", path, GRAINBENCH_SCHEDULER_SYMBOL);
    if (!check_head(path, what, exported->struct_size, scheduler_size_v1, exported->abi,
                    GRAINBENCH_SCHEDULER_ABI, error))
        return false;
    size_t size = exported->struct_size < sizeof *copy ? exported->struct_size : sizeof *copy;
    memset(copy, 0, sizeof *copy);
    memcpy(copy, exported, size);
    return check_required(path, what, "name", copy->name && copy->name[0], error) &&
           check_required(path, what, "summary", copy->summary != NULL, error) &&
           check_required(path, what, "create", copy->create != NULL, error) &&
           check_required(path, what, "run", copy->run != NULL, error) &&
           check_required(path, what, "destroy", copy->destroy != NULL, error) &&
           check_options(path, copy->options, copy->options_size, error);
}

bool module_check_encoder(const char *path, const struct grainbench_encoder_operations *exported,
                          struct grainbench_encoder_operations *copy, struct error *error) {
    const char *what = "encoder";
    if (!exported)
        return error_set(error, "%s: %s() gave no table", path, GRAINBENCH_ENCODER_SYMBOL);
    if (!check_head(path, what, exported->struct_size, encoder_size_v1, exported->abi,
                    GRAINBENCH_ENCODER_ABI, error))
        return false;
    size_t size = exported->struct_size < sizeof *copy ? exported->struct_size : sizeof *copy;
    memset(copy, 0, sizeof *copy);
    memcpy(copy, exported, size);
    bool batch = copy->encode_batch || copy->batch_ids || copy->batch_drop;
    return check_required(path, what, "name", copy->name && copy->name[0], error) &&
           check_required(path, what, "summary", copy->summary != NULL, error) &&
           check_required(path, what, "create", copy->create != NULL, error) &&
           check_required(path, what, "destroy", copy->destroy != NULL, error) &&
           check_required(path, what, "scratch_create", copy->scratch_create != NULL, error) &&
           check_required(path, what, "scratch_destroy", copy->scratch_destroy != NULL, error) &&
           check_required(path, what, "encode", copy->encode != NULL, error) &&
           check_required(path, what, "result_ids", copy->result_ids != NULL, error) &&
           check_required(path, what, "result_size", copy->result_size > 0, error) &&
           check_required(path, what, "batch_ids", !batch || copy->batch_ids, error) &&
           check_required(path, what, "batch_drop", !batch || copy->batch_drop, error) &&
           check_required(path, what, "encode_batch", !batch || copy->encode_batch, error) &&
           check_options(path, copy->options, copy->options_size, error);
}
