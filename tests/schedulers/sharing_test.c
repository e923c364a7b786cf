/* Promises of sharing.h against made-up machines: whatever sharing costs, and however work and gaps
 * change, almost nothing is lost against running every batch alone; and where sharing pays, it is
 * found. */
#include "base/random.h"
#include "schedulers/sharing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { BATCHES = 200000, WORKERS = 88 };

/* What sharing costs, ns: so much, and so much for each worker; more where they slept. Workers stay
 * awake for so long. */
struct machine {
    double fixed_ns, worker_ns, asleep_factor, awake_ns;
};

/* Work of a batch, ns, from `least` to `most`, and the gap before it. */
struct load {
    double least_ns, most_ns, gap_ns;
};

static double random_real(struct random *random) {
    return (double)random_below(random, 1 << 20) / (1 << 20);
}

/* Time of running everything alone over the time that the decisions make of it. */
static double run(const struct machine *machine, const struct load *loads, unsigned load_count) {
    struct sharing sharing;
    struct random random = {1};
    double alone_sum = 0, took_sum = 0, awake_until = -1, now_ns = 0;
    bool was_shared = false;
    sharing_init(&sharing, WORKERS, 2000, 0.9, 1500, 10000);
    for (unsigned i = 0; i < BATCHES; i++) {
        const struct load *load = &loads[i * load_count / BATCHES];
        double r = random_real(&random);
        double alone_ns = load->least_ns + r * r * r * (load->most_ns - load->least_ns);
        double usual_ns = load->least_ns + (load->most_ns - load->least_ns) / 4;
        now_ns += load->gap_ns;
        enum sharing_state state = now_ns < awake_until ? SHARING_AWAKE : SHARING_ASLEEP;
        sharing_note_gap(&sharing, load->gap_ns, was_shared, state);
        struct prices_plan plan = {.workers = 0};
        double look_ns = 100, took_ns = alone_ns;
        if (sharing_looks(&sharing, usual_ns, look_ns, state)) {
            took_ns += look_ns;
            plan = sharing_choose(&sharing, alone_ns, state, i);
        }
        was_shared = plan.workers != 0;
        if (was_shared) {
            double price_ns = machine->fixed_ns + machine->worker_ns * plan.workers;
            if (state == SHARING_ASLEEP) price_ns *= machine->asleep_factor;
            double shared_ns = alone_ns / plan.workers + price_ns * (0.8 + 0.4 * r);
            sharing_settle(&sharing, plan, alone_ns, shared_ns, state, i);
            took_ns = look_ns + shared_ns;
            awake_until = now_ns + took_ns + machine->awake_ns;
        } else {
            sharing.shared = 0;
        }
        now_ns += took_ns;
        alone_sum += alone_ns;
        took_sum += took_ns;
    }
    return alone_sum / took_sum;
}

static const struct machine machines[] = {
    {500, 20, 20, 26000},    /* fast when awake, slow to wake */
    {500, 20, 1, 26000},     /* never asleep, in effect */
    {5000, 200, 10, 50000},  /* slow throughout */
    {20000, 1000, 5, 30000}, /* sharing hardly ever pays here */
};
static const unsigned machine_count = sizeof machines / sizeof *machines;

static void test_nothing_is_lost_whatever_sharing_costs(void **state) {
    (void)state;
    static const double works_us[] = {4, 8, 10, 12, 15, 20, 40, 100};
    static const double gaps_ns[] = {0, 20e3, 100e3, 2e6};
    for (unsigned m = 0; m < machine_count; m++)
        for (unsigned w = 0; w < sizeof works_us / sizeof *works_us; w++)
            for (unsigned g = 0; g < sizeof gaps_ns / sizeof *gaps_ns; g++) {
                double work_ns = works_us[w] * 1000;
                struct load load = {work_ns / 2, 4 * work_ns, gaps_ns[g]};
                double ratio = run(&machines[m], &load, 1);
                if (ratio < 0.999)
                    fail_msg("machine %u, %.0f us, gap %.0f us: %.5f of a plain loop's speed", m,
                             works_us[w], gaps_ns[g] / 1000, ratio);
            }
}

/* Workers that were woken on credit are wanted no more a moment later, again and again. */
static void test_nothing_is_lost_where_the_load_changes(void **state) {
    (void)state;
    struct load loads[64];
    for (unsigned i = 0; i < 64; i++)
        loads[i] = i % 2 ? (struct load){4000, 9000, 100e3} : (struct load){9000, 30000, 0};
    for (unsigned m = 0; m < machine_count; m++) {
        double ratio = run(&machines[m], loads, 64);
        if (ratio < 0.999) fail_msg("machine %u: %.5f of a plain loop's speed", m, ratio);
    }
}

static void test_sharing_is_found_where_it_pays(void **state) {
    (void)state;
    static const struct load awake = {8000, 40000, 0}, asleep = {100e3, 400e3, 2e6};
    assert_true(run(&machines[0], &awake, 1) > 3);
    assert_true(run(&machines[0], &asleep, 1) > 5);
    assert_true(run(&machines[1], &asleep, 1) > 15);
    assert_true(run(&machines[2], &asleep, 1) > 1.3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_lost_whatever_sharing_costs),
        cmocka_unit_test(test_nothing_is_lost_where_the_load_changes),
        cmocka_unit_test(test_sharing_is_found_where_it_pays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
