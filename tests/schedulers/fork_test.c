/* The fork rule: a child that inherited a scheduler runs its batches serially instead of waiting
 * for threads that it does not have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schedulers/fork_mark.h"
#include "tests/schedulers/run_scheduler.h"
#include <sys/wait.h>
#include <unistd.h>

enum { ITEMS = 500 };

struct seen {
    unsigned runs[ITEMS];
    pid_t process;
    bool other_worker;
};

static void count(void *context, size_t begin, size_t end, unsigned worker) {
    struct seen *seen = context;
    for (size_t i = begin; i < end; i++)
        seen->runs[i]++;
    if (getpid() == seen->process && worker != 0) seen->other_worker = true;
}

static bool each_once(const struct seen *seen) {
    for (unsigned i = 0; i < ITEMS; i++)
        if (seen->runs[i] != 1) return false;
    return true;
}

/* Exit code of a child: 0 when everything held. An alarm ends one that waits for ever. */
static int in_child(struct running *running) {
    alarm(20);
    struct seen seen = {.process = getpid()};
    scheduler_run(running, ITEMS, count, &seen);
    if (!each_once(&seen)) return 1;
    if (seen.other_worker) return 2;
    if (!fork_mark_used()) return 3;
    scheduler_end(running);
    /* A scheduler made in the child is whole. */
    struct running fresh = scheduler_start(SCHEDULERS_NATIVE, running->operations->name, "", 3, 0);
    memset(&seen, 0, sizeof seen);
    scheduler_run(&fresh, ITEMS, count, &seen);
    scheduler_end(&fresh);
    return each_once(&seen) ? 0 : 4;
}

static void a_forked_child_runs_batches_serially(void **state) {
    (void)state;
    for (enum schedulers_copy copy = SCHEDULERS_NATIVE; copy <= SCHEDULERS_COUNTED; copy++) {
        for (size_t i = 0; i < schedulers_count(); i++) {
            const char *name = schedulers_at(copy, i)->name;
            struct running running = scheduler_start(copy, name, "", 3, 0);
            struct seen seen = {.process = 0};
            scheduler_run(&running, ITEMS, count, &seen);
            assert_true(each_once(&seen));
            pid_t child = fork();
            assert_true(child >= 0);
            if (child == 0) _exit(in_child(&running));
            int status = 0;
            assert_int_equal(waitpid(child, &status, 0), child);
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                fail_msg("%s: the child ended with status %#x", name, (unsigned)status);
            /* The parent goes on as before. */
            memset(&seen, 0, sizeof seen);
            scheduler_run(&running, ITEMS, count, &seen);
            assert_true(each_once(&seen));
            scheduler_end(&running);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_forked_child_runs_batches_serially)};
    return cmocka_run_group_tests_name("fork", tests, NULL, NULL);
}
