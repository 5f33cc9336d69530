/* test_closed.c - sums and series in closed form, remainders of towers, values in cyclotomic fields, unit vectors. */
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
static const struct kind_case sums[] = {
    /* sums of polynomials */
    {"\\frac{n(n+1)}{2}", "$\\sum_{i=1}^n i$", E}, {"\\frac{n^2+n}{2}", "$\\sum_{k=1}^{n}k$", E},
    {"\\frac{n(n-1)}{2}", "$\\sum_{k=1}^{n}k$", D}, {"\\frac{n(n-1)}{2}", "\\sum_{k=1}^{n-1}k", E},
    {"\\frac{n(n+1)(2n+1)}{6}", "\\sum_{k=1}^n k^2", E}, {"\\frac{n^2(n+1)^2}{4}", "\\sum_{k=1}^n k^3", E},
    {"\\frac{n^2(n+1)^2}{4}", "\\sum_{k=0}^n k^3", E}, {"n^2", "\\sum_{k=1}^n (2k-1)", E},
    {"n^2", "\\sum_{k=1}^n (2k+1)", D}, {"n(n+2)", "\\sum_{k=1}^n (2k+1)", E}, {"n", "\\sum_{k=1}^n 1", E},
    {"n+1", "\\sum_{k=0}^n 1", E}, {"\\frac{n(n+1)(n+2)}{3}", "\\sum_{k=1}^n k(k+1)", E},
    {"\\sum_{k=1}^n k^4", "\\frac{n(n+1)(2n+1)(3n^2+3n-1)}{30}", E},
    {"\\sum_{k=1}^n k^5", "\\frac{n^2(n+1)^2(2n^2+2n-1)}{12}", E}, {"\\frac{n(n+1)}{2}a", "\\sum_{k=1}^n ak", E},
    {"5050", "\\sum_{k=1}^{100} k", E}, {"500500", "\\sum_{k=1}^{1000} k", E}, {"500501", "\\sum_{k=1}^{1000} k", D},
    {"\\frac{n^2(n+1)^2}{4}", "\\sum_{i=1}^n\\sum_{j=1}^n ij", E},
    {"\\sum_{i=1}^n\\sum_{j=1}^n j^2", "\\sum_{i=1}^n\\sum_{j=1}^n ij", D}, {"n!", "\\prod_{k=1}^n k", E},
    /* geometric series */
    {"2", "$\\sum_{n=0}^{\\infty}\\frac{1}{2^n}$", E}, {"1", "\\sum_{n=1}^{\\infty}\\frac{1}{2^n}", E},
    {"2", "\\sum_{n=1}^{\\infty}\\frac{1}{2^n}", D},
    {"\\frac32", "\\sum_{n=0}^{\\infty}\\left(\\frac13\\right)^n", E},
    {"\\frac34", "\\sum_{n=0}^{\\infty}\\left(-\\frac13\\right)^n", E},
    {"\\frac{1}{1-x}", "\\sum_{n=0}^\\infty x^n", E}, {"\\frac{x}{1-x}", "\\sum_{n=1}^\\infty x^n", E},
    {"\\frac{1}{1-x}", "\\sum_{n=1}^\\infty x^n", D}, {"\\frac{1}{1+x}", "\\sum_{n=0}^\\infty (-1)^n x^n", E},
    {"2^{n+1}-1", "\\sum_{k=0}^n 2^k", E}, {"2^{n}-1", "\\sum_{k=0}^{n-1} 2^k", E},
    {"2^{n+1}-1", "\\sum_{k=1}^n 2^k", D}, {"\\frac{x^{n+1}-1}{x-1}", "\\sum_{k=0}^n x^k", E},
    {"\\frac{3^{n+1}-3}{2}", "\\sum_{k=1}^n 3^k", E}, {"\\frac{3^{n+1}-1}{2}", "\\sum_{k=0}^n 3^k", E},
    {"2-\\frac{1}{2^n}", "\\sum_{k=0}^n \\frac{1}{2^k}", E}, {"1-\\frac{1}{2^n}", "\\sum_{k=1}^n \\frac{1}{2^k}", E},
    {"2", "\\sum_{k=1}^\\infty\\frac{k}{2^k}", E}, {"6", "\\sum_{k=1}^\\infty\\frac{k^2}{2^k}", E},
    {"5", "\\sum_{k=1}^\\infty\\frac{k^2}{2^k}", D}, {"(n-1)2^{n+1}+2", "\\sum_{k=1}^n k2^k", E},
    {"\\frac{e}{e-1}", "\\sum_{n=0}^\\infty e^{-n}", E},
    {"2+\\sqrt2", "\\sum_{n=0}^\\infty\\left(\\frac{1}{\\sqrt2}\\right)^n", E}, {"5", "\\sum_{n=0}^\\infty 2^n", U},
    /* other series */
    {"\\frac{\\pi^2}{6}", "\\sum_{n=1}^\\infty\\frac{1}{n^2}", E},
    {"\\frac{\\pi^2}{6}-1", "\\sum_{n=2}^\\infty\\frac{1}{n^2}", E},
    {"\\frac{\\pi^4}{90}", "\\sum_{n=1}^\\infty\\frac{1}{n^4}", E},
    {"\\frac{\\pi^2}{12}", "\\sum_{n=1}^\\infty\\frac{(-1)^{n+1}}{n^2}", E},
    {"\\ln 2", "\\sum_{n=1}^\\infty\\frac{(-1)^{n+1}}{n}", E}, {"-\\ln 2", "\\sum_{n=1}^\\infty\\frac{(-1)^n}{n}", E},
    {"e", "\\sum_{n=0}^\\infty\\frac{1}{n!}", E}, {"e-1", "\\sum_{n=1}^\\infty\\frac{1}{n!}", E},
    {"e^x", "\\sum_{n=0}^\\infty\\frac{x^n}{n!}", E}, {"e^{-1}", "\\sum_{n=0}^\\infty\\frac{(-1)^n}{n!}", E},
    {"5", "\\sum_{n=1}^\\infty\\frac1n", U},
    /* terms with the index in their name are not alike */
    {"na_k", "\\sum_{k=1}^n a_k", U}, {"3a_k", "\\sum_{k=1}^3 a_k", U}, {"\\sum_{k=1}^n a_k", "\\sum_{j=1}^n a_j", U},
};
static const struct kind_case towers[] = {
    /* towers and factorials modulo m, against cycles of powers */
    {"4", "3^{1000000}\\bmod 7", E}, {"2", "2^{2^{100}}\\bmod 7", E}, {"207", "25^{13^{27}}\\bmod 1001", E},
    {"208", "25^{13^{27}}\\pmod{1001}", D}, {"0", "28^{714034344150}\\bmod 7", E},
    {"1", "28^{714034344150}\\pmod{7}", D}, {"5", "5^{13^{17}}\\bmod 13", E}, {"6", "5^{13^{17}}\\pmod{13}", D},
    {"5", "19^{5^{20^{9}}}\\bmod 7", E}, {"6", "19^{5^{20^{9}}}\\pmod{7}", D}, {"35", "15^{10^{7}}\\bmod 97", E},
    {"36", "15^{10^{7}}\\pmod{97}", D}, {"8", "26^{27^{4}}\\bmod 12", E}, {"9", "26^{27^{4}}\\pmod{12}", D},
    {"1", "6^{6^{2^{29}}}\\bmod 7", E}, {"2", "6^{6^{2^{29}}}\\pmod{7}", D}, {"4", "26^{8^{7}}\\bmod 12", E},
    {"5", "26^{8^{7}}\\pmod{12}", D}, {"1", "12^{8^{19}}\\bmod 13", E}, {"2", "12^{8^{19}}\\pmod{13}", D},
    {"61", "24^{8^{30}}\\bmod 97", E}, {"62", "24^{8^{30}}\\pmod{97}", D}, {"8", "2^{13^{15}}\\bmod 12", E},
    {"9", "2^{13^{15}}\\pmod{12}", D}, {"0", "10^{4^{12}}\\bmod 100", E}, {"1", "10^{4^{12}}\\pmod{100}", D},
    {"1", "21^{372406733387}\\bmod 10", E}, {"2", "21^{372406733387}\\pmod{10}", D},
    {"121", "13^{28^{11}}\\bmod 360", E}, {"122", "13^{28^{11}}\\pmod{360}", D}, {"7", "7^{17^{17}}\\bmod 12", E},
    {"8", "7^{17^{17}}\\pmod{12}", D}, {"0", "10^{824415724430}\\bmod 1000", E},
    {"1", "10^{824415724430}\\pmod{1000}", D}, {"488", "2^{19^{27^{15}}}\\bmod 1000", E},
    {"489", "2^{19^{27^{15}}}\\pmod{1000}", D}, {"1", "20^{28^{2^{16}}}\\bmod 7", E},
    {"2", "20^{28^{2^{16}}}\\pmod{7}", D}, {"1", "21^{8^{5}}\\bmod 13", E}, {"2", "21^{8^{5}}\\pmod{13}", D},
    {"806", "13^{18^{13^{30}}}\\bmod 1001", E}, {"807", "13^{18^{13^{30}}}\\pmod{1001}", D},
    {"0", "26^{16^{5}}\\bmod 64", E}, {"1", "26^{16^{5}}\\pmod{64}", D}, {"82", "29^{11^{3}}\\bmod 97", E},
    {"83", "29^{11^{3}}\\pmod{97}", D}, {"568", "8^{672217801225}\\bmod 1000", E},
    {"569", "8^{672217801225}\\pmod{1000}", D}, {"716", "12^{10^{24}}\\bmod 1001", E},
    {"717", "12^{10^{24}}\\pmod{1001}", D}, {"0", "1000!\\bmod 7", E}, {"6", "6!\\bmod 7", E},
    {"50001", "100000!\\bmod 100003", E}, {"3", "(-3^{1000000})\\bmod 7", E},
    {"5", "(7^{100}+3^{2^{70}})\\bmod 11", E},
};
static const struct kind_case roots[] = {
    /* trigonometric values and roots in a cyclotomic field */
    {"\\sqrt{11}", "$\\tan(3\\pi/11)+4\\sin(2\\pi/11)$", E},
    {"\\sqrt{11}", "$\\tan\\frac{3\\pi}{11}+4\\sin\\frac{2\\pi}{11}$", E},
    {"-\\sqrt{11}", "$\\tan\\frac{3\\pi}{11}+4\\sin\\frac{2\\pi}{11}$", D},
    {"\\sqrt{13}", "$\\tan\\frac{\\pi}{13}\\tan\\frac{2\\pi}{13}\\tan\\frac{3\\pi}{13}\\tan\\frac{4\\pi}{13}\\tan\\frac{5\\pi}{13}\\tan\\frac{6\\pi}{13}$", E},
    {"\\sqrt{7}", "\\tan\\frac{\\pi}{7}\\tan\\frac{2\\pi}{7}\\tan\\frac{3\\pi}{7}", E},
    {"\\sqrt{11}", "\\tan\\frac{\\pi}{11}\\tan\\frac{2\\pi}{11}\\tan\\frac{3\\pi}{11}\\tan\\frac{4\\pi}{11}\\tan\\frac{5\\pi}{11}", E},
    {"\\frac{\\sqrt7}{8}", "\\sin\\frac{\\pi}{7}\\sin\\frac{2\\pi}{7}\\sin\\frac{3\\pi}{7}", E},
    {"\\frac{\\sqrt{11}}{32}", "\\sin\\frac{\\pi}{11}\\sin\\frac{2\\pi}{11}\\sin\\frac{3\\pi}{11}\\sin\\frac{4\\pi}{11}\\sin\\frac{5\\pi}{11}", E},
    {"\\frac{\\sqrt7}{2}", "\\sin\\frac{2\\pi}{7}+\\sin\\frac{4\\pi}{7}+\\sin\\frac{8\\pi}{7}", E},
    {"\\frac{-1+\\sqrt{13}}{4}", "\\cos\\frac{2\\pi}{13}+\\cos\\frac{6\\pi}{13}+\\cos\\frac{8\\pi}{13}", E},
    {"\\frac{-1-\\sqrt{13}}{4}", "\\cos\\frac{2\\pi}{13}+\\cos\\frac{6\\pi}{13}+\\cos\\frac{8\\pi}{13}", D},
    {"\\frac{\\sqrt{17}-1}{4}", "\\cos\\frac{2\\pi}{17}+\\cos\\frac{4\\pi}{17}+\\cos\\frac{8\\pi}{17}+\\cos\\frac{16\\pi}{17}", E},
    {"\\sqrt{19}", "\\tan\\frac{\\pi}{19}\\tan\\frac{2\\pi}{19}\\tan\\frac{3\\pi}{19}\\tan\\frac{4\\pi}{19}\\tan\\frac{5\\pi}{19}\\tan\\frac{6\\pi}{19}\\tan\\frac{7\\pi}{19}\\tan\\frac{8\\pi}{19}\\tan\\frac{9\\pi}{19}", E},
    {"8", "\\sec^2\\frac{\\pi}{7}\\cdot\\sec\\frac{2\\pi}{7}\\cdot 0+8", E},
    {"-8", "\\sec\\frac{2\\pi}{7}\\sec\\frac{4\\pi}{7}\\sec\\frac{6\\pi}{7}\\cdot(-1)", E},
    {"8", "\\sec\\frac{2\\pi}{7}\\sec\\frac{4\\pi}{7}\\sec\\frac{6\\pi}{7}", E},
    {"\\frac12", "\\cos\\frac{\\pi}{7}-\\cos\\frac{2\\pi}{7}+\\cos\\frac{3\\pi}{7}", E},
    {"35", "\\tan^2\\frac{\\pi}{9}\\cdot 0+35", E},
    {"33", "\\tan^2 20^\\circ+\\tan^2 40^\\circ+\\tan^2 80^\\circ", E},
    {"9", "\\cot^2\\frac{\\pi}{9}\\cdot 3\\tan^2\\frac{\\pi}{9}\\cdot 3", E}, {"2+\\sqrt3", "\\tan 75^\\circ", E},
    {"\\sqrt2+1", "\\tan 67.5^\\circ", E}, {"\\sqrt{6}+\\sqrt2", "4\\cos 15^\\circ", E},
    {"\\sqrt{5+2\\sqrt5}", "\\tan 72^\\circ", E},
    {"\\frac{5}{16}", "\\sin 36^\\circ\\sin 72^\\circ\\sin 108^\\circ\\sin 144^\\circ", E},
    /* arguments of complex numbers */
    {"\\frac{\\pi}{4}", "$\\arg(1+i)$", E}, {"\\frac{3\\pi}{4}", "\\arg(-1+i)", E},
    {"-\\frac{3\\pi}{4}", "\\arg(-1-i)", E}, {"\\frac{\\pi}{4}", "\\arg(-1-i)", D},
    {"\\frac{\\pi}{2}", "\\arg(3i)", E}, {"\\frac{\\pi}{3}", "\\arg(1+\\sqrt3 i)", E}, {"\\pi", "\\arg(-2)", E},
    {"0", "\\arg(5)", E},
};
static const struct kind_case vectors[] = {
    /* unit vectors */
    {"\\langle 1,2\\rangle", "$\\hat{i}+2\\hat{j}$", E}, {"\\langle 1,2\\rangle", "2\\hat{j}+\\hat{i}", E},
    {"\\langle 1,2\\rangle", "\\mathbf{i}+2\\mathbf{j}", E}, {"\\langle 1,2\\rangle", "i+2j", E},
    {"\\langle 1,2\\rangle", "\\vec{i}+2\\vec{j}", E}, {"\\langle 1,2\\rangle", "\\hat{\\imath}+2\\hat{\\jmath}", E},
    {"\\langle 1,2\\rangle", "2\\hat{i}+\\hat{j}", D}, {"\\langle 1,2,0\\rangle", "\\hat{i}+2\\hat{j}", E},
    {"\\langle 1,2,3\\rangle", "\\hat{i}+2\\hat{j}+3\\hat{k}", E},
    {"\\langle 1,2,3\\rangle", "\\hat{i}+2\\hat{j}-3\\hat{k}", D}, {"(1,2,3)", "\\hat{x}+2\\hat{y}+3\\hat{z}", E},
    {"(1,2)", "\\hat{i}+2\\hat{j}+3\\hat{k}", D}, {"\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\hat{i}+2\\hat{j}", E},
    {"\\langle -1,0\\rangle", "-\\hat{i}", E},
    {"\\langle \\frac12,\\sqrt3\\rangle", "\\frac12\\hat{i}+\\sqrt3\\hat{j}", E},
    {"\\langle \\frac12,\\frac32\\rangle", "\\frac{\\hat{i}+3\\hat{j}}{2}", E},
    {"\\langle 2,4\\rangle", "2(\\hat{i}+2\\hat{j})", E}, {"\\hat{i}+2\\hat{j}", "\\vec{i}+2\\vec{j}", E},
    {"\\hat{i}+2\\hat{j}", "2\\hat{i}+\\vec{j}", D}, {"\\langle a,b\\rangle", "a\\hat{i}+b\\hat{j}", E},
    {"\\langle 1,2\\rangle", "\\hat{i}\\hat{j}", D}, {"(3,4)", "3+4i", D},
    /* logarithms without a base, lists of letters, roots of squares */
    {"2", "$\\log 100$", E}, {"3", "\\log 1000", E}, {"-2", "\\log 0.01", E}, {"2", "\\log 5+\\log 20", E},
    {"2", "\\log 50", D}, {"\\ln 100", "\\log 100", E}, {"2", "\\ln 100", D}, {"1", "\\log e", E},
    {"\\frac12", "\\log\\sqrt{10}", E}, {"\\{B,C\\}", "$\\text{B, C}$", E}, {"\\{B,C\\}", "$\\text{C, B}$", E},
    {"\\{B,C\\}", "$\\text{B, D}$", D}, {"x", "$\\sqrt{x^2}$", D}, {"|x|", "$\\sqrt{x^2}$", E},
    {"x\\sqrt{y}", "\\sqrt{x^2y}", E},
};
/* clang-format on */

static void test_sums(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(sums, COUNT(sums), NULL), 0);
}

static void test_towers(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(towers, COUNT(towers), NULL), 0);
}

static void test_roots(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(roots, COUNT(roots), NULL), 0);
}

static void test_vectors(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(vectors, COUNT(vectors), NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_towers),
        cmocka_unit_test(test_roots),
        cmocka_unit_test(test_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
