/* Measuring arms side by side; see validation_rounds.h.
 *
 * All arms once are a round: each a sample, in a random order, on the same text. A sample is a row
 * of short pieces, so that one in which threads had to wait for a processor can be left out. The
 * speed of a shared machine's units changes within milliseconds, and with what they did just
 * before: so each piece is between two pieces of a plain loop on every unit that the arm uses, in
 * the same rhythm, which say how fast they were (speed_recorder.h). */
#define _GNU_SOURCE
#include "harness/simulation/validation_rounds.h"

#include "base/clock.h"
#include "base/random.h"
#include "harness/arms/arm_process.h"
#include "harness/experiment/evidence.h"
#include "harness/progress.h"
#include "harness/simulation/speed_recorder.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WARM_BATCHES = 64, ARMS_MOST = 256 };

struct measuring {
    const struct rounds_setup *setup;
    struct rounds *rounds;
    struct arm_process **processes;    /* [arm_count] */
    struct speed_recorder **recorders; /* by units - 1; NULL: no arm uses so many */
    struct random random;
};

/* ---- a round ---- */

static size_t batch_at(const struct measuring *m, size_t at) {
    return at % m->setup->batches * m->setup->stride % m->setup->corpus->batch_count;
}

/* Whether the piece counts. */
static bool measure_piece(struct measuring *m, size_t arm, size_t at, double *measured_ns,
                          double *predicted_ns, bool *counts, struct error *error) {
    const struct rounds_arm *setup = &m->setup->arms[arm];
    struct arm_sample sample;
    char text[160];
    if (!arm_process_measure(m->processes[arm], batch_at(m, at), setup->run, &sample, error))
        return false;
    *counts = !evidence_taint(&sample.evidence, sample.duration_ns, setup->spec->workers, text,
                              sizeof text);
    *measured_ns = (double)sample.duration_ns;
    *predicted_ns = 0;
    for (size_t k = 0; k < setup->run; k++)
        *predicted_ns += setup->predicted_ns[(at + k) % m->setup->batches];
    return true;
}

/* One arm's sample: neighbouring pieces from predicted batch `at` on. The first one finds the
 * caches as another arm left them and is not counted. */
static bool measure_arm(struct measuring *m, size_t arm, size_t at, struct error *error) {
    struct rounds *rounds = m->rounds;
    const struct rounds_arm *setup = &m->setup->arms[arm];
    struct speed_recorder *recorder = m->recorders[setup->spec->workers - 1];
    size_t cell = rounds->count * m->setup->arm_count + arm;
    struct virtual_speeds *speeds = &rounds->speeds[cell];
    double measured_ns = 0, predicted_ns = 0;
    for (unsigned p = 0; p <= m->setup->pieces; p++, at += setup->run) {
        double measured, predicted;
        bool counts;
        if (!measure_piece(m, arm, at, &measured, &predicted, &counts, error) ||
            !speed_recorder_record(recorder, batch_at(m, at), setup->run, speeds, error))
            return false;
        if (!p) continue;
        rounds->counts[arm].disturbed += !counts;
        if (!counts) continue;
        rounds->counts[arm].kept++;
        measured_ns += measured;
        predicted_ns += predicted;
    }
    rounds->ratios[cell] = predicted_ns > 0 ? measured_ns / predicted_ns : NAN;
    return true;
}

static bool grow(struct rounds *rounds, size_t arms, struct error *error) {
    if (rounds->count < rounds->capacity) return true;
    size_t capacity = rounds->capacity ? 2 * rounds->capacity : 64;
    double *ratios = realloc(rounds->ratios, capacity * arms * sizeof *ratios);
    if (ratios) rounds->ratios = ratios;
    size_t *firsts = realloc(rounds->firsts, capacity * sizeof *firsts);
    if (firsts) rounds->firsts = firsts;
    struct virtual_speeds *speeds = realloc(rounds->speeds, capacity * arms * sizeof *speeds);
    if (speeds) {
        rounds->speeds = speeds;
        memset(speeds + rounds->capacity * arms, 0,
               (capacity - rounds->capacity) * arms * sizeof *speeds);
    }
    if (!ratios || !firsts || !speeds) return error_set(error, "out of memory");
    rounds->capacity = capacity;
    return true;
}

/* Arms are processes: whoever is measured twice in a row would find its caches warm, so nobody is
 * more often than by chance. */
