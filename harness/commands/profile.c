/* `grainbench profile`: where the CPU time of baseline and patched goes, symbol by symbol. */
#define _GNU_SOURCE
#include "base/datafile.h"
#include "base/file.h"
#include "base/scratch.h"
#include "harness/code_hash.h"
#include "harness/command.h"
#include "harness/profiler/profile_plan.h"
#include "harness/profiler/profile_run.h"
#include "harness/profiler/profile_table.h"
#include "results/tables/table_events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct profile_options {
    struct profile_request request;
    const char *perf_script, *perf_script_patched, *groups, *output, *folded, *firefox, *events;
    int64_t repeats, frequency, limit;
    double seconds;
    bool user_only, timers;
};

#define TEXT(name, letter, field, argument, fallback, help)                                        \
    {                                                                                              \
        name, letter, GRAINBENCH_OPTION_TEXT, offsetof(struct profile_options, field), argument,   \
            fallback, NULL, 0, 0, help                                                             \
    }
#define HEADING(text)                                                                              \
    { "", 0, GRAINBENCH_OPTION_HEADING, 0, NULL, NULL, NULL, 0, 0, text }

static const struct grainbench_option profile_option_table[] = {
    HEADING("What is profiled"),
    TEXT("scenario", 'S', request.scenario, "NAME", "hf-2077",
         "arms of one block of this scenario"),
    TEXT("block", 0, request.block, "NAME", NULL,
         "the scenario's group of arms with this name [default: the first]"),
    TEXT("schedulers", 's', request.schedulers, "LIST", NULL,
         "schedulers separated by commas instead of the scenario's; the first is the baseline"),
    TEXT("threads", 't', request.threads, "N", NULL,
         "one thread count [default: the scenario's if it names one, else physical]"),
    {"oversubscribe", 0, GRAINBENCH_OPTION_FLAG,
     offsetof(struct profile_options, request.oversubscribe), NULL, "0", NULL, 0, 0,
     "allow more workers than processing units"},
    {"pin", 0, GRAINBENCH_OPTION_FLAG, offsetof(struct profile_options, request.pin), NULL, "1",
     NULL, 0, 0, "bind every worker to its processing unit"},
    TEXT("corpus", 'c', request.corpus, "FILE", NULL, "text to encode [default: big.txt]"),
    {"batch", 'b', GRAINBENCH_OPTION_INTEGER, offsetof(struct profile_options, request.batch), "N",
     "0", NULL, 0, 100000000, "lines of a batch; 0: as the scenario has it"},
    TEXT("encoder", 'e', request.encoder, "NAME", NULL, "encoder with options"),
    TEXT("tokenizer", 0, request.tokenizer, "KIND", NULL, "plain or bench"),
    TEXT("entry", 0, request.entry, "POINT", NULL, "entry point: " ARM_ENTRIES),
    TEXT("cost", 0, request.cost, "KIND", NULL, "lean or reference"),
    TEXT("cache", 0, request.cache, "KIND", NULL, "none, worker, shared or sharded"),
    TEXT("storage", 0, request.storage, "KIND", NULL, "heap or arena"),
    TEXT("free", 0, request.free, "WHO", NULL, "who gives results back: " ARM_FREES),
    {"gap", 0, GRAINBENCH_OPTION_REAL, offsetof(struct profile_options, request.gap_us), "US", "0",
     NULL, 0, 1e9, "idle microseconds of the caller between batches"},
    {"seed", 0, GRAINBENCH_OPTION_INTEGER, offsetof(struct profile_options, request.seed), "N", "1",
     NULL, 0, 9e15, "of schedulers' random choices"},
    HEADING("How"),
    {"seconds", 'T', GRAINBENCH_OPTION_REAL, offsetof(struct profile_options, seconds), "S", "1",
     NULL, 0.05, 3600, "how long each run of an arm is sampled"},
    {"repeat", 'r', GRAINBENCH_OPTION_INTEGER, offsetof(struct profile_options, repeats), "N", "5",
     NULL, 1, PROFILE_REPEAT_LIMIT,
     "runs of each arm, taking turns; from 3 on intervals hold what differs between runs"},
    {"frequency", 'F', GRAINBENCH_OPTION_INTEGER, offsetof(struct profile_options, frequency), "HZ",
     "999", NULL, 1, 100000, "samples a second of each thread"},
    {"user", 'u', GRAINBENCH_OPTION_FLAG, offsetof(struct profile_options, user_only), NULL, "0",
     NULL, 0, 0, "leave out kernel mode"},
    {"timers", 0, GRAINBENCH_OPTION_FLAG, offsetof(struct profile_options, timers), NULL, "0", NULL,
     0, 0, "sample by CPU-time timers, as where perf_event_open is blocked"},
    TEXT("events", 0, events, "LIST", NULL,
         "also count these events, in a run of their own ('grainbench events' lists them)"),
    HEADING("Foreign profiles"),
    TEXT("perf-script", 0, perf_script, "FILE", NULL,
         "the output of 'perf script', as the baseline, instead of a run"),
    TEXT("perf-script-patched", 0, perf_script_patched, "FILE", NULL,
         "the same of the patched program"),
    HEADING("Output"),
    TEXT("groups", 'g', groups, "FILE", NULL,
         "groups of symbols by patterns [default: profile/groups.json of the data folder]"),
    {"limit", 'n', GRAINBENCH_OPTION_INTEGER, offsetof(struct profile_options, limit), "N", "25",
     NULL, 1, 10000, "symbols to show"},
    TEXT("output", 'o', output, "FILE", NULL, "write a record, for 'plot' and 'report'"),
    TEXT("folded", 0, folded, "PREFIX", NULL,
         "write folded stacks to PREFIX-0.folded, PREFIX-1.folded, ... for flame graphs"),
    TEXT("firefox", 0, firefox, "PREFIX", NULL,
         "write PREFIX-0.json, ... for the Firefox profiler"),
    {0}};

