/* exp, log, sin, cos, pow against the C library's long double, over many random numbers; their values at the limits;
 * and a checksum that must be the same on every machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/elementary.h"
#include "raml/rng.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DRAWS = 200000 };

static double draw(uint64_t i, uint32_t what) /* [0, 1) */
{
    const struct raml_key key = {.seed = 5, .purpose = RAML_FOR_TEST, .sample = what};
    return raml_uniform(&key, i);
}
static double share(double got, long double want) /* of the value */
{
    return (double)fabsl(((long double)got - want) / want);
}

static void check(const char *what, double x, double error, double bound)
{
    if (!(error <= bound)) fail_msg("%s at %.17g: error 2^%.2f, bound 2^%.2f", what, x, log2(error), log2(bound));
}

static void test_errors(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < DRAWS; i++) {
        double u = draw(i, 0), v = draw(i, 1);
        double x = (u - 0.5) * 1400;
        check("exp", x, share(raml_exp(x), expl((long double)x)), 0x1p-51);
        check("exp", u - 0.5, share(raml_exp(u - 0.5), expl((long double)u - 0.5L)), 0x1p-51);
        double y = ldexp(0.5 + u / 2, (int)(v * 2090) - 1065); /* subnormals too */
        check("log", y, share(raml_log(y), logl((long double)y)), 0x1p-51);
        y = 0.5 + u;
        if (y != 1) check("log", y, share(raml_log(y), logl((long double)y)), 0x1p-51);
        x = ldexp(2 * u - 1, (int)(v * 31));
        check("sin", x, (double)fabsl((long double)raml_sin(x) - sinl((long double)x)), 0x1p-50);
        check("cos", x, (double)fabsl((long double)raml_cos(x) - cosl((long double)x)), 0x1p-50);
        double base = ldexp(0.5 + u, (int)(v * 30) - 5), power = (draw(i, 2) - 0.5) * 20;
        double bound = 0x1p-51 + 0x1p-52 * fabs(power * log(base));
        check("pow", base, share(raml_pow(base, power), powl((long double)base, (long double)power)), bound);
    }
}

static void test_ends(void **state)
{
    (void)state;
    assert_true(raml_exp(0) == 1 && raml_log(1) == 0 && raml_sin(0) == 0 && raml_cos(0) == 1);
    assert_true(raml_exp(-746) == 0 && raml_exp(-INFINITY) == 0 && isinf(raml_exp(710)) && isinf(raml_exp(INFINITY)));
    assert_true(raml_exp(-745) == 0x1p-1074);
    assert_true(raml_log(0) == -INFINITY && raml_log(INFINITY) == INFINITY && isnan(raml_log(-1)));
    assert_true(raml_pow(3, 0) == 1 && raml_pow(0, 2) == 0 && isinf(raml_pow(0, -2)) && isnan(raml_pow(-2, 3)));
    assert_true(raml_pow(0.9, 1e6) == 0 && isinf(raml_pow(1.1, 1e6)) && raml_pow(1, INFINITY) == 1);
    assert_true(isnan(raml_sin(INFINITY)) && isnan(raml_cos(0x1p31)));
    assert_true(isnan(raml_exp(NAN)) && isnan(raml_log(NAN)) && isnan(raml_sin(NAN)) && isnan(raml_pow(NAN, 1)));
}

static void mix(uint64_t *h, double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    for (int i = 0; i < 64; i += 8) *h = (*h ^ (u >> i & 0xff)) * UINT64_C(0x100000001b3); /* FNV-1a */
}
static void test_bits(void **state)
{
    (void)state;
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (uint64_t i = 0; i < 20000; i++) {
        double u = draw(i, 3), v = draw(i, 4);
        const struct raml_key key = {.seed = 6, .purpose = RAML_FOR_TEST};
        mix(&h, raml_exp((u - 0.5) * 200)), mix(&h, raml_log(u)), mix(&h, raml_sin(u * 1e5)),
            mix(&h, raml_cos(v * 1e5));
        mix(&h, raml_pow(1e6, -u)), mix(&h, raml_normal(&key, i));
    }
    if (h != UINT64_C(0x284c936610bfa66d)) fail_msg("checksum 0x%016llx", (unsigned long long)h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_errors), cmocka_unit_test(test_ends),
                                       cmocka_unit_test(test_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
