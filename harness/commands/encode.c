/* `grainbench encode`: a text to token ids, by any built-in encoder. Everything it knows of formats
 * is in harness/encoder_bench/encode_json.h. */
#define _GNU_SOURCE
#include "base/datafile.h"
#include "base/digest.h"
#include "base/file.h"
#include "harness/command.h"
#include "harness/components.h"
#include "harness/encoder_bench/encode_json.h"
#include "tokenizer/encoders.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct encode_options {
    const char *vocab, *merges, *encoder;
    int tokenizer;
    bool per_line, whole, json_lines, trim, digest, decode;
    int invalid;
};

static const struct grainbench_option encode_table[] = {
    {"vocab", 0, GRAINBENCH_OPTION_TEXT, offsetof(struct encode_options, vocab), "FILE", NULL, NULL,
     0, 0, "the vocabulary; without it, vocab.json of the data folder"},
    {"merges", 0, GRAINBENCH_OPTION_TEXT, offsetof(struct encode_options, merges), "FILE", NULL,
     NULL, 0, 0, "the merges; without it, merges.txt of the data folder"},
    {"tokenizer", 't', GRAINBENCH_OPTION_CHOICE, offsetof(struct encode_options, tokenizer), "NAME",
     "plain", "plain|bench", 0, 0,
     "plain GPT-2, or that of the original benchmark: prefix space, added tokens \"ing\" and "
     "\"[ENT]\""},
    {"encoder", 'e', GRAINBENCH_OPTION_TEXT, offsetof(struct encode_options, encoder),
     "NAME[:OPTION=VALUE...]", "fast", NULL, 0, 0,
     "the encoder and its options ('grainbench list encoders --options'); pcre2 is the reference, "
     "with the older Unicode of the PCRE2 library"},
    {"per-line", 'l', GRAINBENCH_OPTION_FLAG, offsetof(struct encode_options, per_line), NULL, NULL,
     NULL, 0, 0, "each line is a text of its own, without its line end; a line of ids each"},
    {"whole", 'w', GRAINBENCH_OPTION_FLAG, offsetof(struct encode_options, whole), NULL, NULL, NULL,
     0, 0, "the whole input is one text (what happens without --per-line and --json-lines)"},
    {"json-lines", 'j', GRAINBENCH_OPTION_FLAG, offsetof(struct encode_options, json_lines), NULL,
     NULL, NULL, 0, 0,
     "a JSON object a line with \"text\" in; one with ids, tokens, words and offsets a line out"},
    {"trim", 0, GRAINBENCH_OPTION_FLAG, offsetof(struct encode_options, trim), NULL, NULL, NULL, 0,
     0, "with --json-lines: also offsets without surrounding white space"},
    {"digest", 'd', GRAINBENCH_OPTION_FLAG, offsetof(struct encode_options, digest), NULL, NULL,
     NULL, 0, 0, "print only how many ids there are and the FNV-1a-64 digest over them"},
    {"decode", 0, GRAINBENCH_OPTION_FLAG, offsetof(struct encode_options, decode), NULL, NULL, NULL,
     0, 0, "the other way: ids separated by white space in, bytes out"},
    {"invalid", 0, GRAINBENCH_OPTION_CHOICE, offsetof(struct encode_options, invalid), "HOW",
     "refuse", "refuse|replace", 0, 0,
     "what to do with bytes that are not UTF-8: refuse, or put U+FFFD as Hugging Face gets it"},
    {0}};

/* What the command works with. */
struct session {
    const struct encode_options *options;
    const struct grainbench_encoder_operations *operations;
    void *encoder, *scratch;
    struct tokenizer *tokenizer; /* for decoding and JSON */
    uint64_t digest, ids, texts;
};

static void session_close(struct session *s) {
    if (s->scratch) s->operations->scratch_destroy(s->encoder, s->scratch);
    if (s->encoder) s->operations->destroy(s->encoder);
    tokenizer_destroy(s->tokenizer);
}

/* The model that was named, else GPT-2's of the data folder, else that of the built-in corpus. */
static bool model_paths(const struct encode_options *options, char vocab[4096], char merges[4096],
                        struct error *error) {
    bool built_in = !datafile_find("vocab.json", vocab, 4096, NULL) ||
                    !datafile_find("merges.txt", merges, 4096, NULL);
    const char *names[2] = {built_in ? "built-in/vocab.json" : "vocab.json",
                            built_in ? "built-in/merges.txt" : "merges.txt"};
    const char *given[2] = {options->vocab, options->merges};
    char *paths[2] = {vocab, merges};
    for (int i = 0; i < 2; i++) {
        if (given[i]) {
            snprintf(paths[i], 4096, "%s", given[i]);
        } else if (!datafile_find(names[i], paths[i], 4096, error)) {
            size_t length = strlen(error->message);
            snprintf(error->message + length, sizeof error->message - length,
                     "; scripts/fetch-data brings it, --%s names another", i ? "merges" : "vocab");
            return false;
        }
    }
    return true;
}

