/* A forked process that answers over pipes; see forked_process.h. */
#define _GNU_SOURCE
#include "harness/simulation/forked_process.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct forked_process {
    pid_t child;
    int requests, replies; /* this side's ends, -1: none */
    size_t size;
};

/* Replies are shorter than PIPE_BUF, so that they come whole. */
static _Noreturn void serve(bool (*prepare)(void *), void (*measure)(void *, size_t, void *),
                            void *context, size_t size, int requests, int replies) {
    size_t number;
    void *reply = calloc(1, size);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!reply || !prepare(context) || write(replies, "", 1) != 1) _exit(1);
    while (read(requests, &number, sizeof number) == (ssize_t)sizeof number) {
        measure(context, number, reply);
        if (write(replies, reply, size) != (ssize_t)size) _exit(1);
    }
    _exit(0);
}

static void close_end(int end) {
    if (end >= 0) close(end);
}

struct forked_process *forked_process_start(bool (*prepare)(void *),
                                            void (*measure)(void *, size_t, void *), void *context,
                                            size_t size, struct error *error) {
    struct forked_process *process = malloc(sizeof *process);
    int to[2] = {-1, -1}, from[2] = {-1, -1};
    if (!process) {
        error_set(error, "out of memory");
        return NULL;
    }
    *process = (struct forked_process){.child = -1, .size = size};
    if (pipe(to) == 0 && pipe(from) == 0) process->child = fork();
    if (process->child == 0) {
        close(to[1]);
        close(from[0]);
        serve(prepare, measure, context, size, to[0], from[1]);
    }
    if (process->child < 0) error_set_errno(error, "a process to measure in cannot be started");
    close_end(to[0]);
    close_end(from[1]);
    process->requests = to[1];
    process->replies = from[0];
    char ready;
    if (process->child > 0 && read(process->replies, &ready, 1) == 1) return process;
    if (process->child > 0) error_set(error, "a process to measure in could not be set up");
    forked_process_end(process);
    return NULL;
}

bool forked_process_ask(struct forked_process *process, size_t number, void *reply) {
    return write(process->requests, &number, sizeof number) == (ssize_t)sizeof number &&
           read(process->replies, reply, process->size) == (ssize_t)process->size;
}

void forked_process_end(struct forked_process *process) {
    if (!process) return;
    close_end(process->requests);
    close_end(process->replies);
    if (process->child > 0) waitpid(process->child, NULL, 0);
    free(process);
}
