/* test_decide_functions.c - expressions in variables: the same function or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decide_table.h"

/* clang-format off */
static const struct decide_case rational[] = {
    {"x", "x", E}, {"x", "y", D}, {"x", "X", D}, {"x_1", "x_2", D}, {"x+1", "y+1", D}, {"x", "1", D}, {"x-x", "0", E},
    {"(x+1)^2", "x^2+2*x+1", E}, {"(x+1)^2", "x^2+2*x+2", D}, {"(a+b)*(a-b)", "a^2-b^2", E}, {"x/2", "0.5*x", E},
    {"1/(x+1)+1/(x-1)", "2*x/(x^2-1)", E}, {"(x^2-1)/(x-1)", "x+1", E}, {"x^(-1)", "1/x", E}, {"1/x", "1/y", D},
    {"1/(1+1/(1+1/x))", "(x+1)/(2*x+1)", E}, {"x^5000+1", "(x^2500+1)^2-2*x^2500", E}, {"x*y*z", "z*y*x", E},
    {"x%", "x/100", E}, {"(x+y+z)^8-(z+y+x)^8", "0", E}, {"x^2", "x^3", D}, {"a/b/c", "a/(b*c)", E},
    {"(a^3-b^3)/(a-b)", "a^2+a*b+b^2", E}, {"x^(10^30)", "x^(10^30+1)", D}, {"1/(x-x)", "1/(x-x)+1", U},
    {"x/0", "x", U},
    {"2*pi*r", "pi*r*2", E}, {"2*pi*r", "6.283*r", D}, {"pi*r^2", "pi*r^3", D}, {"e*x", "x*e", E}, {"x^0", "1", E},
    {"i^2*x", "-x", E}, {"(x+i)*(x-i)", "x^2+1", E}, {"x+i*y", "x-i*y", D}, {"deg(x)", "pi*x/180", E},
};
/* clang-format on */

/* clang-format off */
static const struct decide_case roots[] = {
    {"x^(2/3)", "root(x,3)^2", E}, {"1/(3*root(x,3)^2)", "1/(3*x^(2/3))", E}, {"sqrt(x)*sqrt(y)", "sqrt(x*y)", E},
    {"v0*(r0/(r+r0))^0.5/(r+r0)", "v0/r0*1/(1+r/r0)^(3/2)", E}, {"sqrt(x^2)", "x", D}, {"sqrt(x^2)", "abs(x)", E},
    {"abs(x-1)", "abs(1-x)", E}, {"abs(x-1)", "abs(x+1)", D}, {"abs(x)^2", "x^2", E}, {"sqrt(8)*x", "2*sqrt(2)*x", E},
    {"sqrt(L^3/g)", "L*sqrt(L/g)", E}, {"sqrt(x)/x", "1/sqrt(x)", E}, {"sqrt(4*a^2*b)", "2*a*sqrt(b)", E},
    {"sqrt(x-1)*sqrt(x)", "sqrt(x)*sqrt(x-1)", E}, {"sqrt(1-x)*sqrt(x)", "sqrt(x*(1-x))", E},
    {"sqrt(x)", "sqrt(y)", D},
    {"sqrt(x^2+2*x+1)", "abs(x+1)", E}, {"root(x^3,3)", "x", E}, {"(x^3)^(1/3)", "x", E},
    {"sqrt(x+1)", "sqrt(x)+1", D},
    {"sqrt(sqrt(x))", "x^(1/4)", E}, {"x^(1/2)*x^(1/3)", "x^(5/6)", E}, {"x^(1/2)*x^(1/3)", "x^(1/6)", D},
    {"(sqrt(x)-1)*(sqrt(x)+1)", "x-1", E}, {"1/(sqrt(x)-1)", "(sqrt(x)+1)/(x-1)", E},
    {"x^2-x*sqrt(2)", "x*(x-sqrt(2))", E},
    {"10^((-5+sqrt(13))/6)*x", "x*10^(-5/6+sqrt(13)/6)", E}, {"sqrt(x^2*y)", "-x*sqrt(y)", D},
    {"x+sqrt(-60)", "sqrt(-60)+x", E},
    {"sqrt(2)*x+sqrt(3)*x", "(sqrt(2)+sqrt(3))*x", E}, {"x/sqrt(2)", "sqrt(2)*x/2", E},
    {"abs(x)*abs(y)", "abs(x*y)", E},
    {"sqrt(1-x^2)", "sqrt(1-x)*sqrt(1+x)", E}, {"(x^6)^(1/6)", "abs(x)", E}, {"sqrt((x-y)^2)", "abs(y-x)", E},
    {"sqrt((a-b)/(c-d))", "sqrt((b-a)/(d-c))", E}, {"sqrt(x+2*sqrt(x)+1)", "sqrt(x)+1", E},
};
/* clang-format on */

