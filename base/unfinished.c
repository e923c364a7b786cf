/* What a signal takes along when it ends the program; see unfinished.h. */
#define _GNU_SOURCE
#include "base/unfinished.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST = 16, FREE = 0, CLAIMED = -1, TRIES = 100 };

/* The owner is stored last (release) by unfinished_add and read first (acquire) by the handler, so
 * that it never sees half a path. Paths are copies: the handler may run while another thread ends
 * the draft. */
static struct {
    _Atomic pid_t owner; /* a process, FREE or CLAIMED */
    char path[PATH_MAX], made[PATH_MAX];
} things[MOST];

static const int signals[] = {SIGINT,  SIGTERM, SIGHUP, SIGQUIT,
                              SIGPIPE, SIGXCPU, SIGXFSZ}; /* those that end by default */
enum { SIGNALS = sizeof signals / sizeof *signals };

static void fill(sigset_t *set) {
    sigemptyset(set);
    for (int i = 0; i < SIGNALS; i++)
        sigaddset(set, signals[i]);
}

/* ---- in the handler: system calls alone, as opendir and the like may hold a lock ---- */

/* As the kernel gives them: the C library's `struct dirent` need not be the same. */
struct entry {
    uint64_t number;
    int64_t offset;
    unsigned short length;
    unsigned char kind;
    char name[];
};

static void empty_folder(int folder) {
    _Alignas(struct entry) char entries[2048];
    for (;;) {
        long size = syscall(SYS_getdents64, folder, entries, sizeof entries);
        if (size <= 0) return;
        for (long at = 0; at < size;) {
            const struct entry *entry = (const void *)(entries + at);
            unlinkat(folder, entry->name, 0); /* no file: the folder itself and the one above */
            at += entry->length;
        }
    }
}

/* A program that this one has started may still write to the folder: again, until it is gone, for
 * nothing can be made in it then. */
static void remove_folder(const char *path) {
    for (int i = 0; i < TRIES; i++) {
        int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (folder < 0) return;
        empty_folder(folder);
        close(folder);
        if (rmdir(path) == 0 || errno != ENOTEMPTY) return;
    }
}

static void remove_all(int number) {
    int saved = errno;
    for (int i = 0; i < MOST; i++) {
        if (atomic_load_explicit(&things[i].owner, memory_order_acquire) != getpid()) continue;
        if (unlink(things[i].path) != 0) remove_folder(things[i].path);
        if (things[i].made[0]) rmdir(things[i].made);
    }
    raise(number); /* it is held back until the handler returns, and then ends the program */
    errno = saved;
}

/* ---- outside ---- */

static void handle_signals(void) {
    struct sigaction action = {.sa_handler = remove_all, .sa_flags = SA_RESETHAND}, now;
    fill(&action.sa_mask);
    for (int i = 0; i < SIGNALS; i++)
        if (sigaction(signals[i], NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
            now.sa_handler == SIG_DFL)
            sigaction(signals[i], &action, NULL);
}

void unfinished_hold(sigset_t *before) {
    sigset_t set;
    fill(&set);
    pthread_sigmask(SIG_BLOCK, &set, before);
}

void unfinished_release(const sigset_t *before) {
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

int unfinished_add(const char *path, const char *made) {
    if (strlen(path) >= PATH_MAX || (made && strlen(made) >= PATH_MAX)) return -1;
    for (int i = 0; i < MOST; i++) {
        pid_t free = FREE;
        if (!atomic_compare_exchange_strong(&things[i].owner, &free, CLAIMED)) continue;
        snprintf(things[i].path, PATH_MAX, "%s", path);
        snprintf(things[i].made, PATH_MAX, "%s", made ? made : "");
        atomic_store_explicit(&things[i].owner, getpid(), memory_order_release);
        handle_signals();
        return i;
    }
    return -1;
}

void unfinished_forget(int number) {
    if (number >= 0) atomic_store(&things[number].owner, FREE);
}
