/* `grainbench train`: a vocabulary from text, and the built-in corpus. */
#define _GNU_SOURCE
#include "base/draft.h"
#include "base/file.h"
#include "harness/command.h"
#include "tokenizer/builtin_corpus.h"
#include "tokenizer/trainer.h"
#include "tokenizer/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct train_options {
    int64_t vocabulary_size, minimum;
    const char *output, *builtin_corpus;
};

static const struct grainbench_option train_table[] = {
    {"vocab-size", 'n', GRAINBENCH_OPTION_INTEGER, offsetof(struct train_options, vocabulary_size),
     "N", "50257", NULL, 257, 1e7, "tokens to make: 256 bytes, one a merge, and <|endoftext|>"},
    {"min-count", 0, GRAINBENCH_OPTION_INTEGER, offsetof(struct train_options, minimum), "N", "1",
     NULL, 1, 1e12, "merge no pair that occurs fewer times"},
    {"output", 'o', GRAINBENCH_OPTION_TEXT, offsetof(struct train_options, output), "DIR", NULL,
     NULL, 0, 0, "where vocab.json and merges.txt go; made if it is not there"},
    {"builtin-corpus", 0, GRAINBENCH_OPTION_TEXT, offsetof(struct train_options, builtin_corpus),
     "DIR", NULL, NULL, 0, 0,
     "generate the built-in corpus as DIR/big.txt and train on it, into DIR"},
    {0}};

static bool add_file(struct trainer *trainer, const char *path, struct error *error) {
    char *text;
    size_t size;
    if (!file_read(path, &text, &size, error)) return false;
    size_t bad = utf8_validate(text, size);
    bool ok = bad == size
                  ? trainer_add_text(trainer, text, size, error)
                  : error_set(error,
                              "%s: byte 0x%02x at offset %zu is not UTF-8; repair the file, "
                              "for instance with iconv",
                              path, (unsigned char)text[bad], bad);
    free(text);
    return ok;
}

/* Writes big.txt to the draft of the folder and hands its text to the trainer. */
static bool add_builtin_corpus(struct trainer *trainer, const struct folder_draft *draft,
                               struct error *error) {
    char path[DRAFT_PATH_SIZE + 16];
    size_t size;
    char *text = builtin_corpus_create(BUILTIN_CORPUS_SEED, BUILTIN_CORPUS_LINES, &size, error);
    if (!text) return false;
    snprintf(path, sizeof path, "%s/big.txt", draft->path);
    bool ok = file_write(path, text, size, error) && trainer_add_text(trainer, text, size, error);
    if (ok)
        printf("%s/big.txt: %zu bytes, %u lines, seed %u\n", draft->target, size,
               BUILTIN_CORPUS_LINES, BUILTIN_CORPUS_SEED);
    free(text);
    return ok;
}

static bool train(const struct train_options *options, struct trainer *trainer, int file_count,
                  char **files, const struct folder_draft *draft, struct error *error) {
    if (options->builtin_corpus && !add_builtin_corpus(trainer, draft, error)) return false;
    for (int i = 0; i < file_count; i++)
        if (!add_file(trainer, files[i], error)) return false;
    if (trainer_words(trainer) == 0)
        return error_set(error, "the text is empty; there is nothing to learn from it");
    return trainer_run(trainer, (uint32_t)options->vocabulary_size, options->minimum, error) &&
           trainer_write(trainer, draft->path, error);
}

/* All files of the folder or none: a vocabulary is of no use with another's merges. */
static bool train_into_folder(const struct train_options *options, struct trainer *trainer,
                              int file_count, char **files, struct error *error) {
    const char *folder = options->builtin_corpus ? options->builtin_corpus : options->output;
    struct folder_draft draft;
    if (!folder_draft_open(&draft, folder, error)) return false;
    if (!train(options, trainer, file_count, files, &draft, error))
        return folder_draft_fail(&draft, error);
    if (!folder_draft_publish(&draft, error)) return false;
    printf("%s/vocab.json: %" PRIu32 " tokens from %zu distinct words\n%s/merges.txt: %" PRIu32
           " merges\n",
           folder, trainer_size(trainer), trainer_words(trainer), folder, trainer_merges(trainer));
    if (trainer_size(trainer) < options->vocabulary_size)
        fprintf(stderr,
                "grainbench train: the text has no more pairs to merge; %" PRIu32
                " tokens instead of %" PRId64 "\n",
                trainer_size(trainer), options->vocabulary_size);
    return true;
}

static int run_train(const void *values, int operand_count, char **operands) {
    const struct train_options *options = values;
    if (options->builtin_corpus && (operand_count || options->output))
        return command_fail("train", "--builtin-corpus brings its own text and folder; leave FILE "
                                     "and --output out");
    if (!options->builtin_corpus && (!operand_count || !options->output))
        return command_fail("train", "needs FILE and --output DIR, or --builtin-corpus DIR");
    struct error error;
    struct trainer *trainer = trainer_create(&error);
    bool ok = trainer && train_into_folder(options, trainer, operand_count, operands, &error);
    trainer_destroy(trainer);
    return ok ? EXIT_OK : command_fail("train", "%s", error.message);
}

const struct command command_train = {
    .name = "train",
    .summary = "train a byte-level BPE vocabulary on text",
    .operands = "[FILE...]",
    .description =
        "Makes vocab.json and merges.txt from the words of one or more texts, laid out as GPT-2's: "
        "256 bytes, one token a merge, <|endoftext|> last.\n\n"
        "Training is deterministic: the most frequent pair of neighbouring tokens is merged; among "
        "pairs of the same count the one with the lowest left id, then the lowest right id.\n\n"
        "--builtin-corpus generates a text from a fixed seed with the line lengths and word "
        "frequencies of big.txt, for machines that cannot get the real one.",
    .examples = "grainbench train --vocab-size 8000 --output my-model data/big.txt\n"
                "grainbench train --builtin-corpus data/built-in",
    .options = train_table,
    .options_size = sizeof(struct train_options),
    .run = run_train,
};
