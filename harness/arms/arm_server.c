/* The arm's side of arm processes: reads requests, runs the arm, answers; see arm_process.h. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "harness/arms/arm_process.h"
#include "harness/code_hash.h"
#include "harness/components.h"
#include "harness/profiler/profile_run.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

enum { REQUEST_DESCRIPTOR = 3, REPLY_DESCRIPTOR = 4 };

struct server {
    struct arm_spec spec;
    struct placement *placement;
    struct corpus *corpus;
    char *corpus_path, *vocab_path, *merges_path;
    void *shift; /* see shift_layout */
    struct arm *arm;
};

static const char *text_member(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static size_t size_member(const json_t *object, const char *name) {
    return (size_t)json_integer_value(json_object_get(object, name));
}

static json_t *describe_arm(const struct server *server) {
    struct component scheduler, encoder;
    struct error error;
    const char *reason;
    json_t *pus = json_array();
    for (unsigned i = 0; i < server->spec.workers; i++)
        json_array_append_new(pus, json_integer(placement_pu(server->placement, i)));
    json_t *facts = json_pack("{s:o, s:i}", "pus", pus, "unbound_workers",
                              (int)arm_unbound_workers(server->arm, &reason));
    if (reason[0]) json_object_set_new(facts, "unbound_reason", json_string(reason));
    if (component_parse_scheduler(server->spec.scheduler, &scheduler, &error)) {
        json_object_set_new(facts, "scheduler", component_to_json(&scheduler));
        component_free(&scheduler);
    }
    if (component_parse_encoder(server->spec.encoder, &encoder, &error)) {
        json_object_set_new(facts, "encoder", component_to_json(&encoder));
        component_free(&encoder);
    }
    code_hash_describe(server->spec.scheduler, server->spec.encoder, facts);
    return facts;
}

/* Address randomisation moves whole pages; what lies where within them would be the same in every
 * process of a build. A piece of memory taken first, of 0 to 4080 bytes, moves what comes after. */
static bool shift_layout(struct server *server, size_t layout, struct error *error) {
    enum { STEP = 16, STEPS = 256 };
    server->shift = malloc(layout % STEPS * STEP + 1);
    return server->shift || error_set(error, "out of memory");
}

static json_t *set_up(struct server *server, const json_t *request, struct error *error) {
    if (!shift_layout(server, size_member(request, "layout"), error)) return NULL;
    arm_spec_init(&server->spec);
    if (!arm_spec_from_json(json_object_get(request, "spec"), &server->spec, error)) return NULL;
    server->corpus_path = strdup(text_member(request, "corpus"));
    server->vocab_path = strdup(text_member(request, "vocab"));
    server->merges_path = strdup(text_member(request, "merges"));
    if (!server->corpus_path || !server->vocab_path || !server->merges_path) {
        error_set(error, "out of memory");
        return NULL;
    }
    server->placement = placement_create(NULL, (enum placement_plan)server->spec.plan, error);
    if (!server->placement) return NULL;
    size_t lines = server->spec.batch_lines ? (size_t)server->spec.batch_lines
                                            : size_member(request, "batch_lines");
    server->corpus = corpus_load(server->corpus_path, lines, error);
    if (!server->corpus) return NULL;
    struct arm_setup setup = {.spec = &server->spec,
                              .corpus = server->corpus,
                              .placement = server->placement,
                              .vocab_path = server->vocab_path,
                              .merges_path = server->merges_path,
                              .pin = json_is_true(json_object_get(request, "pin"))};
    server->arm = arm_create(&setup, error);
    return server->arm ? describe_arm(server) : NULL;
}

static json_t *digest(struct server *server, const json_t *request, struct error *error) {
    uint64_t value, ids, begin = clock_now_ns();
    if (!arm_digest(server->arm, size_member(request, "first"), size_member(request, "count"),
                    &value, &ids, error))
        return NULL;
    char text[32];
    snprintf(text, sizeof text, "%016" PRIx64, value);
    return json_pack("{s:s, s:I, s:I}", "digest", text, "ids", (json_int_t)ids, "duration_ns",
                     (json_int_t)(clock_now_ns() - begin));
}

static json_t *measure(struct server *server, const json_t *request, struct error *error) {
    struct arm_sample sample;
    if (!arm_measure(server->arm, size_member(request, "first"), size_member(request, "count"),
                     &sample, error))
        return NULL;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "duration_ns",
                     (json_int_t)sample.duration_ns, "parallel_ns", (json_int_t)sample.parallel_ns,
                     "drop_ns", (json_int_t)sample.drop_ns, "cpu_ns", (json_int_t)sample.cpu_ns,
                     "bytes", (json_int_t)sample.bytes, "items", (json_int_t)sample.items,
                     "evidence", evidence_to_json(&sample.evidence));
}

static json_t *statistics_to_json(const struct grainbench_statistics *statistics) {
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {{"leaves", statistics->leaves},
                  {"joins", statistics->joins},
                  {"steals", statistics->steals},
                  {"probes", statistics->probes},
                  {"injections", statistics->injections},
                  {"pins", statistics->pins},
                  {"collections", statistics->collections},
                  {"idle_episodes", statistics->idle_episodes},
                  {"parks", statistics->parks},
                  {"wakes", statistics->wakes},
                  {"wake_scan_locks", statistics->wake_scan_locks},
                  {"list_nodes", statistics->list_nodes}};
    json_t *object = json_object();
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        if (counts[i].value != UINT64_MAX)
            json_object_set_new(object, counts[i].name, json_integer((json_int_t)counts[i].value));
    return object;
}

