/* Calibration of a machine profile; see calibrate.h. */
#define _GNU_SOURCE
#include "harness/simulation/calibrate.h"

#include "base/clock.h"
#include "harness/simulation/calibrate_pair.h"
#include "schedulers/futex.h"
#include "schedulers/sync_processor.h"

#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIALS_MOST = 100, LOOPS = 20000, CHASE = 64, BLOCKS = 4000 };

/* ---- one thread ---- */

static _Alignas(128) _Atomic uint64_t word;
static _Alignas(128) uint32_t futex_word;

static double ns_each(uint64_t begin, double count) {
    return (double)(clock_now_ns() - begin) / count;
}

static double measure_hit(void) {
    static void *ring[CHASE];
    for (int i = 0; i < CHASE; i++)
        ring[i] = &ring[(i + 7) % CHASE];
    void *volatile *at = (void *volatile *)&ring[0];
    uint64_t begin = clock_now_ns();
    for (int i = 0; i < LOOPS; i++)
        at = (void *volatile *)*at;
    return ns_each(begin, LOOPS);
}

static double measure_rmw(void) {
    uint64_t begin = clock_now_ns();
    for (int i = 0; i < LOOPS; i++)
        atomic_fetch_add(&word, 1);
    return ns_each(begin, LOOPS);
}

static double measure_fence(void) {
    uint64_t begin = clock_now_ns();
    for (int i = 0; i < LOOPS; i++) {
        atomic_store_explicit(&word, 1, memory_order_relaxed);
        atomic_thread_fence(memory_order_seq_cst);
    }
    return ns_each(begin, LOOPS);
}

static double measure_pause(void) {
    uint64_t begin = clock_now_ns();
    for (int i = 0; i < LOOPS; i++)
        processor_pause();
    return ns_each(begin, LOOPS);
}

static double measure_yield(void) {
    uint64_t begin = clock_now_ns();
    for (int i = 0; i < 500; i++)
        sched_yield();
    return ns_each(begin, 500);
}

static double measure_futex_call(void) {
    uint64_t begin = clock_now_ns();
    for (int i = 0; i < 500; i++)
        futex_wake(&futex_word, 1);
    return ns_each(begin, 500);
}

static void *volatile blocks[BLOCKS];

static double measure_allocate(void) {
    uint64_t begin = clock_now_ns();
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = malloc(32 + (size_t)(i % 7) * 16);
    double ns = ns_each(begin, BLOCKS);
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    return ns;
}

static double measure_free(void) {
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = malloc(32 + (size_t)(i % 7) * 16);
    uint64_t begin = clock_now_ns();
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    return ns_each(begin, BLOCKS);
}

static void empty_body(void *context, size_t begin, size_t end, unsigned worker) {
    (void)context, (void)begin, (void)end, (void)worker;
}

static double measure_leaf(void) {
    void (*volatile body)(void *, size_t, size_t, unsigned) = empty_body;
    uint64_t begin = clock_now_ns();
    for (int i = 0; i < LOOPS; i++)
        body(NULL, 0, (size_t)i, 0);
    return ns_each(begin, LOOPS);
}

/* ---- values from trials ---- */

static int compare_reals(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct profile_value value_of(double *trials, unsigned count, const char *source) {
    struct profile_value value;
    qsort(trials, count, sizeof *trials, compare_reals);
    value.low = trials[count / 10];
    value.typical = trials[count / 2];
    value.high = trials[count - 1 - count / 10];
    snprintf(value.source, sizeof value.source, "%s", source);
    return value;
}

static struct profile_value plain(double typical, double low, double high, const char *source) {
    struct profile_value value = {typical, low, high, ""};
    snprintf(value.source, sizeof value.source, "%s", source);
    return value;
}

/* The best of a few short ones: in the others somebody interfered. */
static double best_of(double (*measure)(void)) {
    double best = measure();
    for (int i = 0; i < 4; i++)
        best = fmin(best, measure());
    return best;
}

static void measure_alone(const struct placement *placement, unsigned trials,
                          struct machine_profile *profile) {
    static const struct {
        enum profile_parameter parameter;
        double (*measure)(void);
        const char *source;
    } rows[] = {{PROFILE_hit_ns, measure_hit, "measured: dependent loads"},
                {PROFILE_rmw_ns, measure_rmw, "measured: fetch-and-add of an owned line"},
                {PROFILE_fence_ns, measure_fence, "measured: store and fence"},
                {PROFILE_pause_ns, measure_pause, "measured"},
                {PROFILE_yield_ns, measure_yield, "measured: sched_yield"},
                {PROFILE_futex_call_ns, measure_futex_call, "measured: FUTEX_WAKE, no sleeper"},
                {PROFILE_leaf_ns, measure_leaf, "measured: an empty body through a pointer"},
                {PROFILE_allocate_ns, measure_allocate, "measured: malloc of 32 to 128 bytes"},
                {PROFILE_free_ns, measure_free, "measured: free on the same thread"}};
    double values[TRIALS_MOST];
    placement_bind(placement, 0, NULL);
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        rows[r].measure();
        for (unsigned t = 0; t < trials; t++)
            values[t] = best_of(rows[r].measure);
        profile->values[rows[r].parameter] = value_of(values, trials, rows[r].source);
    }
}