/* clang-format off */
static const struct decide_case circular[] = {
    {"tan(x)^2+1", "sec(x)^2", E}, {"cos(x)", "sin(pi/2-x)", E}, {"sin(2*x)", "2*sin(x)*cos(x)", E},
    {"sin(x)", "cos(x)", D},
    {"sin(a+b)", "sin(a)*cos(b)+cos(a)*sin(b)", E}, {"sin(x+pi/3)", "sin(x)/2+sqrt(3)/2*cos(x)", E},
    {"sin(-x)", "-sin(x)", E},
    {"cos(3*x)", "4*cos(x)^3-3*cos(x)", E}, {"(1-cos(x))/sin(x)", "tan(x/2)", E}, {"sin(x)^2+cos(x)^2", "1", E},
    {"sqrt(1-sin(x)^2)", "abs(cos(x))", E}, {"sqrt(1-sin(x)^2)", "cos(x)", D}, {"sin(x+2*pi)", "sin(x)", E},
    {"cot(x)", "1/tan(x)", E}, {"csc(x)*sin(x)", "1", E}, {"cos(deg(90)-x)", "sin(x)", E},
    {"sin(x)*tan(x)", "sec(x)-cos(x)", E},
    {"cos(x)^4-sin(x)^4", "cos(2*x)", E}, {"sin(x/3)", "sin(x/2)", D}, {"sin(x+pi/7)", "cos(5*pi/14-x)", E},
    {"sin(atan(x))", "x/sqrt(1+x^2)", E}, {"cos(asin(x))", "sqrt(1-x^2)", E}, {"asin(x)+acos(x)", "pi/2", E},
    {"atan(-x)", "-atan(x)", E}, {"A*sin(w*t+p)", "A*(sin(w*t)*cos(p)+cos(w*t)*sin(p))", E},
    {"tan(2*x)", "2*tan(x)/(1-tan(x)^2)", E},
    {"e^(i*x)", "cos(x)+i*sin(x)", E}, {"cosh(x)^2-sinh(x)^2", "1", E}, {"tanh(x)", "(e^(2*x)-1)/(e^(2*x)+1)", E},
    {"asinh(x)", "ln(x+sqrt(x^2+1))", E}, {"cosh(x)", "cos(x)", D}, {"sinh(2*x)", "2*sinh(x)*cosh(x)", E},
};
/* clang-format on */