enum { RECORD_SYMBOLS = 200, WARM_BATCHES = 8 };

struct session {
    const struct profile_options *options;
    struct profile_groups *groups;
    struct profile_plan plan;
    bool planned;
    struct profile_table table;
};

static bool load_groups(struct session *session, struct error *error) {
    char path[PATH_MAX];
    const char *file = session->options->groups;
    if (!file) {
        if (!datafile_find("profile/groups.json", path, sizeof path, error)) return false;
        file = path;
    }
    session->groups = profile_groups_load(file, error);
    return session->groups != NULL;
}

/* ---- foreign profiles ---- */

static bool add_foreign(struct session *session, const char *path, const char *label,
                        struct error *error) {
    struct profile profile = {0};
    size_t arm = session->table.arm_count++;
    snprintf(session->table.arms[arm].label, sizeof session->table.arms[arm].label, "%s", label);
    bool ok = profile_read_perf_script(path, &profile, error) &&
              profile_table_add(&session->table, arm, &profile, session->groups, error);
    profile_free(&profile);
    return ok;
}

/* ---- own runs ---- */

/* In a process of its own, with the arm's allocator and program. */
static bool sample_one(struct session *session, size_t arm, const struct profile_run *run,
                       struct error *error) {
    const struct arm_spec *spec = profile_plan_spec(&session->plan, arm);
    uint64_t digest, ids, duration_ns;
    struct profile profile;
    struct arm_process *process = arm_process_start(spec, &session->plan.experiment.setup, error);
    bool ok = process &&
              arm_process_digest(process, 0, WARM_BATCHES, &digest, &ids, &duration_ns, error) &&
              profile_run_sampled(process, spec->label, run, &profile, error);
    arm_process_stop(process);
    if (!ok) return false;
    ok = profile_table_add(&session->table, arm, &profile, session->groups, error);
    profile_free(&profile);
    return ok;
}