/* ---- pairs ---- */

static enum virtual_distance distance_of(const struct placement *p, unsigned a, unsigned b) {
    if (placement_core(p, a) == placement_core(p, b)) return VIRTUAL_SIBLING;
    if (placement_group(p, a) == placement_group(p, b)) return VIRTUAL_L3;
    return placement_package(p, a) == placement_package(p, b) ? VIRTUAL_PACKAGE : VIRTUAL_REMOTE;
}

/* The worker whose distance from worker 0 this is, and that is the `nth` such; 0: there is none. */
static unsigned partner(const struct placement *p, enum virtual_distance distance, unsigned nth) {
    for (unsigned b = 1; b < placement_pu_count(p); b++)
        if (distance_of(p, 0, b) == distance && nth-- == 0) return b;
    return 0;
}

enum { PARTNERS = 3 };

static bool measure_transfers(const struct placement *p, unsigned trials,
                              struct machine_profile *profile, struct calibration_extra *extra) {
    static const struct {
        enum profile_parameter parameter;
        double missing[3];
    } rows[VIRTUAL_DISTANCES] = {
        [VIRTUAL_SIBLING] = {PROFILE_transfer_sibling_ns, {8, 4, 20}},
        [VIRTUAL_L3] = {PROFILE_transfer_l3_ns, {45, 15, 80}},
        [VIRTUAL_PACKAGE] = {PROFILE_transfer_package_ns, {80, 40, 150}},
        [VIRTUAL_REMOTE] = {PROFILE_transfer_remote_ns, {150, 110, 260}},
    };
    for (int d = VIRTUAL_SIBLING; d < VIRTUAL_DISTANCES; d++) {
        double values[TRIALS_MOST * PARTNERS];
        unsigned count = 0, other;
        for (unsigned n = 0; n < PARTNERS && (other = partner(p, (enum virtual_distance)d, n));
             n++) {
            extra->pairs++;
            for (unsigned t = 0; t < trials; t++)
                if (!pair_line_transfer(p, 0, other, &values[count++])) return false;
        }
        profile->values[rows[d].parameter] =
            count ? value_of(values, count, "measured: a line to and fro between pinned threads")
                  : plain(rows[d].missing[0], rows[d].missing[1], rows[d].missing[2],
                          "this machine has no such pair; plain value");
    }
    return true;
}

static bool measure_sleeping(const struct placement *p, unsigned other, unsigned trials,
                             struct machine_profile *profile) {
    double calls[TRIALS_MOST], latencies[TRIALS_MOST], sleepers[TRIALS_MOST];
    double longs[TRIALS_MOST];
    double call = profile->values[PROFILE_futex_call_ns].typical;
    for (unsigned t = 0; t < trials; t++) {
        struct pair_wake wake;
        if (!pair_wake(p, 0, other, VIRTUAL_LONG_SLEEP_NS, &wake)) return false;
        longs[t] = wake.latency_ns;
        if (!pair_wake(p, 0, other, VIRTUAL_SHORT_SLEEP_NS, &wake)) return false;
        calls[t] = fmax(0, wake.call_ns - call);
        /* The latency counts from the end of the waker's call in the model. */
        latencies[t] = fmax(0, wake.latency_ns - wake.call_ns);
        longs[t] = fmax(latencies[t], longs[t] - wake.call_ns);
        sleepers[t] = wake.sleeper_ns / 2;
    }
    profile->values[PROFILE_futex_wake_ns] =
        value_of(calls, trials, "measured: FUTEX_WAKE of a sleeper, less the empty call");
    profile->values[PROFILE_wake_latency_ns] = value_of(
        latencies, trials, "measured: from the end of the wake call until it runs, 0.15 ms asleep");
    profile->values[PROFILE_wake_long_ns] =
        value_of(longs, trials, "measured: the same after 1.5 ms asleep");
    profile->values[PROFILE_futex_wait_ns] =
        value_of(sleepers, trials, "measured: half the sleeper's processor time of a round");
    return true;
}

