/* The parent's side of arm processes; see arm_process.h. */
#define _GNU_SOURCE
#include "harness/arms/arm_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* An arm that says nothing for this long is taken to hang. */
enum { REPLY_TIMEOUT_MS = 300 * 1000, REQUEST_DESCRIPTOR = 3, REPLY_DESCRIPTOR = 4 };

extern char **environ;

struct arm_process {
    char label[ARM_TEXT];
    pid_t pid;
    int request, reply;
    int patience_ms; /* how long it may take to answer */
    char *buffer;    /* bytes read and not yet taken */
    size_t used, capacity;
    json_t *facts;
};

/* The environment of an arm: ours, with LD_PRELOAD for its allocator and OpenMP runtimes told not
 * to spin while another arm is measured. The GNU runtime spins a short while all the same (about
 * 0.2 ms, unless GOMP_SPINCOUNT is set): with none it would sleep and wake within every batch,
 * which no scheduler that it is compared with does. */
static char **make_environment(const struct arm_spec *spec) {
    size_t count = 0;
    while (environ[count])
        count++;
    char **copy = calloc(count + 4, sizeof *copy);
    if (!copy) return NULL;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (spec->preload[0] && strncmp(environ[i], "LD_PRELOAD=", 11) == 0) continue;
        if (strncmp(environ[i], "OMP_WAIT_POLICY=", 16) == 0) continue;
        copy[kept++] = strdup(environ[i]);
    }
    copy[kept++] = strdup("OMP_WAIT_POLICY=passive");
    if (!getenv("GOMP_SPINCOUNT")) copy[kept++] = strdup("GOMP_SPINCOUNT=20000");
    char preload[ARM_TEXT + 16];
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", spec->preload);
    if (spec->preload[0]) copy[kept++] = strdup(preload);
    return copy;
}

static void free_environment(char **copy) {
    for (size_t i = 0; copy && copy[i]; i++)
        free(copy[i]);
    free(copy);
}

static bool spawn(struct arm_process *process, const struct arm_spec *spec, struct error *error) {
    const char *program = spec->program[0] ? spec->program : "/proc/self/exe";
    int to_child[2], from_child[2];
    if (pipe2(to_child, O_CLOEXEC) != 0)
        return error_set_errno(error, "%s: cannot make a pipe", spec->label);
    if (pipe2(from_child, O_CLOEXEC) != 0) {
        close(to_child[0]);
        close(to_child[1]);
        return error_set_errno(error, "%s: cannot make a pipe", spec->label);
    }
    /* Above the two target numbers, so that dup2 never meets its own source. */
    int child_in = fcntl(to_child[0], F_DUPFD_CLOEXEC, 10);
    int child_out = fcntl(from_child[1], F_DUPFD_CLOEXEC, 10);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, child_in, REQUEST_DESCRIPTOR);
    posix_spawn_file_actions_adddup2(&actions, child_out, REPLY_DESCRIPTOR);
    char *arguments[] = {"grainbench", "arm-process", NULL};
    char **environment = make_environment(spec);
    int failed = environment
                     ? posix_spawn(&process->pid, program, &actions, NULL, arguments, environment)
                     : ENOMEM;
    posix_spawn_file_actions_destroy(&actions);
    free_environment(environment);
    close(to_child[0]);
    close(from_child[1]);
    close(child_in);
    close(child_out);
    process->request = to_child[1];
    process->reply = from_child[0];
    errno = failed;
    if (failed) process->pid = 0;
    return !failed || error_set_errno(error, "%s: cannot start %s", spec->label, program);
}

