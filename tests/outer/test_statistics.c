/* Named statistics: joined by name in the order of first appearance; what has no room is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "raml/objective.h"

#include "check_near.h"

static void test_join(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_statistics s = {0}, part = {0}, none = {0};
    char again[] = "kl"; /* the same text elsewhere */
    raml_statistics_add(&s, "reward", 3, 4);
    raml_statistics_add(&s, "kl", 0.5, 10);
    raml_statistics_max(&s, "gap_max", -2);
    raml_statistics_add(&part, again, 0.25, 6);
    raml_statistics_max(&part, "gap_max", -1);
    raml_statistics_max(&part, "gap_max", -7);
    raml_statistics_add(&part, "length", 100, 3);
    raml_statistics_join(&s, &part);
    raml_statistics_join(&s, &none);
    CHECK_OK(raml_statistics_status(&s, &err));
    static const char *const names[] = {"reward", "kl", "gap_max", "length"};
    assert_int_equal(s.n, COUNT(names));
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_string_equal(s.item[i].name, names[i]);
        assert_int_equal(s.item[i].is_max, i == 2);
    }
    CHECK_NEAR("kl", s.item[1].sum, 0.75, 0);
    CHECK_NEAR("kl's count", s.item[1].count, 16, 0);
    CHECK_NEAR("maximum", s.item[2].most, -1, 0);
    CHECK_NEAR("length", s.item[3].sum / s.item[3].count, 100.0 / 3, 1e-12);
    raml_statistics_join(&none, &s);
    assert_memory_equal(&none, &s, sizeof s);
}

static void test_nan_stays(void **state)
{
    (void)state;
    struct raml_statistics s = {0};
    raml_statistics_max(&s, "m", 1);
    raml_statistics_max(&s, "m", NAN);
    raml_statistics_max(&s, "m", 2);
    assert_true(isnan(s.item[0].most));
}

static void test_refused(void **state)
{
    (void)state;
    struct raml_err err = {0};
    static char name[RAML_STATISTICS + 2][16];
    struct raml_statistics s = {0}, one = {0}, both = {0};
    for (int i = 0; i < RAML_STATISTICS + 2; i++) {
        CHECK_OK(i <= RAML_STATISTICS ? raml_statistics_status(&s, &err) : RAML_OK);
        snprintf(name[i], sizeof name[i], "name-%d", i);
        raml_statistics_add(&s, name[i], 1, 1);
    }
    raml_statistics_add(&s, "name-3", 1, 1); /* those it has still count */
    assert_int_equal(s.n, RAML_STATISTICS);
    CHECK_NEAR("a known name", s.item[3].sum, 2, 0);
    assert_int_equal(raml_statistics_status(&s, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "statistic 'name-64' is one too many; expected at most 64 names");
    raml_statistics_join(&one, &s); /* what a part could not take is not forgotten */
    err = (struct raml_err){0};
    assert_int_equal(raml_statistics_status(&one, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "statistic 'name-64' is one too many; expected at most 64 names");
    raml_statistics_add(&both, "kl", 1, 1);
    raml_statistics_max(&both, "kl", 1);
    err = (struct raml_err){0};
    assert_int_equal(raml_statistics_status(&both, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "statistic 'kl' is reported both as a mean and as a maximum");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join),
        cmocka_unit_test(test_nan_stays),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
