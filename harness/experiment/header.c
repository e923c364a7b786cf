/* The header of a record: everything needed to know where figures come from and to run them again.
 */
#define _GNU_SOURCE
#include "base/file.h"
#include "harness/build_facts.h"
#include "harness/experiment/experiment.h"
#include "harness/machine.h"
#include "results/series.h"
#include "tokenizer/fast_unicode.h"
#include "tokenizer/tokenizer.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static json_t *describe_corpus(const struct corpus *corpus) {
    char digest[32];
    const char *slash = strrchr(corpus->path, '/');
    snprintf(digest, sizeof digest, "%016" PRIx64, corpus->digest);
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:b, s:b, s:s}", "name",
                     slash ? slash + 1 : corpus->path, "bytes", (json_int_t)corpus->size_bytes,
                     "lines", (json_int_t)corpus->line_count, "batch_lines",
                     (json_int_t)corpus->batch_lines, "batches", (json_int_t)corpus->batch_count,
                     "built_in", corpus->built_in, "ascii", corpus->ascii, "xxh3", digest);
}

static void hash_file(const char *path, char *text, size_t size) {
    char *data = NULL;
    size_t length = 0;
    snprintf(text, size, "%s", "unavailable");
    if (!file_read(path, &data, &length, NULL)) return;
    snprintf(text, size, "%016" PRIx64, XXH3_64bits(data, length));
    free(data);
}

static json_t *describe_tokenizer(const struct experiment *experiment) {
    char vocab[32], merges[32], name[32];
    hash_file(experiment->setup.vocab_path, vocab, sizeof vocab);
    hash_file(experiment->setup.merges_path, merges, sizeof merges);
    int kind = experiment->arm_count ? experiment->arms[0].spec.tokenizer : 0;
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "name",
                     arm_spec_choice(ARM_TOKENIZERS, kind, name, sizeof name), "vocab_xxh3", vocab,
                     "merges_xxh3", merges, "pcre2_unicode", tokenizer_unicode_version(),
                     "fast_unicode", fast_unicode_version);
}

static json_t *describe_placement(const struct experiment *experiment) {
    const char *reason = placement_unbound_reason(experiment->placement);
    bool pinned = experiment->setup.pin && !reason;
    json_t *object =
        json_pack("{s:s, s:b}", "rule", placement_rule(experiment->placement), "pinned", pinned);
    if (!pinned)
        json_object_set_new(object, "unpinned_reason",
                            json_string(reason ? reason : "pinning was switched off"));
    return object;
}

static void __attribute__((format(printf, 2, 3))) warn(json_t *warnings, const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    json_array_append_new(warnings, json_string(text));
}

/* What the machine does not do, and what the plan does not ask for. */
static json_t *describe_warnings(const struct experiment *experiment, const json_t *environment) {
    enum { LEAST_SAMPLE_MS = 10 };
    const struct placement *placement = experiment->placement;
    json_t *warnings = machine_warnings(environment, placement);
    unsigned workers = 0;
    for (size_t i = 0; i < experiment->arm_count; i++)
        if (experiment->arms[i].spec.workers > workers) workers = experiment->arms[i].spec.workers;
    if (experiment->processes < SERIES_LEAST_PROCESSES && experiment->precision <= 0)
        warn(warnings, "%u %s an arm: what memory layout is worth enters the intervals from %d on",
             experiment->processes, experiment->processes == 1 ? "process" : "processes",
             SERIES_LEAST_PROCESSES);
    if (workers > 1 && experiment->sample_ms < LEAST_SAMPLE_MS)
        warn(warnings, "samples of %g ms are short for several threads; take %d ms or more",
             experiment->sample_ms, LEAST_SAMPLE_MS);
    if (workers > placement_core_count(placement) && workers <= placement_pu_count(placement))
        warn(warnings, "arms of %u workers share cores with their SMT siblings", workers);
    return warnings;
}

json_t *experiment_header(const struct experiment *experiment, int argc, char **argv,
                          const char *scenario) {
    json_t *command = json_array();
    for (int i = 0; i < argc; i++)
        json_array_append_new(command, json_string(argv[i]));
    char *xml = placement_topology_xml(experiment->placement);
    json_t *environment = machine_environment();
    json_t *header = json_pack(
        "{s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s, s:s}, s:o, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o}",
        "kind", "header", "provenance", "measured", "program", "version", BUILD_VERSION, "commit",
        BUILD_COMMIT, "compiler", BUILD_COMPILER, "build_type", BUILD_TYPE, "flags", BUILD_FLAGS,
        "sanitize", BUILD_SANITIZE, "command", command, "seed", (json_int_t)experiment->seed,
        "scenario", scenario, "corpus", describe_corpus(experiment->corpus), "tokenizer",
        describe_tokenizer(experiment), "machine", machine_describe(experiment->placement),
        "warnings", describe_warnings(experiment, environment), "placement",
        describe_placement(experiment), "taint_limits", evidence_limits());
    json_object_set_new(header, "environment", environment);
    json_object_set_new(header, "plan",
                        json_pack("{s:I, s:f, s:f, s:i, s:i, s:f}", "rounds",
                                  (json_int_t)experiment->rounds, "time_s", experiment->time_s,
                                  "sample_ms", experiment->sample_ms, "slices",
                                  (int)experiment->slices, "processes", (int)experiment->processes,
                                  "precision", experiment->precision));
    json_object_set_new(header, "topology_xml", xml ? json_string(xml) : json_null());
    free(xml);
    return header;
}