static json_t *leaf_sizes_to_json(const struct grainbench_statistics *statistics) {
    json_t *object = json_object();
    char key[24];
    for (size_t size = 0; size < GRAINBENCH_LEAF_SIZES; size++) {
        if (!statistics->leaf_sizes[size]) continue;
        snprintf(key, sizeof key, "%zu", size);
        json_object_set_new(object, key, json_integer((json_int_t)statistics->leaf_sizes[size]));
    }
    return object;
}

/* Times that the scheduler does not know are left out. */
static json_t *worker_times_to_json(const struct arm_observation *observation, unsigned workers) {
    json_t *array = json_array();
    for (unsigned i = 0; i < workers; i++) {
        const struct grainbench_worker_time *time = &observation->worker_times[i];
        const struct {
            const char *name;
            uint64_t value_ns;
        } members[] = {{"run_ns", time->run_ns},
                       {"steal_ns", time->steal_ns},
                       {"spin_ns", time->spin_ns},
                       {"park_ns", time->park_ns},
                       {"wake_ns", time->wake_ns}};
        json_t *worker = json_object();
        for (size_t m = 0; m < sizeof members / sizeof members[0]; m++)
            if (members[m].value_ns != UINT64_MAX)
                json_object_set_new(worker, members[m].name,
                                    json_integer((json_int_t)members[m].value_ns));
        json_array_append_new(array, worker);
    }
    return array;
}

/* How long each worker of the timed scheduler waited for a processor since it was started. */
static json_t *worker_waits_to_json(const struct server *server) {
    json_t *array = json_array();
    for (unsigned i = 0; i < server->spec.workers; i++) {
        uint64_t wait_ns = arm_worker_wait_ns(server->arm, i);
        json_array_append_new(array, wait_ns == EVIDENCE_UNAVAILABLE
                                         ? json_null()
                                         : json_integer((json_int_t)wait_ns));
    }
    return array;
}

static json_t *observe(struct server *server, const json_t *request, struct error *error) {
    struct arm_observation observation;
    if (!arm_observe(server->arm, size_member(request, "first"), size_member(request, "count"),
                     &observation, error))
        return NULL;
    json_t *line = json_pack(
        "{s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I}, s:o, s:o, s:o, s:o}", "batches",
        (json_int_t)observation.batches, "duration_ns", (json_int_t)observation.duration_ns,
        "useful_ns", (json_int_t)observation.useful_ns, "phases_ns", "fork",
        (json_int_t)observation.fork_ns, "run", (json_int_t)observation.run_ns, "join",
        (json_int_t)observation.join_ns, "drop", (json_int_t)observation.drop_ns, "statistics",
        statistics_to_json(&observation.statistics), "leaf_sizes",
        leaf_sizes_to_json(&observation.statistics), "worker_times",
        worker_times_to_json(&observation, server->spec.workers), "worker_run_queue_wait_ns",
        worker_waits_to_json(server));
    if (line && observation.collect_ns != UINT64_MAX)
        json_object_set_new(json_object_get(line, "phases_ns"), "collect",
                            json_integer((json_int_t)observation.collect_ns));
    return line;
}

/* Events that cannot be counted at all still give a line, which says why. */
static json_t *count(struct server *server, const json_t *request, struct error *error) {
    struct counter_list list;
    json_t *line = NULL;
    if (!counter_list_make(text_member(request, "events"), &list, error)) return NULL;
    if (list.count)
        line = arm_count(server->arm, size_member(request, "first"), size_member(request, "count"),
                         &list, error);
    else
        line = json_pack("{s:O}", "unavailable", list.unavailable);
    counter_list_free(&list);
    return line;
}

static json_t *answer(struct server *server, const json_t *request, struct error *error) {
    const char *what = text_member(request, "do");
    if (strcmp(what, "set up") == 0 && !server->arm) return set_up(server, request, error);
    if (server->arm && strcmp(what, "digest") == 0) return digest(server, request, error);
    if (server->arm && strcmp(what, "measure") == 0) return measure(server, request, error);
    if (server->arm && strcmp(what, "observe") == 0) return observe(server, request, error);
    if (server->arm && strcmp(what, "count") == 0) return count(server, request, error);
    if (server->arm && strcmp(what, "profile") == 0)
        return profile_serve(server->arm, server->spec.label, request, error);
    error_set(error, "arm process: cannot do '%s'", what);
    return NULL;
}

int arm_process_serve(void) {
    prctl(PR_SET_PDEATHSIG, 9); /* a killed experiment leaves no process behind */
    signal(SIGINT, SIG_IGN);    /* Ctrl-C is the experiment's to handle */
    FILE *requests = fdopen(REQUEST_DESCRIPTOR, "r"), *replies = fdopen(REPLY_DESCRIPTOR, "w");
    if (!requests || !replies) {
        fputs("grainbench arm-process: is started by 'grainbench run', not by hand\n", stderr);
        return EXIT_FAILURE;
    }
    struct server server = {0};
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, requests) > 0) {
        struct error error = {""};
        json_t *request = json_loads(line, 0, NULL);
        json_t *reply = answer(&server, request, &error);
        if (!reply) reply = json_pack("{s:s}", "error", error.message);
        if (json_dumpf(reply, replies, JSON_COMPACT) != 0 || fputc('\n', replies) == EOF ||
            fflush(replies) != 0)
            break;
        json_decref(reply);
        json_decref(request);
    }
    free(line);
    arm_destroy(server.arm);
    corpus_destroy(server.corpus);
    placement_destroy(server.placement);
    free(server.corpus_path);
    free(server.vocab_path);
    free(server.merges_path);
    free(server.shift);
    fclose(requests);
    fclose(replies);
    return EXIT_SUCCESS;
}
