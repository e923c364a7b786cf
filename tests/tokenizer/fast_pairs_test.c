/* The fast encoder's table of pairs against a search among the merges, for models that are sparse
 * like real ones, and for some that are as hard to lay out as possible. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "tokenizer/fast_pairs.h"

#include <stdlib.h>

enum { IDS = 65535, MOST = 65534 };
static struct merge merges[MOST];
static uint64_t sorted[MOST]; /* left << 32 | right << 16 | rank */
static uint32_t count;
static struct random source = {21};

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int compare_pairs(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a >> 16, y = *(const uint64_t *)b >> 16;
    return (x > y) - (x < y);
}

static uint32_t expected_rank(uint32_t left, uint32_t right) {
    uint64_t key = (uint64_t)left << 32 | right << 16;
    const uint64_t *found = bsearch(&key, sorted, count, sizeof *sorted, compare_pairs);
    return found ? (uint16_t)*found : FAST_NO_RANK;
}

static uint32_t some_id(uint32_t below) {
    return (uint32_t)random_below(&source, below);
}

/* Ranks in random order, each pair once. */
static void begin(void) {
    count = 0;
}

static void add(uint32_t left, uint32_t right) {
    if (count < MOST) merges[count++] = (struct merge){left, right, some_id(IDS)};
}

static void finish(void) {
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = (uint64_t)merges[i].left << 32 | merges[i].right << 16;
    qsort(sorted, count, sizeof *sorted, compare);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || sorted[i] != sorted[kept - 1]) sorted[kept++] = sorted[i];
    count = kept;
    for (uint32_t i = count; i > 1; i--) {
        uint32_t other = some_id(i);
        uint64_t swapped = sorted[i - 1];
        sorted[i - 1] = sorted[other];
        sorted[other] = swapped;
    }
    for (uint32_t i = 0; i < count; i++) {
        merges[i].left = (uint32_t)(sorted[i] >> 32);
        merges[i].right = (uint16_t)(sorted[i] >> 16);
        sorted[i] |= i;
    }
    qsort(sorted, count, sizeof *sorted, compare);
}

static void check(const struct fast_pairs *pairs, uint32_t left, uint32_t right) {
    assert_int_equal(fast_pair_rank(pairs, fast_symbol_of(pairs, left), right),
                     expected_rank(left, right));
}

static void check_all(void) {
    finish();
    struct fast_pairs pairs = {0};
    assert_true(fast_pairs_create(&pairs, merges, count, IDS));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t left = merges[i].left, right = merges[i].right;
        check(&pairs, left, right);
        check(&pairs, left, (right + 1) % IDS);
        check(&pairs, (left + 1) % IDS, right);
        check(&pairs, right, left);
        check(&pairs, left, some_id(IDS));
        check(&pairs, left, merges[some_id(count)].right);
        assert_int_equal(fast_pair_rank(&pairs, FAST_NO_SYMBOL, right), FAST_NO_RANK);
        fast_symbol symbol = fast_symbol_of(&pairs, left);
        assert_int_equal(fast_pair_rank(&pairs, symbol, FAST_NO_SYMBOL), FAST_NO_RANK);
    }
    for (uint32_t i = 0; i < 100000; i++)
        check(&pairs, some_id(IDS), some_id(IDS));
    fast_pairs_release(&pairs);
}

static void a_model_without_merges_has_no_ranks(void **state) {
    (void)state;
    begin();
    check_all();
}

static void sparse_rows_of_few_and_many_tokens_are_found(void **state) {
    (void)state;
    begin();
    for (uint32_t left = 0; left < 9000; left++)
        for (uint32_t i = 1 + some_id(left < 100 ? 300 : left < 2000 ? 12 : 3); i > 0; i--)
            add(left, some_id(some_id(2) ? IDS : 1500));
    check_all();
}

static void every_token_as_left_side_once_is_found(void **state) {
    (void)state;
    begin();
    for (uint32_t left = 0; left < MOST; left++)
        add(left, some_id(4) ? 7 : some_id(IDS));
    check_all();
}

static void one_token_with_nearly_every_other_is_found(void **state) {
    (void)state;
    begin();
    for (uint32_t right = 0; right < 60000; right++)
        add(11, right);
    for (uint32_t left = 100; left < 5100; left++)
        add(left, some_id(IDS));
    check_all();
}

static void dense_rows_that_need_a_larger_table_are_found(void **state) {
    (void)state;
    begin();
    for (uint32_t left = 0; left < 250; left++)
        for (uint32_t i = 0; i < 250; i++)
            add(left * 3, some_id(4000));
    check_all();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_without_merges_has_no_ranks),
        cmocka_unit_test(sparse_rows_of_few_and_many_tokens_are_found),
        cmocka_unit_test(every_token_as_left_side_once_is_found),
        cmocka_unit_test(one_token_with_nearly_every_other_is_found),
        cmocka_unit_test(dense_rows_that_need_a_larger_table_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
