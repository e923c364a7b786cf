/* Measuring arms side by side; see validation_rounds.h.
 *
 * A predicted time is that of processing units at one speed. On a shared machine each unit is slow
 * at its own times (harness/experiment/speed_probe.h); an arm that divides evenly then waits for
 * the slower one, and one that balances does not. So a sample is a row of short pieces, the speed
 * of all units is looked at before and after each, and only pieces between two fast looks count; a
 * piece begins when no unit is slow, but for a unit that stays slow. What is left out does not
 * depend on the arm. */
#define _GNU_SOURCE
#include "harness/simulation/validation_rounds.h"

#include "base/clock.h"
#include "base/random.h"
#include "harness/arms/arm_process.h"
#include "harness/experiment/evidence.h"
#include "harness/experiment/speed_probe.h"
#include "harness/progress.h"
#include "results/speeds.h"
#include "results/statistics.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WARM_BATCHES = 64, ARMS_MOST = 256, WAIT_STEP_US = 1000, WAIT_MOST_NS = 100 * 1000000 };
/* If less than this share of the pieces lies between fast looks, the best ones up to it count. */
#define KEPT_LEAST 0.1

struct piece {
    unsigned arm, round;
    double measured_ns, predicted_ns;
    bool disturbed;
    size_t look;   /* the one before it; the one after is the next */
    double slower; /* the slowest unit's time over its fast time, before or after */
};

struct measuring {
    const struct rounds_setup *setup;
    struct arm_process **processes;
    struct speed_probe *probe;
    unsigned units;
    struct piece *pieces;
    size_t piece_count, piece_capacity;
    double *looks;     /* [look_count x units] */
    bool *are_regular; /* [look_count] not because another one was slow */
    size_t look_count, look_capacity;
    double least[SPEED_PROBE_UNITS]; /* of each unit's looks so far */
    struct random random;
    unsigned round;
};

/* ---- measuring ---- */

static bool look(struct measuring *m, bool regular, struct error *error) {
    if (m->look_count == m->look_capacity) {
        size_t capacity = m->look_capacity ? 2 * m->look_capacity : 1024;
        double *looks = realloc(m->looks, capacity * m->units * sizeof *looks);
        if (looks) m->looks = looks;
        bool *are_regular = realloc(m->are_regular, capacity * sizeof *are_regular);
        if (are_regular) m->are_regular = are_regular;
        if (!looks || !are_regular) return error_set(error, "out of memory");
        m->look_capacity = capacity;
    }
    double *ns = m->looks + m->look_count * m->units;
    speed_probe_read(m->probe, ns);
    for (unsigned u = 0; u < m->units; u++)
        m->least[u] = m->look_count ? fmin(m->least[u], ns[u]) : ns[u];
    m->are_regular[m->look_count++] = regular;
    return true;
}

/* As far as is known by now. */
static bool is_slow(const struct measuring *m) {
    const double *ns = m->looks + (m->look_count - 1) * m->units;
    for (unsigned u = 0; u < m->units; u++)
        if (ns[u] > SPEEDS_SLOW * m->least[u]) return true;
    return false;
}

/* Waits for a while until no unit is slow, so that less is measured in vain. */
static bool await_speed(struct measuring *m, struct error *error) {
    uint64_t begin = clock_now_ns();
    while (is_slow(m) && clock_now_ns() - begin < WAIT_MOST_NS) {
        usleep(WAIT_STEP_US);
        if (!look(m, false, error)) return false;
    }
    return true;
}

static struct piece *new_piece(struct measuring *m) {
    if (m->piece_count == m->piece_capacity) {
        size_t capacity = m->piece_capacity ? 2 * m->piece_capacity : 1024;
        struct piece *pieces = realloc(m->pieces, capacity * sizeof *pieces);
        if (!pieces) return NULL;
        m->pieces = pieces;
        m->piece_capacity = capacity;
    }
    return &m->pieces[m->piece_count++];
}

/* One arm's sample: neighbouring pieces from predicted batch `at` on. A piece before them finds the
 * caches as another arm left them and is not counted. */
