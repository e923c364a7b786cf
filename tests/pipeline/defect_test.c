/* Runs the matrix on a copy of the executor in a child process. A planted defect must be found, and
 * in the way its name promises: by a complaint, a hang, or what a sanitizer or malloc says. The
 * copy with nothing planted must pass, so that "found" means something. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenarios.h"
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_S = 4 };

/* What the child says and how it ends. */
static char said[1 << 16];

static int run_matrix(void) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        size_t count;
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        const char *complaint = scenarios_run(3, PATIENCE_S, &count);
        if (complaint) fprintf(stderr, "complaint: %s\n", complaint);
        _exit(complaint ? 1 : 0);
    }
    close(ends[1]);
    size_t length = 0;
    char rest[4096];
    ssize_t got;
    while ((got = read(ends[0], length + 1 < sizeof said ? said + length : rest,
                       length + 1 < sizeof said ? sizeof said - 1 - length : sizeof rest)) > 0)
        if (length + 1 < sizeof said) length += (size_t)got;
    said[length] = 0;
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void the_matrix_tells_the_executor_from_its_defects(void **state) {
    (void)state;
    int status = run_matrix();
    bool passed = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (WIFSIGNALED(status)) snprintf(said + strlen(said), 64, "signal %d", WTERMSIG(status));
    print_message("%.300s\n", said);
    if (!*EXPECTED) {
        assert_true(passed);
        return;
    }
    regex_t expected;
    assert_int_equal(regcomp(&expected, EXPECTED, REG_EXTENDED | REG_NOSUB), 0);
    bool named = regexec(&expected, said, 0, NULL, 0) == 0;
    regfree(&expected);
    assert_false(passed);
    if (!named) fail_msg("found, but not as '%s': %.400s", EXPECTED, said);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_matrix_tells_the_executor_from_its_defects)};
    return cmocka_run_group_tests_name("defect", tests, NULL, NULL);
}
