/* Profiles as data: names, shares, groups, perf script, exports. */
#define _GNU_SOURCE
#include "tests/results/cmocka_all.h"

#include "base/file.h"
#include "harness/profiler/profile.h"
#include "harness/profiler/profile_table.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DATA GRAINBENCH_SOURCE_DIR "/tests/data/"

static struct profile_groups *load_groups(void) {
    struct error error;
    struct profile_groups *groups =
        profile_groups_load(GRAINBENCH_SOURCE_DIR "/data/profile/groups.json", &error);
    if (!groups) fail_msg("%s", error.message);
    return groups;
}

static const char *clean(const char *name) {
    static char text[256];
    profile_clean_name(name, text, sizeof text);
    return text;
}

static void names_lose_versions_suffixes_and_hashes(void **state) {
    (void)state;
    assert_string_equal(clean("malloc@@GLIBC_2.2.5"), "malloc");
    assert_string_equal(clean("cfree@GLIBC_2.2.5"), "cfree");
    assert_string_equal(clean("merge.isra.0"), "merge");
    assert_string_equal(clean("merge.constprop.1.cold"), "merge");
    assert_string_equal(clean("_ZN15crossbeam_epoch7default11with_handle17h0123456789abcdefE"),
                        "crossbeam_epoch::default::with_handle");
    assert_string_equal(
        clean("_ZN71_$LT$rayon..iter..Map$LT$I$C$F$GT$$u20$as$u20$rayon..iter..Parallel$GT$5drive17"
              "h0123456789abcdefE"),
        "<rayon::iter::Map<I,F> as rayon::iter::Parallel>::drive");
    assert_string_equal(clean("_RNvNtCs1234_15crossbeam_epoch7default11with_handle"),
                        "crossbeam_epoch::default::with_handle");
    assert_string_equal(clean("_Znwm"), "_Znwm");
    assert_string_equal(clean("plain_c_name"), "plain_c_name");
}

/* Wilson's interval against values from its published formula: 10 of 100 gives 5.5 to 17.4 %. */
static void shares_have_wilson_intervals(void **state) {
    (void)state;
    struct profile_share share = profile_share_of(10, 100);
    assert_true(fabs(share.value - 10) < 1e-9);
    assert_true(fabs(share.low - 5.52) < 0.01);
    assert_true(fabs(share.high - 17.44) < 0.01);
    assert_true(profile_share_of(0, 50).low == 0);
    assert_true(profile_share_of(50, 50).high == 100);
}

static void perf_script_with_call_chains_is_read(void **state) {
    (void)state;
    struct profile profile = {0};
    struct error error;
    if (!profile_read_perf_script(DATA "perf-script-chains.txt", &profile, &error))
        fail_msg("%s", error.message);
    assert_int_equal(profile.sample_count, 4);
    uint32_t find = profile_intern(&profile, "find_work", "demo");
    uint32_t yield = profile_intern(&profile, "do_sched_yield", "[kernel]");
    uint32_t allocate = profile_intern(&profile, "malloc", "libc.so.6");
    assert_int_equal(profile.symbol_count, 6);
    assert_int_equal(profile.symbols[find].self, 0);
    assert_int_equal(profile.symbols[find].total, 2);
    assert_int_equal(profile.symbols[yield].self, 1);
    assert_int_equal(profile.symbols[allocate].self, 1);
    assert_int_equal(profile.samples[2].thread, 4244);
    profile_free(&profile);
}

static void perf_script_without_call_chains_is_read(void **state) {
    (void)state;
    struct profile profile = {0};
    struct error error;
    if (!profile_read_perf_script(DATA "perf-script-flat.txt", &profile, &error))
        fail_msg("%s", error.message);
    assert_int_equal(profile.sample_count, 3);
    assert_int_equal(profile.symbol_count, 3);
    assert_string_equal(profile.symbols[1].name, "crossbeam_epoch::default::with_handle");
    assert_string_equal(profile.symbols[2].name, "encode_line");
    profile_free(&profile);
}

static void what_is_not_perf_script_is_refused_with_its_line(void **state) {
    (void)state;
    struct profile profile = {0};
    struct error error;
    assert_false(
        profile_read_perf_script(GRAINBENCH_SOURCE_DIR "/CMakeLists.txt", &profile, &error));
    assert_non_null(strstr(error.message, "line 1: not the output of 'perf script'"));
    profile_free(&profile);
}

