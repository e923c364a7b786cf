/* Measures the fast encoder; see encoder_bench.h. */
#define _GNU_SOURCE
#include "harness/encoder_bench/encoder_bench.h"

#include "base/clock.h"
#include "base/digest.h"
#include "harness/encoder_bench/encoder_bench_internal.h"
#include "tokenizer/encoders.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define READ_BYTES      ((size_t)64 << 20) /* larger than the caches of most machines */
#define ADDITIONS       2000000
#define REFERENCE_WORDS 1000000 /* room for every distinct word of the text */

static volatile uint64_t sink; /* keeps results that nobody needs */

static void run_pcre2(struct encoder_bench *b) {
    size_t words = 0;
    for (size_t i = 0; i < b->corpus->line_count; i++)
        words += pretokenizer_match_alone(b->pretokenizer, b->pretokenizer_scratch,
                                          b->corpus->lines[i], b->corpus->lengths[i]);
    sink = words;
}

static void run_reference(struct encoder_bench *b) {
    size_t count = 0;
    for (size_t i = 0; i < b->corpus->line_count; i++)
        count += piece_encoder_ids(&b->reference, &b->reference_scratch, b->corpus->lines[i],
                                   b->corpus->lengths[i], b->ids);
    sink = count;
}

static void run_whole(struct encoder_bench *b) {
    sink = fast_encode_text(b->side->level, b->side->warm, b->text, b->length, b->ids);
}

/* A line's ids take the place of the last one's, as in run_reference. */
static void run_lines(struct encoder_bench *b) {
    size_t count = 0;
    for (size_t i = 0; i < b->corpus->line_count; i++)
        count +=
            fast_encode_text(b->side->level, b->side->warm, (const uint8_t *)b->corpus->lines[i],
                             b->corpus->lengths[i], b->ids);
    sink = count;
}

static void run_batch(struct encoder_bench *b) {
    sink = fast_encode_lines(b->side->level, b->side->warm, b->text, b->length, b->ids, b->counts);
}

static void prepare_cold(struct encoder_bench *b) {
    fast_words_renew(b->side->cold);
}

static void run_cold(struct encoder_bench *b) {
    sink = fast_encode_text(b->side->level, b->side->cold, b->text, b->length, b->ids);
}

static void run_no_cache(struct encoder_bench *b) {
    struct fast_scanner scanner;
    uint32_t *ids = b->ids, *starts = b->side->warm->starts;
    fast_scanner_begin(&scanner, b->text, b->length);
    for (size_t open = 0;;) {
        size_t count = open + b->side->level->scan_text(&scanner, starts + open, FAST_CHUNK - open);
        bool done = fast_scanner_done(&scanner);
        starts[count] = (uint32_t)b->length;
        for (size_t i = 0; i + !done < count; i++)
            ids += fast_merge(b->model, b->side->warm->merge, b->text + starts[i],
                              starts[i + 1] - starts[i], ids);
        if (done) break;
        starts[0] = starts[count - 1];
        open = 1;
    }
    sink = (size_t)(ids - b->ids);
}

static void run_scan(struct encoder_bench *b) {
    struct fast_scanner scanner;
    fast_scanner_begin(&scanner, b->text, b->length);
    size_t count = 0, more;
    while ((more = b->side->level->scan_text(&scanner, b->side->warm->starts, FAST_CHUNK)) > 0)
        count += more;
    sink = count;
}

static void run_look_up(struct encoder_bench *b) {
    for (size_t i = 0; i < b->start_count; i += FAST_CHUNK) {
        size_t count = b->start_count - i < FAST_CHUNK ? b->start_count - i : FAST_CHUNK;
        b->side->level->look_up(b->side->warm, b->text, b->starts + i, count, b->values + i);
    }
}

static void run_emit(struct encoder_bench *b) {
    uint32_t *out = b->ids;
    for (size_t i = 0; i < b->start_count; i += FAST_CHUNK) {
        size_t count = b->start_count - i < FAST_CHUNK ? b->start_count - i : FAST_CHUNK;
        out = b->side->level->emit_text(b->side->warm, b->text, b->starts + i, count, b->values + i,
                                        out, b->ids + b->length);
    }
    sink = (size_t)(out - b->ids);
}

