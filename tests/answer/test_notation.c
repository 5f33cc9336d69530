/* test_notation.c - sets by differences and in words, and notation that means the same. */
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
static const struct kind_case notation[] = {
    /* superscripts without braces */
    {"e^{x+y}", "e^xe^y", E}, {"e^xe^y", "e^{x+y}", E}, {"1", "e^xe^{-x}", E}, {"e^x\\sin x", "e^xsin x", E},
    {"e^x\\cos x", "e^xcos(x)", E}, {"x^ay^b", "x^{a}y^{b}", E}, {"x^ay^b", "x^{ay^b}", D},
    {"a^mb^n", "a^m \\cdot b^n", E}, {"2^nx", "2^{n}x", E}, {"2^nx", "2^{nx}", D}, {"3^xln 3", "3^x\\ln 3", E},
    {"e^{ix}", "e^ix", E}, {"e^{-x}y", "e^-xy", E}, {"x^{10}", "x^10", E}, {"a_nb_n", "a_n b_n", E},
    {"a_nb_n", "b_n a_n", E}, {"\\log_ab", "\\frac{\\ln b}{\\ln a}", E}, {"x^ny^nz^n", "(xyz)^n", E},
    /* fractions */
    {"\\frac ab", "{a \\over b}", E}, {"\\frac{x}{yz}", "x \\over yz", E}, {"\\frac{a+b}{c}", "a+b \\over c", E},
    {"\\frac{1}{2}", "({1 \\over 2})", E}, {"\\frac{1}{2}", "2 \\over 1", D}, {"x=\\frac12", "x = {1 \\over 2}", E},
    /* determinants */
    {"-2", "\\det\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", E}, {"-2", "\\begin{vmatrix}1&2\\\\3&4\\end{vmatrix}", E},
    {"-2", "\\left|\\begin{matrix}1&2\\\\3&4\\end{matrix}\\right|", E},
    {"2", "\\begin{vmatrix}1&2\\\\3&4\\end{vmatrix}", D}, {"ad-bc", "\\begin{vmatrix}a&b\\\\c&d\\end{vmatrix}", E},
    {"ad+bc", "\\begin{vmatrix}a&b\\\\c&d\\end{vmatrix}", D},
    {"-3", "\\begin{vmatrix}1&2&3\\\\4&5&6\\\\7&8&10\\end{vmatrix}", E},
    {"0", "\\det\\begin{bmatrix}1&2&3\\\\4&5&6\\\\7&8&9\\end{bmatrix}", E},
    {"24", "\\begin{vmatrix}1&0&0&0\\\\0&2&0&0\\\\0&0&3&0\\\\0&0&0&4\\end{vmatrix}", E},
    {"\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\begin{vmatrix}1&2\\\\3&4\\end{vmatrix}", D},
    {"1", "\\begin{vmatrix}\\cos x&-\\sin x\\\\\\sin x&\\cos x\\end{vmatrix}", E},
    /* combinations and permutations */
    {"10", "C_5^2", E}, {"10", "C^2_5", E}, {"10", "C_{5}^{2}", E}, {"10", "{}_5C_2", E}, {"10", "_5C_2", E},
    {"10", "{}^5C_2", E}, {"10", "C(5,2)", E}, {"10", "5C2", E}, {"10", "\\mathrm{C}_5^2", E}, {"10", "nCr(5,2)", E},
    {"11", "C_5^2", D}, {"20", "{}^5P_2", E}, {"20", "{}_5P_2", E}, {"20", "P(5,2)", E}, {"20", "A_5^2", E},
    {"20", "P_5^2", E}, {"20", "nPr(5,2)", E}, {"120", "C_{10}^3", E}, {"120", "C(10,3)", E}, {"(5,2)", "P(5,2)", E},
    {"\\binom{n}{2}", "C_n^2", E}, {"\\frac{n(n-1)}{2}", "C_n^2", E}, {"\\binom{n}{k}", "C_n^k", E},
    {"\\binom{2n}{n}", "C_{2n}^n", E}, {"C_1^2", "C_1\\cdot C_1", E},
    /* cis, inverse cotangent, imaginary exponents */
    {"\\frac12+\\frac{\\sqrt3}{2}i", "\\operatorname{cis}60^\\circ", E},
    {"\\frac12+\\frac{\\sqrt3}{2}i", "\\text{cis}(60^\\circ)", E},
    {"\\frac12+\\frac{\\sqrt3}{2}i", "\\mathrm{cis}\\frac{\\pi}{3}", E},
    {"i", "\\operatorname{cis}\\frac{\\pi}{2}", E}, {"-1", "cis(pi)", E}, {"2i", "2\\operatorname{cis}90^\\circ", E},
    {"1", "\\operatorname{cis}90^\\circ", D}, {"\\frac{\\pi}{4}", "\\text{arccot} 1", E},
    {"\\frac{\\pi}{4}", "\\operatorname{arccot}(1)", E}, {"\\frac{\\pi}{6}", "\\text{arccot}\\sqrt3", E},
    {"\\frac{\\pi}{3}", "\\text{arccot}\\sqrt3", D}, {"\\frac{\\pi}{4}", "\\cot^{-1} 1", E},
    {"12", "\\text{lcm}(4,6)", E}, {"\\frac12", "\\text{sin}\\,30^\\circ", E},
    /* Gamma and zeta */
    {"\\sqrt\\pi", "\\Gamma(1/2)", E}, {"\\frac{\\sqrt\\pi}{2}", "\\Gamma(3/2)", E},
    {"\\frac{3\\sqrt\\pi}{4}", "\\Gamma\\left(\\frac52\\right)", E}, {"-2\\sqrt\\pi", "\\Gamma(-1/2)", E},
    {"24", "\\Gamma(5)", E}, {"5", "\\Gamma(5)", D}, {"\\Gamma(1/4)", "\\Gamma(1/2)/2", D},
    {"\\frac12\\Gamma\\left(\\frac14\\right)^2", "\\frac{\\Gamma(1/4)^2}{2}", E},
    {"\\Gamma(1/4)", "\\frac{\\Gamma}{4}", D}, {"\\Gamma(n+1)", "n!", E}, {"\\Gamma(x+1)", "x\\Gamma(x)", E},
    {"\\Gamma(1/3)", "\\Gamma(1/4)", D}, {"\\frac{\\pi^2}{6}", "\\zeta(2)", E},
    {"\\frac{\\pi^4}{90}", "\\zeta(4)", E}, {"\\frac{\\pi^6}{945}", "\\zeta(6)", E},
    {"-\\frac1{12}", "\\zeta(-1)", E}, {"-\\frac12", "\\zeta(0)", E}, {"0", "\\zeta(-2)", E},
    {"\\zeta(3)", "\\zeta(3)", E}, {"2\\zeta(3)", "\\zeta(3)+\\zeta(3)", E}, {"\\zeta(3)", "3\\zeta", U},
    {"\\zeta(6)", "2\\zeta(3)", U}, {"\\frac{1}{120}", "\\zeta(-3)", E},
};
static const struct kind_case sets[] = {
    /* differences and intersections */
    {"(-\\infty,0)\\cup(0,\\infty)", "\\mathbb{R}\\setminus\\{0\\}", E},
    {"(-\\infty,1)\\cup(1,2)\\cup(2,\\infty)", "\\mathbb{R}\\setminus\\{1,2\\}", E},
    {"(-\\infty,1)\\cup(1,2)\\cup(2,\\infty)", "\\mathbb{R}\\setminus\\{2,1\\}", E},
    {"(-\\infty,1)\\cup(1,2)\\cup(2,\\infty)", "\\mathbb{R}\\setminus\\{1\\}", D},
    {"[0,2)\\cup(2,5]", "[0,5]\\setminus\\{2\\}", E}, {"[0,2)\\cup(2,5]", "[0,5]\\backslash\\{2\\}", E},
    {"[0,2)\\cup(2,5]", "[0,5]-\\{2\\}", E}, {"(0,5]", "[0,5]\\setminus\\{0\\}", E},
    {"[0,5]", "[0,5]\\setminus\\{7\\}", E}, {"[1,2)", "[0,2)\\cap[1,3]", E}, {"[1,2]", "[0,2)\\cap[1,3]", D},
    {"\\emptyset", "(0,1)\\cap(2,3)", E}, {"\\{2\\}", "\\{1,2,3\\}\\cap\\{2,5\\}", E},
    {"\\{1,3\\}", "\\{1,2,3\\}\\setminus\\{2\\}", E}, {"\\{1,2\\}", "\\{1,2,3\\}\\setminus\\{2\\}", D},
    {"(-\\infty,1]\\cup[3,\\infty)", "\\mathbb{R}\\setminus(1,3)", E},
    {"(-\\infty,1)\\cup(3,\\infty)", "\\mathbb{R}\\setminus(1,3)", D},
    {"(-\\infty,1)\\cup(3,\\infty)", "\\mathbb{R}\\setminus[1,3]", E}, {"(2,3)", "(-\\infty,3)\\cap(2,\\infty)", E},
    {"(0,1)\\cup(1,2)", "(0,2)\\setminus\\{1\\}", E}, {"(0,1)\\cup(1,2)", "(0,2)", D},
    {"\\mathbb{R}", "\\mathbb{R}\\setminus\\{0\\}", D}, {"\\mathbb{R}", "\\mathbb{R}\\setminus\\emptyset", E},
    /* conditions that hold together */
    {"\\mathbb{R}", "x\\ne 1, x\\ne 2", D}, {"\\mathbb{R}\\setminus\\{1,2\\}", "x\\ne 1, x\\ne 2", E},
    {"\\mathbb{R}\\setminus\\{1,2\\}", "x\\ne 1 \\text{ and } x\\ne 2", E},
    {"\\mathbb{R}\\setminus\\{0\\}", "x\\in\\mathbb{R}, x\\ne 0", E}, {"(0,5)", "x>0 \\text{ and } x<5", E},
    {"\\mathbb{R}", "x>0 \\text{ and } x<5", D}, {"(-\\infty,1)\\cup(2,\\infty)", "x<1 \\text{ or } x>2", E},
    {"(0,1)\\cup(1,\\infty)", "x>0, x\\ne 1", E},
    /* the signs of R */
    {"\\mathbb{R}", "\\mathbb{R}^+", D}, {"(0,\\infty)", "\\mathbb{R}^+", E}, {"(0,\\infty)", "\\mathbb{R}^{+}", E},
    {"(-\\infty,0)", "\\mathbb{R}^-", E}, {"\\mathbb{R}\\setminus\\{0\\}", "\\mathbb{R}^*", E},
    {"x>0", "\\mathbb{R}^+", E}, {"[0,\\infty)", "\\mathbb{R}^+", D},
    /* in words */
    {"(-\\infty,0)\\cup(0,\\infty)", "\\text{all real numbers except }0", E},
    {"(-\\infty,0)\\cup(0,\\infty)", "\\text{all real numbers except 0}", E},
    {"x\\ne 3", "\\boxed{\\text{all real numbers except 3}}", E},
    {"x\\ne 3", "\\boxed{\\text{all real numbers except 4}}", D}, {"\\mathbb{R}", "all real numbers", E},
    {"\\mathbb{R}", "\\boxed{\\text{all real numbers except 4}}", D}, {"(0,\\infty)", "all positive real numbers", E},
    {"(-\\infty,0)", "all negative real numbers", E}, {"\\mathbb{R}", "all positive real numbers", D},
    {"\\mathbb{R}\\setminus\\{1,2\\}", "\\boxed{\\text{all real numbers except 1 and 2}}", E},
    {"\\mathbb{R}\\setminus\\{-1,1\\}", "\\boxed{\\text{all real numbers except }x=1\\text{ and }x=-1}", E},
    {"\\mathbb{R}\\setminus\\{-1,1\\}", "\\boxed{\\text{all reals other than 1 and -1}}", E},
};
/* clang-format on */

static void test_notation(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(notation, COUNT(notation), NULL), 0);
}

static void test_sets(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(sets, COUNT(sets), NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notation),
        cmocka_unit_test(test_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
