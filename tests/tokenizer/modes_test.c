/* Caches, storages, costs and entry points are costs, not results: every mode gives the same ids.
 * The model is trained here on a generated text, so that nothing needs to be fetched. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/random.h"
#include "tests/tokenizer/support.h"
#include "tokenizer/builtin_corpus.h"
#include "tokenizer/merge.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/trainer.h"

#include <pthread.h>

#define LINES   600
#define THREADS 4

static char folder[4000];
static struct model model;
static char *corpus;
static size_t corpus_size;

static const char *const modes[] = {
    "cache=none:storage=heap",
    "cache=worker:storage=heap",
    "cache=worker:storage=arena",
    "cache=worker:capacity=50:storage=arena",
    "cache=worker:capacity=0",
    "cache=shared:storage=heap",
    "cache=shared:capacity=100:storage=arena",
    "cache=sharded:storage=arena",
    "cache=sharded:capacity=1000",
    "cache=worker:cost=reference",
    "cache=none:cost=reference",
};
#define MODE_COUNT (sizeof modes / sizeof *modes)

static uint64_t digest_of_lines(struct bench_encoder *encoder, enum grainbench_entry entry) {
    uint64_t digest = DIGEST_START;
    for (const char *at = corpus, *stop; (stop = line_end(at, corpus + corpus_size));
         at = stop + 1) {
        const struct encoding *e = encoder_encode(encoder, entry, at, (size_t)(stop - at));
        digest = digest_ids(digest, e->ids, e->count);
        encoder_drop(encoder);
    }
    return digest;
}

static uint64_t digest_of_ids_alone(struct bench_encoder *encoder) {
    uint64_t digest = DIGEST_START;
    for (const char *at = corpus, *stop; (stop = line_end(at, corpus + corpus_size));
         at = stop + 1) {
        size_t length = (size_t)(stop - at);
        uint32_t *ids =
            malloc((length + 1) * sizeof *ids); /* exactly what the interface asks for */
        size_t count =
            encoder->operations->encode_ids(encoder->encoder, encoder->scratch, at, length, ids);
        assert_true(count <= length + 1);
        digest = digest_ids(digest, ids, count);
        free(ids);
    }
    return digest;
}

static void check_modes(unsigned flags) {
    uint64_t expected = 0;
    for (size_t i = 0; i < MODE_COUNT; i++) {
        struct bench_encoder encoder;
        encoder_open(&encoder, &model, modes[i], flags);
        for (int entry = GRAINBENCH_ENTRY_BATCH; entry <= GRAINBENCH_ENTRY_IDS; entry++) {
            uint64_t digest = digest_of_lines(&encoder, (enum grainbench_entry)entry);
            if (!expected) expected = digest;
            if (digest != expected) fail_msg("%s: entry %d gives other ids", modes[i], entry);
        }
        if (digest_of_ids_alone(&encoder) != expected) fail_msg("%s: other ids alone", modes[i]);
        encoder_close(&encoder);
    }
    assert_true(expected != DIGEST_START);
}

static void every_mode_gives_the_same_ids(void **state) {
    (void)state;
    check_modes(0);
    check_modes(GRAINBENCH_TOKENIZER_BENCH);
}

/* Entry points differ in what they fill, as the original's do. */
static void entry_points_fill_their_fields(void **state) {
    (void)state;
    struct bench_encoder encoder;
    const char *text = "a caf\xc3\xa9 tha";
    for (int i = 0; i < 3; i++) {
        const char *const options[] = {"storage=heap", "storage=arena", "cost=reference"};
        encoder_open(&encoder, &model, options[i], 0);
        const struct encoding *e =
            encoder_encode(&encoder, GRAINBENCH_ENTRY_FAST, text, strlen(text));
        assert_true(e->count > 2);
        assert_int_equal(e->offsets[2].end, 0);
        assert_int_equal(e->tokens[1].length, 0);
        assert_int_equal(e->words[1].present, 0);
        assert_int_equal(e->attention_mask[e->count - 1], 1);
        encoder_drop(&encoder);
        e = encoder_encode(&encoder, GRAINBENCH_ENTRY_BATCH, text, strlen(text));
        assert_int_equal(e->offsets[e->count - 1].end, strlen(text));
        encoder_drop(&encoder);
        e = encoder_encode(&encoder, GRAINBENCH_ENTRY_CHAR_OFFSETS, text, strlen(text));
        assert_int_equal(e->offsets[e->count - 1].end, strlen(text) - 1);
        encoder_drop(&encoder);
        e = encoder_encode(&encoder, GRAINBENCH_ENTRY_BATCH, "", 0);
        assert_int_equal(e->count, 0);
        encoder_drop(&encoder);
        encoder_close(&encoder);
    }
}

