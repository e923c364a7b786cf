/* `grainbench bench-encoder`: what the fast encoder costs; the measuring is in encoder_bench.h. */
#include "harness/command.h"
#include "harness/encoder_bench/encoder_bench.h"
#include "tokenizer/fast_level.h"

#include <stdio.h>

struct bench_encoder_options {
    const char *corpus, *vocab, *merges, *cases;
    int64_t rounds, memory, workers;
    int simd, beside;
    bool load;
};

static const struct grainbench_option bench_encoder_table[] = {
    {"corpus", 'c', GRAINBENCH_OPTION_TEXT, offsetof(struct bench_encoder_options, corpus), "FILE",
     NULL, NULL, 0, 0, "the text; without it, big.txt of the data folder"},
    {"vocab", 0, GRAINBENCH_OPTION_TEXT, offsetof(struct bench_encoder_options, vocab), "FILE",
     NULL, NULL, 0, 0, "the vocabulary; without it, vocab.json of the data folder"},
    {"merges", 0, GRAINBENCH_OPTION_TEXT, offsetof(struct bench_encoder_options, merges), "FILE",
     NULL, NULL, 0, 0, "the merges; without it, merges.txt of the data folder"},
    {"rounds", 'r', GRAINBENCH_OPTION_INTEGER, offsetof(struct bench_encoder_options, rounds), "N",
     "21", NULL, 1, ENCODER_BENCH_ROUNDS_LIMIT, "how often every case is run"},
    {"simd", 0, GRAINBENCH_OPTION_CHOICE, offsetof(struct bench_encoder_options, simd), "LEVEL",
     "auto", FAST_LEVEL_CHOICES, 0, 0, "instruction set of the encoder's inner loops"},
    {"beside", 0, GRAINBENCH_OPTION_CHOICE, offsetof(struct bench_encoder_options, beside), "LEVEL",
     "none", "none|" FAST_LEVEL_CHOICES, 0, 0,
     "a second instruction set, run in the same rounds and compared with the first"},
    {"cases", 0, GRAINBENCH_OPTION_TEXT, offsetof(struct bench_encoder_options, cases), "NAMES",
     NULL, NULL, 0, 0, "only these cases, with commas between, and PCRE2 matching"},
    {"memory", 0, GRAINBENCH_OPTION_INTEGER, offsetof(struct bench_encoder_options, memory), "MIB",
     "4", NULL, 2, 4096, "most memory for a worker's word tables, in MiB"},
    {"workers", 'w', GRAINBENCH_OPTION_INTEGER, offsetof(struct bench_encoder_options, workers),
     "N", "1", NULL, 1, 256, "also compare this many workers, each with its own tables, with one"},
    {"load", 0, GRAINBENCH_OPTION_FLAG, offsetof(struct bench_encoder_options, load), NULL, NULL,
     NULL, 0, 0, "also time loading the model, from JSON and from the cache file"},
    {0}};

static void print_cases(const struct encoder_bench *bench) {
    double ghz = encoder_bench_clock_ghz(bench);
    printf("%-15s %9s %13s %9s   %-52s %9s\n", "case", "MB/s", "ns/pre-token", "cycles", "what",
           "vs PCRE2");
    for (size_t i = 0; i < encoder_bench_case_count(); i++) {
        struct encoder_bench_case result;
        if (!encoder_bench_result(bench, i, &result)) continue;
        double ns = result.duration_ns / result.units;
        printf("%-15s %9.0f %13.2f %9.1f   %-52s %8.2fx\n", result.name, result.throughput_mb_per_s,
               ns, ns * ghz, result.what, result.ratio);
    }
}

static void print_beside(const struct encoder_bench *bench) {
    for (size_t i = 0; i < encoder_bench_case_count(); i++) {
        struct encoder_bench_beside result;
        if (!encoder_bench_beside(bench, i, &result)) continue;
        char what[80];
        snprintf(what, sizeof what, "%s: %.0f %% of %s", encoder_bench_level_beside(bench),
                 100 * result.of_first, encoder_bench_level(bench));
        printf("%-15s %9.0f %13s %9s   %-52s %8.2fx\n", result.name, result.throughput_mb_per_s, "",
               "", what, result.ratio);
    }
}

static bool print_workers(struct encoder_bench *bench, unsigned workers, struct error *error) {
    struct encoder_bench_workers result;
    if (!encoder_bench_run_workers(bench, &result, error)) return false;
    char what[80];
    snprintf(what, sizeof what, "wall; %.2f x one (%.0f MB/s), %.2f user CPU", result.scaling,
             result.one_mb_per_s, result.user_cpu);
    char name[32];
    snprintf(name, sizeof name, "%u workers", workers);
    printf("%-15s %9.0f %13s %9s   %-52s %8.2fx\n", name, result.many_mb_per_s, "", "", what,
           result.ratio);
    return true;
}