static bool measure_round(struct measuring *m, struct error *error) {
    size_t arms = m->setup->arm_count, order[ARMS_MOST];
    size_t at = random_below(&m->random, m->setup->batches);
    if (!grow(m->rounds, arms, error)) return false;
    for (size_t i = 0; i < arms; i++) {
        size_t j = random_below(&m->random, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (size_t i = 0; i < arms; i++)
        if (!measure_arm(m, order[i], at, error)) return false;
    m->rounds->firsts[m->rounds->count++] = at;
    return true;
}

/* ---- processes ---- */

/* The first of the arms that use so many units, and the most batches of a piece of one. */
static const struct arm_spec *user_of(const struct rounds_setup *setup, unsigned units,
                                      size_t *most) {
    const struct arm_spec *first = NULL;
    *most = 0;
    for (size_t i = 0; i < setup->arm_count; i++) {
        if (setup->arms[i].spec->workers != units) continue;
        if (!first) first = setup->arms[i].spec;
        if (setup->arms[i].run > *most) *most = setup->arms[i].run;
    }
    return first;
}

/* One for each number of units that an arm uses. */
static bool start_recorders(struct measuring *m, struct error *error) {
    const struct rounds_setup *setup = m->setup;
    for (unsigned units = 1; units <= placement_pu_count(setup->placement); units++) {
        struct speed_recorder_setup recorder = {.corpus = setup->corpus,
                                                .trace = setup->trace,
                                                .placement = setup->placement,
                                                .units = units};
        recorder.spec = user_of(setup, units, &recorder.most_batches);
        if (!recorder.spec) continue;
        m->recorders[units - 1] = speed_recorder_start(&recorder, error);
        if (!m->recorders[units - 1]) return false;
    }
    return true;
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

/* A recorder has the pipes of those that were started before it open, too: the last ends first. */
static void stop_all(struct measuring *m) {
    for (size_t i = 0; i < m->setup->arm_count; i++) {
        arm_process_stop(m->processes[i]);
        m->processes[i] = NULL;
    }
    for (unsigned i = placement_pu_count(m->setup->placement); i-- > 0;) {
        speed_recorder_end(m->recorders[i]);
        m->recorders[i] = NULL;
    }
}

/* One generation of processes: where memory lies differs from one to the next, and with it an arm's
 * speed by some per cent. */
static bool measure_generation(struct measuring *m, double time_s, struct error *error) {
    bool done = start_recorders(m, error) && start_arms(m, error);
    uint64_t begin = clock_now_ns(), limit = (uint64_t)(time_s * 1e9);
    while (done && clock_now_ns() - begin < limit) {
        progress_show("measuring the real arms",
                      (double)(clock_now_ns() - begin) / (double)(limit + 1));
        done = measure_round(m, error);
    }
    stop_all(m);
    return done;
}

/* ---- all ---- */

static bool create(struct measuring *m, struct error *error) {
    size_t arms = m->setup->arm_count;
    if (arms > ARMS_MOST) return error_set(error, "--validate takes at most %d arms", ARMS_MOST);
    m->processes = calloc(arms + 1, sizeof *m->processes);
    m->recorders = calloc(placement_pu_count(m->setup->placement) + 1, sizeof *m->recorders);
    m->rounds->counts = calloc(arms + 1, sizeof *m->rounds->counts);
    m->rounds->arm_count = arms;
    return (m->processes && m->recorders && m->rounds->counts) || error_set(error, "out of memory");
}

struct rounds *rounds_measure(const struct rounds_setup *setup, struct error *error) {
    struct measuring m = {.setup = setup, .rounds = calloc(1, sizeof *m.rounds)};
    if (!m.rounds) {
        error_set(error, "out of memory");
        return NULL;
    }
    bool done = create(&m, error);
    for (unsigned p = 0; done && p < setup->processes; p++)
        done = measure_generation(&m, setup->time_s / setup->processes, error);
    free(m.processes);
    free(m.recorders);
    if (done) return m.rounds;
    rounds_free(m.rounds);
    return NULL;
}

void rounds_free(struct rounds *rounds) {
    if (!rounds) return;
    for (size_t i = 0; rounds->speeds && i < rounds->capacity * rounds->arm_count; i++)
        free(rounds->speeds[i].slowness);
    free(rounds->speeds);
    free(rounds->firsts);
    free(rounds->ratios);
    free(rounds->counts);
    free(rounds);
}
