/* From the times of a trace's batches to costs: what was measured while the processing unit was
 * slow does not count, unless there is nothing else. */
#include "harness/simulation/cost_trace_times.h"
#include "tests/results/cmocka_all.h"

#include <math.h>

enum { BATCHES = 40, LINES = 10, PASSES = 5, FAST_NS = 4000 };

static const double factors[PASS_KINDS] = {
    [PASS_ALONE] = 1, [PASS_LONE] = 0.9, [PASS_REMOTE] = 1.1, [PASS_CROWDED] = 1.05};

struct planted {
    size_t spans[BATCHES * LINES], lengths[BATCHES * LINES];
    float lines[2][PASSES * BATCHES * LINES];
    struct batch_times batches[PASS_KINDS][PASSES * BATCHES];
    struct corpus corpus;
    struct cost_times times;
};

static double cost_of(size_t batch) {
    return 1e5 * (1 + 0.3 * (double)(batch % 7));
}

/* Batch b of pass p is slowed where slow(p, b) says so: everything takes 1.6 times as long. */
static void plant(struct planted *planted, bool (*slow)(unsigned pass, size_t batch)) {
    *planted = (struct planted){.corpus = {.line_count = BATCHES * LINES,
                                           .lengths = planted->lengths,
                                           .spans = planted->spans,
                                           .batch_lines = LINES,
                                           .batch_count = BATCHES},
                                .times = {.corpus = &planted->corpus,
                                          .passes = PASSES,
                                          .two = true,
                                          .lines = {planted->lines[0], planted->lines[1]}}};
    for (int kind = 0; kind < PASS_KINDS; kind++) {
        planted->times.batches[kind] = planted->batches[kind];
        for (unsigned p = 0; p < PASSES; p++)
            for (size_t b = 0; b < BATCHES; b++) {
                double factor = factors[kind] * (slow(p, b) ? 1.6 : 1);
                double speed = FAST_NS * (slow(p, b) ? 1.6 : 1);
                planted->batches[kind][p * BATCHES + b] =
                    (struct batch_times){.encode = cost_of(b) * factor,
                                         .drop = cost_of(b) * factor / 10,
                                         .encode_speed = speed,
                                         .drop_speed = speed};
            }
    }
    for (size_t i = 0; i < PASSES * BATCHES * LINES; i++)
        planted->lines[0][i] = planted->lines[1][i] = 1 + (float)(i % LINES);
}

static bool never(unsigned pass, size_t batch) {
    (void)pass, (void)batch;
    return false;
}

/* Two passes of five, and all of two batches. */
static bool sometimes(unsigned pass, size_t batch) {
    return pass < 2 || batch == 11 || batch == 33;
}

static bool mostly(unsigned pass, size_t batch) {
    (void)batch;
    return pass != 3;
}

static double batch_cost(const struct cost_trace *trace, size_t batch) {
    double sum = 0;
    for (size_t i = 0; i < LINES; i++)
        sum += trace->encode_ns[batch * LINES + i];
    return sum;
}

static void conclude(bool (*slow)(unsigned pass, size_t batch), double share,
                     struct cost_trace **trace) {
    static struct planted planted;
    struct error error;
    plant(&planted, slow);
    *trace = cost_trace_create(BATCHES * LINES, &error);
    assert_non_null(*trace);
    assert_true(cost_times_conclude(&planted.times, *trace, &error));
    assert_float_equal(planted.times.slow_share, share, 0.03);
    const struct cost_sections *sections = &(*trace)->sections;
    assert_float_equal(sections->lone_encode, 0.9, 1e-9);
    assert_float_equal(sections->remote_encode, 1.1, 1e-9);
    assert_float_equal(sections->remote_drop, 1.1, 1e-9);
    assert_float_equal(sections->crowd, 1.05, 1e-9);
}

static void test_costs_are_the_medians(void **state) {
    (void)state;
    struct cost_trace *trace;
    conclude(never, 0, &trace);
    for (size_t b = 0; b < BATCHES; b++) {
        assert_float_equal(batch_cost(trace, b), cost_of(b), 1e-6);
        assert_float_equal(trace->encode_ns[b * LINES + 9], 10 * trace->encode_ns[b * LINES], 1e-6);
    }
    cost_trace_free(trace);
}

static void test_slow_batches_count_only_where_there_is_nothing_else(void **state) {
    (void)state;
    struct cost_trace *trace;
    conclude(sometimes, 0.43, &trace);
    for (size_t b = 0; b < BATCHES; b++) {
        double factor = b == 11 || b == 33 ? 1.6 : 1;
        assert_float_equal(batch_cost(trace, b), cost_of(b) * factor, 1e-6);
    }
    cost_trace_free(trace);
}

static void test_all_batches_count_where_most_are_slow(void **state) {
    (void)state;
    struct cost_trace *trace;
    conclude(mostly, 0.8, &trace);
    for (size_t b = 0; b < BATCHES; b++)
        assert_float_equal(batch_cost(trace, b), cost_of(b) * 1.6, 1e-6);
    cost_trace_free(trace);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_costs_are_the_medians),
        cmocka_unit_test(test_slow_batches_count_only_where_there_is_nothing_else),
        cmocka_unit_test(test_all_batches_count_where_most_are_slow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
