/* Whole pipelines over generated text: the same rows and ids whatever the depth, the workers and
 * the executors; batching, windows, shuffling, stopping and going on, caps and failures. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/random.h"
#include "pipeline/diagnosis.h"
#include "pipeline/run.h"
#include "pipeline/stall.h"
#include "text_encoder.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 700, LENGTH = 12 };

static char path[64];
static const char *paths[1] = {path};
static struct format_setup format = {.operations = &text_encoder, .encoder = &format, .pad_id = -7};
static struct device device;

/* Lines of uneven length; one is longer than several blocks. */
static char *make_text(size_t *size) {
    char *text = malloc(200000);
    struct random random = {5};
    size_t at = 0;
    for (int row = 0; row < ROWS; row++) {
        size_t length = row == 333 ? 5000 : (size_t)random_below(&random, 40);
        for (size_t i = 0; i < length; i++)
            text[at++] = (char)('a' + random_below(&random, 26));
        text[at++] = '\n';
    }
    *size = at;
    return text;
}

static int make_input(void **state) {
    (void)state;
    struct error error;
    size_t size;
    char *text = make_text(&size);
    snprintf(path, sizeof path, "%s/grainbench-run-test-%d", P_tmpdir, (int)getpid());
    bool written = file_write(path, text, size, &error);
    free(text);
    struct device_setup setup = {.batch_rows = 16, .sequence_length = LENGTH, .scale = 1};
    return written && device_create(&device, "spin:us=5", &setup, &error) ? 0 : -1;
}

static int remove_input(void **state) {
    (void)state;
    device_destroy(&device);
    return unlink(path);
}

static struct pipeline_setup basic(void) {
    return (struct pipeline_setup){.paths = paths,
                                   .path_count = 1,
                                   .block_bytes = 1000,
                                   .row_limit_bytes = 1 << 20,
                                   .format = &format,
                                   .device = &device,
                                   .workers = 1,
                                   .device_depth = 1,
                                   .batch_rows = 16,
                                   .sequence_length = LENGTH,
                                   .cross_blocks = true,
                                   .interval_limit = 10000};
}

static struct pipeline_result run(struct pipeline_setup setup) {
    struct error error;
    struct pipeline_result result;
    if (!pipeline_run(&setup, &result, &error)) fail_msg("%s", error.message);
    return result;
}

/* What one thread and the encoder alone come to. */
static struct digest expected_digest(void) {
    struct error error;
    struct digest digest = {0, 1};
    char *text;
    size_t size;
    assert_true(file_read(path, &text, &size, &error));
    uint32_t ids[8192];
    for (char *line = text, *end; line < text + size; line = end + 1) {
        end = strchr(line, '\n');
        size_t count = (size_t)(end - line);
        for (size_t i = 0; i < count; i++)
            ids[i] = (uint32_t)line[i];
        digest = digest_append(digest, digest_row((int32_t *)ids, count < LENGTH ? count : LENGTH));
    }
    free(text);
    return digest;
}

static void check_same(struct pipeline_setup setup, struct digest expected) {
    struct pipeline_result result = run(setup);
    assert_int_equal(result.rows, ROWS);
    assert_true(result.digest.value == expected.value && result.digest.factor == expected.factor);
    assert_true(result.live_maximum <= result.live_allowed);
    assert_true(result.finished);
    assert_int_equal(result.cursor.rows, ROWS);
    pipeline_result_free(&result);
}

static void ids_are_the_same_for_every_depth_and_executor(void **state) {
    (void)state;
    struct digest expected = expected_digest();
    struct pipeline_setup s = basic();
    for (s.mode = PIPELINE_PHASED; s.mode <= PIPELINE_STREAMING; s.mode++)
        for (s.depth = 0; s.depth <= 8; s.depth++)
            for (s.workers = 1; s.workers <= 4; s.workers++)
                for (int variant = 0; variant < 4; variant++) {
                    s.intra = variant & 1;
                    s.cross_blocks = !(variant & 2);
                    check_same(s, expected);
                }
}

