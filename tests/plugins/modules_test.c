/* Loading of modules: what is found where, and that every kind of bad module gives a sentence and
 * leaves this process alive. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/modules/modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The refusal of tests/plugins's module `name`; "" when it was accepted. */
static const char *refusal(const char *name) {
    static struct error error;
    error.message[0] = 0;
    return modules_find_scheduler(name, &error) ? "" : error.message;
}

static void assert_mentions(const char *text, const char *part) {
    if (!strstr(text, part)) fail_msg("\"%s\" does not mention \"%s\"", text, part);
}

static void a_good_module_is_found_by_name_and_by_path(void **state) {
    (void)state;
    struct error error = {""};
    const struct grainbench_scheduler_operations *by_name = modules_find_scheduler("good", &error);
    assert_non_null(by_name);
    assert_string_equal(by_name->name, "odd");
    char path[4096];
    snprintf(path, sizeof path, "%s/good.so", getenv("GRAINBENCH_MODULES"));
    assert_ptr_equal(modules_find_scheduler(path, &error), by_name);
}

static void a_table_with_later_fields_is_accepted(void **state) {
    (void)state;
    assert_string_equal(refusal("from-the-future"), "");
}

static void a_missing_module_names_the_folders_searched(void **state) {
    (void)state;
    assert_mentions(refusal("nowhere"), "there is no module 'nowhere': no nowhere.so in ");
    assert_mentions(refusal("nowhere"), getenv("GRAINBENCH_MODULES"));
    assert_mentions(refusal("./nowhere.so"), "No such file");
}

static void another_abi_is_refused_with_both_numbers(void **state) {
    (void)state;
    assert_mentions(refusal("abi"), "has ABI 999, this program wants 1");
}

static void a_short_table_is_refused(void **state) {
    (void)state;
    assert_mentions(refusal("table-size"), "says its table has 24 bytes");
}

static void a_missing_required_function_is_named(void **state) {
    (void)state;
    assert_mentions(refusal("no-run"), "lacks 'run', which is required");
}

static void options_outside_their_struct_are_refused(void **state) {
    (void)state;
    assert_mentions(refusal("options"),
                    "option 'number' lies outside the options struct of 2 bytes");
}

static void a_file_without_the_symbol_is_refused(void **state) {
    (void)state;
    assert_mentions(refusal("no-symbol"), "does not export grainbench_scheduler");
}

static void what_is_no_library_is_refused(void **state) {
    (void)state;
    assert_mentions(refusal("text"), "cannot load the module");
}

static void an_unsupported_scheduler_gives_its_reason(void **state) {
    (void)state;
    assert_string_equal(refusal("not-here"),
                        "scheduler odd cannot run here: needs a machine with one core less");
}

static void a_failing_create_gives_its_reason(void **state) {
    (void)state;
    assert_string_equal(refusal("create-fails"), "odd: cannot be created: no luck with 2 workers");
}

static void a_crash_in_create_is_a_sentence(void **state) {
    (void)state;
    assert_string_equal(refusal("create-crashes"),
                        "scheduler odd crashed (Segmentation fault) in create");
}

static void an_exit_in_create_is_a_sentence(void **state) {
    (void)state;
    assert_string_equal(refusal("create-exits"),
                        "scheduler odd ended the process with code 9 in create");
}

static void a_crash_while_loading_is_a_sentence(void **state) {
    (void)state;
    assert_mentions(refusal("load-crashes"), "crashed (Segmentation fault) while it was loaded");
}

static void running_an_item_twice_is_refused(void **state) {
    (void)state;
    assert_string_equal(refusal("runs-twice"),
                        "odd: ran item 1 of a batch of 5 2 times instead of once");
}

static void real_options_can_be_tried_too(void **state) {
    (void)state;
    struct error error = {""};
    const struct grainbench_scheduler_operations *good = modules_find_scheduler("good", &error);
    assert_non_null(good);
    struct grainbench_setup setup = {.struct_size = sizeof setup, .workers = 4};
    assert_true(modules_try_scheduler(good, &setup, &(int64_t){3}, &error));
    assert_false(modules_try_scheduler(good, &setup, &(int64_t){4}, &error));
    assert_string_equal(error.message, "odd: cannot be created: no luck with 4 workers");
}

struct visited {
    unsigned good, refused;
    bool saw_good;
};

static void visit(void *context, const struct module_description *module) {
    struct visited *visited = context;
    assert_true((module->summary == NULL) != (module->reason == NULL));
    if (module->reason) visited->refused++;
    if (module->summary) visited->good++;
    if (module->summary && strcmp(module->name, "good") == 0) visited->saw_good = true;
}

static void the_list_shows_good_and_bad_modules(void **state) {
    (void)state;
    struct visited visited = {0};
    modules_list_schedulers(visit, &visited);
    assert_true(visited.saw_good);
    assert_true(visited.good >= 2);
    assert_true(visited.refused >= 10);
}

static int use_the_test_modules(void **state) {
    (void)state;
    return setenv("GRAINBENCH_MODULES", ODD_MODULES, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_module_is_found_by_name_and_by_path),
        cmocka_unit_test(a_table_with_later_fields_is_accepted),
        cmocka_unit_test(a_missing_module_names_the_folders_searched),
        cmocka_unit_test(another_abi_is_refused_with_both_numbers),
        cmocka_unit_test(a_short_table_is_refused),
        cmocka_unit_test(a_missing_required_function_is_named),
        cmocka_unit_test(options_outside_their_struct_are_refused),
        cmocka_unit_test(a_file_without_the_symbol_is_refused),
        cmocka_unit_test(what_is_no_library_is_refused),
        cmocka_unit_test(an_unsupported_scheduler_gives_its_reason),
        cmocka_unit_test(a_failing_create_gives_its_reason),
        cmocka_unit_test(a_crash_in_create_is_a_sentence),
        cmocka_unit_test(an_exit_in_create_is_a_sentence),
        cmocka_unit_test(a_crash_while_loading_is_a_sentence),
        cmocka_unit_test(running_an_item_twice_is_refused),
        cmocka_unit_test(real_options_can_be_tried_too),
        cmocka_unit_test(the_list_shows_good_and_bad_modules),
    };
    return cmocka_run_group_tests_name("modules", tests, use_the_test_modules, NULL);
}