static bool sample_all(struct session *session, struct error *error) {
    const struct profile_options *options = session->options;
    char folded[PATH_MAX], firefox[PATH_MAX];
    for (int64_t repeat = 0; repeat < options->repeats; repeat++)
        for (size_t arm = 0; arm < session->plan.arm_count; arm++) {
            struct profile_run run = {
                .sampler = {(unsigned)options->frequency, options->user_only, options->timers},
                .seconds = options->seconds};
            if (repeat == 0 && options->folded) {
                snprintf(folded, sizeof folded, "%s-%zu.folded", options->folded, arm);
                run.folded_path = folded;
            }
            if (repeat == 0 && options->firefox) {
                snprintf(firefox, sizeof firefox, "%s-%zu.json", options->firefox, arm);
                run.firefox_path = firefox;
            }
            if (!sample_one(session, arm, &run, error)) return false;
        }
    return true;
}

static bool count_all(struct session *session, struct error *error) {
    const struct profile_options *options = session->options;
    for (size_t arm = 0; arm < session->plan.arm_count; arm++) {
        struct arm_process *process = arm_process_start(profile_plan_spec(&session->plan, arm),
                                                        &session->plan.experiment.setup, error);
        json_t *line =
            process ? profile_run_counted(process, options->seconds, options->events, error) : NULL;
        arm_process_stop(process);
        if (!line) return false;
        json_object_set_new(line, "kind", json_string("counter"));
        session->table.arms[arm].counters = line;
    }
    return true;
}

static bool profile_runs(struct session *session, struct error *error) {
    if (!profile_plan_make(&session->options->request, PROFILE_ARM_LIMIT, &session->plan, error))
        return false;
    session->table.arm_count = session->plan.arm_count;
    for (size_t i = 0; i < session->plan.arm_count; i++)
        snprintf(session->table.arms[i].label, sizeof session->table.arms[i].label, "%s",
                 session->plan.experiment.arms[session->plan.arms[i]].spec.label);
    return sample_all(session, error) && (!session->options->events || count_all(session, error));
}

/* ---- output ---- */

static bool append_arm(struct session *session, struct record_writer *writer, size_t arm,
                       struct error *error) {
    struct arm_record line = {.arm = (unsigned)arm,
                              .role = arm == 0 ? ROLE_BASELINE : ROLE_PATCHED,
                              .control_of = -1,
                              .compared_with = -1,
                              .label = session->table.arms[arm].label,
                              .json = json_object()};
    if (session->planned) {
        const struct arm_spec *spec = &session->plan.experiment.arms[session->plan.arms[arm]].spec;
        line.threads = line.workers = spec->workers;
        line.scheduler = spec->scheduler;
        line.encoder = spec->encoder;
        code_hash_describe(spec->scheduler, spec->encoder, line.json);
    }
    bool appended = record_append_arm(writer, &line, error);
    json_decref(line.json);
    return appended;
}

static bool write_record(struct session *session, const char *path, struct error *error) {
    json_t *header = session->planned ? experiment_header(&session->plan.experiment, 0, NULL,
                                                          session->plan.scenario.name)
                                      : json_pack("{s:s}", "scenario", "perf script");
    struct record_writer *writer = record_create(path, header, error);
    if (!writer) return false;
    struct profile_table *table = &session->table;
    bool ok = true;
    for (size_t arm = 0; ok && arm < table->arm_count; arm++)
        ok = append_arm(session, writer, arm, error);
    for (size_t arm = 0; ok && arm < table->arm_count; arm++) {
        json_t *line = profile_table_to_json(table, session->groups, arm, RECORD_SYMBOLS);
        json_object_set_new(line, "arm", json_integer((json_int_t)arm));
        ok = record_append(writer, line, error);
        if (!ok || !table->arms[arm].counters) continue;
        json_object_set_new(table->arms[arm].counters, "arm", json_integer((json_int_t)arm));
        ok = record_append(writer, json_incref(table->arms[arm].counters), error);
    }
    if (ok) return record_end(writer, error);
    record_abandon(writer);
    return false;
}

