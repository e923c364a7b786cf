/* A scheduler that cannot be made says why, leaves nothing behind and crashes nothing. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/schedulers/run_scheduler.h"
#include <dirent.h>
#include <inttypes.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned thread_count(void) {
    unsigned count = 0;
    DIR *tasks = opendir("/proc/self/task");
    while (tasks && readdir(tasks))
        count++;
    if (tasks) closedir(tasks);
    return count - 2; /* . and .. */
}

static uint64_t address_space_bytes(void) {
    uint64_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%" SCNu64, &pages) != 1) pages = 0;
    if (file) fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* In a process of its own, because limits cannot be raised again: room for a few of 64 stacks. */
static int create_with_little_room(const struct grainbench_scheduler_operations *operations) {
    alarm(20);
    struct error error;
    void *options = calloc(1, operations->options_size + 1);
    if (operations->options && !options_set_defaults(operations->options, options, &error))
        return 1;
    struct rlimit limit = {address_space_bytes() + 40 * 1024 * 1024, RLIM_INFINITY};
    if (setrlimit(RLIMIT_STACK, &(struct rlimit){8 * 1024 * 1024, RLIM_INFINITY}) != 0 ||
        setrlimit(RLIMIT_AS, &limit) != 0)
        return 2;
    struct grainbench_setup setup = {.struct_size = sizeof setup, .workers = 64, .seed = 1};
    char message[GRAINBENCH_MESSAGE_SIZE] = "";
    struct grainbench_scheduler *scheduler = operations->create(&setup, options, message);
    if (operations->capabilities & GRAINBENCH_CALLER_ONLY) {
        if (scheduler) operations->destroy(scheduler);
        return scheduler ? 0 : 3;
    }
    if (scheduler) return 4;
    if (!strstr(message, "64")) return 5;
    /* A joined thread may be listed for a moment longer. */
    for (unsigned attempt = 0; attempt < 200 && thread_count() > 1; attempt++)
        usleep(10000);
    return thread_count() == 1 ? 0 : 6;
}

static void without_room_for_its_threads_a_scheduler_says_so(void **state) {
    (void)state;
    for (enum schedulers_copy copy = SCHEDULERS_NATIVE; copy <= SCHEDULERS_COUNTED; copy++) {
        for (size_t i = 0; i < schedulers_count(); i++) {
            const struct grainbench_scheduler_operations *operations = schedulers_at(copy, i);
            pid_t child = fork();
            assert_true(child >= 0);
            if (child == 0) _exit(create_with_little_room(operations));
            int status = 0;
            assert_int_equal(waitpid(child, &status, 0), child);
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                fail_msg("%s: the child ended with status %#x", operations->name, (unsigned)status);
        }
    }
}

static void more_workers_than_the_sleep_word_counts_are_refused(void **state) {
    (void)state;
    const struct grainbench_scheduler_operations *rayon =
        schedulers_find(SCHEDULERS_NATIVE, "rayon");
    char options[512] = {0}, message[GRAINBENCH_MESSAGE_SIZE];
    struct error error;
    assert_true(rayon->options_size <= sizeof options);
    assert_true(options_set_defaults(rayon->options, options, &error));
    struct grainbench_setup setup = {.struct_size = sizeof setup, .workers = 65536};
    assert_null(rayon->create(&setup, options, message));
    assert_string_equal(message, "at most 65535 workers");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_room_for_its_threads_a_scheduler_says_so),
        cmocka_unit_test(more_workers_than_the_sleep_word_counts_are_refused),
    };
    return cmocka_run_group_tests_name("create", tests, NULL, NULL);
}
