/* The cuda consumer against a stand-in driver: every call in order, everything given back. No GPU.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/run.h"
#include <dlfcn.h>
#include <string.h>

static int counter(const char *library, const char *name) {
    void *handle = dlopen(library, RTLD_NOW | RTLD_NOLOAD);
    assert_non_null(handle);
    int *value;
    *(void **)&value = dlsym(handle, name);
    assert_non_null(value);
    int now = *value;
    dlclose(handle);
    return now;
}

static void copies_and_products_are_in_balance(void **state) {
    (void)state;
    struct error error;
    struct device device;
    struct device_setup device_setup = {
        .batch_rows = 4, .sequence_length = 3, .batch_count = 8, .scale = 1};
    if (!device_create(&device, "cuda:width=5:hidden=7", &device_setup, &error))
        fail_msg("%s", error.message);
    struct format_setup format = {.cost = {COST_NONE, 0, 0, 0}};
    struct pipeline_setup setup = {.synthetic_rows = 42,
                                   .synthetic_blocks = 5,
                                   .format = &format,
                                   .device = &device,
                                   .depth = 2,
                                   .device_depth = 2,
                                   .workers = 2,
                                   .batch_rows = 4,
                                   .sequence_length = 3,
                                   .cross_blocks = true};
    struct pipeline_result result;
    if (!pipeline_run(&setup, &result, &error)) fail_msg("%s", error.message);
    assert_int_equal(result.batches, 11);
    assert_non_null(strstr(result.composition.text, "thread(finalize("));
    assert_int_equal(counter("libcuda.so.1", "stand_in_copies"), 11);
    assert_int_equal(counter("libcublas.so.12", "stand_in_products"), 22);
    pipeline_result_free(&result);
    device_destroy(&device);
    assert_int_equal(counter("libcuda.so.1", "stand_in_live"), 0);
    assert_int_equal(counter("libcublas.so.12", "stand_in_live"), 0);
}

static void a_device_that_is_not_there_is_named(void **state) {
    (void)state;
    struct error error;
    struct device device;
    struct device_setup setup = {.batch_rows = 4, .sequence_length = 3, .batch_count = 2};
    assert_false(device_create(&device, "cuda:device=3", &setup, &error));
    assert_non_null(strstr(error.message, "invalid device ordinal"));
    assert_int_equal(counter("libcuda.so.1", "stand_in_live"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(copies_and_products_are_in_balance),
                                       cmocka_unit_test(a_device_that_is_not_there_is_named)};
    return cmocka_run_group_tests_name("cuda", tests, NULL, NULL);
}