static void compositions_by_name_deliver_the_same(void **state) {
    (void)state;
    static const char *const texts[] = {
        "format(batch(blocks))", "thread(format(batch(window(blocks))), 3)",
        "thread(pool(format, thread(batch(blocks), 2), 3, 4), 1)",
        "thread(finalize(pool(format, batch(window(blocks)), 2, 2)), 1)"};
    struct digest expected = expected_digest();
    struct device_setup setup = {.batch_rows = 16, .sequence_length = LENGTH, .scale = 1};
    struct device copying;
    struct error error;
    assert_true(device_create(&copying, "sleep:us=1:copy_us=1", &setup, &error));
    struct pipeline_setup s = basic();
    s.device = &copying;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        s.composition = texts[i];
        check_same(s, expected);
    }
    s.composition = NULL;
    s.depth = 2;
    check_same(s, expected);
    device_destroy(&copying);
    assert_true(device_create(&copying, "memory:us=3", &setup, &error));
    check_same(s, expected);
    device_destroy(&copying);
}

static void bad_compositions_are_named(void **state) {
    (void)state;
    static const char *const texts[] = {"",
                                        "format(blocks)",
                                        "batch(format(blocks))",
                                        "fly(blocks)",
                                        "thread(batch(blocks))",
                                        "batch(blocks))",
                                        "pool(batch, blocks, 2, 2)",
                                        "batch(batch(blocks))",
                                        "thread(batch(blocks), 99999)"};
    struct composition composition;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct error error = {""};
        assert_false(compose_parse(texts[i], &composition, &error));
        assert_non_null(strstr(error.message, "composition '"));
    }
}

/* ---- stopping and going on */

static void check_resume(struct pipeline_setup s) {
    struct pipeline_result whole = run(s);
    struct digest digest = {0, 1};
    uint64_t rows = 0;
    struct random random = {3};
    for (bool finished = false; !finished;) {
        s.stop_after = 1 + random_below(&random, 9);
        struct pipeline_result part = run(s);
        rows += part.rows;
        digest = digest_append(digest, part.digest);
        s.start = part.cursor;
        finished = part.finished;
        assert_int_equal(part.cursor.rows, rows);
        pipeline_result_free(&part);
    }
    assert_int_equal(rows, whole.rows);
    assert_true(digest.value == whole.digest.value);
    pipeline_result_free(&whole);
}

static void a_stopped_run_goes_on_exactly(void **state) {
    (void)state;
    struct pipeline_setup s = basic();
    for (int variant = 0; variant < 16; variant++) {
        s.mode = variant & 1 ? PIPELINE_STREAMING : PIPELINE_PHASED;
        s.cross_blocks = variant & 2;
        s.depth = variant & 4 ? 3 : 0;
        s.shuffle_rows = variant & 8 ? 50 : 0;
        s.seed = 11;
        check_resume(s);
    }
}

/* ---- batches */

static void drop_last_drops_the_short_batch_alone(void **state) {
    (void)state;
    struct pipeline_setup s = basic();
    s.drop_last = true;
    struct pipeline_result result = run(s);
    assert_int_equal(result.batches, ROWS / 16);
    assert_int_equal(result.rows, ROWS / 16 * 16);
    pipeline_result_free(&result);
    s = basic();
    result = run(s);
    assert_int_equal(result.batches, ROWS / 16 + 1);
    pipeline_result_free(&result);
    s.batch_rows = 0; /* a block is a batch */
    result = run(s);
    assert_int_equal(result.batches, result.blocks);
    assert_int_equal(result.rows, ROWS);
    pipeline_result_free(&result);
}

static void a_private_copy_pins_no_block(void **state) {
    (void)state;
    struct pipeline_setup s = basic();
    struct digest expected = expected_digest();
    s.copy_rows = true;
    s.mode = PIPELINE_STREAMING;
    s.depth = 2;
    check_same(s, expected);
    s.batch_rows = 200; /* far more than a block: the copy grows while rows are added */
    check_same(s, expected);
}