/* clang-format off */
static const struct decide_case others[] = {
    {"a^(m+n)", "a^m*a^n", E}, {"e^(2*x)", "(e^x)^2", E}, {"2^(n+1)", "2*2^n", E}, {"4^n", "2^(2*n)", E},
    {"2^n", "3^n", D},
    {"e^(x*ln(2))", "2^x", E}, {"x*e^x", "x*exp(x)", E}, {"x^x", "e^(x*ln(x))", E}, {"6^n", "2^n*3^n", E},
    {"x^n", "x^m", D},
    {"ln(a*b)", "ln(a)+ln(b)", E}, {"log(x,10)", "ln(x)/ln(10)", E}, {"ln(x^2)", "2*ln(x)", E},
    {"ln(x)", "log(x,2)", D},
    {"ln(e^x)", "x", E}, {"e^(2*ln(x))", "x^2", E}, {"ln(sqrt(x))", "ln(x)/2", E}, {"ln(x/y)", "ln(x)-ln(y)", E},
    {"ln(1-x)", "ln(1+x)", D}, {"e^(-x^2/2)", "1/sqrt(e^(x^2))", E}, {"2^(n/2)", "sqrt(2)^n", E},
    {"exp(1/x)", "exp(2/(2*x))", E},
    {"(n+1)!/n!", "n+1", E}, {"n!/(n-2)!", "n*(n-1)", E}, {"binomial(n,2)", "n*(n-1)/2", E}, {"n!", "(n+1)!", D},
    {"n!/(k!*(n-k)!)", "binomial(n,k)", E}, {"binomial(n,k)", "binomial(n,n-k)", E},
    {"permutations(n,2)", "n^2-n", E},
    {"(-1)^(n+1)", "-(-1)^n", E}, {"(-1)^n", "1", D}, {"(-1)^n", "cos(pi*n)", U}, {"n*(n+1)/2", "n*(n-1)/2", D},
    {"f(x)", "f(x+1-1)", E}, {"f(x)", "f(x+1)", D}, {"f(x)+1", "f(x)+2", D}, {"f(x)", "g(x)", D},
    {"f(x)*g(y)", "g(y)*f(x)", E},
    {"F_k()*F_n(x)", "F_n(x)*F_k()", E}, {"f(2*x/2)", "f(x)", E}, {"sum(k,1,n,k)", "n*(n+1)/2", U},
    {"sum(k,1,n,k)+1", "1+sum(k,1,n,k)", E},
    {"floor(x)+1", "1+floor(x)", E}, {"floor(x)", "ceil(x)", D}, {"min(x,y)", "min(y,x)", E},
    {"max(x,y)", "min(x,y)", D},
    {"gcd(a,b)", "gcd(b,a)", E}, {"sign(x)*abs(x)", "x", U}, {"floor(x+1)", "floor(1+x)", E}, {"oo", "x", U},
};
/* clang-format on */

static void test_rational(void **state)
{
    (void)state;
    assert_int_equal(decide_cases(rational, COUNT(rational)), 0);
}

static void test_roots(void **state)
{
    (void)state;
    assert_int_equal(decide_cases(roots, COUNT(roots)), 0);
}

static void test_circular(void **state)
{
    (void)state;
    assert_int_equal(decide_cases(circular, COUNT(circular)), 0);
}

static void test_others(void **state)
{
    (void)state;
    assert_int_equal(decide_cases(others, COUNT(others)), 0);
    raml_answer_thread_end();
}

/* Assumptions are reported. */
static void test_rules(void **state)
{
    static const struct {
        const char *a, *b, *rule;
    } said[] = {
        {"1/2", "0.5", "rational numbers"},
        {"x", "x", "same expression"},
        {"pi", "3", "balls of 64 bits"},
        {"oo", "1", "infinity"},
        {"x*2", "x+x", "polynomial normal form"},
        {"1/x", "x/x^2", "rational functions"},
        {"sqrt(3+2*sqrt(2))", "1+sqrt(2)", "algebraic numbers"},
        {"sqrt(x*y)", "sqrt(x)*sqrt(y)", "normal form with roots and logarithms, for positive variables"},
        {"root(x*y,3)", "root(x,3)*root(y,3)", "normal form with roots and logarithms"},
        {"abs(x)^2", "x^2", "normal form"},
        {"sin(x)*2", "sin(x)+sin(x)", "trigonometric normal form"},
        {"sin(x)", "sin(y)", "differ at a point"},
        {"ln(4)", "2*ln(2)", "normal form of constants"},
        {"1/0", "1", "not decided: no value"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(said); i++) {
        struct work w = {.left = WORK};
        const char *rule = "";
        decide_texts(said[i].a, said[i].b, &w, &rule);
        if (strcmp(rule, said[i].rule) != 0)
            fail_msg("%s, %s: by %s, not %s", said[i].a, said[i].b, rule, said[i].rule);
    }
    raml_answer_thread_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rational), cmocka_unit_test(test_roots), cmocka_unit_test(test_circular),
        cmocka_unit_test(test_others),   cmocka_unit_test(test_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