static bool measure_arm(struct measuring *m, unsigned arm, size_t at, struct error *error) {
    const struct rounds_setup *setup = m->setup;
    const double *predicted_ns = setup->arms[arm].predicted_ns;
    size_t run = setup->arms[arm].run;
    if (!look(m, true, error)) return false;
    for (unsigned p = 0; p <= setup->pieces; p++, at += run) {
        struct arm_sample sample;
        char text[160];
        size_t first = at % setup->batches * setup->stride % setup->corpus->batch_count;
        if ((p && !await_speed(m, error)) ||
            !arm_process_measure(m->processes[arm], first, run, &sample, error) ||
            !look(m, false, error))
            return false;
        struct piece *piece = p ? new_piece(m) : NULL;
        if (p && !piece) return error_set(error, "out of memory");
        if (!piece) continue;
        *piece = (struct piece){.arm = arm,
                                .round = m->round,
                                .measured_ns = (double)sample.duration_ns,
                                .look = m->look_count - 2};
        for (size_t k = 0; k < run; k++)
            piece->predicted_ns += predicted_ns[(at + k) % setup->batches];
        piece->disturbed =
            evidence_taint(&sample.evidence, sample.duration_ns, setup->arms[arm].spec->workers,
                           text, sizeof text) != NULL;
    }
    return true;
}

/* All arms once, in a random order, on the same text. Arms are processes: whoever is measured twice
 * in a row would find its caches warm, so nobody is more often than by chance. */