static void a_shuffle_delivers_every_row_once_and_by_seed(void **state) {
    (void)state;
    struct pipeline_setup s = basic();
    s.shuffle_rows = 100;
    struct pipeline_result first = run(s), again = run(s);
    s.seed = 2;
    struct pipeline_result other = run(s);
    assert_int_equal(first.rows, ROWS);
    assert_int_equal(first.tokens, other.tokens); /* the same rows */
    assert_true(first.digest.value == again.digest.value);
    assert_true(first.digest.value != other.digest.value); /* in another order */
    assert_true(first.digest.factor == other.digest.factor);
    pipeline_result_free(&first);
    pipeline_result_free(&again);
    pipeline_result_free(&other);
}

/* ---- the window */

static unsigned pulled_by_window(const uint64_t *rows, unsigned count, uint64_t target_rows,
                                 uint64_t target_blocks, unsigned after) {
    struct error error;
    struct block_store *store = block_store_create(NULL, &error);
    struct block **blocks = calloc(count, sizeof(struct block *));
    for (unsigned i = 0; i < count; i++) {
        blocks[i] = block_take(store, 100);
        blocks[i]->item.row_count = rows[i];
    }
    struct iterator *array = array_operator(blocks, count, &error);
    struct iterator *window = window_operator(array, target_rows, target_blocks, 0, &error);
    struct item *item;
    for (unsigned i = 0; i < after; i++) {
        assert_int_equal(iterator_next(window, &item, NULL), ITERATOR_OK);
        item_release(item);
    }
    unsigned left = 0; /* what the window has not pulled is still in the array */
    while (iterator_next(array, &item, NULL) == ITERATOR_OK) {
        left++;
        item_release(item);
    }
    iterator_close(window);
    block_store_destroy(store);
    return count - left;
}

static void the_window_follows_the_row_count_rule(void **state) {
    (void)state;
    const uint64_t falling[] = {1000, 10, 10, 10, 10, 10, 10, 10};
    const uint64_t rising[] = {10, 10, 10, 10, 10, 10, 10, 1000, 10};
    const uint64_t unknown[] = {0, 0, 0, 0};
    assert_int_equal(pulled_by_window(falling, 8, 32, 0, 1), 1); /* one block is enough, */
    assert_int_equal(pulled_by_window(falling, 8, 32, 0, 2), 5); /* then four at a time */
    assert_int_equal(pulled_by_window(rising, 9, 32, 0, 1), 4);
    assert_int_equal(pulled_by_window(rising, 9, 32, 0, 5), 8);  /* 10 + 10 + 10 + 1000 >= 32 */
    assert_int_equal(pulled_by_window(rising, 9, 32, 0, 8), 8);  /* the large one alone */
    assert_int_equal(pulled_by_window(unknown, 4, 32, 0, 1), 1); /* unknown: one at a time */
    assert_int_equal(pulled_by_window(rising, 9, 0, 3, 1), 3);   /* no batch size: blocks */
}

/* ---- caps and failures */

static void bytes_stay_below_the_limit(void **state) {
    (void)state;
    struct pipeline_setup s = basic();
    struct digest expected = expected_digest();
    s.mode = PIPELINE_STREAMING;
    s.memory_limit_bytes = 60000; /* the long line alone takes 8,000 of them */
    for (s.depth = 0; s.depth <= 8; s.depth += 4) {
        struct pipeline_result result = run(s);
        assert_true(result.digest.value == expected.value);
        assert_true(result.bytes_maximum <= 60000);
        pipeline_result_free(&result);
    }
    s.memory_limit_bytes = 16000; /* too little for the long line: it passes alone */
    s.depth = 4;
    check_same(s, expected);
    struct error error;
    struct pipeline_result result;
    s.memory_limit_bytes = 1000;
    assert_false(pipeline_run(&s, &result, &error));
    assert_non_null(strstr(error.message, "memory limit"));
    pipeline_result_free(&result);
}

static void fails_with(struct pipeline_setup s, const char *words) {
    struct error error = {""};
    struct pipeline_result result;
    assert_false(pipeline_run(&s, &result, &error));
    if (!strstr(error.message, words)) fail_msg("'%s' is not in '%s'", words, error.message);
    pipeline_result_free(&result);
}