struct sharer {
    struct bench_encoder *encoder;
    uint64_t digest;
};

static void *share(void *argument) {
    struct sharer *sharer = argument;
    struct bench_encoder own = *sharer->encoder;
    char message[GRAINBENCH_MESSAGE_SIZE];
    own.scratch = own.operations->scratch_create(own.encoder, 1, message);
    if (!own.scratch || posix_memalign(&own.slot, 64, own.operations->result_size)) abort();
    sharer->digest = digest_of_lines(&own, GRAINBENCH_ENTRY_BATCH);
    own.operations->scratch_destroy(own.encoder, own.scratch);
    free(own.slot);
    return NULL;
}

static void threads_share_a_cache(void **state) {
    (void)state;
    const char *const options[] = {"cache=shared:capacity=700",
                                   "cache=sharded:capacity=700:storage=arena", "cache=worker",
                                   "cache=none:storage=arena"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        struct bench_encoder encoder;
        struct sharer sharers[THREADS];
        pthread_t threads[THREADS];
        encoder_open(&encoder, &model, options[i], 0);
        uint64_t expected = digest_of_lines(&encoder, GRAINBENCH_ENTRY_BATCH);
        for (int t = 0; t < THREADS; t++) {
            sharers[t] = (struct sharer){&encoder, 0};
            assert_int_equal(pthread_create(&threads[t], NULL, share, &sharers[t]), 0);
        }
        for (int t = 0; t < THREADS; t++) {
            pthread_join(threads[t], NULL);
            assert_true(sharers[t].digest == expected);
        }
        encoder_close(&encoder);
    }
}

/* The rule, word for word: the lowest rank first, the leftmost of equals. */
static size_t merge_naively(const struct vocabulary *v, const char *word, size_t length,
                            uint32_t *ids) {
    for (size_t i = 0; i < length; i++)
        ids[i] = vocabulary_byte_id(v, (unsigned char)word[i]);
    for (;;) {
        const struct pair_slot *best = NULL;
        size_t at = 0;
        for (size_t i = 0; i + 1 < length; i++) {
            const struct pair_slot *slot = pair_find(vocabulary_pairs(v), ids[i], ids[i + 1]);
            if (slot && (!best || slot->rank < best->rank)) best = slot, at = i;
        }
        if (!best) return length;
        ids[at] = best->merged;
        memmove(ids + at + 1, ids + at + 2, (length - at - 2) * sizeof *ids);
        length--;
    }
}

static void merging_by_scan_and_by_heap_follows_the_rule(void **state) {
    (void)state;
    struct error error;
    struct vocabulary *v = vocabulary_load(model.vocab, model.merges, &error);
    struct merge_scratch scratch = {0};
    struct random random = {11};
    uint32_t expected[400], ids[400];
    char word[400];
    assert_non_null(v);
    for (int round = 0; round < 3000; round++) {
        size_t length = 1 + random_below(&random, round % 2 ? 32 : 200);
        uint64_t kind = random_below(&random, 3), from = random_below(&random, corpus_size - 400);
        for (size_t i = 0; i < length; i++)
            word[i] = kind == 0   ? (char)random_below(&random, 256)
                      : kind == 1 ? (char)('a' + random_below(&random, 2))
                                  : corpus[from + i];
        size_t count = merge_naively(v, word, length, expected);
        assert_int_equal(merge_word(v, &scratch, word, length, ids), count);
        assert_memory_equal(ids, expected, count * sizeof *ids);
    }
    merge_scratch_release(&scratch);
    vocabulary_destroy(v);
}

