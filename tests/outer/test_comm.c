/* One process alone: sums stay, and what is scattered and gathered is its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "raml/comm.h"

#include "check_near.h"

static void test_alone(void **state)
{
    (void)state;
    struct raml_err err = {0};
    const struct raml_comm *c = raml_comm_alone();
    assert_int_equal(c->rank, 0);
    assert_int_equal(c->size, 1);
    double x[3] = {1.5, -2, 0}, want[3] = {1.5, -2, 0};
    float f[2] = {0.25f, -8}, want_f[2] = {0.25f, -8};
    CHECK_OK(c->sum(c->user, x, 3, &err));
    CHECK_OK(c->sum_float(c->user, f, 2, &err));
    assert_memory_equal(x, want, sizeof x);
    assert_memory_equal(f, want_f, sizeof f);
    char all[6] = "abcde", part[6] = "-----", back[6] = "-----";
    CHECK_OK(c->scatter(c->user, all, part, 3, &err));
    assert_string_equal(part, "abc--");
    CHECK_OK(c->gather(c->user, part, back, 4, &err));
    assert_string_equal(back, "abc--");
    CHECK_OK(c->gather(c->user, all, all, 6, &err)); /* in place */
    assert_string_equal(all, "abcde");
    CHECK_OK(c->scatter(c->user, NULL, NULL, 0, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
