/* Takes the samples of a group: slices of all arms interleaved, with the evidence of what disturbed
 * them; see experiment.h. docs/method.md says why. */
#define _GNU_SOURCE
#include "harness/experiment/experiment_internal.h"

#include <stdio.h>
#include <string.h>

void runner_shuffle(struct random *random, unsigned *order, unsigned count) {
    for (unsigned i = count; i > 1; i--) {
        unsigned j = (unsigned)random_below(random, i), swap = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swap;
    }
}

/* The order of a group's arms: a random one in even rounds, its reverse in odd rounds. */
static unsigned order_arms(struct runner *runner, unsigned group, uint64_t round, unsigned *order) {
    const struct experiment *experiment = runner->experiment;
    unsigned count = 0;
    for (size_t i = 0; i < experiment->arm_count && count < GROUP_ARM_LIMIT; i++)
        if (experiment->arms[i].group == group) order[count++] = (unsigned)i;
    struct random random = {experiment->seed + (round / 2) * 1000003u + group * 7919u};
    runner_shuffle(&random, order, count);
    for (unsigned i = 0; round % 2 && i < count / 2; i++) {
        unsigned swap = order[i];
        order[i] = order[count - 1 - i];
        order[count - 1 - i] = swap;
    }
    return count;
}

/* Williams' square (1949): row r is the first row, 0 1 n-1 2 n-2 .., with r added to each; an odd n
 * takes as many rows again, of the mirrored first row, with r subtracted. */
unsigned slice_order_place(unsigned count, unsigned row, unsigned position) {
    bool mirrored = count % 2 && row / count % 2;
    unsigned at = mirrored ? count - 1 - position : position;
    unsigned first = at % 2 ? (at + 1) / 2 : (count - at / 2) % count;
    unsigned added = row % count;
    return (first + (mirrored ? count - added : added)) % count;
}

/* A sample under way: what its slices gave so far. */
struct gathering {
    struct arm_sample sum;
    json_t *slices_ns, *slices_tainted;
    char taint[160]; /* of the first tainted slice, or "" */
};

static void add_count(uint64_t *sum, uint64_t more) {
    *sum = *sum == EVIDENCE_UNAVAILABLE || more == EVIDENCE_UNAVAILABLE ? EVIDENCE_UNAVAILABLE
                                                                        : *sum + more;
}

static void gather(struct gathering *gathering, const struct arm_sample *slice, unsigned index,
                   unsigned workers) {
    struct arm_sample *sum = &gathering->sum;
    sum->duration_ns += slice->duration_ns;
    sum->parallel_ns += slice->parallel_ns;
    sum->drop_ns += slice->drop_ns;
    sum->cpu_ns += slice->cpu_ns;
    sum->bytes += slice->bytes;
    sum->items += slice->items;
    add_count(&sum->evidence.run_queue_wait_ns, slice->evidence.run_queue_wait_ns);
    add_count(&sum->evidence.own_wait_ns, slice->evidence.own_wait_ns);
    add_count(&sum->evidence.involuntary_switches, slice->evidence.involuntary_switches);
    add_count(&sum->evidence.voluntary_switches, slice->evidence.voluntary_switches);
    add_count(&sum->evidence.own_switches, slice->evidence.own_switches);
    add_count(&sum->evidence.steal_ns, slice->evidence.steal_ns);
    add_count(&sum->evidence.throttled, slice->evidence.throttled);
    json_array_append_new(gathering->slices_ns, json_integer((json_int_t)slice->duration_ns));
    char taint[sizeof gathering->taint];
    if (!evidence_taint(&slice->evidence, slice->duration_ns, workers, taint, sizeof taint)) return;
    json_array_append_new(gathering->slices_tainted, json_integer(index));
    if (!gathering->taint[0]) snprintf(gathering->taint, sizeof gathering->taint, "%s", taint);
}

