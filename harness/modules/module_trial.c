/* Trials in a child process; see module_trial.h. */
#define _GNU_SOURCE
#include "harness/modules/module_trial.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TIME_LIMIT_S = 30, CODE_FAILED = 3 };

/* Shared with the child. The child alone writes it, the parent reads it after the child's end. */
struct module_trial {
    char stage[96];
    struct error error;
};

void module_trial_stage(struct module_trial *trial, const char *stage) {
    if (trial) snprintf(trial->stage, sizeof trial->stage, "%s", stage);
}

static void run_child(bool (*attempt)(void *, struct module_trial *, struct error *), void *context,
                      struct module_trial *trial) {
    /* A crash here is an answer, not an accident: no core file, default signal actions. */
    static const int signals[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                                  SIGABRT, SIGALRM, SIGINT, SIGTERM};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal(signals[i], SIG_DFL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    alarm(TIME_LIMIT_S);
    /* What a module prints must not mix into tables on standard output. */
    dup2(STDERR_FILENO, STDOUT_FILENO);
    _exit(attempt(context, trial, &trial->error) ? 0 : CODE_FAILED);
}

static bool judge(const char *subject, const struct module_trial *trial, int status,
                  struct error *error) {
    const char *stage = trial->stage[0] ? trial->stage : "while it was tried";
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    if (WIFEXITED(status) && WEXITSTATUS(status) == CODE_FAILED && trial->error.message[0])
        return error_set(error, "%s", trial->error.message);
    if (WIFEXITED(status))
        return error_set(error, "%s ended the process with code %d %s", subject,
                         WEXITSTATUS(status), stage);
    if (WTERMSIG(status) == SIGALRM)
        return error_set(error, "%s was not done after %d s %s", subject, TIME_LIMIT_S, stage);
    return error_set(error, "%s crashed (%s) %s", subject, strsignal(WTERMSIG(status)), stage);
}

bool module_trial_run(const char *subject,
                      bool (*attempt)(void *context, struct module_trial *trial,
                                      struct error *error),
                      void *context, struct error *error) {
    struct module_trial *trial =
        mmap(NULL, sizeof *trial, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (trial == MAP_FAILED) return error_set_errno(error, "%s: no memory for a trial", subject);
    fflush(stdout);
    fflush(stderr);
    pid_t child = fork();
    if (child == 0) run_child(attempt, context, trial);
    int status = 0;
    bool good;
    if (child < 0) {
        good = error_set_errno(error, "%s: cannot start a process to try it in", subject);
    } else {
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            continue;
        good = judge(subject, trial, status, error);
    }
    munmap(trial, sizeof *trial);
    return good;
}