/* As many at a time as chunks have on average; longer ones one by one. */
static void run_miss(struct encoder_bench *b) {
    enum { TOGETHER = 11 };
    uint64_t sum = 0;
    uint32_t ids[FAST_LONGEST_WORD];
    struct fast_merge_job jobs[TOGETHER];
    for (size_t i = 0, count = 0; i < b->missing_count; i++) {
        const uint8_t *word = b->text + b->missing[i].start;
        if (b->missing[i].length > FAST_LANE_BYTES)
            sum += fast_merge(b->model, b->side->warm->merge, word, b->missing[i].length, ids);
        else
            jobs[count++] = (struct fast_merge_job){.word = word, .length = b->missing[i].length};
        if (count < TOGETHER && i + 1 < b->missing_count) continue;
        fast_merge_many(b->model, jobs, count);
        while (count)
            sum += jobs[--count].count;
    }
    sink = sum;
}

static void run_read(struct encoder_bench *b) {
    const uint64_t *words = b->read_memory;
    uint64_t sums[8] = {0};
    for (size_t i = 0; i < READ_BYTES / sizeof *words; i += 8)
        for (size_t k = 0; k < 8; k++)
            sums[k] += words[i + k];
    for (size_t k = 1; k < 8; k++)
        sums[0] += sums[k];
    sink = sums[0];
}

static const struct {
    const char *name, *what;
    void (*prepare)(struct encoder_bench *); /* not timed */
    void (*run)(struct encoder_bench *);
    bool leveled; /* depends on the instruction set */
} cases[] = {
    {"PCRE2 matching", "jit_match, one pre-token a call, per line", NULL, run_pcre2, false},
    {"pcre2 per line", "the encoder pcre2, warm, its cache holding every word", NULL, run_reference,
     false},
    {"warm whole", "the whole text in one call", NULL, run_whole, true},
    {"warm per line", "one call a line", NULL, run_lines, true},
    {"warm batch", "all lines in one call", NULL, run_batch, true},
    {"cold whole", "seeded tables that have seen no text", prepare_cold, run_cold, true},
    {"no cache", "every word merged anew", NULL, run_no_cache, false},
    {"scan", "stage: where words begin", NULL, run_scan, true},
    {"lookup", "stage: their ids in the tables", NULL, run_look_up, true},
    {"emit", "stage: ids written out", NULL, run_emit, true},
    {"miss", "stage: merging the corpus's words that are no token", NULL, run_miss, false},
    {"memory read", "64 MiB, for comparison", NULL, run_read, false},
};
enum { CASES = sizeof cases / sizeof cases[0], PCRE2_CASE = 0 };
_Static_assert((int)CASES <= (int)ENCODER_BENCH_CASES_LIMIT, "every case has room for its times");

size_t encoder_bench_case_count(void) {
    return CASES;
}

static double case_bytes(const struct encoder_bench *b, size_t index) {
    if (cases[index].run == run_read) return (double)READ_BYTES;
    return (double)(cases[index].run == run_miss ? b->missing_bytes : b->length);
}

static double case_units(const struct encoder_bench *b, size_t index) {
    if (cases[index].run == run_miss) return (double)b->missing_count;
    if (cases[index].run == run_read)
        return (double)READ_BYTES * (double)b->start_count / (double)b->length;
    return (double)b->start_count;
}

/* A chain of additions, one cycle each on every processor of the last decades. */
static double additions_per_ns(void) {
    uint64_t x = 0, from = clock_thread_cpu_ns();
    for (int i = 0; i < ADDITIONS; i++) {
        x += 3;
        __asm__ volatile("" : "+r"(x));
        x += 5;
        __asm__ volatile("" : "+r"(x));
        x += 7;
        __asm__ volatile("" : "+r"(x));
        x += 9;
        __asm__ volatile("" : "+r"(x));
    }
    sink = x;
    return 4.0 * ADDITIONS / (double)(clock_thread_cpu_ns() - from);
}

/* One round of a case, at all levels that it depends on. What is not prepared is warm: a run that
 * is not timed goes before, so that the caches hold what the case itself left there, not the case
 * before. */
static void time_case(struct encoder_bench *b, size_t index, unsigned round) {
    size_t sides = cases[index].leveled ? b->side_count : 1;
    for (size_t k = 0; b->wanted[index] && k < sides; k++) {
        size_t side = (k + round) % sides;
        b->side = &b->sides[side];
        (cases[index].prepare ? cases[index].prepare : cases[index].run)(b);
        uint64_t from = clock_thread_cpu_ns();
        cases[index].run(b);
        b->durations[side][index][round] = (double)(clock_thread_cpu_ns() - from);
    }
}