/* Makes the encoder of `setup`, built in or a module, with one scratch. */
static bool open_encoder(struct session *s, const struct grainbench_encoder_setup *setup,
                         struct error *error) {
    struct component chosen;
    char message[GRAINBENCH_MESSAGE_SIZE] = "";
    if (!component_parse_encoder(s->options->encoder, &chosen, error)) return false;
    s->operations = chosen.encoder;
    bool ok = true;
    if (s->options->json_lines && encoders_find(chosen.text) != chosen.encoder)
        ok = error_set(error,
                       "--json-lines needs a built-in encoder; '%s' is a module, of which "
                       "only the ids are known",
                       chosen.text);
    else if (s->operations->supported && !s->operations->supported(message))
        ok = error_set(error, "encoder %s cannot run here: %s", chosen.text, message);
    if (ok) {
        s->encoder = s->operations->create(setup, chosen.options, message);
        if (s->encoder) s->scratch = s->operations->scratch_create(s->encoder, 0, message);
        if (!s->scratch) ok = error_set(error, "%s", message);
    }
    component_free(&chosen);
    return ok;
}

static bool session_open(struct session *s, struct error *error) {
    char vocab[4096], merges[4096];
    if (!model_paths(s->options, vocab, merges, error)) return false;
    unsigned flags = s->options->tokenizer ? GRAINBENCH_TOKENIZER_BENCH : 0;
    s->digest = DIGEST_START;
    if (s->options->decode || s->options->json_lines) {
        s->tokenizer = tokenizer_create(vocab, merges, flags, error);
        if (!s->tokenizer) return false;
    }
    if (s->options->decode) return true;
    const struct grainbench_encoder_setup setup = {.struct_size = sizeof setup,
                                                   .vocab_path = vocab,
                                                   .merges_path = merges,
                                                   .flags = flags,
                                                   .workers = 1};
    return open_encoder(s, &setup, error);
}

static void print_ids(const uint32_t *ids, size_t count) {
    for (size_t i = 0; i < count; i++)
        printf("%s%" PRIu32, i ? " " : "", ids[i]);
    putchar('\n');
}

/* One text, valid UTF-8: its ids are counted, and printed unless a digest is all that is wanted. */
static bool encode_text(struct session *s, const char *text, size_t length, struct error *error) {
    void *slot = NULL;
    char message[GRAINBENCH_MESSAGE_SIZE];
    const uint32_t *ids;
    if (posix_memalign(&slot, 64, s->operations->result_size) != 0)
        return error_set(error, "out of memory");
    bool ok = s->operations->encode(s->encoder, s->scratch, GRAINBENCH_ENTRY_IDS, text, length,
                                    slot, message);
    if (ok) {
        size_t count = s->operations->result_ids(slot, &ids);
        s->digest = digest_ids(s->digest, ids, count);
        s->ids += count;
        s->texts++;
        if (!s->options->digest) print_ids(ids, count);
        if (s->operations->result_drop) s->operations->result_drop(s->encoder, slot);
        if (s->operations->scratch_reset) s->operations->scratch_reset(s->encoder, s->scratch);
    } else {
        error_set(error, "%s", message);
    }
    free(slot);
    return ok;
}

static bool encode_json(struct session *s, size_t line, const char *text, size_t length,
                        struct error *error) {
    struct error detail;
    const struct encode_json_work work = {s->operations, s->encoder, s->scratch, s->tokenizer,
                                          s->options->trim};
    if (encode_json_line(&work, text, length, stdout, &detail)) return true;
    return error_set(error, "line %zu: %s", line, detail.message);
}

static bool encode_lines(struct session *s, const char *data, size_t size, struct error *error) {
    size_t line = 0;
    for (size_t at = 0; at < size; line++) {
        const char *stop = memchr(data + at, '\n', size - at);
        size_t length = stop ? (size_t)(stop - data) - at : size - at, next = at + length + 1;
        if (length && data[at + length - 1] == '\r') length--; /* as the original splits lines */
        bool ok = s->options->json_lines ? encode_json(s, line + 1, data + at, length, error)
                                         : encode_text(s, data + at, length, error);
        if (!ok) return false;
        at = next;
    }
    return true;
}

