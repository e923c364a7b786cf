/* Recording the speeds of processing units; see speed_recorder.h. */
#define _GNU_SOURCE
#include "harness/simulation/speed_recorder.h"

#include "base/clock.h"
#include "harness/components.h"
#include "harness/experiment/evidence.h"
#include "harness/simulation/forked_process.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A stamp is taken when the trace's costs since the last one are CHUNK_NS, and at a batch's end
 * unless they are much less. */
#define CHUNK_NS 40e3
#define STEP_NS  50e3
/* A chunk that took longer was interrupted: its unit did something else, not the same slower. */
#define SLOWNESS_MOST 4.0

struct chunk {
    uint64_t begin_ns, end_ns;
    double slowness;
};

/* One unit's loop, in the process that records. */
struct loop {
    struct speed_recorder *recorder;
    unsigned unit;
    pthread_t thread;
    void *scratch;
    char *results;
};

/* What the process is told and tells; shared. */
struct told {
    size_t first, count; /* batches */
    bool failed;
    char message[GRAINBENCH_MESSAGE_SIZE];
    size_t counts[]; /* [units] chunks of each loop */
};

struct speed_recorder {
    struct speed_recorder_setup setup;
    struct forked_process *process;
    struct component component;
    size_t capacity, shared_bytes;
    struct told *told;
    struct chunk *chunks; /* [units x capacity], shared, after told */
    /* In the process: */
    void *encoder;
    struct loop *loops;
    pthread_barrier_t begin, end;
};

static void fail(struct speed_recorder *recorder, const char *message) {
    recorder->told->failed = true;
    snprintf(recorder->told->message, sizeof recorder->told->message, "%s", message);
}

/* ---- in the process: a loop ---- */

static void add_chunk(const struct loop *loop, uint64_t begin_ns, uint64_t end_ns, double cost_ns) {
    struct speed_recorder *recorder = loop->recorder;
    size_t *count = &recorder->told->counts[loop->unit];
    if (*count == recorder->capacity) return;
    recorder->chunks[loop->unit * recorder->capacity + (*count)++] =
        (struct chunk){begin_ns, end_ns, (double)(end_ns - begin_ns) / cost_ns};
}

/* Encodes the loop's part of a batch and gives the results back. */
static bool loop_batch(const struct loop *loop, size_t batch) {
    struct speed_recorder *recorder = loop->recorder;
    const struct speed_recorder_setup *setup = &recorder->setup;
    const struct grainbench_encoder_operations *operations = recorder->component.encoder;
    size_t lines = corpus_batch_size(setup->corpus, batch), done = 0;
    size_t begin = loop->unit * lines / setup->units, end = (loop->unit + 1) * lines / setup->units;
    char message[GRAINBENCH_MESSAGE_SIZE];
    uint64_t before = clock_now_ns();
    double cost_ns = 0;
    bool good = true, stamped = false;
    while (good && begin + done < end) {
        size_t line = corpus_batch_start(setup->corpus, batch) + begin + done;
        good = operations->encode(recorder->encoder, loop->scratch,
                                  (enum grainbench_entry)setup->spec->entry,
                                  setup->corpus->lines[line], setup->corpus->lengths[line],
                                  loop->results + done * operations->result_size, message);
        done += good;
        cost_ns += setup->trace->encode_ns[line];
        if (cost_ns < CHUNK_NS) continue;
        uint64_t now = clock_now_ns();
        add_chunk(loop, before, now, cost_ns);
        before = now;
        cost_ns = 0;
        stamped = true;
    }
    if (cost_ns > (stamped ? CHUNK_NS / 2 : 0)) add_chunk(loop, before, clock_now_ns(), cost_ns);
    for (size_t i = 0; operations->result_drop && i < done; i++)
        operations->result_drop(recorder->encoder, loop->results + i * operations->result_size);
    if (operations->scratch_reset) operations->scratch_reset(recorder->encoder, loop->scratch);
    if (!good) fail(recorder, message);
    return good;
}

/* Loops share the text as a scheduler's workers do, each has its part of every batch: tables that
 * one has read for a text are in a cache for who encodes what is near. They do not wait for each
 * other. */
static void run_loop(const struct loop *loop) {
    struct told *told = loop->recorder->told;
    size_t batches = loop->recorder->setup.corpus->batch_count, done = 0;
    told->counts[loop->unit] = 0;
    while (done < told->count && loop_batch(loop, (told->first + done) % batches))
        done++;
}

