/* Copying, allocating and freeing by one and two threads; see calibrate_memory.h. */
#define _GNU_SOURCE
#include "harness/simulation/calibrate_memory.h"

#include "base/clock.h"
#include "results/statistics.h"
#include "schedulers/sync_processor.h"

#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COPY_BYTES = 128 * 1024, LINE = 64, RUN = 64, RUNS = 400, BLOCK_BYTES = 256, TRIALS = 9 };
enum { FREED = RUN * 40 };

/* What the second thread does between orders. */
enum task { TASK_WAIT, TASK_WRITE, TASK_READ, TASK_ALLOCATE, TASK_CHURN, TASK_END };

struct second {
    const struct placement *placement;
    pthread_t thread;
    char *memory;
    const char *read; /* by TASK_READ */
    void *blocks[FREED];
    _Alignas(128) _Atomic int task;
    _Alignas(128) _Atomic int doing;
};

/* Allocates a run of blocks and frees it, `runs` times; ns for one block. */
static double churn(unsigned runs) {
    void *blocks[RUN];
    uint64_t begin = clock_now_ns();
    for (unsigned r = 0; r < runs; r++) {
        for (int i = 0; i < RUN; i++) {
            blocks[i] = malloc(BLOCK_BYTES);
            if (blocks[i]) *(volatile char *)blocks[i] = 1;
        }
        for (int i = 0; i < RUN; i++)
            free(blocks[i]);
    }
    return (double)(clock_now_ns() - begin) / ((double)runs * RUN);
}

static void *second_main(void *argument) {
    struct second *second = argument;
    placement_bind(second->placement, 1, NULL);
    for (int done = TASK_WAIT;;) {
        int task = atomic_load(&second->task);
        if (task == TASK_END) return NULL;
        if (task == TASK_CHURN)
            churn(1);
        else if (task == done)
            processor_pause();
        else if (task == TASK_WRITE)
            memset(second->memory, 1, COPY_BYTES);
        else if (task == TASK_READ)
            for (size_t at = 0; at < COPY_BYTES; at += LINE)
                (void)*(const volatile char *)(second->read + at);
        else if (task == TASK_ALLOCATE)
            for (int i = 0; i < FREED; i++) {
                second->blocks[i] = malloc(BLOCK_BYTES);
                if (second->blocks[i]) *(char *)second->blocks[i] = 1;
            }
        done = task;
        atomic_store(&second->doing, task);
    }
}

static void order(struct second *second, enum task task) {
    atomic_store(&second->task, task);
    while (atomic_load(&second->doing) != (int)task)
        processor_pause();
}

static struct second *second_start(const struct placement *placement, struct error *error) {
    struct second *second = aligned_alloc(128, (sizeof *second + 127) / 128 * 128);
    if (second) {
        memset(second, 0, sizeof *second);
        second->placement = placement;
        second->memory = aligned_alloc(128, COPY_BYTES);
        placement_bind(placement, 0, NULL);
        if (second->memory && pthread_create(&second->thread, NULL, second_main, second) == 0)
            return second;
        free(second->memory);
        free(second);
    }
    error_set(error, "a second thread cannot be started");
    return NULL;
}

static void second_end(struct second *second) {
    atomic_store(&second->task, TASK_END);
    pthread_join(second->thread, NULL);
    free(second->memory);
    free(second);
}

/* ---- copying ---- */

/* In pieces of 256 bytes, as results are moved. */
static double copy_lines(char *to, const char *from) {
    uint64_t begin = clock_now_ns();
    for (size_t at = 0; at < COPY_BYTES; at += BLOCK_BYTES) {
        memcpy(to + at, from + at, BLOCK_BYTES);
        __asm__ volatile("" ::: "memory");
    }
    return (double)(clock_now_ns() - begin) / (COPY_BYTES / LINE);
}

bool memory_copy_measure(const struct placement *placement, bool two, struct memory_copy *copy,
                         struct error *error) {
    struct second *second = two ? second_start(placement, error) : NULL;
    if (two && !second) return false;
    char *from = aligned_alloc(128, COPY_BYTES), *to = aligned_alloc(128, COPY_BYTES);
    bool good = from && to;
    double held[TRIALS], remote[TRIALS], read[TRIALS];
    for (int i = 0; good && i < TRIALS; i++) {
        memset(from, i, COPY_BYTES);
        memset(to, i, COPY_BYTES);
        held[i] = copy_lines(to, from);
        if (!second) continue;
        order(second, TASK_WRITE);
        remote[i] = copy_lines(to, second->memory);
        second->read = to;
        order(second, TASK_READ);
        memset(from, i, COPY_BYTES);
        read[i] = copy_lines(to, from);
        order(second, TASK_WAIT);
    }
    if (good)
        *copy = (struct memory_copy){statistics_median(held, TRIALS),
                                     second ? statistics_median(remote, TRIALS) : 0,
                                     second ? statistics_median(read, TRIALS) : 0};
    free(from);
    free(to);
    if (second) second_end(second);
    return good || error_set(error, "out of memory");
}

/* ---- allocating ---- */

static double churn_median(void) {
    double values[TRIALS];
    for (int i = 0; i < TRIALS; i++)
        values[i] = churn(RUNS);
    return statistics_median(values, TRIALS);
}

static double free_remote(struct second *second, bool busy) {
    double values[TRIALS];
    for (int i = 0; i < TRIALS; i++) {
        order(second, TASK_ALLOCATE);
        if (busy) order(second, TASK_CHURN);
        uint64_t begin = clock_now_ns();
        for (int b = 0; b < FREED; b++)
            free(second->blocks[b]);
        values[i] = (double)(clock_now_ns() - begin) / FREED;
        order(second, TASK_WAIT);
    }
    return statistics_median(values, TRIALS);
}

/* Both threads on the one arena that this process then has. */
static bool measure_one_arena(const struct placement *placement, double *ns) {
    struct error error;
    mallopt(M_ARENA_MAX, 1);
    struct second *second = second_start(placement, &error);
    if (!second) return false;
    order(second, TASK_CHURN);
    *ns = churn_median();
    second_end(second);
    return true;
}

/* In a child: how many arenas there may be cannot be changed back. */
static bool one_arena_in_child(const struct placement *placement, double *ns, struct error *error) {
    int ends[2];
    if (pipe(ends) != 0) return error_set_errno(error, "a pipe cannot be made");
    pid_t child = fork();
    if (child == 0) {
        bool done =
            measure_one_arena(placement, ns) && write(ends[1], ns, sizeof *ns) == sizeof *ns;
        _exit(done ? 0 : 1);
    }
    close(ends[1]);
    bool done = child > 0 && read(ends[0], ns, sizeof *ns) == sizeof *ns;
    close(ends[0]);
    if (child > 0) waitpid(child, NULL, 0);
    return done || error_set(error, "two threads on one arena could not be measured");
}

bool memory_contention_measure(const struct placement *placement,
                               struct memory_contention *contention, struct error *error) {
    *contention = (struct memory_contention){0};
    placement_bind(placement, 0, NULL);
    contention->alone_ns = churn_median();
    if (!one_arena_in_child(placement, &contention->one_arena_ns, error)) return false;
    struct second *second = second_start(placement, error);
    if (!second) return false;
    order(second, TASK_CHURN);
    contention->separate_ns = churn_median();
    order(second, TASK_WAIT);
    contention->remote_ns = free_remote(second, false);
    contention->remote_busy_ns = free_remote(second, true);
    second_end(second);
    return true;
}
