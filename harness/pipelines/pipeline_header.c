/* The header of a pipeline experiment's record. */
#define _GNU_SOURCE
#include "harness/build_facts.h"
#include "harness/experiment/evidence.h"
#include "harness/machine.h"
#include "harness/pipelines/pipeline_experiment.h"
#include "pipeline/cores.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *describe_input(const struct pipeline_plan *plan) {
    if (plan->options.synthetic)
        return json_pack("{s:s, s:s}", "name", "synthetic", "synthetic", plan->options.synthetic);
    json_t *files = json_array();
    for (unsigned i = 0; i < plan->path_count; i++) {
        const char *slash = strrchr(plan->paths[i], '/');
        json_array_append_new(files, json_string(slash ? slash + 1 : plan->paths[i]));
    }
    const char *first = json_string_value(json_array_get(files, 0));
    json_t *input = json_pack("{s:s, s:b}", "name", first, "built_in", plan->built_in);
    json_object_set_new(input, "files", files);
    return input;
}

static json_t *describe_options(const struct pipeline_plan *plan) {
    const struct pipeline_options *options = &plan->options;
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:b, s:b, s:I, s:f, s:I}", "mode",
                     options->mode ? "streaming" : "phased", "consumer", options->consumer, "batch",
                     (json_int_t)options->batch, "sequence", (json_int_t)options->sequence,
                     "workers", (json_int_t)plan->arms[0].setup.workers, "cross_blocks",
                     options->cross_blocks, "intra", options->parallel == 1, "memory_limit_bytes",
                     (json_int_t)options->memory_limit, "scale", options->scale, "rounds",
                     (json_int_t)options->rounds);
}

json_t *pipeline_experiment_header(const struct pipeline_plan *plan, int argc, char **argv) {
    json_t *command = json_array();
    for (int i = 0; i < argc; i++)
        json_array_append_new(command, json_string(argv[i]));
    json_t *environment = machine_environment();
    struct error error;
    struct placement *placement = placement_create(NULL, PLACEMENT_CORES, &error);
    json_t *header = json_pack(
        "{s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s, s:s}, s:o, s:I, s:o, s:o, s:{s:b, s:s}}",
        "kind", "header", "scenario", plan->name, "title", plan->summary, "unit", "items/s",
        "program", "version", BUILD_VERSION, "commit", BUILD_COMMIT, "compiler", BUILD_COMPILER,
        "build_type", BUILD_TYPE, "flags", BUILD_FLAGS, "sanitize", BUILD_SANITIZE, "command",
        command, "seed", (json_int_t)plan->options.seed, "corpus", describe_input(plan), "pipeline",
        describe_options(plan), "placement", "pinned", 0, "unpinned_reason",
        "pipeline threads are not bound");
    json_object_set_new(header, "processors_available", json_integer(cores_available()));
    json_object_set_new(header, "taint_limits", evidence_limits());
    if (placement) {
        json_object_set_new(header, "machine", machine_describe(placement));
        json_object_set_new(header, "warnings", machine_warnings(environment, placement));
        char *xml = placement_topology_xml(placement);
        if (xml) json_object_set_new(header, "topology_xml", json_string(xml));
        free(xml);
        placement_destroy(placement);
    }
    json_object_set_new(header, "environment", environment);
    if (plan->scenario) json_object_set(header, "scenario_file", plan->scenario);
    return header;
}
