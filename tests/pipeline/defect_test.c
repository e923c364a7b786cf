/* Runs the matrix on an executor with a planted defect, in a child process: it must not pass. A
 * hang is ended by an alarm and counts as found. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenarios.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void the_matrix_finds_the_planted_defect(void **state) {
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        size_t count;
        alarm(1);
        const char *complaint = scenarios_run(3, &count);
        if (complaint) fprintf(stderr, "found: %s\n", complaint);
        _exit(complaint ? 1 : 0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) print_message("found: ended by signal %d\n", WTERMSIG(status));
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_matrix_finds_the_planted_defect)};
    return cmocka_run_group_tests_name("defect", tests, NULL, NULL);
}
