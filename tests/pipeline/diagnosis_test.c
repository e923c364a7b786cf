/* What the diagnosis makes of recorded figures: the five profiles (read-, format- and
 * consumer-bound, balanced, memory-interfering), as runs on two processors gave them, rounded to
 * 0.1 ms; docs/pipeline.md has the commands. And figures that must not be taken for interference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/diagnosis.h"
#include <string.h>

#define MS 1e6
#define STAGE(name, busy_ms, demand_ms, slower)                                                    \
    {                                                                                              \
        .stage = STAGE_##name, .busy_ns = (busy_ms)*MS, .threads = 1, .demand_ns = (demand_ms)*MS, \
        .slowdown = (slower)                                                                       \
    }

static struct diagnosis_facts facts(double time_ms, double model_ms, double slowed_ms) {
    struct diagnosis_facts facts = {.depth = 2,
                                    .workers = 1,
                                    .overlaps = true,
                                    .time_ns = time_ms * MS,
                                    .has_model = true,
                                    .model_ns = model_ms * MS,
                                    .slowed_ns = slowed_ms * MS,
                                    .deeper_ns = slowed_ms * MS,
                                    .wider_ns = slowed_ms * MS};
    for (int s = 0; s < PIPELINE_STAGES; s++)
        facts.faster_ns[s] = slowed_ms * MS / 2;
    return facts;
}

static void stages(struct diagnosis_facts *facts, const struct stage_demand *list, size_t count) {
    memcpy(facts->stages, list, count * sizeof *list);
    facts->count = count;
}

/* Streaming runs of 300 batches: read, preprocess, batch + format, consume, a thread each. */
static struct diagnosis_facts streaming(double time_ms, double model_ms, double read, double format,
                                        double consume) {
    struct diagnosis_facts made = facts(time_ms, model_ms, model_ms);
    const struct stage_demand list[] = {STAGE(READ, read, read, 1), STAGE(PREPROCESS, 32, 32, 1.01),
                                        STAGE(BATCH, 0.7, format + 0.7, 0.82),
                                        STAGE(FORMAT, format, format + 0.7, 1.0),
                                        STAGE(CONSUME, consume, consume, 1)};
    stages(&made, list, 5);
    made.delay_share = 0.045;
    return made;
}

static struct diagnosis_facts read_bound(void) {
    return streaming(648.0, 614.4, 617.1, 92.7, 255.9);
}
static struct diagnosis_facts format_bound(void) {
    return streaming(630.0, 617.6, 40.1, 616.7, 253.4);
}
static struct diagnosis_facts consumer_bound(void) {
    return streaming(618.8, 623.7, 41.6, 154.4, 616.2);
}
static struct diagnosis_facts balanced(void) {
    return streaming(470.4, 468.7, 39.4, 457.1, 465.4);
}

/* format_by=memory beside consumer memory: durations alone say 423 ms, it took 544 ms. */
static struct diagnosis_facts interfering(void) {
    struct diagnosis_facts made = facts(544.1, 423.0, 544.0);
    const struct stage_demand list[] = {STAGE(BATCH, 0.4, 379.7, 1.333),
                                        STAGE(FORMAT, 379.3, 379.7, 1.353),
                                        STAGE(CONSUME, 535.0, 535.0, 1.285)};
    stages(&made, list, 3);
    made.wait_in_share = 0.0062;
    made.wait_slot_share = 0.2933;
    made.delay_share = 0.0155;
    return made;
}

static void check(struct diagnosis_facts given, enum diagnosis_kind kind, int limit,
                  const char *words) {
    struct diagnosis diagnosis;
    diagnosis_decide(&given, &diagnosis);
    if (diagnosis.kind != kind)
        fail_msg("%s: %s", diagnosis_kind_names[diagnosis.kind], diagnosis.sentence);
    if (limit >= 0) assert_int_equal(diagnosis.limit, limit);
    if (!strstr(diagnosis.sentence, words)) fail_msg("no '%s': %s", words, diagnosis.sentence);
}

static void the_five_profiles_are_told_apart(void **state) {
    (void)state;
    check(read_bound(), DIAGNOSIS_STAGE, STAGE_READ, "The read stage limits");
    check(format_bound(), DIAGNOSIS_STAGE, STAGE_FORMAT, "The format stage limits");
    check(consumer_bound(), DIAGNOSIS_STAGE, STAGE_CONSUME, "The consume stage limits");
    check(balanced(), DIAGNOSIS_BALANCED, -1, "Balanced");
    check(interfering(), DIAGNOSIS_INTERFERENCE, STAGE_CONSUME, "Stages slow each other down");
}

static void interference_names_stages_and_sizes(void **state) {
    (void)state;
    struct diagnosis_facts given = interfering();
    struct diagnosis diagnosis;
    diagnosis_decide(&given, &diagnosis);
    assert_non_null(strstr(diagnosis.sentence, "format 1.35x and consume 1.28x the processor"));
    assert_non_null(strstr(diagnosis.sentence, "the run 1.29x what their separate durations say"));
    assert_non_null(strstr(diagnosis.sentence, "they waited 1.6 % at most"));
    assert_null(strstr(diagnosis.sentence, "batch 1.33x")); /* 0.1 % of the run: noise */
    assert_true(diagnosis.loss > 1.28 && diagnosis.loss < 1.30);
    assert_true(diagnosis.explained > 0.95 && diagnosis.explained < 1.05);
}

/* The same lost time, but stages took no more processor time than alone: they waited for one. */
static void waiting_for_a_processor_is_not_interference(void **state) {
    (void)state;
    struct diagnosis_facts given = interfering();
    for (size_t i = 0; i < given.count; i++)
        given.stages[i].slowdown = 1.02;
    given.slowed_ns = 1.02 * given.model_ns;
    given.delay_share = 0.25;
    check(given, DIAGNOSIS_STAGE, STAGE_CONSUME, "The consume stage limits");
}

/* A slow formatter hides behind a consumer that is no slower: nothing was lost. */
static void a_slowdown_that_costs_nothing_is_not_interference(void **state) {
    (void)state;
    struct diagnosis_facts given = consumer_bound();
    given.stages[3].slowdown = 1.4;
    check(given, DIAGNOSIS_STAGE, STAGE_CONSUME, "The consume stage limits");
}

static void without_a_model_or_threads_nothing_is_blamed(void **state) {
    (void)state;
    struct diagnosis_facts given = interfering();
    given.has_model = false;
    check(given, DIAGNOSIS_STAGE, STAGE_CONSUME, "waits 1 %.");
    given = interfering();
    given.overlaps = false;
    given.depth = 0;
    check(given, DIAGNOSIS_SERIAL, STAGE_CONSUME, "Nothing overlaps at depth 0");
    given = balanced();
    given.time_ns *= 1.5;
    check(given, DIAGNOSIS_UNSTEADY, -1, "No thread is busy all the time");
    given = (struct diagnosis_facts){0};
    check(given, DIAGNOSIS_SERIAL, -1, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_five_profiles_are_told_apart),
        cmocka_unit_test(interference_names_stages_and_sizes),
        cmocka_unit_test(waiting_for_a_processor_is_not_interference),
        cmocka_unit_test(a_slowdown_that_costs_nothing_is_not_interference),
        cmocka_unit_test(without_a_model_or_threads_nothing_is_blamed),
    };
    return cmocka_run_group_tests_name("diagnosis", tests, NULL, NULL);
}