bool encoder_bench_run(struct encoder_bench *b, struct error *error) {
    (void)error;
    for (unsigned round = 0; round < b->rounds; round++) {
        b->clock_ghz[round] = additions_per_ns();
        for (size_t k = 0; k < CASES; k++)
            time_case(b, (k + round) % CASES, round);
    }
    b->side = &b->sides[0];
    return true;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double encoder_bench_median(const double *values, unsigned count) {
    double sorted[ENCODER_BENCH_ROUNDS_LIMIT];
    memcpy(sorted, values, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_doubles);
    return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

/* Median of the rounds' ratios of throughputs, `side` of a case to PCRE2 matching. */
static double ratio_to_pcre2(const struct encoder_bench *b, size_t side, size_t index) {
    double ratios[ENCODER_BENCH_ROUNDS_LIMIT];
    for (unsigned round = 0; round < b->rounds; round++)
        ratios[round] = b->durations[0][PCRE2_CASE][round] / case_bytes(b, PCRE2_CASE) /
                        (b->durations[side][index][round] / case_bytes(b, index));
    return encoder_bench_median(ratios, b->rounds);
}

bool encoder_bench_result(const struct encoder_bench *b, size_t index,
                          struct encoder_bench_case *result) {
    if (!b->wanted[index]) return false;
    double median = encoder_bench_median(b->durations[0][index], b->rounds);
    *result = (struct encoder_bench_case){
        .name = cases[index].name,
        .what = cases[index].what,
        .bytes = case_bytes(b, index),
        .units = case_units(b, index),
        .duration_ns = median,
        .throughput_mb_per_s = case_bytes(b, index) / median * 1e3,
        .ratio = ratio_to_pcre2(b, 0, index),
    };
    return true;
}

bool encoder_bench_beside(const struct encoder_bench *b, size_t index,
                          struct encoder_bench_beside *result) {
    if (!b->wanted[index] || !cases[index].leveled || b->side_count < 2) return false;
    double ratios[ENCODER_BENCH_ROUNDS_LIMIT];
    for (unsigned round = 0; round < b->rounds; round++)
        ratios[round] = b->durations[0][index][round] / b->durations[1][index][round];
    double median = encoder_bench_median(b->durations[1][index], b->rounds);
    *result = (struct encoder_bench_beside){
        .name = cases[index].name,
        .throughput_mb_per_s = case_bytes(b, index) / median * 1e3,
        .ratio = ratio_to_pcre2(b, 1, index),
        .of_first = encoder_bench_median(ratios, b->rounds),
    };
    return true;
}

const char *encoder_bench_level(const struct encoder_bench *b) {
    return b->sides[0].level->name;
}

const char *encoder_bench_level_beside(const struct encoder_bench *b) {
    return b->side_count > 1 ? b->sides[1].level->name : NULL;
}

size_t encoder_bench_ids(const struct encoder_bench *b) {
    return b->id_count;
}

double encoder_bench_clock_ghz(const struct encoder_bench *b) {
    return encoder_bench_median(b->clock_ghz, b->rounds);
}

/* The starts and values of the whole text, for the stages. */
static void keep_chunk(void *context, struct fast_words *words, const uint8_t *text,
                       const uint32_t *starts, size_t count, const uint64_t *values) {
    struct encoder_bench *b = context;
    (void)words, (void)text;
    memcpy(b->starts + b->start_count, starts, count * sizeof *starts);
    memcpy(b->values + b->start_count, values, count * sizeof *values);
    b->start_count += count;
}

/* The distinct words that only merging gives: found by what adds to the miss count of fresh tables.
 */
static void find_missing(struct encoder_bench *b) {
    struct fast_words *words = b->side->cold;
    fast_words_renew(words);
    for (size_t i = 0; i < b->start_count; i++) {
        uint64_t before = words->misses;
        uint32_t length = b->starts[i + 1] - b->starts[i];
        fast_words_find(words, b->text + b->starts[i], length);
        if (words->misses == before || length > FAST_LONGEST_WORD) continue;
        b->missing[b->missing_count++] = (struct bench_word){b->starts[i], length};
        b->missing_bytes += length;
    }
}

static bool allocate(struct encoder_bench *b, struct error *error) {
    size_t n = b->length + FAST_CHUNK_ENTRIES;
    b->ids = malloc(n * sizeof *b->ids);
    b->counts = malloc((b->corpus->line_count + 1) * sizeof *b->counts);
    b->starts = malloc(n * sizeof *b->starts);
    b->values = malloc(n * sizeof *b->values);
    b->missing = malloc(n * sizeof *b->missing);
    b->read_memory =
        mmap(NULL, READ_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (b->read_memory == MAP_FAILED) b->read_memory = NULL;
    if (!b->ids || !b->counts || !b->starts || !b->values || !b->missing || !b->read_memory)
        return error_set(error, "out of memory for a corpus of %zu bytes", b->length);
    madvise(b->read_memory, READ_BYTES, MADV_HUGEPAGE);
    memset(b->read_memory, 1, READ_BYTES);
    return true;
}

static bool load_reference(struct encoder_bench *b, struct error *error) {
    if (!piece_encoder_init(&b->reference, b->tokenizer, WORD_CACHE_WORKER, REFERENCE_WORDS, error))
        return false;
    if (!piece_scratch_init(&b->reference_scratch, &b->reference, error)) {
        piece_encoder_release(&b->reference);
        return false;
    }
    b->has_reference = true;
    return true;
}

static bool load_side(struct encoder_bench *b, int simd, struct error *error) {
    struct bench_side *side = &b->sides[b->side_count++];
    side->level = fast_level_choose(simd, error);
    if (!side->level) return false;
    side->warm = fast_words_create(b->model, side->level->hash, b->memory, error);
    side->cold =
        side->warm ? fast_words_create(b->model, side->level->hash, b->memory, error) : NULL;
    return side->cold != NULL;
}

static bool load(struct encoder_bench *b, const struct encoder_bench_settings *settings,
                 struct error *error) {
    b->tokenizer = tokenizer_create(settings->vocab_path, settings->merges_path, 0, error);
    if (!b->tokenizer) return false;
    b->model = fast_model_create(b->tokenizer->vocabulary, error);
    if (!b->model) return false;
    if (!load_side(b, settings->simd, error)) return false;
    if (settings->beside >= 0 && !load_side(b, settings->beside, error)) return false;
    b->side = &b->sides[0];
    b->pretokenizer = pretokenizer_create(error);
    if (!b->pretokenizer) return false;
    if (!pretokenizer_is_compiled(b->pretokenizer))
        return error_set(error,
                         "PCRE2 has no just-in-time compiler here, and with it no reference");
    b->pretokenizer_scratch = pretokenizer_scratch_create(b->pretokenizer, error);
    return b->pretokenizer_scratch != NULL && load_reference(b, error);
}

/* PCRE2's matching is always among them: it is what the others are compared with. */
static bool choose_cases(struct encoder_bench *b, const char *names, struct error *error) {
    for (size_t i = 0; i < CASES; i++)
        b->wanted[i] = !names;
    b->wanted[PCRE2_CASE] = true;
    for (size_t length; names && *names; names += length + (names[length] == ',')) {
        size_t i = 0;
        length = strcspn(names, ",");
        while (i < CASES &&
               (strlen(cases[i].name) != length || strncmp(cases[i].name, names, length) != 0))
            i++;
        if (i == CASES)
            return error_set(error, "there is no case '%.*s'; their names are the first column",
                             (int)length, names);
        b->wanted[i] = true;
    }
    return true;
}

struct encoder_bench *encoder_bench_create(const struct encoder_bench_settings *settings,
                                           bool *same_ids, struct error *error) {
    struct encoder_bench *b = calloc(1, sizeof *b);
    if (!b) {
        error_set(error, "out of memory");
        return NULL;
    }
    b->corpus = settings->corpus;
    b->text = (const uint8_t *)b->corpus->data;
    b->length = b->corpus->size_bytes;
    b->rounds = settings->rounds;
    b->workers = settings->workers;
    b->memory = settings->memory;
    if (!choose_cases(b, settings->cases, error) || !load(b, settings, error) ||
        !allocate(b, error) || !encoder_bench_check(b, settings, same_ids, error)) {
        encoder_bench_destroy(b);
        return NULL;
    }
    fast_each_chunk(b->side->level, b->side->warm, b->text, b->length, false, keep_chunk, b);
    b->starts[b->start_count] = (uint32_t)b->length;
    find_missing(b);
    run_reference(b); /* warms its cache */
    return b;
}

void encoder_bench_destroy(struct encoder_bench *b) {
    if (!b) return;
    for (size_t i = 0; i < b->side_count; i++) {
        fast_words_destroy(b->sides[i].warm);
        fast_words_destroy(b->sides[i].cold);
    }
    if (b->has_reference) {
        piece_scratch_release(&b->reference_scratch);
        piece_encoder_release(&b->reference);
    }
    pretokenizer_scratch_destroy(b->pretokenizer_scratch);
    pretokenizer_destroy(b->pretokenizer);
    fast_model_destroy(b->model);
    tokenizer_destroy(b->tokenizer);
    if (b->read_memory) munmap(b->read_memory, READ_BYTES);
    free(b->ids);
    free(b->counts);
    free(b->starts);
    free(b->values);
    free(b->missing);
    free(b);
}
