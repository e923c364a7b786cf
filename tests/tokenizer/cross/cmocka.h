/* The few words of cmocka that fast_scan_test.c uses, for machines that tests are cross-compiled to
 * and that have no cmocka: a failed assertion ends the program with status 1. */
#ifndef TESTS_TOKENIZER_CROSS_CMOCKA_H
#define TESTS_TOKENIZER_CROSS_CMOCKA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
};
#define cmocka_unit_test(function) {#function, function}

static inline void cross_check(int holds, const char *what, const char *file, int line) {
    if (holds) return;
    printf("%s:%d: does not hold: %s\n", file, line, what);
    exit(1);
}
#define assert_true(x)                cross_check(!!(x), #x, __FILE__, __LINE__)
#define assert_non_null(x)            cross_check((x) != NULL, #x, __FILE__, __LINE__)
#define assert_int_equal(a, b)        cross_check((a) == (b), #a " == " #b, __FILE__, __LINE__)
#define assert_ptr_not_equal(a, b)    cross_check((a) != (b), #a " != " #b, __FILE__, __LINE__)
#define assert_string_equal(a, b)     cross_check(strcmp(a, b) == 0, #a " == " #b, __FILE__, __LINE__)
#define print_message                 printf
#define fail_msg(...)                 (printf(__VA_ARGS__), putchar('\n'), exit(1))
#define cmocka_run_group_tests(t, setup, teardown) cross_run((t), sizeof(t) / sizeof((t)[0]))

static inline int cross_run(const struct CMUnitTest *tests, size_t count) {
    for (size_t i = 0; i < count; i++) {
        tests[i].run(NULL);
        printf("ok %s\n", tests[i].name);
    }
    return 0;
}

#endif
