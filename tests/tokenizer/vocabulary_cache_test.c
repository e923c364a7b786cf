/* The file of a digested model: the same model from it as from JSON, and never a wrong one. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "tests/tokenizer/support.h"
#include "tokenizer/vocabulary_cache.h"

#include <sys/stat.h>
#include <unistd.h>

static struct model model;
static char folder[64];

static struct vocabulary *load(const char *merges, enum vocabulary_source expected) {
    struct error error;
    enum vocabulary_source source;
    struct vocabulary *v = vocabulary_load_cached(model.vocab, merges, &source, &error);
    if (!v) fail_msg("%s", error.message);
    assert_int_equal(source, expected);
    return v;
}

static void cache_path(char path[512]) {
    struct error error;
    if (!vocabulary_cache_path(model.vocab, model.merges, path, 512, &error))
        fail_msg("%s", error.message);
}

static void assert_same(const struct vocabulary *a, const struct vocabulary *b) {
    size_t length, other;
    assert_int_equal(vocabulary_size(a), vocabulary_size(b));
    assert_true(vocabulary_digest(a) == vocabulary_digest(b));
    assert_int_equal(vocabulary_merge_count(a), vocabulary_merge_count(b));
    for (uint32_t id = 0; id < vocabulary_size(a); id++) {
        const char *token = vocabulary_token(a, id, &length);
        assert_memory_equal(token, vocabulary_token(b, id, &other), length + 1);
        assert_int_equal(length, other);
        const char *bytes = vocabulary_bytes(a, id, &length);
        uint32_t found;
        assert_true(vocabulary_find(b, bytes, length, &found));
        assert_int_equal(found, id);
    }
    for (uint32_t rank = 0; rank < vocabulary_merge_count(a); rank++) {
        const struct merge *merge = &vocabulary_merges(a)[rank];
        const struct pair_slot *slot = pair_find(vocabulary_pairs(b), merge->left, merge->right);
        assert_non_null(slot);
        assert_int_equal(slot->rank, rank);
        assert_int_equal(slot->merged, merge->merged);
    }
    for (unsigned byte = 0; byte < 256; byte++)
        assert_int_equal(vocabulary_byte_id(a, (unsigned char)byte),
                         vocabulary_byte_id(b, (unsigned char)byte));
}

static void the_second_load_comes_from_the_file_and_is_the_same(void **state) {
    (void)state;
    struct vocabulary *parsed = load(model.merges, VOCABULARY_CACHED);
    struct vocabulary *taken = load(model.merges, VOCABULARY_FROM_CACHE);
    assert_same(parsed, taken);
    vocabulary_destroy(parsed);
    vocabulary_destroy(taken);
}

/* One byte of each region changed, cut short, lengthened, emptied. */
static void a_damaged_file_is_written_anew(void **state) {
    (void)state;
    char path[512], *data;
    size_t size;
    cache_path(path);
    vocabulary_destroy(load(model.merges, VOCABULARY_FROM_CACHE));
    assert_true(file_read(path, &data, &size, NULL));
    const size_t places[] = {0, 17, 21, 30, 60, 80, 200, 5000, size / 2, size - 1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        data[places[i]] ^= 0x10;
        assert_true(file_write(path, data, size, NULL));
        data[places[i]] ^= 0x10;
        vocabulary_destroy(load(model.merges, VOCABULARY_CACHED));
        vocabulary_destroy(load(model.merges, VOCABULARY_FROM_CACHE));
    }
    const size_t sizes[] = {0, 1, 100, size / 2, size - 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_true(file_write(path, data, sizes[i], NULL));
        vocabulary_destroy(load(model.merges, VOCABULARY_CACHED));
    }
    assert_int_equal(unlink(path), 0);
    vocabulary_destroy(load(model.merges, VOCABULARY_CACHED));
    free(data);
}

static void other_merges_do_not_get_this_model(void **state) {
    (void)state;
    char path[512], *data;
    size_t size;
    struct error error;
    snprintf(path, sizeof path, "%s/merges.txt", folder);
    assert_true(file_read(model.merges, &data, &size, &error));
    size_t cut = size - 1; /* without the last merge */
    while (data[cut - 1] != '\n')
        cut--;
    assert_true(file_write(path, data, cut, &error));
    free(data);
    struct vocabulary *whole = load(model.merges, VOCABULARY_FROM_CACHE);
    struct vocabulary *less = load(path, VOCABULARY_CACHED);
    assert_int_equal(vocabulary_merge_count(less) + 1, vocabulary_merge_count(whole));
    vocabulary_destroy(whole);
    vocabulary_destroy(less);
}

static void without_a_place_for_the_file_loading_works(void **state) {
    (void)state;
    char *old = strdup(getenv("XDG_CACHE_HOME"));
    assert_non_null(old);
    setenv("XDG_CACHE_HOME", "/proc/nowhere", 1);
    vocabulary_destroy(load(model.merges, VOCABULARY_NOT_CACHED));
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    vocabulary_destroy(load(model.merges, VOCABULARY_NOT_CACHED));
    setenv("XDG_CACHE_HOME", old, 1);
    free(old);
}

int main(void) {
    model_find(&model);
    snprintf(folder, sizeof folder, "/tmp/grainbench-cache-XXXXXX");
    if (!mkdtemp(folder)) return perror("mkdtemp"), 1;
    setenv("XDG_CACHE_HOME", folder, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_load_comes_from_the_file_and_is_the_same),
        cmocka_unit_test(a_damaged_file_is_written_anew),
        cmocka_unit_test(other_merges_do_not_get_this_model),
        cmocka_unit_test(without_a_place_for_the_file_loading_works),
    };
    int failed = cmocka_run_group_tests_name("vocabulary cache", tests, NULL, NULL);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0) fprintf(stderr, "%s is left behind\n", folder);
    return failed;
}
