/* Probes of the processing units' speed: every reading comes, from every unit, and the threads end.
 */
#include "harness/experiment/speed_probe.h"
#include "tests/results/cmocka_all.h"

#include <math.h>
#include <string.h>

enum { READINGS = 200 };

static void test_every_unit_answers_every_time(void **state) {
    (void)state;
    struct error error;
    struct placement *placement = placement_create(NULL, PLACEMENT_CORES, &error);
    assert_non_null(placement);
    unsigned units = placement_pu_count(placement);
    if (units > 4) units = 4;
    struct speed_probe *probe = speed_probe_create(placement, units, &error);
    assert_non_null(probe);
    for (int i = 0; i < READINGS; i++) {
        double ns[SPEED_PROBE_UNITS];
        for (unsigned u = 0; u < units; u++)
            ns[u] = NAN;
        speed_probe_read(probe, ns);
        for (unsigned u = 0; u < units; u++)
            assert_true(isfinite(ns[u]) && ns[u] > 0);
    }
    speed_probe_free(probe);
    assert_true(speed_probe_here() > 0);
    assert_null(speed_probe_create(placement, 0, &error));
    assert_non_null(strstr(error.message, "not of 0"));
    placement_destroy(placement);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_unit_answers_every_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
