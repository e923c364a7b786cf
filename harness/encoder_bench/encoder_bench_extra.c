/* Around the cases of encoder_bench.h: are the ids right, what do several workers give, and how
 * long does loading take. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "base/digest.h"
#include "base/options.h"
#include "harness/encoder_bench/encoder_bench_internal.h"
#include "tokenizer/encoders.h"
#include "tokenizer/vocabulary_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

/* Digests of the whole text and of all lines by an encoder's `encode_ids`. */
static bool digest_by_encoder(struct encoder_bench *b, const char *name,
                              const struct encoder_bench_settings *settings, uint64_t digests[2],
                              struct error *error) {
    const struct grainbench_encoder_operations *o = encoders_find(name);
    struct grainbench_encoder_setup setup = {.struct_size = sizeof setup,
                                             .vocab_path = settings->vocab_path,
                                             .merges_path = settings->merges_path,
                                             .workers = 1};
    char message[GRAINBENCH_MESSAGE_SIZE] = "out of memory";
    void *options = calloc(1, o->options_size), *scratch = NULL, *encoder = NULL;
    bool ok = options && options_set_defaults(o->options, options, error);
    if (ok) encoder = o->create(&setup, options, message);
    if (encoder) scratch = o->scratch_create(encoder, 0, message);
    ok = scratch != NULL;
    if (ok) {
        size_t count = o->encode_ids(encoder, scratch, b->corpus->data, b->length, b->ids);
        digests[0] = digest_ids(DIGEST_START, b->ids, count);
        digests[1] = DIGEST_START;
        for (size_t i = 0; i < b->corpus->line_count; i++) {
            count =
                o->encode_ids(encoder, scratch, b->corpus->lines[i], b->corpus->lengths[i], b->ids);
            digests[1] = digest_ids(digests[1], b->ids, count);
        }
    }
    if (scratch) o->scratch_destroy(encoder, scratch);
    if (encoder) o->destroy(encoder);
    free(options);
    return ok || error_set(error, "encoder %s: %s", name, message);
}

static bool same_on_side(struct encoder_bench *b, const struct bench_side *side,
                         const uint64_t expected[2]) {
    uint64_t found[3] = {DIGEST_START, DIGEST_START, DIGEST_START};
    b->id_count = fast_encode_text(side->level, side->warm, b->text, b->length, b->ids);
    found[0] = digest_ids(DIGEST_START, b->ids, b->id_count);
    for (size_t i = 0; i < b->corpus->line_count; i++) {
        size_t count =
            fast_encode_text(side->level, side->warm, (const uint8_t *)b->corpus->lines[i],
                             b->corpus->lengths[i], b->ids);
        found[1] = digest_ids(found[1], b->ids, count);
    }
    size_t count =
        fast_encode_lines(side->level, side->warm, b->text, b->length, b->ids, b->counts);
    found[2] = digest_ids(DIGEST_START, b->ids, count);
    return found[0] == expected[0] && found[1] == expected[1] && found[2] == expected[1];
}

bool encoder_bench_check(struct encoder_bench *b, const struct encoder_bench_settings *settings,
                         bool *same_ids, struct error *error) {
    uint64_t expected[2];
    if (!digest_by_encoder(b, "pcre2", settings, expected, error)) return false;
    *same_ids = true;
    for (size_t i = 0; i < b->side_count; i++)
        *same_ids = same_on_side(b, &b->sides[i], expected) && *same_ids;
    return true;
}

/* One worker: its own tables and output, the shared text. */
struct worker {
    struct encoder_bench *bench;
    struct fast_words *words;
    uint32_t *ids;
    pthread_t thread;
    pthread_barrier_t *barrier;
    unsigned passes;
};

static void *work(void *argument) {
    struct worker *w = argument;
    pthread_barrier_wait(w->barrier);
    for (unsigned i = 0; i < w->passes; i++)
        fast_encode_text(w->bench->side->level, w->words, w->bench->text, w->bench->length, w->ids);
    pthread_barrier_wait(w->barrier);
    return NULL;
}

static double user_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec * 1e-6;
}

/* Wall nanoseconds of `count` workers doing all their passes side by side, and their user CPU
 * seconds; 0 if a thread cannot be started. */