static bool measure_siblings(const struct placement *p, unsigned trials,
                             struct machine_profile *profile) {
    unsigned sibling = partner(p, VIRTUAL_SIBLING, 0);
    const char *none = "no hardware thread shares a core here";
    profile->values[PROFILE_smt_factor] = plain(1, 1, 1, none);
    profile->values[PROFILE_smt_spin_factor] = plain(1, 1, 1, none);
    if (!sibling) return true;
    double working[TRIALS_MOST], spinning[TRIALS_MOST];
    for (unsigned t = 0; t < trials; t++)
        if (!pair_slowdown(p, 0, sibling, &working[t], &spinning[t])) return false;
    profile->values[PROFILE_smt_factor] =
        value_of(working, trials, "measured: integer loop on both hardware threads");
    profile->values[PROFILE_smt_spin_factor] =
        value_of(spinning, trials, "measured: integer loop beside a spinning sibling");
    return true;
}

static bool measure_pairs(const struct placement *p, unsigned trials,
                          struct machine_profile *profile, struct calibration_extra *extra) {
    unsigned other = placement_pu_count(p) > 1 ? 1 : 0;
    double contended[TRIALS_MOST], remote[TRIALS_MOST];
    if (!measure_transfers(p, trials, profile, extra) ||
        !measure_sleeping(p, other, trials, profile) || !measure_siblings(p, trials, profile))
        return false;
    for (unsigned t = 0; t < trials; t++)
        if (!pair_remote_free(p, 0, other, &remote[t]) ||
            (other && !pair_contended_rmw(p, 0, other, &contended[t])))
            return false;
    profile->values[PROFILE_remote_free_ns] =
        value_of(remote, trials, "measured: free of what another thread allocated");
    if (other) extra->contended_rmw_ns = value_of(contended, trials, "").typical;
    return true;
}

/* Copying and the contention of allocating threads. The spread of a copy is not known: plain ends.
 */
static bool measure_copying(const struct placement *p, struct machine_profile *profile,
                            struct error *error) {
    struct memory_copy copy;
    bool two = placement_pu_count(p) > 1;
    if (!memory_copy_measure(p, two, &copy, error)) return false;
    double further = two ? fmax(0, copy.remote_ns - copy.held_ns) : 12;
    profile->values[PROFILE_copy_ns] = plain(copy.held_ns, copy.held_ns * 0.7, copy.held_ns * 1.5,
                                             "measured: copying what the thread wrote, a line");
    profile->values[PROFILE_stream_ns] =
        plain(further, further * 0.5, further * 2,
              two ? "measured: copying what another thread wrote, a line, less copy_ns"
                  : "needs a second processing unit; plain value");
    double upgrade = two ? fmax(0, copy.read_ns - copy.held_ns) : 12;
    profile->values[PROFILE_upgrade_ns] =
        plain(upgrade, upgrade * 0.5, upgrade * 2,
              two ? "measured: copying to where another thread has read, a line, less copy_ns"
                  : "needs a second processing unit; plain value");
    profile->values[PROFILE_efficiency_speed] = plain(1, 1, 1, "all cores are taken as alike");
    return true;
}

bool calibrate_machine(const struct placement *placement, unsigned trials,
                       struct machine_profile *profile, struct calibration_extra *extra,
                       struct error *error) {
    if (trials > TRIALS_MOST) trials = TRIALS_MOST;
    *profile = (struct machine_profile){.line_bytes = 64};
    *extra = (struct calibration_extra){0};
#if defined(__x86_64__) || defined(__i386__)
    profile->rmw_drains_stores = true;
#endif
    snprintf(profile->name, sizeof profile->name, "this-machine");
    profile->topology_xml = placement_topology_xml(placement);
    if (!profile->topology_xml) return error_set(error, "hwloc cannot export the topology");
    /* First: later there are arenas of threads that have ended, which new threads would take. */
    if (placement_pu_count(placement) > 1 &&
        !memory_contention_measure(placement, &extra->contention, error))
        return false;
    measure_alone(placement, trials, profile);
    if (!measure_pairs(placement, trials, profile, extra))
        return error_set(error, "a second thread cannot be started");
    if (!measure_copying(placement, profile, error)) return false;
    profile->values[PROFILE_share_ns] = plain(10, 3, 30, "needs three cores and more; plain value");
    profile->values[PROFILE_serial_mib_per_s] = plain(0, 0, 0, "traces are taken as they are");
    profile->values[PROFILE_serial_section_us] =
        plain(0, 0, 0, "measured parts are in the trace: giving back and making scratches ready");
    return true;
}
