/* The pull request's "sum of __aarch64_*" as counts per item: the native schedulers, with every
 * outlined atomic operation counted by our own helpers, on any number of workers. Runs on an Arm
 * machine or under QEMU's user emulation.
 *
 * usage: outline_atomics [WORKERS...]   (default: 1 2 8 32)
 * With one worker most runs must agree to the last operation; else the exit code is 1. */
#define _GNU_SOURCE
#include "schedulers/schedulers.h"
#include "tests/aarch64/outline_helpers.h"

#include "base/options.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { ITEMS = 1000, BATCHES = 10, RUNS = 5, GAP_NS = 2000000, ITEM_NS = 60000 };

struct counts {
    uint64_t kind[OUTLINE_KINDS], sum, leaves;
};

static void wait_ns(long ns) {
    struct timespec time = {0, ns};
    nanosleep(&time, NULL);
}

/* With several workers every item sleeps, so that all of them take part on few processing units;
 * with one, some do, so that the caller has gone to sleep before the batch is done. */
static void run_items(void *context, size_t begin, size_t end, unsigned worker) {
    const unsigned *workers = context;
    (void)worker;
    for (size_t i = begin; i < end; i++)
        if (*workers > 1 || i % 50 == 0) wait_ns(ITEM_NS);
}

/* True if every other thread of the process sleeps. */
static bool others_sleep(void) {
    DIR *tasks = opendir("/proc/self/task");
    bool all = tasks != NULL;
    for (struct dirent *entry; all && (entry = readdir(tasks));) {
        char path[300], line[512] = "";
        int thread = atoi(entry->d_name);
        if (thread <= 0 || thread == (int)syscall(SYS_gettid)) continue;
        snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
        FILE *file = fopen(path, "re");
        if (!file) continue; /* it has just ended */
        const char *state = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
        fclose(file);
        all = state && state[1] == ' ' && state[2] == 'S';
    }
    if (tasks) closedir(tasks);
    return all;
}

/* Waits, for a second at most, until all workers have gone to sleep and stay there. */
static void wait_for_rest(void) {
    int calm = 0;
    for (int i = 0; i < 500 && calm < 3; i++) {
        wait_ns(GAP_NS);
        calm = others_sleep() ? calm + 1 : 0;
    }
}

static struct counts counts_now(void) {
    struct counts now = {0};
    outline_read(now.kind);
    for (int i = 0; i < OUTLINE_KINDS; i++)
        now.sum += now.kind[i];
    return now;
}

/* Counts of BATCHES batches. The caller waits between them, so that each begins with all workers
 * asleep: what a batch costs from rest is then the same each time. */
static bool count_run(const char *text, unsigned workers, struct counts *out) {
    char list[96], message[GRAINBENCH_MESSAGE_SIZE] = "";
    struct error error;
    snprintf(list, sizeof list, "%s", text);
    char *options_text = strchr(list, ':');
    if (options_text) *options_text++ = 0;
    const struct grainbench_scheduler_operations *operations =
        schedulers_find(SCHEDULERS_NATIVE, list);
    void *options = operations ? calloc(1, operations->options_size + 1) : NULL;
    if (!options ||
        !options_parse_list(operations->options, options, options_text, ':', text, &error)) {
        fprintf(stderr, "%s: %s\n", text, operations ? error.message : "no such scheduler");
        free(options);
        return false;
    }
    struct grainbench_setup setup = {.struct_size = sizeof setup, .workers = workers, .seed = 1};
    struct grainbench_scheduler *scheduler = operations->create(&setup, options, message);
    if (!scheduler) {
        fprintf(stderr, "%s: %s\n", text, message);
        free(options);
        return false;
    }
    struct grainbench_batch batch = {
        .struct_size = sizeof batch, .item_count = ITEMS, .body = run_items, .context = &workers};
    struct counts before = {0};
    for (int i = -2; i < BATCHES; i++) {
        wait_for_rest();
        if (i == 0) before = counts_now();
        operations->run(scheduler, &batch);
    }
    wait_for_rest();
    *out = counts_now();
    out->sum -= before.sum;
    for (int i = 0; i < OUTLINE_KINDS; i++)
        out->kind[i] -= before.kind[i];
    operations->destroy(scheduler);
    free(options);
    return true;
}

static int compare_counts(const void *a, const void *b) {
    const struct counts *x = a, *y = b;
    return (x->sum > y->sum) - (x->sum < y->sum);
}

/* Prints the median run; false if runs with one worker differ or cannot be counted. */
static bool print_row(const char *scheduler, unsigned workers, double *per_item) {
    struct counts runs[RUNS];
    for (int i = 0; i < RUNS; i++)
        if (!count_run(scheduler, workers, &runs[i])) return false;
    qsort(runs, RUNS, sizeof *runs, compare_counts);
    const struct counts *median = &runs[RUNS / 2];
    double items = (double)ITEMS * BATCHES;
    *per_item = (double)median->sum / items;
    printf("%7u  %-22s %9.4f", workers, scheduler, *per_item);
    for (int i = 0; i < OUTLINE_KINDS; i++)
        printf(" %8.4f", (double)median->kind[i] / items);
    /* With one worker a batch always costs the same; that worker and caller meet at a mutex, which
     * adds a few operations, is rare and happens on busy machines. */
    int least = 0;
    while (least < RUNS && runs[least].sum == runs[0].sum)
        least++;
    if (least == RUNS)
        printf("  exact\n");
    else if (workers == 1 && least > RUNS / 2)
        printf("  exact in %d of %d\n", least, RUNS);
    else
        printf("  %.4f to %.4f\n", (double)runs[0].sum / items, (double)runs[RUNS - 1].sum / items);
    return workers > 1 || least > RUNS / 2;
}

int main(int argc, char **argv) {
    static const char *const schedulers[] = {"rayon", "rayon-min-len:cap=8", "counter:window=8"};
    static const unsigned standard[] = {1, 2, 8, 32};
    int count = argc > 1 ? argc - 1 : (int)(sizeof standard / sizeof standard[0]);
    bool ok = true;
    printf("__aarch64_* operations per item, %d items a batch, median of %d runs of %d batches\n",
           ITEMS, RUNS, BATCHES);
    printf("%7s  %-22s %9s", "workers", "scheduler", "sum");
    for (int i = 0; i < OUTLINE_KINDS; i++)
        printf(" %8s", outline_names[i]);
    printf("  runs\n");
    for (int w = 0; w < count; w++) {
        unsigned workers = argc > 1 ? (unsigned)atoi(argv[w + 1]) : standard[w];
        double first = 0, per_item = 0;
        if (!workers) {
            fprintf(stderr, "'%s' is no number of workers\n", argv[w + 1]);
            return 2;
        }
        for (size_t i = 0; i < sizeof schedulers / sizeof schedulers[0]; i++) {
            ok = print_row(schedulers[i], workers, &per_item) && ok;
            if (i == 0) first = per_item;
            /* The baseline at several workers must have something to save. */
            if (i == 1 && workers > 8 && per_item >= first) ok = false;
        }
    }
    if (!ok) fprintf(stderr, "runs with one worker differ, or cap 8 saves nothing\n");
    return ok ? 0 : 1;
}
