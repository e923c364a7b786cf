/* From a trace's times to costs; see cost_trace_times.h. */
#include "harness/simulation/cost_trace_times.h"

#include "results/speeds.h"
#include "results/statistics.h"

#include <math.h>
#include <stdlib.h>

/* A block's batches are compared as one. The first of them find the caches as another kind left
 * them, which a run's do not. Short, because the speed of a shared machine is another one a moment
 * later. */
enum { BLOCK_BATCHES = 6, SETTLING_BATCHES = 2 };
#define SLOW_MOST 0.5
enum { LAG = 5 }; /* blocks between one kind's text and the next kind's: nobody finds it cached */

static double median(const double *values, size_t count) {
    return count ? statistics_median(values, count) : 0;
}

size_t cost_times_blocks(const struct corpus *corpus) {
    return (corpus->batch_count + BLOCK_BATCHES - 1) / BLOCK_BATCHES;
}

size_t cost_times_block(const struct corpus *corpus, size_t step, enum pass_kind kind,
                        size_t *count) {
    size_t block = (step + LAG * (size_t)kind) % cost_times_blocks(corpus);
    size_t first = block * BLOCK_BATCHES, left = corpus->batch_count - first;
    *count = left < BLOCK_BATCHES ? left : BLOCK_BATCHES;
    return first;
}

enum member { MEMBER_ENCODE, MEMBER_DROP, MEMBER_RESET };

static double member_of(const struct batch_times *times, enum member member) {
    return member == MEMBER_ENCODE ? times->encode
           : member == MEMBER_DROP ? times->drop
                                   : times->reset;
}

static double speed_of(const struct batch_times *times, enum member member) {
    return member == MEMBER_ENCODE ? times->encode_speed : times->drop_speed;
}

/* Processing unit 0 encodes in every kind of pass, and gives back in all but one. */
static unsigned unit_of(enum pass_kind kind, enum member member) {
    return kind == PASS_REMOTE && member != MEMBER_ENCODE;
}

/* Readings of a unit from which on it was slow. */
static double slow_limit(const struct cost_times *t, unsigned unit, double *room) {
    size_t count = 0, all = t->passes * t->corpus->batch_count;
    enum pass_kind kind = unit ? PASS_REMOTE : PASS_ALONE;
    for (size_t i = 0; i < all; i++) {
        double speed = t->batches[kind][i].drop_speed;
        if (speed > 0) room[count++] = speed;
    }
    return count ? SPEEDS_SLOW * speeds_fast_time(room, count) : INFINITY;
}

/* Makes the speeds 1 where the unit was slow and 0 where it was not. */
static void judge_speeds(struct cost_times *t, double *room) {
    double limits[2] = {slow_limit(t, 0, room), t->two ? slow_limit(t, 1, room) : INFINITY};
    size_t slow = 0, all = 0;
    for (int kind = 0; kind < PASS_KINDS; kind++) {
        if (kind == PASS_LINES || (kind > PASS_LINES && !t->two)) continue;
        for (size_t i = 0; i < t->passes * t->corpus->batch_count; i++) {
            struct batch_times *times = &t->batches[kind][i];
            enum pass_kind k = (enum pass_kind)kind;
            if (!(times->encode > 0)) continue;
            times->encode_speed = times->encode_speed > limits[unit_of(k, MEMBER_ENCODE)];
            times->drop_speed = times->drop_speed > limits[unit_of(k, MEMBER_DROP)];
            slow += times->encode_speed > 0;
            all++;
        }
    }
    t->slow_share = (double)slow / (double)all;
}

/* Median over the passes of a batch's time: over those at full speed, if there was one. Where units
 * are slow for most of the time all count, so that all batches are of one kind. */
static double batch_median(const struct cost_times *t, enum pass_kind kind, size_t batch,
                           enum member member, double *room) {
    for (int slow = t->slow_share > SLOW_MOST; slow < 2; slow++) {
        size_t count = 0;
        for (unsigned p = 0; p < t->passes; p++) {
            const struct batch_times *times = &t->batches[kind][p * t->corpus->batch_count + batch];
            if (slow || !(speed_of(times, member) > 0)) room[count++] = member_of(times, member);
        }
        if (count) return median(room, count);
    }
    return 0;
}

/* Median over a block's batches of a kind's time over what the batch takes alone; 0: not known.
 * Also of batches while the unit was slow: so it was for a neighbouring block as often, and the few
 * that are left without them differ by more. */
