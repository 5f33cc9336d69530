/* test_sound.c - pairs that are nearly the same, and must not be taken for it. */
#include "raml/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kinds.h"

/* clang-format off */
static const struct kind_case sound[] = {
    /* nearly the same */
    {"C_1", "C_2", D}, {"2C", "2c", D}, {"x+c", "x-c", D}, {"kx+b", "cx+b", D}, {"ax+C", "bx+C", D},
    {"y=mx+c", "y=mx+C", E}, {"c^2", "C^2", D}, {"c", "C", D}, {"n\\pi", "m\\pi", U}, {"x=k\\pi", "x=n", D},
    {"f(x)=ax where a is an integer", "f(x)=bx where b is real", U},
    {"2k, k\\in\\mathbb{Z}", "4k, k\\in\\mathbb{Z}", D}, {"x>0", "x>0, x\\ne 1", D}, {"x\\ne 0", "x>0", D},
    {"\\{1,2\\}", "\\{1,2\\}\\setminus\\{2\\}", D}, {"(0,1)", "[0,1]\\setminus\\{0\\}", D},
    {"3\\pmod 7", "3\\pmod 8", U}, {"x\\equiv 1\\pmod 2", "x\\equiv 1\\pmod 4", D},
    {"x\\equiv 1\\pmod 2", "y\\equiv 1\\pmod 2", U}, {"\\Gamma(5)", "5\\Gamma", D}, {"\\zeta(2)", "2\\zeta", D},
    {"C_3^2", "C_3\\cdot C_3", D}, {"9", "C_3^2", D}, {"P(A)", "P\\cdot A", D}, {"5C2", "10", E}, {"0x10", "10", D},
    {"0x10", "16", E}, {"10_2", "10_3", D}, {"11_2", "3", E}, {"AB_{16}", "A\\cdot B_{16}", D},
    {"\\log 100", "4.605", E}, {"\\log 2", "\\log_{10} 2", D}, {"2\\hat{i}", "2", D}, {"i+j", "1", D},
    {"\\langle 1,1\\rangle", "i+j", E}, {"1+i", "\\langle 1,1\\rangle", D}, {"1+i", "(1,1)", D},
    {"\\sum_{k=1}^n k", "\\sum_{k=1}^m k", D}, {"\\sum_{k=1}^{n} x_k", "n x_k", U},
    {"\\sum_{k=0}^\\infty x^k", "\\frac{1}{1-x}", E}, {"\\sum_{k=0}^\\infty (2x)^k", "\\frac{1}{1-2x}", E},
    {"\\sum_{k=1}^n \\frac1k", "\\ln n", D}, {"\\sum_{d|n} d", "n", U}, {"\\sum_{k=1}^{n} k!", "n!", U},
    {"\\det A", "|A|", U}, {"|A|", "A", D}, {"\\begin{pmatrix}1\\\\2\\end{pmatrix}", "(1,2)", E},
    {"\\text{5 March}", "5", D}, {"\\text{March 5}", "\\text{5}", D}, {"March", "May", D},
    {"\\text{no solution}", "0", D}, {"\\text{none}", "\\text{undefined}", U}, {"\\{\\}", "0", D},
    {"5\\text{ m}", "5\\text{ minutes}", D}, {"5\\text{ h}", "5\\text{ hectares}", D}, {"5 lb", "\xc2\xa3" "5", D},
    {"5 pounds", "\xc2\xa3" "5", U}, {"5 g", "5 gallons", D}, {"5 miles", "5 minutes", D}, {"5 in", "5", E},
    {"5\\text{ in}", "5\\text{ cm}", D}, {"1 light year", "1 year", U}, {"5 C", "5 F", D},
    {"5\\text{ M}", "5\\text{ m}", D}, {"5\\text{ km}^2", "5000\\text{ m}^2", D},
    {"5\\text{ km}^2", "5000000\\text{ m}^2", E}, {"6:30", "6.5", D},
    {"6\\frac12 \\text{ hours}", "6 hours 30 minutes", E}, {"\\frac{1}{2}\\text{ hour}", "30 minutes", E},
    {"0.5\\text{ m}", "50\\text{ cm}", E}, {"x\\text{ cm}", "10x\\text{ mm}", E}, {"x\\text{ cm}", "x\\text{ mm}", D},
    {"2\\pi\\text{ m}", "200\\pi\\text{ cm}", E}, {"\\sqrt2\\text{ ft}", "12\\sqrt2\\text{ in}", E},
    {"5\\pm 1\\text{ cm}", "50\\pm10\\text{ mm}", E},
};
/* clang-format on */

static void test_sound(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(sound, COUNT(sound), NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
