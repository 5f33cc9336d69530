/* test_utf8.c - how many columns of a terminal a character takes. */
#include "core/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static void columns(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned columns;
        size_t len;
    } cases[] = {{"a", 1, 1},          {"\u00e9", 1, 2},     {"\u65e5", 2, 3},   {"\uff21", 2, 3}, {"\uac00", 2, 3},
                 {"\U0001f600", 2, 4}, {"\U00020000", 2, 4}, {"\u0301", 0, 2},   {"\u200d", 0, 3}, {"\u2013", 1, 3},
                 {"\xff", 1, 1},       {"\xe6\x97", 1, 1},   {"\xc3\x28", 1, 1}, {"\u05d0", 1, 2}, {"\u03b1", 1, 2},
                 {"\u1100", 2, 3},     {"\u1160", 1, 3},     {"\u303f", 1, 3},   {"\u3042", 2, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len = 99;
        unsigned got = raml_utf8_columns(cases[i].text, strlen(cases[i].text), &len);
        if (got != cases[i].columns || len != cases[i].len)
            fail_msg("case %zu: %u columns of %zu bytes; expected %u of %zu", i, got, len, cases[i].columns,
                     cases[i].len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(columns)};
    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
