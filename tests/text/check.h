/* check.h - shared by the tests of this layer. Include after cmocka's own headers. */
#ifndef RAML_TESTS_TEXT_CHECK_H
#define RAML_TESTS_TEXT_CHECK_H

#include "raml/tokenizer.h"

#include "check_near.h"

#include <string.h>

static inline void check_ids(const char *what, const int32_t *got, size_t n_got, const int32_t *want, size_t n_want)
{
    size_t i = 0;
    while (i < n_got && i < n_want && got[i] == want[i]) i++;
    if (i == n_got && i == n_want) return;
    print_error("%s: %zu ids, expected %zu; first difference at %zu: %d, expected %d\n", what, n_got, n_want, i,
                i < n_got ? (int)got[i] : -1, i < n_want ? (int)want[i] : -1);
    fail();
}

static inline void check_bytes(const char *what, const char *got, size_t n_got, const char *want, size_t n_want)
{
    if (n_got == n_want && (!n_got || memcmp(got, want, n_got) == 0)) return;
    print_error("%s: got %zu bytes '%.*s', expected %zu '%.*s'\n", what, n_got, (int)n_got, got ? got : "", n_want,
                (int)n_want, want);
    fail();
}

#endif