static void a_library_of_an_allocator_is_in_its_group_whatever_its_symbols(void **state) {
    (void)state;
    struct profile_groups *groups = load_groups();
    const char *expected = "allocator";
    static const char *const names[] = {"[libjemalloc.so.2]", "arena_cache_bin_fill", "idle_epoch"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_string_equal(profile_group_name(groups, (size_t)profile_group_of(
                                                           groups, names[i], "libjemalloc.so.2")),
                            expected);
    assert_string_equal(
        profile_group_name(groups, (size_t)profile_group_of(groups, "idle_epoch", "grainbench")),
        "idle");
    profile_groups_free(groups);
}

static void groups_take_each_symbol_once_and_add_up(void **state) {
    (void)state;
    struct profile profile = {0};
    struct profile_table table = {.arm_count = 1};
    struct error error;
    struct profile_groups *groups = load_groups();
    assert_true(profile_read_perf_script(DATA "perf-script-chains.txt", &profile, &error));
    assert_true(profile_table_add(&table, 0, &profile, groups, &error));
    assert_true(profile_table_finish(&table, groups, &error));
    double sum = 0;
    for (size_t i = 0; i < table.group_count; i++)
        sum += profile_table_share(&table, &table.groups[i], 0).value;
    assert_true(fabs(sum - 100) < 1e-9);
    profile_table_free(&table);
    profile_free(&profile);
    struct {
        const char *name, *object, *group;
    } cases[] = {
        {"__aarch64_cas8_acq_rel", "demo", "atomics"},
        {"crossbeam_epoch::default::with_handle", "demo", "idle"},
        {"crossbeam_epoch::internal::Global::try_advance", "demo", "idle"},
        {"do_sched_yield", "[kernel]", "idle"},
        {"rayon_core::join::join_context", "demo", "scheduler"},
        {"_int_malloc", "libc.so.6", "allocator"},
        {"free", "libc.so.6", "allocator"},
        {"__memmove_avx512_unaligned_erms", "libc.so.6", "memory"},
        {"pcre2_jit_match_8", "libpcre2-8.so.0", "encoder"},
        {"copy_page", "[kernel]", "kernel"},
        {"qsort_r", "libc.so.6", "other"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int group = profile_group_of(groups, cases[i].name, cases[i].object);
        if (strcmp(profile_group_name(groups, (size_t)group), cases[i].group) != 0)
            fail_msg("%s is in group %s", cases[i].name, profile_group_name(groups, (size_t)group));
    }
    profile_groups_free(groups);
}

static void repetitions_that_differ_widen_the_interval(void **state) {
    (void)state;
    struct profile_table table = {.arm_count = 1};
    struct profile_row row = {.name = "x"};
    table.arms[0].repeats = 4;
    for (int i = 0; i < 4; i++) {
        table.arms[0].samples[i] = 10000;
        row.counts[0][i] = 1000;
    }
    struct profile_share steady = profile_table_share(&table, &row, 0);
    row.counts[0][0] = 500;
    row.counts[0][1] = 1500;
    struct profile_share moving = profile_table_share(&table, &row, 0);
    assert_true(fabs(steady.value - moving.value) < 1e-9);
    assert_true(moving.high - moving.low > 3 * (steady.high - steady.low));
}

static void folded_stacks_count_equal_stacks(void **state) {
    (void)state;
    struct profile profile = {0};
    struct error error;
    char path[] = "folded-XXXXXX", *text;
    size_t size;
    uint32_t frames[2];
    frames[0] = profile_intern(&profile, "inner", "demo");
    frames[1] = profile_intern(&profile, "ou;ter", "demo");
    for (int i = 0; i < 3; i++)
        assert_true(profile_add_sample(&profile, 1, (uint64_t)i, frames, i == 1 ? 1 : 2));
    close(mkstemp(path));
    assert_true(profile_write_folded(&profile, path, &error));
    assert_true(file_read(path, &text, &size, &error));
    assert_string_equal(text, "inner 1\nou:ter;inner 2\n");
    free(text);
    assert_true(profile_write_firefox(&profile, "demo", path, &error));
    json_t *json = json_load_file(path, 0, NULL);
    json_t *thread = json_array_get(json_object_get(json, "threads"), 0);
    json_t *samples = json_object_get(thread, "samples");
    assert_int_equal(json_integer_value(json_object_get(samples, "length")), 3);
    /* inner alone, ou;ter, and inner below it */
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(thread, "stackTable"), "length")), 3);
    json_decref(json);
    unlink(path);
    profile_free(&profile);
}