/* Makes the input valid UTF-8, or says where it is not. */
static bool check_input(const struct encode_options *options, const char *path, char **data,
                        size_t *size, struct error *error) {
    size_t bad = utf8_validate(*data, *size);
    if (bad == *size) return true;
    if (options->invalid == 0) {
        size_t line = 1;
        for (size_t i = 0; i < bad; i++)
            line += (*data)[i] == '\n';
        return error_set(error,
                         "%s: line %zu: byte 0x%02x at offset %zu is not UTF-8; --invalid replace "
                         "puts U+FFFD in its place",
                         path, line, (unsigned char)(*data)[bad], bad);
    }
    size_t repaired_size;
    char *repaired = utf8_repair(*data, *size, &repaired_size);
    if (!repaired) return error_set(error, "%s: out of memory", path);
    free(*data);
    *data = repaired;
    *size = repaired_size;
    return true;
}

static bool decode_input(const struct session *s, const char *path, const char *data, size_t size,
                         struct error *error) {
    size_t count = 0, length;
    char *bytes;
    uint32_t *ids = malloc((size / 2 + 1) * sizeof *ids);
    if (!ids) return error_set(error, "%s: out of memory", path);
    for (const char *at = data + strspn(data, " \t\r\n"); at < data + size;
         at += strspn(at, " \t\r\n")) {
        char *stop;
        unsigned long long id = strtoull(at, &stop, 10);
        if (stop == at || *at == '-' || *at == '+' || id > UINT32_MAX) {
            error_set(error, "%s: '%.*s' at offset %td is not an id", path,
                      (int)strcspn(at, " \t\r\n") > 20 ? 20 : (int)strcspn(at, " \t\r\n"), at,
                      at - data);
            free(ids);
            return false;
        }
        ids[count++] = (uint32_t)id;
        at = stop;
    }
    bool ok = tokenizer_decode(s->tokenizer, ids, count, &bytes, &length, error);
    free(ids);
    if (!ok) return false;
    fwrite(bytes, 1, length, stdout);
    free(bytes);
    return true;
}

static bool process(struct session *s, const char *path, char **data, size_t *size,
                    struct error *error) {
    const struct encode_options *options = s->options;
    if (options->decode) return decode_input(s, path, *data, *size, error);
    if (!check_input(options, path, data, size, error)) return false;
    if (options->per_line || options->json_lines) return encode_lines(s, *data, *size, error);
    return encode_text(s, *data, *size, error);
}

static int run_encode(const void *values, int operand_count, char **operands) {
    const struct encode_options *options = values;
    if (operand_count > 1) return command_fail("encode", "takes one FILE, or - for standard input");
    if (options->per_line + options->whole + options->json_lines + options->decode > 1)
        return command_fail("encode", "--per-line, --whole, --json-lines and --decode exclude each "
                                      "other");
    if (options->trim && !options->json_lines)
        return command_fail("encode", "--trim goes with --json-lines");
    if (options->digest && (options->json_lines || options->decode))
        return command_fail("encode", "--digest goes with --per-line or --whole");
    const char *path = operand_count ? operands[0] : "-";
    struct session session = {.options = options};
    struct error error;
    char *data = NULL;
    size_t size;
    bool ok = file_read(path, &data, &size, &error) && session_open(&session, &error) &&
              process(&session, strcmp(path, "-") ? path : "standard input", &data, &size, &error);
    if (ok && options->digest)
        printf("%" PRIu64 " ids %016" PRIx64 "\n", session.ids, session.digest);
    session_close(&session);
    free(data);
    return ok ? EXIT_OK : command_fail("encode", "%s", error.message);
}

const struct command command_encode = {
    .name = "encode",
    .summary = "turn text into GPT-2 token ids, or ids back into text",
    .operands = "[FILE|-]",
    .description =
        "Encodes FILE, or standard input, with byte-level BPE, exactly as Hugging Face tokenizers "
        "does, and prints the ids.\n\n"
        "The digest is FNV-1a-64 over the ids as 32-bit numbers: two encoders with the same digest "
        "agree. With --json-lines each input line is a JSON object with \"text\"; the output has "
        "ids, tokens, words, offsets_bytes and offsets_chars, with --trim also offsets_bytes_trim "
        "and offsets_chars_trim.\n\n"
        "Input that is not UTF-8 is refused with the offset of the first bad byte, unless "
        "--invalid "
        "replace says otherwise.",
    .examples = "grainbench encode --per-line --digest data/big.txt\n"
                "echo 'the quick brown fox' | grainbench encode\n"
                "echo '{\"text\": \"going\"}' | grainbench encode --json-lines --tokenizer bench\n"
                "echo 'round trip' | grainbench encode | grainbench encode --decode",
    .options = encode_table,
    .options_size = sizeof(struct encode_options),
    .run = run_encode,
};