static bool print_events_of(const char *path, struct error *error) {
    struct record *record = record_read(path, error);
    if (!record) return false;
    if (record_has_events(record)) putchar('\n');
    bool ok = !record_has_events(record) || table_print_events(record, false, stdout, error);
    record_free(record);
    return ok;
}

/* Tables of events are made from records alone: without --output from one that does not stay. */
static bool record_and_print_events(struct session *session, struct error *error) {
    const char *output = session->options->output;
    char scratch[SCRATCH_PATH_SIZE];
    if (!output && !session->options->events) return true;
    int descriptor = output ? -1 : scratch_open(scratch, error);
    if (!output && descriptor < 0) return false;
    const char *path = output ? output : scratch;
    bool ok = write_record(session, path, error) && print_events_of(path, error);
    if (ok && output) printf("record: %s\n", output);
    if (!output) close(descriptor);
    return ok;
}

static bool make_profile(struct session *session, struct error *error) {
    const struct profile_options *options = session->options;
    if (options->perf_script_patched && !options->perf_script)
        return error_set(error, "--perf-script-patched needs --perf-script, the baseline");
    if (options->output && !file_can_be_written(options->output, error)) return false;
    if (!load_groups(session, error)) return false;
    if (options->perf_script) {
        if (!add_foreign(session, options->perf_script, "baseline", error) ||
            (options->perf_script_patched &&
             !add_foreign(session, options->perf_script_patched, "patched", error)))
            return false;
    } else {
        session->planned = true;
        if (!profile_runs(session, error)) return false;
    }
    return profile_table_finish(&session->table, session->groups, error);
}

static int run_profile(const void *opaque, int operand_count, char **operands) {
    if (operand_count) return command_fail("profile", "'%s' is not expected here", operands[0]);
    struct error error;
    struct session *session = calloc(1, sizeof *session);
    if (!session) return command_fail("profile", "out of memory");
    session->options = opaque;
    int code = EXIT_OK;
    if (!make_profile(session, &error)) {
        code = command_fail("profile", "%s", error.message);
    } else {
        profile_table_print(&session->table, session->groups, (size_t)session->options->limit,
                            stdout);
        if (!record_and_print_events(session, &error))
            code = command_fail("profile", "%s", error.message);
    }
    profile_table_free(&session->table);
    profile_groups_free(session->groups);
    if (session->planned) profile_plan_free(&session->plan);
    free(session);
    return code;
}

const struct command command_profile = {
    .name = "profile",
    .summary = "show where the CPU time goes, baseline beside patched, symbol by symbol",
    .operands = "",
    .description =
        "Runs each arm in a process of its own and samples every thread of it; prints the share of "
        "groups of symbols (scheduler, encoder, allocator, atomics, idle, kernel) and of single "
        "symbols, baseline beside patched, with 95 % intervals. A change is shown only where the "
        "intervals do not meet. A profiled run is never the timed one.\n\n"
        "Sampling uses the kernel's cpu-clock, which needs no hardware counters; where "
        "perf_event_open is blocked, timers of CPU time take its place and the profile says so. "
        "With --events, events are counted in runs of their own, by phase and worker. An arm keeps "
        "the allocator (LD_PRELOAD) and the program that its scenario gives it.\n\n"
        "With --perf-script the same table is made of the output of 'perf script', for profiles "
        "that were recorded elsewhere.\n\n"
        "Build with the preset 'profiling' for whole call stacks; shares of symbols need no "
        "special build.",
    .examples = "grainbench profile --threads 2\n"
                "grainbench profile --schedulers rayon,rayon-min-len:cap=8 --threads 88 "
                "--oversubscribe\n"
                "grainbench profile --perf-script base.txt --perf-script-patched patched.txt\n"
                "grainbench profile --threads 2 --folded stacks --output profile.jsonl",
    .options = profile_option_table,
    .options_size = sizeof(struct profile_options),
    .run = run_profile,
};