static size_t length_of(const json_t *table) {
    return (size_t)json_integer_value(json_object_get(table, "length"));
}

/* Each column of a table is as long as the table says. */
static void expect_columns(const json_t *thread, const char *name, size_t columns) {
    json_t *table = json_object_get(thread, name), *column;
    const char *key;
    size_t seen = 0;
    json_object_foreach(table, key, column) {
        if (!json_is_array(column)) continue;
        if (json_array_size(column) != length_of(table))
            fail_msg("%s.%s has %zu of %zu", name, key, json_array_size(column), length_of(table));
        seen++;
    }
    assert_int_equal(seen, columns);
}

/* What the profiler's own importer reads and upgrades, and what it does not check: a thread's pid
 * is a text, stacks point to frames, frames to functions, functions to texts, and the samples of a
 * function are as many as in the profile. */
static void the_firefox_profile_keeps_the_shape_of_its_version(void **state) {
    (void)state;
    struct profile profile = {.frequency = 1000};
    struct error error;
    char path[] = "firefox-XXXXXX";
    uint32_t frames[3], main_thread = (uint32_t)getpid();
    frames[0] = profile_intern(&profile, "inner", "demo");
    frames[1] = profile_intern(&profile, "middle", "demo");
    frames[2] = profile_intern(&profile, "outer", "demo");
    for (int i = 0; i < 6; i++)
        assert_true(profile_add_sample(&profile, i % 2 ? main_thread : 1, 1000000u * (unsigned)i,
                                       frames + i % 3, (size_t)(3 - i % 3)));
    close(mkstemp(path));
    assert_true(profile_write_firefox(&profile, "demo", path, &error));
    json_t *json = json_load_file(path, 0, NULL);
    assert_non_null(json);
    json_t *threads = json_object_get(json, "threads");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "meta"),
                                                        "preprocessedProfileVersion")),
                     47);
    assert_int_equal(json_array_size(threads), 2);
    size_t inner = 0, main_threads = 0, samples = 0;
    for (size_t t = 0; t < 2; t++) {
        json_t *thread = json_array_get(threads, t);
        assert_true(json_is_string(json_object_get(thread, "pid")));
        main_threads += json_is_true(json_object_get(thread, "isMainThread"));
        expect_columns(thread, "samples", 2);
        expect_columns(thread, "stackTable", 4);
        expect_columns(thread, "frameTable", 10);
        expect_columns(thread, "funcTable", 7);
        json_t *stacks = json_object_get(json_object_get(thread, "samples"), "stack");
        json_t *texts = json_object_get(thread, "stringArray");
        for (size_t i = 0; i < json_array_size(stacks); i++, samples++) {
            json_t *at = json_array_get(stacks, i);
            static const char *const steps[][2] = {
                {"stackTable", "frame"}, {"frameTable", "func"}, {"funcTable", "name"}};
            for (size_t step = 0; step < 3; step++)
                at = json_array_get(
                    json_object_get(json_object_get(thread, steps[step][0]), steps[step][1]),
                    (size_t)json_integer_value(at));
            const char *name =
                json_string_value(json_array_get(texts, (size_t)json_integer_value(at)));
            assert_non_null(name);
            inner += strcmp(name, "inner") == 0;
        }
    }
    assert_int_equal(main_threads, 1);
    assert_int_equal(samples, 6);
    assert_int_equal(inner, profile.symbols[frames[0]].self);
    json_decref(json);
    unlink(path);
    profile_free(&profile);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lose_versions_suffixes_and_hashes),
        cmocka_unit_test(shares_have_wilson_intervals),
        cmocka_unit_test(perf_script_with_call_chains_is_read),
        cmocka_unit_test(perf_script_without_call_chains_is_read),
        cmocka_unit_test(what_is_not_perf_script_is_refused_with_its_line),
        cmocka_unit_test(a_library_of_an_allocator_is_in_its_group_whatever_its_symbols),
        cmocka_unit_test(groups_take_each_symbol_once_and_add_up),
        cmocka_unit_test(repetitions_that_differ_widen_the_interval),
        cmocka_unit_test(folded_stacks_count_equal_stacks),
        cmocka_unit_test(the_firefox_profile_keeps_the_shape_of_its_version),
    };
    return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
