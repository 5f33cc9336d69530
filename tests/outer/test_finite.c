/* The first value of a part that is not finite, by row and token. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "outer/finite.h"

#include "check_near.h"

enum { N = 9, ROWS = 4 };
static const size_t start[ROWS + 1] = {0, 3, 3, 7, 9}; /* row 1 is empty */

static void test_places(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t logp_at, entropy_at; /* N: nowhere */
        float value;
        size_t first_row, n_rows, zero_at;
        const char *found; /* NULL: nothing */
        size_t row, token;
    } cases[] = {
        {"all are finite", N, N, NAN, 0, ROWS, N, NULL, 0, 0},
        {"first token", 0, N, NAN, 0, ROWS, N, "log-probability", 0, 0},
        {"last token", 8, N, -INFINITY, 0, ROWS, N, "log-probability", 3, 1},
        {"an entropy", N, 4, INFINITY, 0, ROWS, N, "entropy", 2, 1},
        {"the earlier of both", 6, 4, NAN, 0, ROWS, N, "entropy", 2, 1},
        {"both of one token", 4, 4, NAN, 0, ROWS, N, "log-probability", 2, 1},
        {"before the part", 2, N, NAN, 1, 3, N, NULL, 0, 0},
        {"after the part", 7, N, NAN, 0, 3, N, NULL, 0, 0},
        {"a row of the step, not of the part", 5, N, NAN, 2, 2, N, "log-probability", 2, 2},
        {"weight 0", 3, N, NAN, 0, ROWS, 3, NULL, 0, 0},
        {"no rows", 0, N, NAN, 0, 0, N, NULL, 0, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        float logp[N + 1], entropy[N + 1], weight[N + 1];
        for (size_t k = 0; k < N; k++) {
            logp[k] = -100.0f - (float)k;
            entropy[k] = 0;
            weight[k] = 0.5f;
        }
        logp[cases[i].logp_at] = entropy[cases[i].entropy_at] = cases[i].value;
        weight[cases[i].zero_at] = 0;
        struct raml_terms t = {.n_rows = cases[i].n_rows,
                               .first_row = cases[i].first_row,
                               .start = start,
                               .logp = logp,
                               .entropy = entropy,
                               .weight = weight};
        struct raml_nonfinite got = {77, 77, "unchanged", 7};
        bool found = raml_find_nonfinite(&t, &got);
        if (found != (cases[i].found != NULL)) fail_msg("%s: found %d", cases[i].what, (int)found);
        assert_string_equal(got.what, found ? cases[i].found : "unchanged");
        if (!found) continue;
        assert_int_equal(got.row, cases[i].row);
        assert_int_equal(got.token, cases[i].token);
        assert_true(isnan(cases[i].value) ? isnan(got.value) : got.value == (double)cases[i].value);
    }
}

static void test_absent_arrays(void **state)
{
    (void)state;
    const float bad[N] = {0, 0, 0, 0, NAN};
    struct raml_terms t = {.n_rows = ROWS, .start = start};
    struct raml_nonfinite got;
    assert_false(raml_find_nonfinite(&t, &got));
    t.entropy = bad;
    assert_true(raml_find_nonfinite(&t, &got));
    assert_string_equal(got.what, "entropy");
    t.entropy = NULL;
    t.logp = bad; /* without weights every token counts */
    assert_true(raml_find_nonfinite(&t, &got));
    assert_int_equal(got.row, 2);
    assert_int_equal(got.token, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_places), cmocka_unit_test(test_absent_arrays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