/* A sample of which more than half of the slices are tainted is tainted itself. */
static bool record_one(struct runner *runner, unsigned arm, uint64_t round, unsigned position,
                       const struct gathering *gathering, struct error *error) {
    const struct arm_sample *measured = &gathering->sum;
    size_t slices = json_array_size(gathering->slices_ns);
    size_t tainted = json_array_size(gathering->slices_tainted);
    struct sample sample = {
        .arm = arm,
        .round = (unsigned)round,
        .position = position,
        .process = runner->process,
        .duration_ns = measured->duration_ns,
        .bytes = measured->bytes,
        .items = measured->items,
        .cpu_ns = measured->cpu_ns,
        .evidence = evidence_to_json(&measured->evidence),
        .slices_ns = slices > 1 ? gathering->slices_ns : NULL,
        .slices_tainted = slices > 1 && tainted ? gathering->slices_tainted : NULL,
        .tainted = 2 * tainted > slices ? gathering->taint : NULL,
    };
    for (int p = 0; p < PHASE_COUNT; p++)
        sample.phases_ns[p] = RECORD_UNAVAILABLE;
    sample.phases_ns[PHASE_DROP] = measured->drop_ns;
    bool ok = record_append_sample(runner->writer, &sample, error);
    json_decref(sample.evidence);
    runner->experiment->samples += ok;
    return ok;
}

/* A look at how fast the processing units are, before the arms of a slice. */
static void look_at_speeds(const struct runner *runner, json_t *looks) {
    double ns[SPEED_PROBE_UNITS];
    if (!runner->probe) return;
    json_t *look = json_array();
    speed_probe_read(runner->probe, ns);
    for (unsigned u = 0; u < runner->probed_units; u++)
        json_array_append_new(look, json_integer((json_int_t)ns[u]));
    json_array_append_new(looks, look);
}

static bool record_speeds(struct runner *runner, unsigned group, uint64_t round, json_t *looks,
                          struct error *error) {
    if (!runner->probe) return true;
    return record_append(runner->writer,
                         json_pack("{s:s, s:I, s:i, s:O}", "kind", "speeds", "round",
                                   (json_int_t)round, "group", (int)group, "ns", looks),
                         error);
}

/* One sample of every arm of the group, slice by slice, each slice in another order: who comes
 * first, and after whom, moves speeds by a percent (the arm before leaves its data in the caches).
 */
static bool measure_slices(struct runner *runner, unsigned group, uint64_t round,
                           const unsigned *order, unsigned count, struct gathering *gatherings,
                           json_t *looks, struct error *error) {
    const struct experiment *experiment = runner->experiment;
    size_t batches = runner->batches[group];
    for (unsigned slice = 0; slice < runner->slices[group]; slice++) {
        size_t first = (size_t)(((round * runner->slices[group] + slice) * batches) %
                                experiment->corpus->batch_count);
        unsigned row = (unsigned)((round * runner->slices[group] + slice) % (2 * count));
        look_at_speeds(runner, looks);
        for (unsigned i = 0; i < count; i++) {
            unsigned position = slice_order_place(count, row, i);
            struct arm_sample sample;
            if (!arm_process_measure(runner->processes[order[position]], first, batches, &sample,
                                     error))
                return false;
            gather(&gatherings[position], &sample, slice,
                   experiment->arms[order[position]].spec.workers);
        }
    }
    return true;
}

bool runner_measure_group(struct runner *runner, unsigned group, uint64_t round,
                          struct error *error) {
    unsigned order[GROUP_ARM_LIMIT];
    struct gathering gatherings[GROUP_ARM_LIMIT];
    unsigned count = order_arms(runner, group, round, order);
    for (unsigned i = 0; i < count; i++)
        gatherings[i] =
            (struct gathering){.slices_ns = json_array(), .slices_tainted = json_array()};
    json_t *looks = json_array();
    bool done = measure_slices(runner, group, round, order, count, gatherings, looks, error);
    for (unsigned i = 0; i < count; i++) {
        done = done && record_one(runner, order[i], round, i, &gatherings[i], error);
        json_decref(gatherings[i].slices_ns);
        json_decref(gatherings[i].slices_tainted);
    }
    done = done && record_speeds(runner, group, round, looks, error);
    json_decref(looks);
    return done;
}