static bool measure_round(struct measuring *m, struct error *error) {
    unsigned order[ARMS_MOST];
    size_t at = random_below(&m->random, m->setup->batches);
    for (unsigned i = 0; i < m->setup->arm_count; i++) {
        size_t j = random_below(&m->random, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (size_t i = 0; i < m->setup->arm_count; i++)
        if (!measure_arm(m, order[i], at, error)) return false;
    m->round++;
    return true;
}

static void stop_arms(struct measuring *m) {
    for (size_t i = 0; i < m->setup->arm_count; i++) {
        arm_process_stop(m->processes[i]);
        m->processes[i] = NULL;
    }
}

static bool start_arms(struct measuring *m, struct error *error) {
    const struct corpus *corpus = m->setup->corpus;
    char vocab[PATH_MAX], merges[PATH_MAX];
    struct arm_process_setup setup = {.corpus_path = corpus->path,
                                      .vocab_path = vocab,
                                      .merges_path = merges,
                                      .batch_lines = corpus->batch_lines,
                                      .pin = true};
    if (!corpus_vocabulary_paths(corpus->built_in, vocab, merges, sizeof vocab, error))
        return false;
    for (size_t i = 0; i < m->setup->arm_count; i++) {
        uint64_t digest, ids, duration_ns;
        progress_show("starting the real arms", (double)i / (double)m->setup->arm_count);
        m->processes[i] = arm_process_start(m->setup->arms[i].spec, &setup, error);
        if (!m->processes[i] || !arm_process_digest(m->processes[i], 0, WARM_BATCHES, &digest, &ids,
                                                    &duration_ns, error))
            return false;
    }
    return true;
}

/* One generation of the arms' processes: where memory lies differs from one to the next, and with
 * it an arm's speed by some per cent. */
static bool measure_generation(struct measuring *m, double time_s, struct error *error) {
    bool done = start_arms(m, error);
    uint64_t begin = clock_now_ns(), limit = (uint64_t)(time_s * 1e9);
    while (done && clock_now_ns() - begin < limit) {
        progress_show("measuring the real arms",
                      (double)(clock_now_ns() - begin) / (double)(limit + 1));
        done = measure_round(m, error);
    }
    stop_arms(m);
    return done;
}

/* ---- judging ---- */

/* Sets every piece's `slower`, and from which value on a piece is left out. */
static bool judge_speeds(struct measuring *m, struct rounds *rounds, struct error *error) {
    if (!m->piece_count) return true;
    double *values = malloc((m->look_count + m->piece_count) * sizeof *values);
    double fast[SPEED_PROBE_UNITS];
    if (!values) return error_set(error, "out of memory");
    size_t slow = 0, regular = 0;
    for (unsigned u = 0; u < m->units; u++) {
        for (size_t i = 0; i < m->look_count; i++)
            values[i] = m->looks[i * m->units + u];
        fast[u] = speeds_fast_time(values, m->look_count);
        for (size_t i = 0; i < m->look_count; i++) {
            regular += m->are_regular[i];
            slow += m->are_regular[i] && m->looks[i * m->units + u] > SPEEDS_SLOW * fast[u];
        }
    }
    rounds->slow_share = (double)slow / (double)regular;
    for (size_t i = 0; i < m->piece_count; i++) {
        struct piece *piece = &m->pieces[i];
        piece->slower = 0;
        for (unsigned u = 0; u < m->units; u++)
            for (size_t k = piece->look; k <= piece->look + 1; k++)
                piece->slower = fmax(piece->slower, m->looks[k * m->units + u] / fast[u]);
        values[i] = piece->slower;
    }
    statistics_sort(values, m->piece_count);
    rounds->slow_limit = fmax(SPEEDS_SLOW, statistics_quantile(values, m->piece_count, KEPT_LEAST));
    free(values);
    return true;
}

/* Sums up the kept pieces of each arm and round. */
static bool sum_up(struct measuring *m, struct rounds *rounds, struct error *error) {
    size_t arms = m->setup->arm_count, cells = m->round * arms;
    double *measured = calloc(cells + 1, sizeof *measured);
    double *predicted = calloc(cells + 1, sizeof *predicted);
    rounds->count = m->round;
    rounds->ratios = calloc(cells + 1, sizeof *rounds->ratios);
    rounds->counts = calloc(arms + 1, sizeof *rounds->counts);
    bool done = measured && predicted && rounds->ratios && rounds->counts;
    for (size_t i = 0; done && i < m->piece_count; i++) {
        const struct piece *piece = &m->pieces[i];
        struct rounds_count *count = &rounds->counts[piece->arm];
        bool slowed = piece->slower > rounds->slow_limit;
        count->slowed += slowed;
        count->disturbed += !slowed && piece->disturbed;
        if (slowed || piece->disturbed) continue;
        count->kept++;
        measured[piece->round * arms + piece->arm] += piece->measured_ns;
        predicted[piece->round * arms + piece->arm] += piece->predicted_ns;
    }
    for (size_t i = 0; done && i < cells; i++)
        rounds->ratios[i] = predicted[i] > 0 ? measured[i] / predicted[i] : NAN;
    free(measured);
    free(predicted);
    return done || error_set(error, "out of memory");
}

static unsigned units_of(const struct rounds_setup *setup) {
    unsigned units = 1, most = placement_pu_count(setup->placement);
    for (size_t i = 0; i < setup->arm_count; i++)
        if (setup->arms[i].spec->workers > units) units = setup->arms[i].spec->workers;
    if (units > most) units = most;
    return units < SPEED_PROBE_UNITS ? units : SPEED_PROBE_UNITS;
}

struct rounds *rounds_measure(const struct rounds_setup *setup, struct error *error) {
    struct measuring m = {.setup = setup, .units = units_of(setup)};
    struct rounds *rounds = calloc(1, sizeof *rounds);
    bool done = setup->arm_count <= ARMS_MOST;
    if (!done) error_set(error, "--validate takes at most %d arms", ARMS_MOST);
    m.processes = calloc(setup->arm_count + 1, sizeof *m.processes);
    if (done && (!m.processes || !rounds)) done = error_set(error, "out of memory");
    if (done) m.probe = speed_probe_create(setup->placement, m.units, error);
    done = done && m.probe;
    for (unsigned p = 0; done && p < setup->processes; p++)
        done = measure_generation(&m, setup->time_s / setup->processes, error);
    done = done && judge_speeds(&m, rounds, error) && sum_up(&m, rounds, error);
    speed_probe_free(m.probe);
    free(m.processes);
    free(m.pieces);
    free(m.looks);
    free(m.are_regular);
    if (done) return rounds;
    rounds_free(rounds);
    return NULL;
}

void rounds_free(struct rounds *rounds) {
    if (!rounds) return;
    free(rounds->ratios);
    free(rounds->counts);
    free(rounds);
}
