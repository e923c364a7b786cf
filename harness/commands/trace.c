/* `grainbench trace`: what every line of the corpus costs, for simulations. */
#define _GNU_SOURCE
#include "base/file.h"
#include "harness/command.h"
#include "harness/simulation/cost_trace.h"
#include "results/speeds.h"

#include <limits.h>
#include <stdio.h>

struct trace_options {
    const char *corpus, *encoder, *vocab, *merges, *output;
    int tokenizer, entry;
    int64_t passes, batch;
};

static const struct grainbench_option option_table[] = {
    {"encoder", 'e', GRAINBENCH_OPTION_TEXT, offsetof(struct trace_options, encoder), "NAME",
     "pcre2:cost=reference:storage=heap:cache=worker", NULL, 0, 0, "encoder with options"},
    {"tokenizer", 0, GRAINBENCH_OPTION_CHOICE, offsetof(struct trace_options, tokenizer), "KIND",
     "bench", ARM_TOKENIZERS, 0, 0, "plain GPT-2, or the original benchmark's"},
    {"entry", 0, GRAINBENCH_OPTION_CHOICE, offsetof(struct trace_options, entry), "POINT", "batch",
     ARM_ENTRIES, 0, 0, "entry point of the encoder"},
    {"corpus", 'c', GRAINBENCH_OPTION_TEXT, offsetof(struct trace_options, corpus), "FILE", NULL,
     NULL, 0, 0, "text to encode, one item a line [default: big.txt]"},
    {"batch", 'b', GRAINBENCH_OPTION_INTEGER, offsetof(struct trace_options, batch), "N", "1000",
     NULL, 1, 1e8, "lines whose results live at the same time"},
    {"passes", 'n', GRAINBENCH_OPTION_INTEGER, offsetof(struct trace_options, passes), "N", "5",
     NULL, 1, 10000, "passes over the corpus; a batch's cost is their median"},
    {"vocab", 0, GRAINBENCH_OPTION_TEXT, offsetof(struct trace_options, vocab), "FILE", NULL, NULL,
     0, 0, "vocab.json [default: the GPT-2 one of the data folder]"},
    {"merges", 0, GRAINBENCH_OPTION_TEXT, offsetof(struct trace_options, merges), "FILE", NULL,
     NULL, 0, 0, "merges.txt [default: the GPT-2 one of the data folder]"},
    {"output", 'o', GRAINBENCH_OPTION_TEXT, offsetof(struct trace_options, output), "FILE", NULL,
     NULL, 0, 0, "where to write the trace (required)"},
    {0}};

static bool make_trace(const struct trace_options *options, const struct corpus *corpus,
                       struct error *error) {
    char vocab[PATH_MAX], merges[PATH_MAX];
    if (!options->vocab != !options->merges)
        return error_set(error, "give both --vocab and --merges, or neither");
    if (!options->vocab &&
        !corpus_vocabulary_paths(corpus->built_in, vocab, merges, sizeof vocab, error))
        return false;
    struct cost_trace_setup setup = {.corpus = corpus,
                                     .vocab_path = options->vocab ? options->vocab : vocab,
                                     .merges_path = options->merges ? options->merges : merges,
                                     .encoder = options->encoder,
                                     .entry = options->entry,
                                     .tokenizer = options->tokenizer,
                                     .passes = (unsigned)options->passes};
    struct cost_trace *trace = cost_trace_measure(&setup, error);
    if (!trace) return false;
    double encode_ns = 0, drop_ns = 0;
    for (size_t i = 0; i < trace->count; i++) {
        encode_ns += trace->encode_ns[i];
        drop_ns += trace->drop_ns[i];
    }
    bool written = cost_trace_write(trace, corpus, options->output, error);
    if (written)
        printf("%s: %zu lines, %.0f ns a line to encode and %.0f ns to give back; one thread would "
               "do %.2f MiB/s\n",
               options->output, trace->count, encode_ns / (double)trace->count,
               drop_ns / (double)trace->count, cost_trace_mib_per_s(trace, corpus));
    if (written && trace->slow_share > SPEEDS_OFTEN)
        printf(
            "The processing unit was slow in %.0f %% of the batches, as where somebody else uses "
            "it: another time may give\nother costs. Ratios of encoding here and there were taken "
            "side by side.\n",
            100 * trace->slow_share);
    cost_trace_free(trace);
    return written;
}

static int run_trace(const void *values, int operand_count, char **operands) {
    const struct trace_options *options = values;
    struct error error;
    if (operand_count) return command_fail("trace", "'%s' is not expected here", operands[0]);
    if (!options->output) return command_fail("trace", "--output FILE is missing");
    if (!file_can_be_written(options->output, &error))
        return command_fail("trace", "%s", error.message);
    struct corpus *corpus = corpus_load(options->corpus, (size_t)options->batch, &error);
    bool made = corpus && make_trace(options, corpus, &error);
    corpus_destroy(corpus);
    return made ? EXIT_OK : command_fail("trace", "%s", error.message);
}

const struct command command_trace = {
    .name = "trace",
    .summary = "measure what every line costs, for simulations",
    .operands = "",
    .description =
        "Encodes every line of the corpus, several times over and in several ways (on one thread, "
        "on "
        "one that slept and whose results another one gives back, on two at once), and writes for "
        "each line the median time that encoding took and that giving the result back took, and "
        "what each of these ways changes: what 'grainbench simulate --costs' takes as the items' "
        "costs. Results of a batch live until the batch is encoded, as in a run. What was measured "
        "while the processing unit was slow, as where somebody else uses its core, is left out.",
    .examples = "grainbench trace --output reference.trace\n"
                "grainbench trace --encoder pcre2:cost=lean:storage=arena --output lean.trace\n"
                "grainbench simulate --costs reference.trace --machine vera",
    .options = option_table,
    .options_size = sizeof(struct trace_options),
    .run = run_trace,
};