static bool print_load(const struct encoder_bench_settings *settings, struct error *error) {
    struct encoder_bench_load result;
    if (!encoder_bench_run_load(settings, &result, error)) return false;
    printf("load            %.1f ms from vocab.json and merges.txt", result.json_ms);
    if (result.cache_ms > 0)
        printf(", %.1f ms from the cache file\n", result.cache_ms);
    else
        printf("; there is no place for a cache file\n");
    return true;
}

static int measure(struct encoder_bench_settings *settings, bool load) {
    struct error error;
    bool same_ids;
    struct encoder_bench *bench = encoder_bench_create(settings, &same_ids, &error);
    if (!bench) return command_fail("bench-encoder", "%s", error.message);
    if (!same_ids) {
        encoder_bench_destroy(bench);
        command_fail("bench-encoder", "the ids differ from those of the encoder pcre2; does the "
                                      "corpus hold characters newer than PCRE2's Unicode?");
        return EXIT_OUTPUTS_DIFFER;
    }
    bool ok = encoder_bench_run(bench, &error);
    if (ok) {
        printf("%zu bytes, %zu lines, %zu ids as the encoder pcre2's; %s; %u rounds, medians, CPU "
               "time; %.2f GHz\n",
               settings->corpus->size_bytes, settings->corpus->line_count, encoder_bench_ids(bench),
               encoder_bench_level(bench), settings->rounds, encoder_bench_clock_ghz(bench));
        print_cases(bench);
        print_beside(bench);
    }
    if (ok && settings->workers > 1) ok = print_workers(bench, settings->workers, &error);
    encoder_bench_destroy(bench);
    if (ok && load) ok = print_load(settings, &error);
    return ok ? EXIT_OK : command_fail("bench-encoder", "%s", error.message);
}

static int run_bench_encoder(const void *parsed, int operand_count, char **operands) {
    const struct bench_encoder_options *options = parsed;
    struct error error;
    char vocab[4096], merges[4096];
    if (operand_count)
        return command_fail("bench-encoder",
                            "takes no operand such as '%s'; a text is given by "
                            "--corpus",
                            operands[0]);
    struct corpus *corpus = corpus_load(options->corpus, 1000, &error);
    if (!corpus) return command_fail("bench-encoder", "%s", error.message);
    int code = EXIT_USAGE;
    bool given = options->vocab && options->merges;
    if (corpus->size_bytes == 0)
        command_fail("bench-encoder", "%s: is empty", corpus->path);
    else if (!given &&
             !corpus_vocabulary_paths(corpus->built_in, vocab, merges, sizeof vocab, &error))
        command_fail("bench-encoder", "%s", error.message);
    else
        code = measure(
            &(struct encoder_bench_settings){
                .corpus = corpus,
                .vocab_path = options->vocab ? options->vocab : vocab,
                .merges_path = options->merges ? options->merges : merges,
                .simd = options->simd,
                .beside = options->beside - 1,
                .cases = options->cases,
                .memory = (size_t)options->memory << 20,
                .rounds = (unsigned)options->rounds,
                .workers = (unsigned)options->workers,
            },
            options->load);
    corpus_destroy(corpus);
    return code;
}

const struct command command_bench_encoder = {
    .name = "bench-encoder",
    .summary = "measure the fast encoder beside PCRE2 and memory",
    .operands = "",
    .description =
        "Runs the fast encoder over a text, whole, line by line and as a batch of lines, with warm "
        "and with cold word tables and without any, then its stages one by one; and, in the same "
        "rounds, the reference encoder pcre2 line by line, PCRE2's compiled matcher alone, one "
        "word a call, and reading memory. A warm "
        "case runs twice a round and the second run is timed: its caches hold what it left there itself, "
        "not what another case did. Times are CPU time of the thread; what is printed are medians, and at "
        "the end of each line the median of the rounds' ratios to PCRE2 matching alone.\n\n"
        "Cycles are computed from the clock frequency that chains of dependent additions show "
        "during the rounds. MB are 10^6 bytes.\n\n"
        "Before anything is timed the ids are compared with those of the encoder pcre2; exit "
        "status 5 tells that they differ.",
    .examples = "grainbench bench-encoder\n"
                "grainbench bench-encoder --beside avx2 --cases 'warm whole,warm per line'\n"
                "grainbench bench-encoder --simd avx2 --rounds 51\n"
                "grainbench bench-encoder --workers 2 --load",
    .options = bench_encoder_table,
    .options_size = sizeof(struct bench_encoder_options),
    .run = run_bench_encoder,
};