static double run_side_by_side(struct worker *workers, unsigned count, double *user) {
    pthread_barrier_t barrier;
    if (pthread_barrier_init(&barrier, NULL, count + 1) != 0) return 0;
    for (unsigned i = 0; i < count; i++) {
        workers[i].barrier = &barrier;
        /* The barrier would wait for ever for the threads that are missing. */
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) abort();
    }
    pthread_barrier_wait(&barrier);
    double user_before = user_seconds();
    uint64_t from = clock_now_ns();
    pthread_barrier_wait(&barrier);
    double duration = (double)(clock_now_ns() - from);
    *user = user_seconds() - user_before;
    for (unsigned i = 0; i < count; i++)
        pthread_join(workers[i].thread, NULL);
    pthread_barrier_destroy(&barrier);
    return duration;
}

static bool make_workers(struct encoder_bench *b, struct worker *workers, struct error *error) {
    for (unsigned i = 0; i < b->workers; i++) {
        workers[i].bench = b;
        workers[i].passes = 8;
        workers[i].ids = malloc((b->length + 1) * sizeof *workers[i].ids);
        if (!workers[i].ids) return error_set(error, "out of memory for %u workers", b->workers);
        workers[i].words = fast_words_create(b->model, b->side->level->hash, b->memory, error);
        if (!workers[i].words) return false;
        fast_encode_text(b->side->level, workers[i].words, b->text, b->length, workers[i].ids);
    }
    return true;
}

bool encoder_bench_run_workers(struct encoder_bench *b, struct encoder_bench_workers *result,
                               struct error *error) {
    struct worker *workers = calloc(b->workers, sizeof *workers);
    if (!workers) return error_set(error, "out of memory for %u workers", b->workers);
    bool ok = make_workers(b, workers, error);
    double one[ENCODER_BENCH_ROUNDS_LIMIT], many[ENCODER_BENCH_ROUNDS_LIMIT];
    double scaling[ENCODER_BENCH_ROUNDS_LIMIT], user[ENCODER_BENCH_ROUNDS_LIMIT], ignored;
    for (unsigned round = 0; ok && round < b->rounds; round++) {
        if (round % 2) many[round] = run_side_by_side(workers, b->workers, &user[round]);
        one[round] = run_side_by_side(workers, 1, &ignored);
        if (round % 2 == 0) many[round] = run_side_by_side(workers, b->workers, &user[round]);
        if (one[round] <= 0 || many[round] <= 0) ok = error_set(error, "cannot make a barrier");
        scaling[round] = one[round] / many[round] * b->workers;
        user[round] = user[round] * 1e9 / many[round];
    }
    if (ok) {
        double bytes = 8 * (double)b->length;
        struct encoder_bench_case pcre2;
        encoder_bench_result(b, 0, &pcre2);
        result->one_mb_per_s = bytes / encoder_bench_median(one, b->rounds) * 1e3;
        result->many_mb_per_s = bytes * b->workers / encoder_bench_median(many, b->rounds) * 1e3;
        result->scaling = encoder_bench_median(scaling, b->rounds);
        result->user_cpu = encoder_bench_median(user, b->rounds);
        result->ratio = result->many_mb_per_s / pcre2.throughput_mb_per_s;
    }
    for (unsigned i = 0; i < b->workers; i++) {
        fast_words_destroy(workers[i].words);
        free(workers[i].ids);
    }
    free(workers);
    return ok;
}

static bool time_load(const struct encoder_bench_settings *settings, bool cached, double *ms,
                      struct error *error) {
    uint64_t from = clock_thread_cpu_ns();
    struct tokenizer *tokenizer = (cached ? tokenizer_create_cached : tokenizer_create)(
        settings->vocab_path, settings->merges_path, 0, error);
    struct fast_model *model = tokenizer ? fast_model_create(tokenizer->vocabulary, error) : NULL;
    *ms = (double)(clock_thread_cpu_ns() - from) * 1e-6;
    fast_model_destroy(model);
    tokenizer_destroy(tokenizer);
    return model != NULL;
}

bool encoder_bench_run_load(const struct encoder_bench_settings *settings,
                            struct encoder_bench_load *result, struct error *error) {
    enum { TIMES = 7 };
    double json[TIMES], cache[TIMES];
    enum vocabulary_source source;
    struct vocabulary *vocabulary =
        vocabulary_load_cached(settings->vocab_path, settings->merges_path, &source, error);
    vocabulary_destroy(vocabulary);
    if (!vocabulary) return false;
    for (int i = 0; i < TIMES; i++)
        if (!time_load(settings, false, &json[i], error) ||
            !time_load(settings, true, &cache[i], error))
            return false;
    result->json_ms = encoder_bench_median(json, TIMES);
    result->cache_ms = source == VOCABULARY_NOT_CACHED ? 0 : encoder_bench_median(cache, TIMES);
    return true;
}
