/* Placement plans on topologies that this machine does not have. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/placement.h"
#include <hwloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct placement *plan_of(const char *synthetic, enum placement_plan plan) {
    struct error error = {""};
    struct placement_source source = {.synthetic = synthetic};
    struct placement *placement = placement_create(&source, plan, &error);
    if (!placement) fail_msg("%s", error.message);
    return placement;
}

static void vera_gives_physical_cores_first(void **state) {
    (void)state;
    struct placement *p = plan_of("pack:1 numa:1 l3:1 core:88 pu:2", PLACEMENT_CORES);
    assert_int_equal(placement_core_count(p), 88);
    assert_int_equal(placement_pu_count(p), 176);
    for (unsigned w = 0; w < 88; w++) {
        assert_int_equal(placement_pu(p, w), 2 * w);
        assert_int_equal(placement_pu(p, 88 + w), 2 * w + 1);
        assert_int_equal(placement_core(p, w), placement_core(p, 88 + w));
    }
    placement_destroy(p);
}

static void epyc_siblings_come_from_the_topology_not_from_numbers(void **state) {
    (void)state;
    struct placement *p =
        plan_of("pack:1 numa:1 l3:4 core:4 pu:2(indexes=2*16:16*1)", PLACEMENT_CORES);
    assert_int_equal(placement_core_count(p), 16);
    for (unsigned w = 0; w < 32; w++)
        assert_int_equal(placement_pu(p, w), w);
    assert_int_equal(placement_group(p, 0), 0);
    assert_int_equal(placement_group(p, 4), 1);
    assert_int_equal(placement_group(p, 15), 3);
    assert_int_equal(placement_group(p, 16), 0);
    placement_destroy(p);
}

static void two_packages_fill_one_after_the_other(void **state) {
    (void)state;
    struct placement *p =
        plan_of("pack:2 numa:1 l3:1 core:32 pu:2(indexes=2*64:64*1)", PLACEMENT_CORES);
    assert_int_equal(placement_package_count(p), 2);
    for (unsigned w = 0; w < 128; w++)
        assert_int_equal(placement_pu(p, w), w);
    assert_int_equal(placement_group(p, 31), 0);
    assert_int_equal(placement_group(p, 32), 1);
    placement_destroy(p);
}

static void compact_keeps_siblings_together_and_scatter_takes_packages_in_turn(void **state) {
    (void)state;
    struct placement *compact = plan_of("pack:2 core:2 pu:2", PLACEMENT_COMPACT);
    for (unsigned w = 0; w < 8; w++)
        assert_int_equal(placement_pu(compact, w), w);
    placement_destroy(compact);
    static const unsigned expected[] = {0, 4, 2, 6, 1, 5, 3, 7};
    struct placement *scatter = plan_of("pack:2 core:2 pu:2", PLACEMENT_SCATTER);
    for (unsigned w = 0; w < 8; w++)
        assert_int_equal(placement_pu(scatter, w), expected[w]);
    placement_destroy(scatter);
}

/* Writes a 4 + 4 hybrid topology (slow cores first, as Apple numbers them) to an XML file. */
static void write_hybrid(const char *path) {
    hwloc_topology_t topology;
    hwloc_topology_init(&topology);
    assert_int_equal(hwloc_topology_set_synthetic(topology, "pack:1 core:8 pu:1"), 0);
    assert_int_equal(hwloc_topology_load(topology), 0);
    hwloc_bitmap_t slow = hwloc_bitmap_alloc(), fast = hwloc_bitmap_alloc();
    hwloc_bitmap_set_range(slow, 0, 3);
    hwloc_bitmap_set_range(fast, 4, 7);
    assert_int_equal(hwloc_cpukinds_register(topology, slow, 0, 0, NULL, 0), 0);
    assert_int_equal(hwloc_cpukinds_register(topology, fast, 1, 0, NULL, 0), 0);
    assert_int_equal(hwloc_topology_export_xml(topology, path, 0), 0);
    hwloc_bitmap_free(slow);
    hwloc_bitmap_free(fast);
    hwloc_topology_destroy(topology);
}