static void *loop_main(void *argument) {
    struct loop *loop = argument;
    placement_bind(loop->recorder->setup.placement, loop->unit, NULL);
    for (;;) {
        pthread_barrier_wait(&loop->recorder->begin);
        run_loop(loop);
        pthread_barrier_wait(&loop->recorder->end);
    }
    return NULL;
}

static void *sleep_main(void *argument) {
    (void)argument;
    for (;;)
        pause();
    return NULL;
}

/* ---- in the process: all ---- */

static bool create_encoder(struct speed_recorder *recorder) {
    const struct speed_recorder_setup *setup = &recorder->setup;
    char vocab[4096], merges[4096], message[GRAINBENCH_MESSAGE_SIZE] = "no reason given";
    struct error error;
    if (!corpus_vocabulary_paths(setup->corpus->built_in, vocab, merges, sizeof vocab, &error)) {
        fail(recorder, error.message);
        return false;
    }
    struct grainbench_encoder_setup encoder_setup = {
        .struct_size = sizeof encoder_setup,
        .vocab_path = vocab,
        .merges_path = merges,
        .flags = setup->spec->tokenizer == 1 ? GRAINBENCH_TOKENIZER_BENCH : 0,
        .workers = setup->units};
    recorder->encoder =
        recorder->component.encoder->create(&encoder_setup, recorder->component.options, message);
    if (!recorder->encoder) fail(recorder, message);
    return recorder->encoder != NULL;
}

static bool create_loop(struct speed_recorder *recorder, unsigned unit) {
    const struct grainbench_encoder_operations *operations = recorder->component.encoder;
    struct loop *loop = &recorder->loops[unit];
    size_t slots = recorder->setup.corpus->batch_lines * operations->result_size;
    char message[GRAINBENCH_MESSAGE_SIZE] = "out of memory for a batch's results";
    *loop = (struct loop){.recorder = recorder, .unit = unit};
    loop->results = aligned_alloc(128, (slots + 4096) / 128 * 128);
    if (loop->results) {
        memset(loop->results, 0, slots);
        loop->scratch = operations->scratch_create(recorder->encoder, unit, message);
    }
    if (loop->scratch && (!unit || !pthread_create(&loop->thread, NULL, loop_main, loop)))
        return true;
    fail(recorder, message);
    return false;
}

/* A second thread, if only one that sleeps: as in the trace, malloc then needs atomic operations.
 */
static bool prepare(void *context) {
    struct speed_recorder *recorder = context;
    unsigned units = recorder->setup.units;
    pthread_t sleeper;
    recorder->loops = calloc(units, sizeof *recorder->loops);
    if (!recorder->loops || pthread_barrier_init(&recorder->begin, NULL, units) ||
        pthread_barrier_init(&recorder->end, NULL, units) || !create_encoder(recorder))
        return false;
    for (unsigned unit = 0; unit < units; unit++)
        if (!create_loop(recorder, unit)) return false;
    placement_bind(recorder->setup.placement, 0, NULL);
    return units > 1 || !pthread_create(&sleeper, NULL, sleep_main, NULL);
}

/* Replies whether loops waited for a processor, or the hypervisor took one. */
static void record(void *context, size_t number, void *reply) {
    struct speed_recorder *recorder = context;
    struct evidence before, after;
    char text[160];
    (void)number;
    evidence_read(&before, false);
    uint64_t begin_ns = clock_now_ns();
    pthread_barrier_wait(&recorder->begin);
    run_loop(&recorder->loops[0]);
    pthread_barrier_wait(&recorder->end);
    uint64_t end_ns = clock_now_ns();
    evidence_read(&after, false);
    after = evidence_difference(&before, &after);
    *(bool *)reply =
        evidence_taint(&after, end_ns - begin_ns, recorder->setup.units, text, sizeof text) != NULL;
}

/* ---- the other side ---- */

static const struct chunk *chunks_of(const struct speed_recorder *recorder, unsigned unit) {
    return recorder->chunks + unit * recorder->capacity;
}

/* From when all loops had begun until the first one ended. */
static void common_time(const struct speed_recorder *recorder, double *begin_ns, double *end_ns) {
    *begin_ns = 0;
    *end_ns = INFINITY;
    for (unsigned unit = 0; unit < recorder->setup.units; unit++) {
        const struct chunk *chunks = chunks_of(recorder, unit);
        size_t count = recorder->told->counts[unit];
        *begin_ns = fmax(*begin_ns, (double)chunks[0].begin_ns);
        *end_ns = fmin(*end_ns, (double)chunks[count - 1].end_ns);
    }
}