/* Encodes and decodes again, in every mode. */
static void check_round_trip(const char *text, size_t length) {
    struct error error;
    struct tokenizer *tokenizer = tokenizer_create(model.vocab, model.merges, 0, &error);
    char *bytes;
    size_t decoded;
    assert_non_null(tokenizer);
    for (size_t i = 0; i < MODE_COUNT; i++) {
        struct bench_encoder encoder;
        encoder_open(&encoder, &model, modes[i], 0);
        const struct encoding *e = encoder_encode(&encoder, GRAINBENCH_ENTRY_BATCH, text, length);
        assert_true(tokenizer_decode(tokenizer, e->ids, e->count, &bytes, &decoded, &error));
        assert_int_equal(decoded, length);
        assert_memory_equal(bytes, text, length);
        if (length) assert_int_equal(e->offsets[e->count - 1].end, length);
        free(bytes);
        encoder_drop(&encoder);
        encoder_close(&encoder);
    }
    tokenizer_destroy(tokenizer);
}

static void hostile_texts_come_back_whole(void **state) {
    (void)state;
    static const char *const units[] = {"a",        " ",
                                        "\n",       "'",
                                        "'s",       "\t ",
                                        "^",        "0",
                                        "\xc3\xa9", "\xf0\x9f\x98\x80",
                                        "a'b ",     "\x01",
                                        "\x7f",     "\xe2\x80\x83",
                                        " \xcc\x81"};
    enum { SIZE = 6000 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        size_t unit = strlen(units[u]), length = SIZE / unit * unit;
        for (size_t i = 0; i < length; i += unit)
            memcpy(text + i, units[u], unit);
        check_round_trip(text, length);
    }
    memset(text, 0, SIZE);
    check_round_trip(text, SIZE); /* nothing but NUL */
    check_round_trip("", 0);
    free(text);
}

/* Texts that end where their memory ends: nothing may be read behind them. */
static void nothing_is_read_behind_the_text(void **state) {
    (void)state;
    struct bench_encoder encoder;
    encoder_open(&encoder, &model, "storage=arena", GRAINBENCH_TOKENIZER_BENCH);
    for (size_t length = 0; length < 80; length++) {
        char *exact = malloc(length ? length : 1);
        memcpy(exact, corpus + 100, length);
        encoder_encode(&encoder, GRAINBENCH_ENTRY_CHAR_OFFSETS, exact, length);
        encoder_drop(&encoder);
        free(exact);
    }
    encoder_close(&encoder);
}

static int set_up(void **state) {
    (void)state;
    struct error error;
    folder_create(folder, sizeof folder);
    snprintf(model.vocab, sizeof model.vocab, "%s/vocab.json", folder);
    snprintf(model.merges, sizeof model.merges, "%s/merges.txt", folder);
    corpus = builtin_corpus_create(BUILTIN_CORPUS_SEED, LINES, &corpus_size, &error);
    struct trainer *trainer = trainer_create(&error);
    bool ok = corpus && trainer && trainer_add_text(trainer, corpus, corpus_size, &error) &&
              trainer_run(trainer, 2000, 1, &error) && trainer_write(trainer, folder, &error);
    trainer_destroy(trainer);
    return ok ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    free(corpus);
    unlink(model.vocab);
    unlink(model.merges);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mode_gives_the_same_ids),
        cmocka_unit_test(entry_points_fill_their_fields),
        cmocka_unit_test(threads_share_a_cache),
        cmocka_unit_test(merging_by_scan_and_by_heap_follows_the_rule),
        cmocka_unit_test(hostile_texts_come_back_whole),
        cmocka_unit_test(nothing_is_read_behind_the_text),
    };
    return cmocka_run_group_tests_name("modes", tests, set_up, tear_down);
}
