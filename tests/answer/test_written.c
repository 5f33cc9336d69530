/* test_written.c - numbers in a base, letters for the imaginary unit, the empty set in words and signs, dates. */
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
static const struct kind_case bases[] = {
    /* numbers in a base */
    {"2516_8", "(2516)_8", E}, {"2516_8", "(2516)_{8}", E}, {"2516_8", "2516_{8}", E}, {"2516_8", "2516 base 8", E},
    {"2516_8", "2516 (base 8)", E}, {"2516_8", "2516 in base 8", E}, {"2516_8", "2516_{\\text{base }8}", E},
    {"2516_8", "2516_{\\text{eight}}", E}, {"2516_8", "2516_{eight}", E}, {"2516_8", "2516_{(8)}", E},
    {"2516_8", "0o2516", E}, {"2516_8", "1358", E}, {"2516_8", "1357", D}, {"2516_8", "2516_9", D},
    {"2516_8", "2516", D}, {"2516", "2516_8", D}, {"2516_8", "2516 base 9", D}, {"ABF_{16}", "0xABF", E},
    {"ABF_{16}", "0xabf", E}, {"ABF_{16}", "(ABF)_{16}", E}, {"ABF_{16}", "2751", E}, {"ABF_{16}", "0xABE", D},
    {"1A3_{16}", "419", E}, {"1A3_{16}", "1A3 base 16", E}, {"1A3_{16}", "1A4_{16}", D}, {"FF_{16}", "255", E},
    {"255", "FF (hex)", E}, {"2A_{12}", "34", E}, {"101_2", "101_{two}", E}, {"101_2", "101_{\\text{two}}", E},
    {"101_2", "101\xe2\x82\x82", E}, {"101_2", "0b101", E}, {"101_2", "101_2=5_{10}", E}, {"101_2", "5_{10}", E},
    {"101_2", "5", E}, {"101_2", "101 in binary", E}, {"101_2", "6", D}, {"5", "101_2", E}, {"12", "12_5", D},
    {"7", "12_5", E}, {"1011_2", "11", E}, {"100_3", "9", E}, {"-101_2", "-5", E}, {"101_2+1_2", "6", E},
};
static const struct kind_case imaginary[] = {
    /* another letter for the imaginary unit */
    {"11 - i", "11.0-1.0j", E}, {"11 - i", "(11-1j)", E}, {"11 - i", "11 - 1j", E}, {"11 - i", "11-1*j", E},
    {"11 - i", "11-\\text{i}", E}, {"11 - i", "11-\\imath", E}, {"11 - i", "11-\\jmath", E},
    {"11 - i", "11-\\mathrm{j}", E}, {"11 - i", "11-\\mathrm{i}", E}, {"11 - i", "11-1*I", E},
    {"11 - i", "11 - I", E}, {"11 - i", "11 + I", D}, {"11 - i", "11 - x", D}, {"11 - i", "11 - 2j", D},
    {"3+4j", "3+4i", E}, {"3+4i", "3+4\\text{i}", E}, {"3+4i", "3+4\\mathrm{i}", E}, {"3+4i", "3 + 4 \\cdot j", E},
    {"2i", "2j", E}, {"i", "j", E}, {"-i", "-j", E}, {"\\frac{1+i}{2}", "\\frac{1+j}{2}", E},
    {"1+i, 1-i", "1+j, 1-j", E}, {"\\{1+i,1-i\\}", "\\{1+I,1-I\\}", E}, {"e^{i\\pi/3}", "e^{\\text{i}\\pi/3}", E},
    {"e^{i\\pi/3}", "e^{j\\pi/3}", E}, {"z = 1+2i", "z = 1+2j", E}, {"5", "5j", D}, {"j", "k", D},
    {"3+4i", "3-4j", D},
};
static const struct kind_case nothing[] = {
    /* the empty set, and what does not exist */
    {"\\emptyset", "\\boxed{\\{\\}}", E}, {"\\emptyset", "\\boxed{\\{ \\}}", E},
    {"\\emptyset", "\\boxed{\\left\\{\\right\\}}", E}, {"\\emptyset", "\\boxed{\\varnothing}", E},
    {"\\emptyset", "\xe2\x88\x85", E}, {"\\emptyset", "\\{\\}", E}, {"\\emptyset", "\\boxed{{}}", E},
    {"\\{\\}", "\\varnothing", E}, {"\\{0\\}", "\\boxed{\\{\\}}", D}, {"\\emptyset", "\\{0\\}", D},
    {"0", "\\{\\}", D}, {"\\{\\}", "\\text{no solution}", E}, {"\\emptyset", "\\text{no solutions}", E},
    {"\\emptyset", "\\text{There are no solutions.}", E}, {"\\emptyset", "\\text{empty set}", E},
    {"\\text{no solution}", "\\text{none}", E}, {"\\text{no solution}", "\\text{no real solutions}", E},
    {"\\text{no solution}", "\\text{no integer solutions}", U}, {"\\text{no solution}", "\\text{one solution}", D},
    {"does not exist", "\\boxed{\\text{DNE}}", E}, {"\\text{does not exist}", "$\\text{DNE}$", E},
    {"DNE", "\\text{D.N.E.}", E}, {"DNE", "\\text{The limit does not exist}", E}, {"DNE", "\\text{doesn't exist}", E},
    {"DNE", "0", D}, {"DNE", "\\text{undefined}", U}, {"\\text{undefined}", "\\text{not defined}", E},
    {"\\text{undefined}", "0", D}, {"\\text{infinitely many}", "\\text{infinitely many solutions}", E},
    {"\\text{infinitely many}", "\\text{no solution}", D}, {"\\mathbb{R}", "\\text{all reals}", E},
    {"\\mathbb{Z}", "\\text{all integers}", E}, {"\\mathbb{Z}", "\\text{all real numbers}", D},
    /* names, times, dates, per cent */
    {"30^\\circ", "$\\angle A=30^\\circ$", E}, {"30^\\circ", "$\\angle ABC=30^\\circ$", E},
    {"30^\\circ", "m\\angle ABC=30^\\circ", E}, {"\\angle A=30^\\circ", "\\angle A=30^\\circ", E},
    {"\\angle A=30^\\circ", "\\angle A=40^\\circ", D}, {"18:00", "$\\text{6 p.m.}$", E}, {"18:00", "6 PM", E},
    {"18:30", "\\text{6:30 p.m.}", E}, {"6:00", "\\text{6 a.m.}", E}, {"18:00", "\\text{6 a.m.}", D},
    {"\\text{5 March}", "$\\text{March 5}$", E}, {"\\text{5 March}", "\\text{March 5th}", E},
    {"\\text{5 March}", "\\text{March 6}", D}, {"\\text{5 March}", "\\text{5 May}", D},
    {"\\text{March 5, 2024}", "\\text{5 March 2024}", E}, {"\\text{March 5}", "5 Mar", E},
    {"66.67\\%", "$\\frac{2}{3}$", E}, {"33.33\\%", "\\frac13", E}, {"66.66\\%", "$\\frac{2}{3}$", D},
    {"66.7\\%", "$\\frac{2}{3}$", D},
};
/* clang-format on */

static void test_bases(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(bases, COUNT(bases), NULL), 0);
}

static void test_imaginary(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(imaginary, COUNT(imaginary), NULL), 0);
}

static void test_nothing(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(nothing, COUNT(nothing), NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bases),
        cmocka_unit_test(test_imaginary),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
