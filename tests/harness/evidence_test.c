/* What of the environment's evidence makes a sample tainted. */
#include "harness/experiment/evidence.h"

#include "base/clock.h"
#include "tests/results/cmocka_all.h"

enum { MS = 1000 * 1000 };

static const struct evidence nothing_known = {
    EVIDENCE_UNAVAILABLE, EVIDENCE_UNAVAILABLE, EVIDENCE_UNAVAILABLE, EVIDENCE_UNAVAILABLE,
    EVIDENCE_UNAVAILABLE, EVIDENCE_UNAVAILABLE, EVIDENCE_UNAVAILABLE};
static char text[160];

static const char *taint(struct evidence evidence, unsigned workers) {
    return evidence_taint(&evidence, 10 * MS, workers, text, sizeof text);
}

static void nothing_known_taints_nothing(void **state) {
    (void)state;
    assert_null(taint(nothing_known, 1));
    assert_null(taint((struct evidence){0}, 1));
}

static void waiting_beyond_two_percent_taints(void **state) {
    (void)state;
    struct evidence evidence = nothing_known;
    evidence.run_queue_wait_ns = MS / 10;
    assert_null(taint(evidence, 1));
    evidence.run_queue_wait_ns = MS;
    assert_string_equal(taint(evidence, 1), "run-queue wait 10.0 % of worker time");
    assert_null(taint(evidence, 1u << 20)); /* more workers than processors always wait */
}

static void waiting_for_the_own_caller_does_not_taint(void **state) {
    (void)state;
    struct evidence evidence = nothing_known;
    evidence.run_queue_wait_ns = 2 * MS;
    evidence.own_wait_ns = 3 * MS;
    assert_null(taint(evidence, 1));
    assert_int_equal(evidence_foreign_wait_ns(&evidence), 0);
    evidence.own_wait_ns = MS;
    assert_string_equal(taint(evidence, 1), "run-queue wait 10.0 % of worker time");
    evidence.run_queue_wait_ns = EVIDENCE_UNAVAILABLE;
    assert_null(taint(evidence, 1));
}

/* A caller apart reads what it ran itself; others have no such figure. */
static void only_a_caller_apart_has_waiting_of_its_own(void **state) {
    (void)state;
    struct evidence before, after;
    evidence_read(&before, false);
    assert_true(before.own_wait_ns == EVIDENCE_UNAVAILABLE);
    evidence_read(&before, true);
    if (before.run_queue_wait_ns == EVIDENCE_UNAVAILABLE) skip();
    for (uint64_t begin = clock_now_ns(); clock_now_ns() < begin + 20 * MS;) {
    }
    evidence_read(&after, true);
    struct evidence meanwhile = evidence_difference(&before, &after);
    assert_true(meanwhile.own_wait_ns >= 5 * MS && meanwhile.own_wait_ns < 1000u * MS);
}

static void what_is_left_out_is_not_counted(void **state) {
    (void)state;
    struct evidence start = nothing_known, from = nothing_known, to = nothing_known;
    start.run_queue_wait_ns = 10;
    from.run_queue_wait_ns = 15;
    to.run_queue_wait_ns = 115;
    evidence_leave_out(&start, &from, &to);
    struct evidence end = to;
    end.run_queue_wait_ns = 122;
    end = evidence_difference(&start, &end);
    assert_int_equal(end.run_queue_wait_ns, 12);
    assert_true(end.own_wait_ns == EVIDENCE_UNAVAILABLE);
}

/* Where the kernel tells how long threads waited, being thrown off without waiting long is nothing;
 * where it does not, it is all there is to go by. */
static void a_switch_taints_only_where_waiting_is_unknown(void **state) {
    (void)state;
    struct evidence evidence = nothing_known;
    evidence.run_queue_wait_ns = 0;
    evidence.involuntary_switches = 3;
    assert_null(taint(evidence, 1));
    evidence.run_queue_wait_ns = EVIDENCE_UNAVAILABLE;
    assert_string_equal(taint(evidence, 1), "involuntary switches 3 (run-queue wait unknown)");
    assert_null(taint(evidence, 1u << 20));
    evidence.own_switches = 2; /* a caller apart came and went twice */
    assert_string_equal(taint(evidence, 1), "involuntary switches 1 (run-queue wait unknown)");
    evidence.own_switches = 4;
    assert_null(taint(evidence, 1));
    evidence.own_switches = EVIDENCE_UNAVAILABLE;
    evidence.involuntary_switches = 0;
    assert_null(taint(evidence, 1));
}

static void throttling_and_steal_taint(void **state) {
    (void)state;
    struct evidence evidence = nothing_known;
    evidence.steal_ns = 50 * MS;
    assert_string_equal(taint(evidence, 1), "steal 500.0 % of the sample");
    evidence.throttled = 2;
    assert_string_equal(taint(evidence, 1), "throttled in 2 periods of the CPU quota");
}

static void every_limit_is_in_the_header(void **state) {
    (void)state;
    json_t *limits = evidence_limits();
    assert_int_equal(json_object_size(limits), 4);
    assert_true(json_real_value(json_object_get(limits, "run_queue_wait_share")) > 0);
    assert_true(
        json_is_integer(json_object_get(limits, "involuntary_switches_without_run_queue_wait")));
    json_decref(limits);
}

static void json_keeps_what_is_unavailable_apart_from_0(void **state) {
    (void)state;
    struct evidence evidence = nothing_known, read;
    evidence.involuntary_switches = 0;
    json_t *object = evidence_to_json(&evidence);
    assert_int_equal(json_object_size(object), 1);
    assert_true(evidence_from_json(object, &read));
    assert_memory_equal(&read, &evidence, sizeof read);
    json_decref(object);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_known_taints_nothing),
        cmocka_unit_test(waiting_beyond_two_percent_taints),
        cmocka_unit_test(a_switch_taints_only_where_waiting_is_unknown),
        cmocka_unit_test(throttling_and_steal_taint),
        cmocka_unit_test(waiting_for_the_own_caller_does_not_taint),
        cmocka_unit_test(what_is_left_out_is_not_counted),
        cmocka_unit_test(only_a_caller_apart_has_waiting_of_its_own),
        cmocka_unit_test(every_limit_is_in_the_header),
        cmocka_unit_test(json_keeps_what_is_unavailable_apart_from_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
