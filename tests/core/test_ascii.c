/* test_ascii.c - every byte, against the C locale's <ctype.h>. */
#include "core/scratch.h"

#include "core/ascii.h"

#include <ctype.h>

static void every_byte(void **state)
{
    (void)state;
    for (int i = 0; i < 256; i++) {
        char c = (char)i;
        bool ascii = i < 128;
        assert_int_equal(is_space(c), ascii && isspace(i));
        assert_int_equal(is_digit(c), ascii && isdigit(i));
        assert_int_equal(is_lower(c), ascii && islower(i));
        assert_int_equal(is_upper(c), ascii && isupper(i));
        assert_int_equal(is_alpha(c), ascii && isalpha(i));
        assert_int_equal(is_alnum(c), ascii && isalnum(i));
        assert_int_equal(is_control(c), ascii && iscntrl(i));
        assert_int_equal(to_lower(c), ascii ? (char)tolower(i) : c);
        char text[2] = {c, 0}, *end = text;
        long value = strtol(text, &end, 16);
        assert_int_equal(hex_value(c), end > text ? value : -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
