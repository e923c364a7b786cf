/* Recording the speeds of processing units: by loops over a real text with a real encoder, relative
 * to a trace's costs. */
#include "harness/arms/arm_spec.h"
#include "harness/simulation/speed_recorder.h"
#include "tests/results/cmocka_all.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct {
    struct corpus *corpus;
    struct cost_trace *trace;
    struct placement *placement;
    struct arm_spec spec;
} data;

static int make_data(void **state) {
    (void)state;
    struct error error;
    data.corpus = corpus_load(NULL, 200, &error);
    data.placement = placement_create(NULL, PLACEMENT_CORES, &error);
    if (!data.corpus || !data.placement) return -1;
    data.trace = cost_trace_model(data.corpus, &error);
    if (!data.trace) return -1;
    snprintf(data.trace->encoder, sizeof data.trace->encoder, "null");
    arm_spec_init(&data.spec);
    return 0;
}

static int free_data(void **state) {
    (void)state;
    cost_trace_free(data.trace);
    placement_destroy(data.placement);
    corpus_destroy(data.corpus);
    return 0;
}

static struct speed_recorder *start(unsigned units, struct error *error) {
    struct speed_recorder_setup setup = {.corpus = data.corpus,
                                         .trace = data.trace,
                                         .placement = data.placement,
                                         .spec = &data.spec,
                                         .units = units,
                                         .most_batches = 20};
    return speed_recorder_start(&setup, error);
}

/* Until a piece was not disturbed by other tests. */
static void record_piece(struct speed_recorder *recorder, struct virtual_speeds *speeds) {
    struct error error;
    size_t before = speeds->steps;
    for (int tries = 0; speeds->steps == before; tries++) {
        if (!speed_recorder_record(recorder, 1, 20, speeds, &error)) fail_msg("%s", error.message);
        if (tries == 2000) fail_msg("2000 pieces, and all were disturbed");
    }
}

/* Pieces follow each other, and one that is not wanted leaves nothing. */
static void record(unsigned units) {
    struct error error;
    struct speed_recorder *recorder = start(units, &error);
    if (!recorder) fail_msg("%s", error.message);
    struct virtual_speeds speeds = {0};
    assert_true(speed_recorder_record(recorder, 0, 20, NULL, &error));
    record_piece(recorder, &speeds);
    record_piece(recorder, &speeds);
    speed_recorder_end(recorder);
    assert_int_equal(speeds.units, units);
    assert_true(speeds.step_ps > 0);
    for (size_t i = 0; i < speeds.steps * units; i++)
        assert_true(isfinite(speeds.slowness[i]) && speeds.slowness[i] > 0);
    free(speeds.slowness);
}

static void test_every_unit_has_a_speed_at_every_step(void **state) {
    (void)state;
    record(1);
    if (placement_pu_count(data.placement) > 1) record(2);
}

static void test_an_encoder_that_cannot_be_is_a_sentence(void **state) {
    (void)state;
    struct error error;
    char kept[sizeof data.trace->encoder];
    memcpy(kept, data.trace->encoder, sizeof kept);
    snprintf(data.trace->encoder, sizeof data.trace->encoder, "nosuch");
    assert_null(start(1, &error));
    assert_non_null(strstr(error.message, "nosuch"));
    memcpy(data.trace->encoder, kept, sizeof kept);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_unit_has_a_speed_at_every_step),
        cmocka_unit_test(test_an_encoder_that_cannot_be_is_a_sentence),
    };
    return cmocka_run_group_tests(tests, make_data, free_data);
}
