/* Running a fidelity request; see fidelity_request.h. */
#define _GNU_SOURCE
#include "harness/fidelity/fidelity_request.h"

#include "harness/build_facts.h"
#include "harness/command.h"
#include "harness/fidelity/fidelity.h"
#include "harness/machine.h"
#include "harness/progress.h"
#include "harness/record_name.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *make_header(const struct fidelity_request *request,
                           const struct placement *placement) {
    json_t *environment = machine_environment();
    json_t *header = json_pack(
        "{s:s, s:{s:s, s:s, s:s, s:s, s:s, s:s}, s:s, s:I, s:o, s:o, s:{s:s, s:s, s:I, s:I, s:I, "
        "s:f, s:b}}",
        "provenance", "measured", "program", "version", BUILD_VERSION, "commit", BUILD_COMMIT,
        "compiler", BUILD_COMPILER, "build_type", BUILD_TYPE, "flags", BUILD_FLAGS, "sanitize",
        BUILD_SANITIZE, "scenario", "rayon-fidelity", "seed", (json_int_t)request->seed, "machine",
        machine_describe(placement), "warnings", machine_warnings(environment, placement), "plan",
        "model", request->model, "real", request->real, "items", (json_int_t)request->items,
        "rounds", (json_int_t)request->rounds, "batches", (json_int_t)request->batches, "sleep_us",
        request->sleep_us, "pinned", request->pin);
    if (header) json_object_set_new(header, "environment", environment);
    char *xml = placement_topology_xml(placement);
    if (header) json_object_set_new(header, "topology_xml", xml ? json_string(xml) : json_null());
    free(xml);
    return header;
}

static bool run_plan(const struct fidelity_request *request, const struct fidelity_plan *plan,
                     bool *agrees, struct error *error) {
    char path[PATH_MAX];
    if (!record_name(request->output, "rayon-fidelity", path, sizeof path, error)) return false;
    struct record_writer *writer =
        record_create(path, make_header(request, plan->placement), error);
    if (!writer) return false;
    struct fidelity_result result;
    bool good = fidelity_measure(plan, writer, &result, error);
    progress_clear();
    if (!good) {
        record_abandon(writer);
    } else {
        good = record_end(writer, error) && fidelity_print(plan, &result, stdout, error);
        *agrees = fidelity_agrees(&result);
        printf("\nrecord: %s\n", path);
    }
    fidelity_free(&result);
    return good;
}

static const char *text_of(const json_t *object, const char *name, const char *fallback) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : fallback;
}

static int64_t count_of(const json_t *object, const char *name, int64_t fallback) {
    const json_t *value = json_object_get(object, name);
    return json_is_integer(value) && json_integer_value(value) > 0 ? json_integer_value(value)
                                                                   : fallback;
}

bool fidelity_request_from_scenario(const json_t *scenario, struct fidelity_request *request) {
    if (strcmp(text_of(scenario, "kind", ""), "fidelity") != 0) return false;
    *request = (struct fidelity_request){.model = text_of(scenario, "model", "rayon"),
                                         .real = text_of(scenario, "real", "rayon-real"),
                                         .threads = text_of(scenario, "threads", "1,2,4,8"),
                                         .items = count_of(scenario, "items", 1000),
                                         .rounds = count_of(scenario, "rounds", 30),
                                         .batches = count_of(scenario, "batches", 80),
                                         .seed = 1,
                                         .sleep_us = (double)count_of(scenario, "sleep_us", 100),
                                         .pin = true};
    return true;
}

int fidelity_request_run(const char *command, const struct fidelity_request *request) {
    struct error error;
    struct thread_count counts[THREAD_COUNT_LIMIT];
    bool agrees = false;
    struct placement *placement = placement_create(NULL, PLACEMENT_CORES, &error);
    if (!placement) return command_fail(command, "%s", error.message);
    int count = placement_parse_threads(placement, request->threads, true, counts, &error);
    struct fidelity_plan plan = {.schedulers = {request->model, request->real},
                                 .counts = counts,
                                 .count = count,
                                 .items = (size_t)request->items,
                                 .rounds = (unsigned)request->rounds,
                                 .batches = (unsigned)request->batches,
                                 .sleep_ns = (uint64_t)(request->sleep_us * 1000),
                                 .placement = placement,
                                 .pin = request->pin,
                                 .seed = (uint64_t)request->seed};
    bool good = count > 0 && run_plan(request, &plan, &agrees, &error);
    placement_destroy(placement);
    if (!good) return command_fail(command, "%s", error.message);
    return request->check && !agrees ? EXIT_REGRESSION : EXIT_OK;
}
