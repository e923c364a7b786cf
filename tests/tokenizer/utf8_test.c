/* UTF-8: where a text goes wrong, and what is put in the place of what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tokenizer/utf8.h"

#include <stdlib.h>
#include <string.h>

static void check_offset(const char *text, size_t length, size_t expected) {
    /* At every alignment and behind a long valid start, where eight bytes go at once. */
    for (size_t before = 0; before < 20; before++) {
        char padded[128];
        memset(padded, 'x', before);
        memcpy(padded + before, text, length);
        size_t offset = utf8_validate(padded, before + length);
        assert_int_equal(offset, before + expected);
    }
}
#define OFFSET(text, expected) check_offset(text, sizeof(text) - 1, expected)

static void valid_text_is_accepted(void **state) {
    (void)state;
    OFFSET("", 0);
    OFFSET("plain ascii text", 16);
    OFFSET("\xc2\x80\xdf\xbf", 4);
    OFFSET("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 12);
    OFFSET("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8);
    OFFSET("a\0b", 3);
}

static void the_first_bad_byte_is_found(void **state) {
    (void)state;
    OFFSET("ab\x80", 2);            /* nothing to continue */
    OFFSET("ab\xc0\x80", 2);        /* overlong */
    OFFSET("ab\xc1\xbf", 2);        /* overlong */
    OFFSET("\xe0\x9f\xbf", 0);      /* overlong */
    OFFSET("\xf0\x8f\xbf\xbf", 0);  /* overlong */
    OFFSET("abc\xed\xa0\x80", 3);   /* surrogate */
    OFFSET("\xf4\x90\x80\x80", 0);  /* above U+10FFFF */
    OFFSET("\xf5\x80\x80\x80", 0);  /* no such lead */
    OFFSET("x\xff", 1);             /* no such byte */
    OFFSET("xy\xe2\x82", 2);        /* cut off */
    OFFSET("xy\xf0\x9f\x98", 2);    /* cut off */
    OFFSET("\xe2\x82zabcdefgh", 0); /* cut off in the middle */
    OFFSET("abcdefgh\xc3(ijklmn", 8);
}

static void check_repair(const char *text, size_t length, const char *expected) {
    size_t repaired_length;
    char *repaired = utf8_repair(text, length, &repaired_length);
    assert_non_null(repaired);
    assert_int_equal(repaired_length, strlen(expected));
    assert_string_equal(repaired, expected);
    assert_int_equal(utf8_validate(repaired, repaired_length), repaired_length);
    free(repaired);
}
#define REPAIR(text, expected) check_repair(text, sizeof(text) - 1, expected)
#define BAD                    "\xef\xbf\xbd"

/* The cases of the Unicode standard, section 3.9, tables 3-8 to 3-11. */
static void each_maximal_subpart_becomes_one_replacement(void **state) {
    (void)state;
    REPAIR("", "");
    REPAIR("sound", "sound");
    REPAIR("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", BAD BAD BAD BAD BAD BAD BAD BAD "A");
    REPAIR("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41", BAD BAD BAD BAD BAD BAD BAD BAD "A");
    REPAIR("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", BAD BAD BAD BAD BAD "A" BAD BAD "B");
    REPAIR("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", BAD BAD BAD BAD "A");
    REPAIR("end\xf0\x9f\x98", "end" BAD);
    REPAIR("\xe2\x82", BAD);
}

static void characters_are_counted_and_spaces_known(void **state) {
    (void)state;
    assert_int_equal(utf8_count("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10), 4);
    assert_true(utf8_is_ascii("0123456789abcdef", 16));
    assert_false(utf8_is_ascii("0123456789abcdef\xc3\xa9", 18));
    assert_int_equal(utf8_space_at(" ", 1, 0), 1);
    assert_int_equal(utf8_space_at("\xe2\x80\x83", 3, 0), 3);
    assert_int_equal(utf8_space_at("\xe1\xa0\x8e", 3, 0), 0); /* U+180E is none any more */
    assert_int_equal(utf8_space_at("x", 1, 1), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_text_is_accepted),
        cmocka_unit_test(the_first_bad_byte_is_found),
        cmocka_unit_test(each_maximal_subpart_becomes_one_replacement),
        cmocka_unit_test(characters_are_counted_and_spaces_known),
    };
    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