static double block_value(const struct cost_times *t, size_t step, unsigned pass,
                          enum pass_kind kind, enum member member, const double *usual) {
    double values[BLOCK_BATCHES];
    size_t batches = t->corpus->batch_count, count, known = 0;
    size_t first = cost_times_block(t->corpus, step, kind, &count);
    size_t settling = count > SETTLING_BATCHES ? SETTLING_BATCHES : 0;
    for (size_t b = first + settling; b < first + count; b++) {
        const struct batch_times *times = &t->batches[kind][pass * batches + b];
        double ns = member_of(times, member);
        if (usual[b] > 0 && ns > 0) values[known++] = ns / usual[b];
    }
    return median(values, known);
}

/* By how many times a kind's batches last longer than alone: in each pass the median over blocks,
 * which are compared with the block that was encoded alone a moment before or after; and the median
 * of that over the passes, since each has memory in other places. */
static double ratio_of(const struct cost_times *t, enum pass_kind kind, enum member member,
                       const double *usual, double *room) {
    size_t passes = 0;
    double *blocks = room + t->passes;
    for (unsigned p = 0; p < t->passes; p++) {
        size_t count = 0;
        for (size_t step = 0; step < cost_times_blocks(t->corpus); step++) {
            double there = block_value(t, step, p, kind, member, usual);
            double here = block_value(t, step, p, PASS_ALONE, member, usual);
            if (there > 0 && here > 0) blocks[count++] = there / here;
        }
        if (count) room[passes++] = median(blocks, count);
    }
    return median(room, passes);
}

static double median_of(const struct cost_times *t, enum pass_kind kind, enum member member,
                        double *room) {
    size_t count = t->corpus->batch_count * t->passes;
    for (size_t i = 0; i < count; i++)
        room[i] = member_of(&t->batches[kind][i], member);
    return median(room, count);
}

/* Lines' medians, and then such that a batch's lines sum up to the batch's median. */
static void share_out(const struct cost_times *t, int which, enum member member, double *costs,
                      double *room) {
    const struct corpus *corpus = t->corpus;
    unsigned passes = t->passes;
    for (size_t b = 0; b < corpus->batch_count; b++) {
        size_t start = corpus_batch_start(corpus, b), count = corpus_batch_size(corpus, b);
        double sum = 0, batch_ns = batch_median(t, PASS_ALONE, b, member, room);
        for (size_t line = start; line < start + count; line++) {
            for (unsigned p = 0; p < passes; p++)
                room[p] = t->lines[which][p * corpus->line_count + line];
            costs[line] = median(room, passes);
            sum += costs[line];
        }
        for (size_t line = start; line < start + count; line++)
            costs[line] = sum > 0 ? costs[line] * batch_ns / sum : batch_ns / (double)count;
    }
}

/* Times of each batch alone. */
static void usual_times(const struct cost_times *t, enum member member, double *usual,
                        double *room) {
    for (size_t b = 0; b < t->corpus->batch_count; b++)
        usual[b] = batch_median(t, PASS_ALONE, b, member, room);
}

bool cost_times_conclude(struct cost_times *t, struct cost_trace *trace, struct error *error) {
    size_t batches = t->corpus->batch_count;
    double *room = calloc((batches + 1) * (t->passes + 1), sizeof *room);
    double *usual = calloc(batches, sizeof *usual);
    if (room && usual) {
        judge_speeds(t, room);
        share_out(t, 0, MEMBER_ENCODE, trace->encode_ns, room);
        share_out(t, 1, MEMBER_DROP, trace->drop_ns, room);
        struct cost_sections *sections = &trace->sections;
        sections->reset_ns = median_of(t, PASS_ALONE, MEMBER_RESET, room);
        if (t->two) {
            sections->remote_reset_ns = median_of(t, PASS_REMOTE, MEMBER_RESET, room);
            usual_times(t, MEMBER_ENCODE, usual, room);
            sections->lone_encode = ratio_of(t, PASS_LONE, MEMBER_ENCODE, usual, room);
            sections->remote_encode = ratio_of(t, PASS_REMOTE, MEMBER_ENCODE, usual, room);
            sections->crowd = ratio_of(t, PASS_CROWDED, MEMBER_ENCODE, usual, room);
            usual_times(t, MEMBER_DROP, usual, room);
            sections->lone_drop = ratio_of(t, PASS_LONE, MEMBER_DROP, usual, room);
            sections->remote_drop = ratio_of(t, PASS_REMOTE, MEMBER_DROP, usual, room);
        }
    }
    bool done = room && usual;
    free(room);
    free(usual);
    return done || error_set(error, "out of memory");
}
