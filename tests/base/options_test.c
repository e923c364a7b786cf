/* Option tables: what is accepted, what is refused, and how it is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/options.h"
#include <string.h>

struct values {
    bool flag;
    int64_t count;
    double ratio;
    const char *path;
    int color;
};

static const struct grainbench_option table[] = {
    {"flag", 'f', GRAINBENCH_OPTION_FLAG, offsetof(struct values, flag), NULL, "1", NULL, 0, 0, "a flag"},
    {"count", 'c', GRAINBENCH_OPTION_INTEGER, offsetof(struct values, count), "N", "7", NULL, 0, 4000000, "a count"},
    {"ratio", 0, GRAINBENCH_OPTION_REAL, offsetof(struct values, ratio), "X", "0.5", NULL, 0, 1, "a ratio"},
    {"path", 0, GRAINBENCH_OPTION_TEXT, offsetof(struct values, path), "FILE", NULL, NULL, 0, 0, "a path"},
    {"color", 0, GRAINBENCH_OPTION_CHOICE, offsetof(struct values, color), "C", "red", "red|green|blue", 0, 0, "a color"},
    {0}};

static void defaults_come_from_the_table(void **state) {
    (void)state;
    struct values values = {0};
    struct error error;
    assert_true(options_set_defaults(table, &values, &error));
    assert_true(values.flag);
    assert_int_equal(values.count, 7);
    assert_true(values.ratio == 0.5);
    assert_null(values.path);
    assert_int_equal(values.color, 0);
}

static void a_list_overrides_defaults(void **state) {
    (void)state;
    struct values values = {0};
    struct error error;
    char list[] = "count=2Mi:color=blue:flag=0:path=a,b";
    assert_true(options_parse_list(table, &values, list, ':', "thing", &error));
    assert_false(values.flag);
    assert_int_equal(values.count, 2 * 1024 * 1024);
    assert_int_equal(values.color, 2);
    assert_string_equal(values.path, "a,b");
}

static void bad_values_are_named(void **state) {
    (void)state;
    struct values values = {0};
    struct error error;
    char unknown[] = "speed=3", high[] = "count=5M", word[] = "color=pink", text[] = "ratio=x";
    assert_false(options_parse_list(table, &values, unknown, ':', "thing", &error));
    assert_string_equal(error.message,
                        "thing has no option 'speed'; it has flag, count, ratio, path, color");
    assert_false(options_parse_list(table, &values, high, ':', "thing", &error));
    assert_string_equal(error.message, "thing: count: 5M is out of range, 0 to 4000000");
    assert_false(options_parse_list(table, &values, word, ':', "thing", &error));
    assert_string_equal(error.message, "thing: color: 'pink' is not one of red|green|blue");
    assert_false(options_parse_list(table, &values, text, ':', "thing", &error));
    assert_string_equal(error.message, "thing: ratio: 'x' is not a number");
}

static void command_lines_take_every_usual_form(void **state) {
    (void)state;
    struct values values = {0};
    struct error error;
    char *argv[] = {"cmd", "one", "--no-flag", "-c", "12", "--color=green", "two", NULL};
    int first = 0;
    assert_true(options_parse_arguments(table, &values, 7, argv, &first, &error));
    assert_false(values.flag);
    assert_int_equal(values.count, 12);
    assert_int_equal(values.color, 1);
    assert_int_equal(first, 5);
    assert_string_equal(argv[5], "one");
    assert_string_equal(argv[6], "two");
    char *unknown[] = {"cmd", "--speed", NULL};
    assert_false(options_parse_arguments(table, &values, 2, unknown, &first, &error));
    assert_string_equal(error.message, "unknown option '--speed'");
    char *missing[] = {"cmd", "--count", NULL};
    assert_false(options_parse_arguments(table, &values, 2, missing, &first, &error));
    assert_string_equal(error.message, "--count needs a value");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_come_from_the_table),
        cmocka_unit_test(a_list_overrides_defaults),
        cmocka_unit_test(bad_values_are_named),
        cmocka_unit_test(command_lines_take_every_usual_form),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
