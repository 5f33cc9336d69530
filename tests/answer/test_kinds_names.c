/* test_kinds_names.c - a quantity that is given its value, with its arithmetic; factorials before an equality. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "kinds.h"

/* clang-format off */
static const struct kind_case given[] = {
    {"293", "m+n = 293", E}, {"293", "\\boxed{m+n=293}", E}, {"293", "\\boxed{m+n = 256+37 = 293}", E},
    {"293", "\\boxed{p+q+r=293}", E}, {"293", "Answer: m+n = 256+37 = 293", E}, {"293", "\\boxed{m^2+n = 293}", E},
    {"293", "\\boxed{\\angle ABC = 293^\\circ}", E}, {"293", "\\boxed{a\\cdot b=293}", E}, {"50", "AB^2 = 50", E},
    {"293", "\\boxed{\\sqrt{a^2+b^2}=293}", E}, {"293", "\\boxed{\\frac{m}{n}=293}", E}, {"293", "\\boxed{m-n=293}", E},
    {"293", "\\boxed{100m+10n+p=293}", E}, {"293", "\\boxed{\\lfloor 100A \\rfloor = 293}", E}, {"293", "\\boxed{293 = m+n}", E},
    {"293", "\\boxed{2a+3b=293}", E}, {"293", "\\boxed{x_1+x_2=293}", E}, {"293", "\\boxed{r+s+t = 100+150+43 = 293}", E},
    {"293", "N \\bmod 1000 = 293", E}, {"293", "\\lceil x \\rceil + \\lfloor y \\rfloor = 293", E}, {"293", "abc = 293", E},
    {"293", "m + n = 293.", E}, {"293", "So m + n = 256 + 37 = \\boxed{293}", E}, {"293", "293 = 256 + 37 = m + n", E},
    {"293", "a^2 + b^2 + c^2 = 293", E}, {"293", "|AB|^2 = 293", E}, {"293", "\\log_2 x + \\log_2 y = 293", E},
    {"293", "\\binom{n}{2} + k = 293", E}, {"293", "100r = 293", E}, {"293", "m+n = 293 cm", E}, {"293 cm", "AB + BC = 293 cm", E},
    {"1/2", "\\frac{a}{b} = \\frac{3}{6} = \\frac{1}{2}", E}, {"1/2", "e = \\frac{1}{2}", E}, {"1/3", "x+y = \\frac13 \\approx 0.333", E},
    {"\\sqrt{2}", "a+b = \\sqrt{2}", E}, {"293", "\\sin x + 292 = 293", E}, {"m+n=293", "\\boxed{293}", E},
    {"m+n = 293", "m+n = 256+37 = 293", E}, {"m+n = 293", "n+m = 293", E}, {"p+q+r = 293", "293", E}, {"2x+z = 1", "1", N}, {"x+y = 1", "1", N},
    {"a^2+b = 0", "0", N}, {"m+n = 293", "294", D}, {"x^2+2x+1", "\\boxed{(x+1)^2=x^2+2x+1}", E},
    {"x^2-1", "(x-1)(x+1) = x^2-1", E}, {"\\frac{1}{x+1}", "\\frac{x-1}{x^2-1} = \\frac{1}{x+1}", E}, {"x^2+2x+1", "x^2+2x+1 = (x+1)^2", E},
    {"293", "m+n = 293+1 = 294", D}, {"293", "m+n = 294", D}, {"293", "m+n = 256+38 = 293", N}, {"294", "m+n = 256+38 = 293", N},
    {"293", "m+n = 256+38", D}, {"293", "m+n > 293", N}, {"293", "m+n \\ne 293", N}, {"293", "m+n", N}, {"293", "m+n = p+q", N},
    {"x^2", "x^2 = 2x+1", N}, {"2x+1", "x^2 = 2x+1", N}, {"x=5", "x+1=6", E}, {"x+y=5", "x-y=5", N}, {"x+y=5", "x=5", N},
    {"x+y=5", "5x+5y=25", E}, {"x=2", "2x=2", N}, {"5", "2x = 10", N}, {"\\{2,-2\\}", "x^2 = 4", N}, {"293", "m+n = 293, p = 5", N},
    {"293", "256+37 = 293", E}, {"293", "256+38 = 293", N}, {"AB = 5", "BC = 5", N}, {"m+n=293", "m-n=293", N},
    {"(2,3)", "x+y = 5", N}, {"-293", "m+n = 293", D}, {"293", "m+n = -293", D},
};

static const struct kind_case factorials[] = {
    {"120", "$5!=120$", E}, {"24", "4!=24", E}, {"24", "\\boxed{4!=24}", E}, {"120", "5! = 120", E}, {"1", "0!=1", E},
    {"240", "2\\cdot 5!=240", E}, {"90", "10!/8!=90", E}, {"90", "\\frac{10!}{8!}=90", E}, {"15", "5!!=15", E}, {"120", "x = 5!=120", E},
    {"120", "n = 5! = 120", E}, {"720", "(3!)!=720", E}, {"120", "(2+3)!=120", E}, {"120", "5!=5\\cdot 4!=120", E}, {"6", "3!=3\\times2=6", E},
    {"120", "The answer is 5! = 120.", E}, {"120", "The answer is 5!=120.", E}, {"5", "The answer is 5! = 120.", N},
    {"120", "Answer: $5!=120$ ways", E}, {"30", "5!/4=30", E}, {"144", "3!\\cdot 4!=144", E},
    {"24", "5!=24", N}, {"5", "5!=120", N}, {"120", "6!=120", N}, {"x != 5", "x!=5", E}, {"x \\ne 5", "x!=5", E}, {"x \\ne 5", "x != 5", E},
    {"2x+3 \\ne 7", "2x+3!=7", E}, {"a_1 \\ne 3", "a_1!=3", E}, {"x^2 \\ne 4", "x^2!=4", E}, {"5", "x!=5", N}, {"120", "5 != 120", N},
    {"x \\ne 1, y \\ne 2", "x!=1, y!=2", E}, {"(-\\infty,2)\\cup(2,\\infty)", "x!=2", E},
};
/* clang-format on */

static void test_given(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(given, COUNT(given), NULL), 0);
}

static void test_factorials(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(factorials, COUNT(factorials), NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_given),
        cmocka_unit_test(test_factorials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