/* Simulated items have the trace's factor for a crowd already. */
static double crowd_of(const struct speed_recorder *recorder) {
    double crowd = recorder->setup.trace->sections.crowd;
    return recorder->setup.units > 1 && crowd > 0 ? crowd : 1;
}

/* What a chunk found holds until the next one, over what lies between them, too. */
static void fill_unit(const struct speed_recorder *recorder, unsigned unit, double begin_ns,
                      size_t steps, float *slowness) {
    const struct chunk *chunk = chunks_of(recorder, unit);
    const struct chunk *last = chunk + recorder->told->counts[unit] - 1;
    double crowd = crowd_of(recorder), value = 1;
    for (size_t step = 0; step < steps; step++) {
        double middle_ns = begin_ns + ((double)step + 0.5) * STEP_NS;
        while (chunk < last && (double)chunk->end_ns < middle_ns)
            chunk++;
        if (chunk->slowness < SLOWNESS_MOST) value = chunk->slowness / crowd;
        slowness[step * recorder->setup.units + unit] = (float)value;
    }
}

static bool append(const struct speed_recorder *recorder, struct virtual_speeds *speeds,
                   struct error *error) {
    double begin_ns, end_ns;
    unsigned units = recorder->setup.units;
    common_time(recorder, &begin_ns, &end_ns);
    size_t steps = end_ns - begin_ns > STEP_NS ? (size_t)((end_ns - begin_ns) / STEP_NS) : 1;
    float *slowness = realloc(speeds->slowness, (speeds->steps + steps) * units * sizeof *slowness);
    if (!slowness) return error_set(error, "out of memory");
    for (unsigned unit = 0; unit < units; unit++)
        fill_unit(recorder, unit, begin_ns, steps, slowness + speeds->steps * units);
    *speeds = (struct virtual_speeds){.slowness = slowness,
                                      .units = units,
                                      .steps = speeds->steps + steps,
                                      .step_ps = (uint64_t)(STEP_NS * 1000)};
    return true;
}

bool speed_recorder_record(struct speed_recorder *recorder, size_t first, size_t count,
                           struct virtual_speeds *speeds, struct error *error) {
    bool disturbed;
    recorder->told->first = first;
    recorder->told->count = count;
    if (!forked_process_ask(recorder->process, 0, &disturbed))
        return error_set(error, "the process that records speeds ended early");
    if (recorder->told->failed)
        return error_set(error, "encoder %s: %s", recorder->setup.trace->encoder,
                         recorder->told->message);
    for (unsigned unit = 0; unit < recorder->setup.units; unit++)
        if (!recorder->told->counts[unit])
            return error_set(error, "no speed could be recorded on processing unit %u",
                             placement_pu(recorder->setup.placement, unit));
    return !speeds || disturbed || append(recorder, speeds, error);
}

static bool create_shared(struct speed_recorder *recorder, struct error *error) {
    unsigned units = recorder->setup.units;
    size_t told = (sizeof(struct told) + units * sizeof(size_t) + 127) / 128 * 128;
    recorder->capacity = recorder->setup.most_batches * recorder->setup.corpus->batch_lines;
    recorder->shared_bytes = told + units * recorder->capacity * sizeof(struct chunk);
    void *shared = mmap(NULL, recorder->shared_bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return error_set(error, "out of memory to record speeds");
    recorder->told = shared;
    recorder->chunks = (struct chunk *)((char *)shared + told);
    return true;
}

struct speed_recorder *speed_recorder_start(const struct speed_recorder_setup *setup,
                                            struct error *error) {
    struct speed_recorder *recorder = calloc(1, sizeof *recorder);
    if (!recorder) {
        error_set(error, "out of memory");
        return NULL;
    }
    recorder->setup = *setup;
    if (component_parse_encoder(setup->trace->encoder, &recorder->component, error) &&
        create_shared(recorder, error))
        recorder->process = forked_process_start(prepare, record, recorder, sizeof(bool), error);
    if (recorder->process) return recorder;
    if (recorder->told && recorder->told->failed)
        error_set(error, "encoder %s: %s", setup->trace->encoder, recorder->told->message);
    speed_recorder_end(recorder);
    return NULL;
}

void speed_recorder_end(struct speed_recorder *recorder) {
    if (!recorder) return;
    forked_process_end(recorder->process);
    component_free(&recorder->component);
    if (recorder->told) munmap(recorder->told, recorder->shared_bytes);
    free(recorder);
}
