/* The orders in which a round's slices are taken are balanced. */
#include "harness/experiment/experiment_internal.h"
#include "tests/results/cmocka_all.h"

#include <string.h>

enum { MOST = 12 };

static void every_row_is_an_order_and_all_rows_balance(void **state) {
    (void)state;
    for (unsigned count = 1; count <= MOST; count++) {
        unsigned at[MOST][MOST] = {{0}}, after[MOST][MOST] = {{0}};
        for (unsigned row = 0; row < 2 * count; row++) {
            unsigned seen = 0, before = 0;
            for (unsigned position = 0; position < count; position++) {
                unsigned place = slice_order_place(count, row, position);
                assert_true(place < count);
                seen |= 1u << place;
                at[place][position]++;
                if (position) after[before][place]++;
                before = place;
            }
            assert_int_equal(seen, (1u << count) - 1);
        }
        for (unsigned a = 0; a < count; a++)
            for (unsigned b = 0; b < count; b++) {
                assert_int_equal(at[a][b], 2);
                assert_int_equal(after[a][b], a == b ? 0 : 2);
            }
    }
}

/* From three arms on none is measured twice in a row: that would spare it the others' traces in the
 * caches. Two take turns in twos, both alike. */
static void no_arm_follows_itself(void **state) {
    (void)state;
    for (unsigned count = 3; count <= MOST; count++)
        for (unsigned row = 0; row < 2 * count; row++)
            assert_int_not_equal(slice_order_place(count, row, count - 1),
                                 slice_order_place(count, (row + 1) % (2 * count), 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_an_order_and_all_rows_balance),
        cmocka_unit_test(no_arm_follows_itself),
    };
    return cmocka_run_group_tests_name("slice order", tests, NULL, NULL);
}