/* Why the process is gone, as the end of a sentence. */
static bool explain_death(struct arm_process *process, struct error *error) {
    int status = 0;
    pid_t pid = process->pid;
    process->pid = 0;
    if (waitpid(pid, &status, 0) == pid && WIFSIGNALED(status))
        return error_set(error, "arm '%s': its process was ended by signal %d (%s)", process->label,
                         WTERMSIG(status), strsignal(WTERMSIG(status)));
    return error_set(error, "arm '%s': its process ended with exit code %d", process->label,
                     WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static bool send_request(struct arm_process *process, json_t *request, struct error *error) {
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    if (!text) return error_set(error, "out of memory");
    size_t length = strlen(text), sent = 0;
    text[length++] = '\n';
    while (sent < length) {
        ssize_t put = write(process->request, text + sent, length - sent);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) {
            free(text);
            return explain_death(process, error);
        }
        sent += (size_t)put;
    }
    free(text);
    return true;
}

static bool fill_buffer(struct arm_process *process, struct error *error) {
    struct pollfd wait = {.fd = process->reply, .events = POLLIN};
    int ready = poll(&wait, 1, process->patience_ms);
    if (ready < 0 && errno == EINTR) return true;
    if (ready == 0) {
        kill(process->pid, SIGKILL);
        return error_set(error, "arm '%s': no answer for %d s; it hangs", process->label,
                         process->patience_ms / 1000);
    }
    if (process->used == process->capacity) {
        size_t capacity = process->capacity ? 2 * process->capacity : 1 << 16;
        char *larger = realloc(process->buffer, capacity);
        if (!larger) return error_set(error, "out of memory");
        process->buffer = larger;
        process->capacity = capacity;
    }
    ssize_t got =
        read(process->reply, process->buffer + process->used, process->capacity - process->used);
    if (got < 0 && errno == EINTR) return true;
    if (got <= 0) return explain_death(process, error);
    process->used += (size_t)got;
    return true;
}

/* One reply line. A reply with a member "error" is that error. */
static json_t *receive_reply(struct arm_process *process, struct error *error) {
    char *newline;
    while (!(newline = process->used ? memchr(process->buffer, '\n', process->used) : NULL))
        if (!fill_buffer(process, error)) return NULL;
    size_t length = (size_t)(newline - process->buffer);
    json_t *reply = json_loadb(process->buffer, length, 0, NULL);
    memmove(process->buffer, newline + 1, process->used - length - 1);
    process->used -= length + 1;
    const char *message = json_string_value(json_object_get(reply, "error"));
    if (reply && !message) return reply;
    error_set(error, "%s", message ? message : "an arm process answered nonsense");
    json_decref(reply);
    return NULL;
}

static json_t *ask(struct arm_process *process, json_t *request, struct error *error) {
    return send_request(process, request, error) ? receive_reply(process, error) : NULL;
}

struct arm_process *arm_process_begin(const struct arm_spec *spec,
                                      const struct arm_process_setup *setup, uint64_t layout,
                                      struct error *error) {
    struct arm_process *process = calloc(1, sizeof *process);
    if (!process) {
        error_set(error, "out of memory");
        return NULL;
    }
    process->request = process->reply = -1;
    process->patience_ms = REPLY_TIMEOUT_MS;
    snprintf(process->label, sizeof process->label, "%s", spec->label);
    signal(SIGPIPE, SIG_IGN); /* a dead arm is a failed write, not our end */
    if (spawn(process, spec, error)) {
        json_t *request = json_pack("{s:s, s:o, s:s, s:s, s:s, s:I, s:I, s:b}", "do", "set up",
                                    "spec", arm_spec_to_json(spec), "corpus", setup->corpus_path,
                                    "vocab", setup->vocab_path, "merges", setup->merges_path,
                                    "batch_lines", (json_int_t)setup->batch_lines, "layout",
                                    (json_int_t)layout, "pin", setup->pin);
        if (send_request(process, request, error)) return process;
    }
    arm_process_stop(process);
    return NULL;
}

bool arm_process_await(struct arm_process *process, struct error *error) {
    process->facts = receive_reply(process, error);
    return process->facts != NULL;
}

struct arm_process *arm_process_start(const struct arm_spec *spec,
                                      const struct arm_process_setup *setup, struct error *error) {
    struct arm_process *process = arm_process_begin(spec, setup, 0, error);
    if (!process || arm_process_await(process, error)) return process;
    arm_process_stop(process);
    return NULL;
}

void arm_process_stop(struct arm_process *process) {
    if (!process) return;
    if (process->request >= 0) close(process->request); /* end of input: it ends by itself */
    if (process->pid > 0) {
        int status;
        for (int tenths = 0; tenths < 50 && waitpid(process->pid, &status, WNOHANG) == 0;
             tenths++) {
            usleep(tenths < 10 ? 1000 : 100 * 1000);
            if (tenths == 49) {
                kill(process->pid, SIGKILL);
                waitpid(process->pid, &status, 0);
            }
        }
    }
    if (process->reply >= 0) close(process->reply);
    json_decref(process->facts);
    free(process->buffer);
    free(process);
}

const json_t *arm_process_facts(const struct arm_process *process) {
    return process->facts;
}

static uint64_t member(const json_t *object, const char *name) {
    return (uint64_t)json_integer_value(json_object_get(object, name));
}

bool arm_process_digest(struct arm_process *process, size_t first, size_t count, uint64_t *digest,
                        uint64_t *ids, uint64_t *duration_ns, struct error *error) {
    json_t *reply = ask(process,
                        json_pack("{s:s, s:I, s:I}", "do", "digest", "first", (json_int_t)first,
                                  "count", (json_int_t)count),
                        error);
    if (!reply) return false;
    const char *text = json_string_value(json_object_get(reply, "digest"));
    *digest = text ? strtoull(text, NULL, 16) : 0;
    *ids = member(reply, "ids");
    *duration_ns = member(reply, "duration_ns");
    json_decref(reply);
    return true;
}

bool arm_process_measure(struct arm_process *process, size_t first, size_t count,
                         struct arm_sample *sample, struct error *error) {
    json_t *reply = ask(process,
                        json_pack("{s:s, s:I, s:I}", "do", "measure", "first", (json_int_t)first,
                                  "count", (json_int_t)count),
                        error);
    if (!reply) return false;
    *sample = (struct arm_sample){.duration_ns = member(reply, "duration_ns"),
                                  .parallel_ns = member(reply, "parallel_ns"),
                                  .drop_ns = member(reply, "drop_ns"),
                                  .cpu_ns = member(reply, "cpu_ns"),
                                  .bytes = member(reply, "bytes"),
                                  .items = member(reply, "items")};
    bool ok = evidence_from_json(json_object_get(reply, "evidence"), &sample->evidence);
    json_decref(reply);
    return ok || error_set(error, "arm '%s': a sample without evidence", process->label);
}

json_t *arm_process_observe(struct arm_process *process, size_t first, size_t count,
                            struct error *error) {
    return ask(process,
               json_pack("{s:s, s:I, s:I}", "do", "observe", "first", (json_int_t)first, "count",
                         (json_int_t)count),
               error);
}

json_t *arm_process_count(struct arm_process *process, size_t first, size_t count,
                          const char *events, struct error *error) {
    return ask(process,
               json_pack("{s:s, s:I, s:I, s:s}", "do", "count", "first", (json_int_t)first, "count",
                         (json_int_t)count, "events", events),
               error);
}

json_t *arm_process_profile(struct arm_process *process, json_t *request, double seconds,
                            struct error *error) {
    process->patience_ms = REPLY_TIMEOUT_MS + (int)(seconds * 1000);
    json_t *reply = ask(process, request, error);
    process->patience_ms = REPLY_TIMEOUT_MS;
    return reply;
}