static void failures_name_stage_and_place(void **state) {
    (void)state;
    struct pipeline_setup s = basic();
    for (int variant = 0; variant < 8; variant++) {
        s.mode = variant & 1 ? PIPELINE_STREAMING : PIPELINE_PHASED;
        s.depth = variant & 2 ? 3 : 0;
        s.workers = variant & 4 ? 3 : 1;
        s.row_limit_bytes = 2000;
        fails_with(s, "a line is longer");
        s.row_limit_bytes = 1 << 20;
        text_encoder_refuse_after(200);
        fails_with(s, "format: row");
        text_encoder_refuse_after(-1);
    }
    const char *missing[1] = {"no/such/file"};
    s.paths = missing;
    fails_with(s, "read: no/such/file: cannot be opened");
}

static void a_consumer_that_keeps_every_batch_is_told(void **state) {
    (void)state;
    struct error error;
    struct block_store *store = block_store_create(NULL, &error);
    struct batch_pool *pool = batch_pool_create(3, 4, LENGTH, NULL, &error);
    struct synthetic_setup source = {.rows = 100, .blocks = 10, .store = store};
    struct batch_setup batching = {.rows = 4, .cross_blocks = true, .pool = pool};
    struct executor_setup threads = {.name = "test", .depth = 2, .workers = 1};
    struct iterator *it = synthetic_operator(&source, &error);
    it = batch_operator(it, &batching, &error);
    it = executor_create(it, &threads, &error);
    it = delivery_operator(it, pool, (struct cursor){0}, &error);
    struct item *held[3], *more;
    struct failure failure;
    for (int i = 0; i < 3; i++)
        assert_int_equal(iterator_next(it, &held[i], &failure), ITERATOR_OK);
    assert_int_equal(iterator_next(it, &more, &failure), ITERATOR_ERROR);
    assert_int_equal(failure.code, FAILURE_ALL_HELD);
    item_release(held[1]);
    assert_int_equal(iterator_next(it, &more, &failure), ITERATOR_OK); /* it does not stay */
    assert_int_equal(more->sequence, 3);
    item_release(held[0]);
    item_release(held[2]);
    item_release(more);
    iterator_close(it);
    batch_pool_destroy(pool);
    block_store_destroy(store);
}

static void the_stall_reporter_names_who_waits(void **state) {
    (void)state;
    struct error error;
    struct recorder *recorder = recorder_create(0, &error);
    int stage = recorder_stage(recorder, "consume");
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    _Atomic uint64_t delivered = 3;
    account_begin(recorder, "consumer", stage);
    struct account_mark before = account_wait(ACTIVITY_WAIT_IN);
    struct stall_reporter *reporter = stall_start(0.01, &delivered, recorder, out, &error);
    usleep(100000);
    stall_stop(reporter);
    account_leave(before);
    account_end();
    fclose(out);
    assert_non_null(strstr(text, "nothing was delivered after batch 3"));
    assert_non_null(strstr(text, "consumer has waited for input to consume"));
    free(text);
    recorder_destroy(recorder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_the_same_for_every_depth_and_executor),
        cmocka_unit_test(compositions_by_name_deliver_the_same),
        cmocka_unit_test(bad_compositions_are_named),
        cmocka_unit_test(a_stopped_run_goes_on_exactly),
        cmocka_unit_test(drop_last_drops_the_short_batch_alone),
        cmocka_unit_test(a_private_copy_pins_no_block),
        cmocka_unit_test(a_shuffle_delivers_every_row_once_and_by_seed),
        cmocka_unit_test(the_window_follows_the_row_count_rule),
        cmocka_unit_test(bytes_stay_below_the_limit),
        cmocka_unit_test(failures_name_stage_and_place),
        cmocka_unit_test(a_consumer_that_keeps_every_batch_is_told),
        cmocka_unit_test(the_stall_reporter_names_who_waits),
    };
    return cmocka_run_group_tests_name("run", tests, make_input, remove_input);
}