static void hybrid_gives_the_fast_cores_first(void **state) {
    (void)state;
    char path[] = "hybrid-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    write_hybrid(path);
    struct error error = {""};
    struct placement_source source = {.xml_path = path};
    struct placement *p = placement_create(&source, PLACEMENT_CORES, &error);
    unlink(path);
    if (!p) fail_msg("%s", error.message);
    static const unsigned expected[] = {4, 5, 6, 7, 0, 1, 2, 3};
    for (unsigned w = 0; w < 8; w++)
        assert_int_equal(placement_pu(p, w), expected[w]);
    placement_destroy(p);
}

static void foreign_topologies_are_never_said_to_be_bound(void **state) {
    (void)state;
    struct placement *p = plan_of("pack:1 core:2 pu:1", PLACEMENT_CORES);
    struct error error = {""};
    assert_non_null(placement_unbound_reason(p));
    assert_false(placement_bind(p, 0, &error));
    assert_string_equal(error.message, "not bound: the topology is not this machine's");
    assert_int_equal(placement_last_pu(p), -1);
    placement_destroy(p);
}

static void this_machine_binds_and_proves_it(void **state) {
    (void)state;
    struct error error = {""};
    struct placement *p = placement_create(NULL, PLACEMENT_CORES, &error);
    if (!p) fail_msg("%s", error.message);
    if (!placement_unbound_reason(p)) {
        if (!placement_bind(p, placement_pu_count(p) - 1, &error)) fail_msg("%s", error.message);
        assert_int_equal(placement_last_pu(p), placement_pu(p, placement_pu_count(p) - 1));
        assert_true(placement_bind_any(p, placement_pu_count(p), &error));
    }
    placement_destroy(p);
}

static void thread_counts_are_named_and_repeats_dropped(void **state) {
    (void)state;
    struct placement *p = plan_of("pack:1 core:4 pu:2", PLACEMENT_CORES);
    struct thread_count counts[THREAD_COUNT_LIMIT];
    struct error error = {""};
    assert_int_equal(placement_parse_threads(p, "1,physical,logical,4", false, counts, &error), 3);
    assert_int_equal(counts[0].workers, 1);
    assert_null(counts[0].kind);
    assert_int_equal(counts[1].workers, 4);
    assert_string_equal(counts[1].kind, "physical");
    assert_int_equal(counts[2].workers, 8);
    assert_string_equal(counts[2].kind, "logical");
    placement_destroy(p);
    p = plan_of("pack:1 core:2 pu:1", PLACEMENT_CORES);
    assert_int_equal(placement_parse_threads(p, "physical,logical", false, counts, &error), 1);
    assert_string_equal(counts[0].kind, "physical = logical");
    assert_int_equal(placement_parse_threads(p, "88", true, counts, &error), 1);
    assert_string_equal(counts[0].kind, "oversubscribed");
    placement_destroy(p);
}

static void bad_thread_counts_are_refused(void **state) {
    (void)state;
    struct placement *p = plan_of("pack:1 core:2 pu:1", PLACEMENT_CORES);
    struct thread_count counts[THREAD_COUNT_LIMIT];
    struct error error = {""};
    assert_int_equal(placement_parse_threads(p, "0", false, counts, &error), -1);
    assert_string_equal(error.message, "threads: 0 is out of range, 1 to 4096");
    assert_int_equal(placement_parse_threads(p, "3", false, counts, &error), -1);
    assert_string_equal(error.message, "threads: 3 workers on 2 PUs would share them; add "
                                       "--oversubscribe if that is what you want");
    assert_int_equal(placement_parse_threads(p, "1,many", false, counts, &error), -1);
    assert_int_equal(placement_parse_threads(p, "1,", false, counts, &error), -1);
    placement_destroy(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vera_gives_physical_cores_first),
        cmocka_unit_test(epyc_siblings_come_from_the_topology_not_from_numbers),
        cmocka_unit_test(two_packages_fill_one_after_the_other),
        cmocka_unit_test(compact_keeps_siblings_together_and_scatter_takes_packages_in_turn),
        cmocka_unit_test(hybrid_gives_the_fast_cores_first),
        cmocka_unit_test(foreign_topologies_are_never_said_to_be_bound),
        cmocka_unit_test(this_machine_binds_and_proves_it),
        cmocka_unit_test(thread_counts_are_named_and_repeats_dropped),
        cmocka_unit_test(bad_thread_counts_are_refused),
    };
    return cmocka_run_group_tests_name("placement", tests, NULL, NULL);
}
