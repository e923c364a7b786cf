/* The model against a two-stage recursion written out, closed forms and known bounds; the diagnosis
 * against profiles whose bottleneck is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "pipeline/diagnosis.h"
#include "pipeline/run.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS = 508 };

static double produce[20000], consume[20000];

static double two_links(size_t items, unsigned depth, unsigned workers) {
    double *serial = workers > 1 ? calloc(items, sizeof *serial) : produce;
    struct model_link links[2] = {{.items = items,
                                   .serial_ns = serial,
                                   .parallel_ns = workers > 1 ? produce : NULL,
                                   .workers = workers,
                                   .depth = depth},
                                  {.items = items, .serial_ns = consume, .workers = 1}};
    double time = model_links(links, 2);
    if (workers > 1) free(serial);
    return time;
}

/* start = max(done before, take of N before), done = start + P, take = max(done, take before + C).
 */
static double recursion(size_t items, unsigned depth) {
    double *take = calloc(items, sizeof *take), done = 0, end = 0;
    for (size_t i = 0; i < items; i++) {
        double start = done;
        if (i >= depth && take[i - depth] > start) start = take[i - depth];
        done = start + produce[i];
        take[i] = done > end ? done : end;
        end = take[i] + consume[i];
    }
    free(take);
    return end;
}

static void fill(size_t items, double p, double c, bool vary) {
    struct random random = {9};
    for (size_t i = 0; i < items; i++) {
        produce[i] = vary ? -p * log(1 - random_unit(&random)) : p;
        consume[i] = vary ? -c * log(1 - random_unit(&random)) : c;
    }
}

static void two_links_are_the_recursion(void **state) {
    (void)state;
    fill(ITEMS, 3, 4, true);
    for (unsigned depth = 1; depth <= 9; depth++)
        assert_true(fabs(two_links(ITEMS, depth, 1) - recursion(ITEMS, depth)) < 1e-6);
}

static void the_original_comes_out_at_its_published_gain(void **state) {
    (void)state;
    fill(ITEMS, 162.53, 1063.0, false); /* Ray PR 30190 at batch 32, in us at 1/100 */
    double serial = ITEMS * (162.53 + 1063.0);
    for (unsigned depth = 1; depth <= 4; depth++)
        assert_true(fabs(serial / two_links(ITEMS, depth, 1) - 1.1525) < 0.0005);
}

static void exponential_times_follow_the_queueing_formula(void **state) {
    (void)state;
    fill(20000, 1, 1, true); /* balanced M/M/1/(N+1): efficiency (N+1)/(N+2) */
    for (unsigned depth = 1; depth <= 8; depth *= 2) {
        double efficiency = 20000 / two_links(20000, depth, 1);
        assert_true(fabs(efficiency - (depth + 1.0) / (depth + 2.0)) < 0.02);
    }
}

static void workers_share_the_parallel_part(void **state) {
    (void)state;
    fill(ITEMS, 4, 1, false);
    assert_true(fabs(two_links(ITEMS, 8, 4) / ITEMS - 1) <
                0.02); /* 4 / 4: as fast as the consumer */
    assert_true(fabs(two_links(ITEMS, 8, 2) / ITEMS - 2) < 0.02); /* 4 / 2 */
    assert_true(fabs(two_links(ITEMS, 2, 4) / ITEMS - 2) < 0.02); /* two slots: two at a time */
}

static void a_segment_end_exposes_its_first_item(void **state) {
    (void)state;
    bool ends[600];
    fill(600, 162.53 * 508 / 600, 1063.0 * 508 / 600, false);
    for (int i = 0; i < 600; i++)
        ends[i] = i % 3 == 2; /* 200 blocks of three batches */
    struct model_link links[2] = {
        {.items = 600, .serial_ns = produce, .workers = 1, .depth = 2, .segment_end = ends},
        {.items = 600, .serial_ns = consume, .workers = 1}};
    double serial = 508 * (162.53 + 1063.0), time = model_links(links, 2);
    double exposed = 200 * produce[0];
    assert_true(fabs(time - (exposed + 600 * consume[0])) < 1e-6);
    assert_true(serial / time > 1.08 && serial / time < 1.12);
}

/* ---- the diagnosis of synthetic profiles: which stage limits */

struct profile {
    double read_us, preprocess_us, format_us, consume_us;
    int limit; /* -1: balanced, either side */
};

static void check_profile(const struct profile *profile) {
    struct error error;
    struct device device;
    char spec[64];
    snprintf(spec, sizeof spec, "sleep:us=%g", profile->consume_us);
    struct device_setup device_setup = {.batch_rows = 1, .sequence_length = 1, .scale = 1};
    assert_true(device_create(&device, spec, &device_setup, &error));
    struct format_setup format = {.cost = {COST_SLEEP, profile->format_us * 1e3, 0, 0}};
    struct pipeline_setup setup = {
        .synthetic_rows = 60,
        .synthetic_blocks = 60,
        .read_cost = {COST_SLEEP, profile->read_us * 1e3, 0, 0},
        .preprocess_cost = {COST_SLEEP, profile->preprocess_us * 1e3, 0, 0},
        .format = &format,
        .device = &device,
        .mode = PIPELINE_STREAMING,
        .workers = 1,
        .batch_rows = 1,
        .sequence_length = 1,
        .cross_blocks = true,
        .interval_limit = 10000};
    struct pipeline_result serial, result;
    struct durations durations;
    struct diagnosis_facts facts;
    struct diagnosis diagnosis;
    assert_true(pipeline_run(&setup, &serial, &error));
    assert_true(durations_from_result(&serial, &durations, &error));
    setup.depth = 2;
    assert_true(pipeline_run(&setup, &result, &error));
    diagnosis_gather(&setup, &result, &durations, &facts);
    diagnosis_decide(&facts, &diagnosis);
    if (profile->limit >= 0) {
        if (diagnosis.limit != profile->limit) fail_msg("%s", diagnosis.sentence);
        assert_non_null(strstr(diagnosis.sentence, pipeline_stage_names[profile->limit]));
    }
    assert_true(facts.has_model);
    assert_true(facts.by_depth_ns[0] >= facts.by_depth_ns[1]);
    assert_true(facts.by_depth_ns[1] >= facts.by_depth_ns[8]);
    assert_true(facts.faster_ns[diagnosis.limit] <= facts.slowed_ns);
    durations_free(&durations);
    pipeline_result_free(&serial);
    pipeline_result_free(&result);
    device_destroy(&device);
}

static void the_stage_that_limits_is_named(void **state) {
    (void)state;
    static const struct profile profiles[] = {{4000, 100, 100, 500, STAGE_READ},
                                              {100, 4000, 100, 500, STAGE_PREPROCESS},
                                              {100, 100, 4000, 500, STAGE_FORMAT},
                                              {100, 100, 500, 4000, STAGE_CONSUME},
                                              {100, 100, 1500, 1500, -1}};
    for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++)
        check_profile(&profiles[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_links_are_the_recursion),
        cmocka_unit_test(the_original_comes_out_at_its_published_gain),
        cmocka_unit_test(exponential_times_follow_the_queueing_formula),
        cmocka_unit_test(workers_share_the_parallel_part),
        cmocka_unit_test(a_segment_end_exposes_its_first_item),
        cmocka_unit_test(the_stage_that_limits_is_named),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
