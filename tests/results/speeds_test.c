/* How often processing units were slow, from a record's `speeds` lines. */
#include "results/speeds.h"
#include "tests/results/cmocka_all.h"

#include <math.h>
#include <string.h>

static const char header[] = "{\"kind\":\"header\",\"schema\":1,\"provenance\":\"measured\"}\n";

static struct speeds speeds_of_lines(const char *lines) {
    char text[4096];
    struct error error;
    struct speeds speeds;
    snprintf(text, sizeof text, "%s%s", header, lines);
    struct record *record = record_parse("test", text, strlen(text), &error);
    if (!record) fail_msg("%s", error.message);
    assert_true(speeds_of(record, &speeds));
    record_free(record);
    return speeds;
}

static void test_units_are_compared_with_themselves(void **state) {
    (void)state;
    /* Unit 1 is a slower processor, and was never slow; unit 0 was in two readings of six. */
    struct speeds speeds = speeds_of_lines("{\"kind\":\"speeds\",\"round\":0,\"group\":0,\"ns\":"
                                           "[[4000,7000],[4010,7010],[6100,7000],[4100,7020]]}\n"
                                           "{\"kind\":\"speeds\",\"round\":1,\"group\":0,\"ns\":"
                                           "[[4000,7000],[8000,7100]]}\n");
    assert_int_equal(speeds.readings, 12);
    assert_float_equal(speeds.slow_share, 2.0 / 12, 1e-9);
}

static void test_a_record_without_readings_has_none(void **state) {
    (void)state;
    struct speeds speeds = speeds_of_lines("");
    assert_int_equal(speeds.readings, 0);
    assert_true(speeds.slow_share == 0);
    speeds = speeds_of_lines("{\"kind\":\"speeds\",\"ns\":[[],\"x\",[0]]}\n");
    assert_int_equal(speeds.readings, 0);
}

static void test_the_fast_time_is_a_low_quantile(void **state) {
    (void)state;
    double readings[101];
    for (int i = 0; i <= 100; i++)
        readings[i] = i < 20 ? 4000 + i : 6000 + i; /* mostly slow */
    assert_float_equal(speeds_fast_time(readings, 101), 4010, 1e-9);
    assert_true(isnan(speeds_fast_time(readings, 0)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units_are_compared_with_themselves),
        cmocka_unit_test(test_a_record_without_readings_has_none),
        cmocka_unit_test(test_the_fast_time_is_a_low_quantile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
