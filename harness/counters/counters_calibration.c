/* Calibration loops; see counters_calibration.h. */
#define _GNU_SOURCE
#include "harness/counters/counters_calibration.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>

#define TOLERANCE 0.02

/* On a line of its own, so that nothing but the loop touches it. */
static _Alignas(128) _Atomic uint64_t target;

static void run_operations(enum calibration_operation operation, unsigned count) {
    uint64_t expected = atomic_load_explicit(&target, memory_order_relaxed);
    for (unsigned i = 0; i < count; i++) {
        switch (operation) {
        case CALIBRATE_FETCH_ADD:
            atomic_fetch_add_explicit(&target, 1, memory_order_relaxed);
            break;
        case CALIBRATE_EXCHANGE:
            atomic_exchange_explicit(&target, i, memory_order_relaxed);
            break;
        case CALIBRATE_CAS_SUCCESS:
            atomic_compare_exchange_strong_explicit(&target, &expected, expected,
                                                    memory_order_relaxed, memory_order_relaxed);
            break;
        case CALIBRATE_CAS_FAIL: {
            uint64_t wrong = ~atomic_load_explicit(&target, memory_order_relaxed);
            atomic_compare_exchange_strong_explicit(&target, &wrong, 0, memory_order_relaxed,
                                                    memory_order_relaxed);
            break;
        }
        case CALIBRATE_LOAD:
            (void)atomic_load_explicit(&target, memory_order_acquire);
            break;
        case CALIBRATE_STORE:
            atomic_store_explicit(&target, i, memory_order_release);
            break;
        case CALIBRATE_FENCE:
            atomic_thread_fence(memory_order_seq_cst);
            break;
        case CALIBRATE_COUNT:
            break;
        }
    }
}

static bool run_with_encoding(const struct counter_event *event, unsigned operations,
                              struct calibration *result, struct error *error) {
    struct counter_group group;
    result->config = event->encoding.config;
    if (!counter_group_open(&group, event, 1, 0, error)) return false;
    bool ok = true;
    for (int i = 0; ok && i < CALIBRATE_COUNT; i++) {
        struct counter_reading before, after;
        counter_group_start(&group);
        ok = counter_group_read(&group, &before, error);
        run_operations((enum calibration_operation)i, operations);
        counter_group_stop(&group);
        ok = ok && counter_group_read(&group, &after, error);
        if (ok) result->per_operation[i] = (after.values[0] - before.values[0]) / operations;
    }
    counter_group_close(&group);
    return ok;
}

bool calibration_judge(const double expected[CALIBRATE_COUNT],
                       const double per_operation[CALIBRATE_COUNT]) {
    for (int i = 0; i < CALIBRATE_COUNT; i++)
        if (!isnan(expected[i]) && !(fabs(per_operation[i] - expected[i]) <= TOLERANCE))
            return false;
    return true;
}

bool calibration_run(struct counter_event *event, unsigned operations, struct calibration *result,
                     struct error *error) {
    const struct event *row = event->event;
    *result = (struct calibration){0};
    if (!run_with_encoding(event, operations, result, error)) return false;
    result->accepted =
        row && row->calibrated && calibration_judge(row->expected, result->per_operation);
    for (size_t i = 0; row && !result->accepted && i < row->alternative_count; i++) {
        struct counter_event other = *event;
        struct calibration attempt = {0};
        other.encoding.config = row->alternatives[i];
        if (run_with_encoding(&other, operations, &attempt, NULL) &&
            calibration_judge(row->expected, attempt.per_operation)) {
            attempt.accepted = true;
            *result = attempt;
            *event = other;
        }
    }
    return true;
}

void calibration_describe(const struct calibration *calibration, char *text, size_t size) {
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < CALIBRATE_COUNT && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s %.2f", i ? ", " : "",
                                 calibration_names[i], calibration->per_operation[i]);
}
